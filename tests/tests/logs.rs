//! Logs: what the tracing listener writes, and what is logged of the configuration.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{
    CircuitBreaker, CircuitBreakerError, Config, Registry, Stored, SyncCacheStore, circuit_breaker, fallback,
};
use common::log::Log;
use common::{breaker, fail, secs, succeed};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::advance;
use tracing::Level;

#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error(transparent)]
    Open(#[from] CircuitBreakerError),
    #[error("status {status}")]
    Http { status: u16 },
}

fn named(name: &str) -> CircuitBreaker {
    Registry::global().get(name).unwrap()
}

/// A registry with the breaker `huggingface_api`.
fn registry() -> Registry {
    let registry = Registry::new();
    registry.load_env_from([("", ""); 0]).unwrap();
    registry.breaker("huggingface_api", Config::new().fail_max(5)).unwrap();
    registry
}

#[test]
fn rule_9_twenty_dropped_calls_with_no_result_between_them_warn_once() {
    let breaker = breaker(Config::new());
    let log = Log::at(Level::INFO);
    (0..19).for_each(|_| drop(breaker.try_acquire().unwrap()));
    succeed(&breaker, 1);
    (0..19).for_each(|_| drop(breaker.try_acquire().unwrap()));
    assert_eq!(log.lines(), Vec::<String>::new(), "a result came between");
    (0..30).for_each(|_| drop(breaker.try_acquire().unwrap()));
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("WARN") && lines[0].contains("`timeout`") && lines[0].contains("`on_cancel`"));
}

#[test]
fn rule_9_streams_that_are_left_after_an_item_warn_of_no_time_limit() {
    let breaker = breaker(Config::new());
    let log = Log::at(Level::INFO);
    for _ in 0..25 {
        let words = futures_util::stream::iter([Ok::<_, &str>("a"), Ok("b")]);
        let mut words = breaker_core::guard_stream(breaker.try_acquire().unwrap(), words);
        assert!(words.next().now_or_never().is_some());
    }
    assert_eq!(log.lines(), Vec::<String>::new());
}

#[test]
fn rule_9_a_failure_in_a_run_is_a_result_between_dropped_calls() {
    let breaker = breaker(Config::new().fail_max(100));
    let log = Log::at(Level::WARN);
    for _ in 0..3 {
        fail(&breaker, 1);
        (0..19).for_each(|_| drop(breaker.try_acquire().unwrap()));
    }
    let warned: Vec<_> = log.lines().into_iter().filter(|line| line.contains("`on_cancel`")).collect();
    assert_eq!(warned, Vec::<String>::new());
}

struct Broken;

impl SyncCacheStore<(), u8> for Broken {
    type Error = &'static str;

    fn get(&self, (): &()) -> Result<Option<Stored<u8>>, &'static str> {
        Err("no connection")
    }

    fn put(&self, (): (), _: Stored<u8>) -> Result<(), &'static str> {
        Err("no connection")
    }
}

#[circuit_breaker(name = "with_a_broken_store")]
#[fallback(l2_cache = cache(store = Broken, key = ()))]
fn with_a_broken_store() -> Result<u8, ApiError> {
    Ok(1)
}

#[test]
fn a_store_that_does_not_work_is_logged_once() {
    with_a_broken_store().unwrap();
    named("with_a_broken_store");
    let log = Log::at(Level::INFO);
    (0..50).for_each(|_| assert_eq!(with_a_broken_store().unwrap(), 1));
    assert_eq!(log.lines(), Vec::<String>::new(), "it was logged at the first call");
}

#[tokio::test]
async fn the_line_of_a_store_that_does_not_work_names_all_that_is_needed() {
    let log = Log::at(Level::INFO);
    breaker_core::testing::isolated(async { with_a_broken_store().unwrap() }).await;
    let lines: Vec<_> = log.lines().into_iter().filter(|line| line.contains("circuit_store_failure")).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    for part in ["WARN", "with_a_broken_store", "l2_cache", "no connection"] {
        assert!(lines[0].contains(part), "{}", lines[0]);
    }
}

#[test]
fn older_spellings_are_accepted_and_logged_once_with_what_they_were_taken_for() {
    let log = Log::at(Level::INFO);
    let variables = [
        ("HUGGINGFACE_API_CIRCUIT_FAIL_THRESHOLD", "7"),
        ("HUGGINGFACE_API_CIRCUIT_TIMEOUT_SECONDS", "11"),
        ("HUGGINGFACE_API_CIRCUIT_RESET_TIMEOUT", "12"),
        ("HUGGINGFACE_API_CIRCUIT_HALF_OPEN_CALLS", "3"),
    ];
    let registry = registry();
    registry.load_env_from(variables).unwrap();
    registry.load_env_from(variables).unwrap();
    let settings = registry.get("huggingface_api").unwrap().settings();
    assert_eq!((settings.fail_max, settings.recovery_timeout), (Some(7), secs(11)));
    assert_eq!((settings.fail_window, settings.half_open_max_calls), (Some(secs(12)), 3));
    let warned: Vec<_> = log.lines().into_iter().filter(|line| line.contains("is an old name")).collect();
    assert_eq!(warned.len(), 4, "{warned:#?}");
    assert!(warned.iter().any(|line| line.contains(
        "HUGGINGFACE_API_CIRCUIT_TIMEOUT_SECONDS is an old name and is read as HUGGINGFACE_API_CIRCUIT_RECOVERY_TIMEOUT; write the new name"
    )));
}

#[test]
fn without_init_a_bad_variable_is_logged_once_and_the_value_in_the_code_stands() {
    let log = Log::at(Level::INFO);
    let registry = Registry::new();
    // The variables are those that a process would have before its first breaker is made.
    registry.load_env_from([("SEARCH_CIRCUIT_FAIL_MAX", "banana")]).unwrap();
    for _ in 0..3 {
        let breaker = registry.breaker("search", Config::new().fail_max(3)).unwrap();
        assert_eq!(breaker.settings().fail_max, Some(3));
    }
    let lines: Vec<_> = log.lines().into_iter().filter(|line| line.contains("banana")).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("WARN") && lines[0].contains("SEARCH_CIRCUIT_FAIL_MAX: is `banana`, expected"));
}

#[test]
fn a_variable_that_only_looks_like_ours_is_at_most_a_warning() {
    let log = Log::at(Level::INFO);
    registry()
        .load_env_from([
            ("HUGINGFACE_API_CIRCUIT_FAIL_MAX", "3"),
            ("CIRCUIT_BREAKER_HOME", "/opt"),
            ("CIRCUIT_DIAGRAM", "x"),
        ])
        .unwrap();
    let warned: Vec<_> = log.lines().into_iter().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warned.len(), 2, "{warned:#?}");
    assert!(warned.iter().any(|line| line.contains("did you mean HUGGINGFACE_API_CIRCUIT_FAIL_MAX?")), "{warned:#?}");
    assert!(warned.iter().any(|line| line.contains("CIRCUIT_BREAKER_HOME: is not a setting")), "{warned:#?}");
}

#[test]
fn a_name_that_nobody_has_is_a_warning_of_init() {
    let log = Log::at(Level::INFO);
    let registry = Registry::new();
    registry.set_config("hugingface_api", Config::new().fail_max(2)).unwrap();
    registry.breaker("huggingface_api", Config::new()).unwrap();
    registry.load_env_from([("", ""); 0]).unwrap();
    let text = log.lines().join("\n");
    assert!(
        text.contains("set_config: no circuit breaker is named `hugingface_api` yet; did you mean `huggingface_api`?")
    );
}

#[circuit_breaker(name = "uncut")]
fn uncut() -> Result<(), ApiError> {
    Ok(())
}

#[tokio::test]
async fn a_time_limit_that_a_synchronous_function_cannot_keep_is_told() {
    // The next thread that uses the registry logs a pending report. With a registry of its own, no
    // other test takes it.
    breaker_core::testing::isolated(async {
        let log = Log::at(Level::INFO);
        let variables = [("UNCUT_CIRCUIT_CALL_TIMEOUT", "5"), ("UNCUT_CIRCUIT_FAIL_THRESHOLD", "9")];
        Registry::global().load_env_from(variables).unwrap();
        uncut().unwrap();
        let text = log.lines().join("\n");
        assert!(
            text.contains(
                "circuit breaker `uncut`: the time limit of 5s (environment UNCUT_CIRCUIT_CALL_TIMEOUT) has no effect at \
                 tests/tests/logs.rs:"
            ),
            "{text}"
        );
        assert!(text.contains("UNCUT_CIRCUIT_FAIL_THRESHOLD is an old name"), "{text}");
    })
    .await;
}

#[circuit_breaker(name = "outage", fail_max = 5)]
async fn outage(healthy: bool) -> Result<(), ApiError> {
    if healthy { Ok(()) } else { Err(ApiError::Http { status: 503 }) }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_ten_thousand_rejected_calls_logs_at_most_eight_lines() {
    let log = Log::at(Level::INFO);
    outage(true).await.unwrap();
    for _ in 0..10_005 {
        outage(false).await.unwrap_err();
    }
    advance(secs(30)).await;
    outage(true).await.unwrap();
    let lines: Vec<_> = log.lines().into_iter().filter(|line| line.contains("outage")).collect();
    assert_eq!(named("outage").snapshot().rejected_count, 10_000);
    assert!(lines.len() <= 8, "{lines:#?}");
    let failure = lines.iter().find(|line| line.contains("circuit_failure")).unwrap();
    for part in [
        "ERROR",
        "breaker_name=\"outage\"",
        "function=\"logs::outage\"",
        "fail_count=1",
        "exception_type=\"logs::ApiError\"",
        "exception_message=\"status 503\"",
    ] {
        assert!(failure.contains(part), "{part} in {failure}");
    }
    let changes: Vec<_> = lines.iter().filter(|line| line.contains("circuit_state_change")).collect();
    assert_eq!(changes.len(), 3, "{changes:#?}");
    assert!(changes[0].contains("old_state=\"closed\" new_state=\"open\" fail_count=5"), "{}", changes[0]);
    assert!(changes[0].contains("opened_because=\"5 consecutive failures in 0 ms, last: status 503\""));
}

/// Every other call fails, so that each failure is the first of a run, and no run opens it.
#[tokio::test(start_paused = true)]
async fn ten_thousand_failures_between_successes_log_a_handful_of_lines() {
    let breaker = breaker(Config::new());
    let log = Log::at(Level::INFO);
    for _ in 0..10_000 {
        fail(&breaker, 1);
        succeed(&breaker, 1);
        advance(secs(1)).await;
    }
    let lines = log.lines();
    assert!((1..=8).contains(&lines.len()), "{} lines, at first {:#?}", lines.len(), lines.first());
    assert!(lines.iter().all(|line| line.contains("ERROR") && line.contains("fail_count=1")), "{lines:#?}");
    let before = lines.len();
    advance(secs(60)).await;
    fail(&breaker, 1);
    assert_eq!(log.lines().len(), before + 1, "after a minute without one the next one is told again");
}

#[tokio::test(start_paused = true)]
async fn the_first_failures_of_two_runs_are_both_told() {
    let breaker = breaker(Config::new());
    let log = Log::at(Level::INFO);
    for _ in 0..2 {
        fail(&breaker, 3);
        succeed(&breaker, 1);
    }
    assert_eq!(log.lines().len(), 2, "{:#?}", log.lines());
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_dropped_calls_between_results_log_one_line() {
    let breaker = breaker(Config::new());
    let log = Log::at(Level::INFO);
    for _ in 0..500 {
        (0..20).for_each(|_| drop(breaker.try_acquire().unwrap()));
        succeed(&breaker, 1);
        advance(secs(1)).await;
    }
    let lines = log.lines();
    assert!(lines.len() == 1 && lines[0].contains("`on_cancel`"), "{lines:#?}");
    advance(secs(60)).await;
    (0..20).for_each(|_| drop(breaker.try_acquire().unwrap()));
    assert_eq!(log.lines().len(), 2, "after a minute without any it is told again");
}

#[test]
fn a_name_in_a_file_that_nobody_has_is_told_also_after_init() {
    let log = Log::at(Level::INFO);
    let file = std::env::temp_dir().join(format!("rev-core-name-{}.toml", std::process::id()));
    std::fs::write(&file, "[breakers.payment]\nfail_max = 3\n").unwrap();
    let registry = Registry::new();
    registry.load_env_from(std::iter::empty::<(String, String)>()).unwrap();
    registry.breaker("payments", Config::new()).unwrap();
    registry.load_file(&file).unwrap();
    assert!(log.lines().iter().any(|line| line.contains("`payment`")), "{:?}", log.lines());
}

/// What is in force is 30 s, not "off" (section 9: "with its effective settings").
#[test]
fn the_line_of_a_new_breaker_shows_the_probe_timeout_in_force() {
    let log = Log::at(Level::INFO);
    let registry = Registry::new();
    registry.load_env_from(std::iter::empty::<(String, String)>()).unwrap();
    registry.breaker("x", Config::new()).unwrap();
    assert!(!log.lines()[0].contains("probe_timeout off"), "{:?}", log.lines());
}

#[circuit_breaker(name = "no_timer", timeout = "1s")]
async fn no_timer() -> Result<(), ApiError> {
    std::future::pending().await
}

#[test]
fn a_time_limit_without_a_timer_is_none_and_said_once() {
    let log = Log::at(Level::INFO);
    for _ in 0..3 {
        let mut call = Box::pin(no_timer());
        assert!(futures_util::FutureExt::now_or_never(call.as_mut()).is_none());
    }
    let said: Vec<_> =
        log.lines().into_iter().filter(|line| line.contains("`no_timer`: outside of a tokio runtime")).collect();
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains("time limits have no effect and `#[retry]` makes no second attempt"));
}

#[circuit_breaker(name = "no_second_attempt")]
#[breaker_core::retry]
async fn no_second_attempt() -> Result<(), ApiError> {
    Err(ApiError::Http { status: 503 })
}

#[test]
fn retries_without_a_timer_are_none_and_said_once() {
    let log = Log::at(Level::INFO);
    for _ in 0..3 {
        let result = futures_util::FutureExt::now_or_never(no_second_attempt());
        assert!(matches!(result, Some(Err(_))), "{result:?}");
    }
    let said: Vec<_> = log.lines().into_iter().filter(|line| line.contains("makes no second attempt")).collect();
    assert_eq!(said.len(), 1, "{said:#?}");
}

#[circuit_breaker(name = "tenants", key = tenant, fail_max = 2)]
fn of_tenant(tenant: &str, up: bool) -> Result<(), ApiError> {
    if up { Ok(()) } else { Err(ApiError::Http { status: 503 }) }
}

/// Calls that fail or are rejected.
fn ask_tenant(tenant: &str, times: u32) {
    for _ in 0..times {
        of_tenant(tenant, false).unwrap_err();
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_of_a_key_cannot_forge_a_line() {
    breaker_core::testing::isolated(async {
        named("tenants");
        let log = Log::at(Level::INFO);
        for tenant in ["line\nERROR forged: all is well", "a\u{2028}ERROR", "\u{202e}live", "\u{1b}[2K", "\u{85}", "\r"]
        {
            ask_tenant(tenant, 2);
            named(&format!("tenants[{tenant}]")).reset();
            advance(secs(60)).await;
        }
        let text = log.lines().join("\n");
        assert!(text.lines().all(|line| line.trim_start().starts_with(['W', 'E'])), "{text}");
        assert!(
            !text.contains("\nERROR forged")
                && text.contains("tenants[line\\u{a}ERROR forged: all is well]`: closed -> open")
        );
        let hidden = |c: char| c != '\n' && c.is_control() || matches!(c, '\u{2028}' | '\u{202e}');
        assert!(!text.contains(hidden), "{text}");
    })
    .await;
}

#[test]
fn names_and_values_of_variables_cannot_forge_a_line() {
    let log = Log::at(Level::INFO);
    let registry = registry();
    drop(registry.load_env_from([("HUGINGFACE_API_CIRCUIT_X\nERROR forged", "1\nERROR forged")]));
    registry.breaker("user\nERROR forged", Config::new()).unwrap().trip();
    CircuitBreaker::new("own\nERROR forged", Config::new()).unwrap().trip();
    registry.set_config("nobody\nERROR forged", Config::new()).unwrap();
    drop(registry.load_env_from([("HUGGINGFACE_API_CIRCUIT_FAIL_MAX", "banana\nERROR forged")]));
    drop(
        registry.load_env_from([("USER_ERROR_FORGED_CIRCUIT_FAIL_MAX", "x"), ("CIRCUIT_BREAKER_X\nERROR forged", "1")]),
    );
    let lines = log.lines();
    assert!(lines.len() > 4 && lines.iter().all(|line| !line.starts_with("ERROR forged")), "{lines:#?}");
}

/// A minute of an outage of all values.
async fn minute_of_outage(values: u32) {
    for second in 0..60 {
        for value in (second..values).step_by(60) {
            let tenant = value.to_string();
            ask_tenant(&tenant, 3);
        }
        advance(secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_twenty_thousand_values_logs_as_many_lines_as_one_of_a_breaker() {
    breaker_core::testing::isolated(async {
        named("tenants").reconfigure(Config::new().max_keys(20_000)).unwrap();
        let log = Log::at(Level::INFO);
        for value in 0..20_000_u32 {
            let tenant = value.to_string();
            ask_tenant(&tenant, 3);
        }
        let lines = log.lines();
        assert!(lines.len() <= 8, "{lines:#?}");
        let told = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
        assert_eq!((told("circuit_failure"), told("closed -> open"), told("logged at DEBUG")), (3, 4, 2));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_many_values_that_lasts_logs_four_changes_a_minute() {
    breaker_core::testing::isolated(async {
        named("tenants").reconfigure(Config::new().max_keys(500)).unwrap();
        let log = Log::at(Level::INFO);
        for minute in 1..=20 {
            minute_of_outage(1000).await;
            let lines = log.lines().len();
            assert!((4 * minute..=4 * minute + 8).contains(&lines), "{lines} in {minute} minutes");
        }
        named("tenants").reset();
        assert!(log.lines().len() <= 4 * 21 + 8, "a reset of all values is one of theirs");
        advance(secs(120)).await;
        let log = Log::at(Level::INFO);
        ask_tenant("later", 2);
        let lines = log.lines();
        assert_eq!(lines.len(), 2, "the next outage is told: {lines:#?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn values_that_make_room_for_each_other_share_the_bound_and_say_so() {
    for values in [2, 50] {
        breaker_core::testing::isolated(async {
            let settings = Config::new().max_keys(2).recovery_timeout(secs(1));
            named("tenants").reconfigure(settings).unwrap();
            let log = Log::at(Level::INFO);
            for second in 0..1200 {
                for value in 0..values {
                    (0..2).for_each(|_| drop(of_tenant(&value.to_string(), second % 4 > 1)));
                }
                advance(secs(1)).await;
            }
            let lines = log.lines();
            assert!((80..=88).contains(&lines.len()), "{values} values, {} lines in 20 minutes", lines.len());
            assert!(lines.last().unwrap().contains("are logged at DEBUG"), "{lines:#?}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn calls_of_many_values_that_are_dropped_log_one_line() {
    breaker_core::testing::isolated(async {
        named("tenants");
        let log = Log::at(Level::INFO);
        for value in 0..50 {
            of_tenant(&value.to_string(), true).unwrap();
            let tenant = named(&format!("tenants[{value}]"));
            (0..30).for_each(|_| drop(tenant.try_acquire().unwrap()));
        }
        assert_eq!(log.lines().len(), 1, "{:#?}", log.lines());
    })
    .await;
}

#[circuit_breaker(name = "slow_tenants", key = tenant, timeout = "1s")]
async fn slow_tenant(tenant: &str) -> Result<(), ApiError> {
    std::future::pending().await
}

#[test]
fn time_limits_of_many_values_without_a_timer_log_one_line() {
    let log = Log::at(Level::INFO);
    for value in 0..50 {
        assert!(slow_tenant(&value.to_string()).now_or_never().is_none());
    }
    let told = log.lines().into_iter().filter(|line| line.contains("outside of a tokio runtime")).count();
    assert_eq!(told, 1);
}
