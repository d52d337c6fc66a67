//! Limits: which time limit a call has, where several functions share a breaker, and who says so.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{
    CallSite, CircuitBreakerError, Config, ConfigErrorKind, Registry, Source, Strict, circuit_breaker, fallback, retry,
    testing,
};
use common::{ms, secs};
use std::future::pending;
use std::time::Duration;
use tokio::time::Instant;

type Answer = Result<(), CircuitBreakerError>;

const SHARED: Config = Config::new().timeout(secs(7));

#[circuit_breaker(name = "pg", timeout = "2s", fail_max = 100)]
async fn quick() -> Answer {
    pending().await
}

#[circuit_breaker(name = "pg", timeout = "30s")]
async fn slow() -> Answer {
    pending().await
}

/// It has no limit of its own.
#[circuit_breaker(name = "pg")]
async fn plain() -> Answer {
    pending().await
}

#[circuit_breaker(name = "pg", config = SHARED)]
async fn by_config() -> Answer {
    pending().await
}

#[circuit_breaker(name = "pg", timeout = "3s")]
async fn whole(fails: bool) -> Answer {
    if fails {
        return Err(common::open_error());
    }
    pending().await
}

#[circuit_breaker(name = "tenants", key = tenant, timeout = "2s", fail_max = 100)]
async fn of_tenant(tenant: &str) -> Answer {
    pending().await
}

#[circuit_breaker(name = "tenants", key = tenant, timeout = "20s")]
async fn report_of(tenant: &str) -> Answer {
    pending().await
}

#[circuit_breaker(name = "tenants", key = tenant)]
async fn any_of(tenant: &str) -> Answer {
    pending().await
}

#[circuit_breaker(name = "pg", timeout = "off")]
async fn unlimited() -> Answer {
    pending().await
}

/// Named by default.
#[circuit_breaker(timeout = "2s")]
async fn alone() -> Answer {
    pending().await
}

#[circuit_breaker(name = "pg")]
fn at_once() -> Answer {
    Ok(())
}

struct Client;

#[circuit_breaker(name = "block", timeout = "5s")]
impl Client {
    async fn get(&self) -> Result<(), CircuitBreakerError> {
        pending().await
    }

    #[circuit_breaker(timeout = "1s")]
    async fn ping(&self) -> Result<(), CircuitBreakerError> {
        pending().await
    }
}

/// After how long the call was cut off; `None`: it still waits after an hour.
async fn cut<F: Future<Output = Answer>>(call: F) -> Option<Duration> {
    let begin = Instant::now();
    let answer = tokio::time::timeout(secs(3600), call).await.ok()?;
    assert!(answer.unwrap_err().is_timeout());
    Some(begin.elapsed())
}

fn init(variables: &[(&str, &str)]) {
    Registry::global().load_env_from(variables.iter().copied()).strict().unwrap();
}

fn site(breaker: &str, function: &str) -> CallSite {
    let sites = Registry::global().call_sites(breaker);
    sites.into_iter().find(|site| site.function.as_deref() == Some(function)).unwrap()
}

fn limit(breaker: &str, function: &str) -> (Option<Duration>, Option<String>) {
    let site = site(breaker, function);
    (site.timeout, site.timeout_source.map(|source| source.to_string()))
}

#[tokio::test(start_paused = true)]
async fn each_function_of_a_breaker_has_its_own_limit_and_init_is_content() {
    testing::isolated(async {
        Registry::global().load_env().unwrap();
        assert_eq!(cut(quick()).await, Some(secs(2)));
        assert_eq!(cut(slow()).await, Some(secs(30)));
        assert_eq!(cut(by_config()).await, Some(secs(7)));
        assert_eq!(cut(plain()).await, None, "the limit of another function is not its own");
        let breaker = testing::breaker("pg");
        assert_eq!(breaker.settings().timeout, Some(secs(30)), "the longest is shown");
        assert_eq!(breaker.settings().probe_timeout, Some(secs(60)), "a probe keeps its slot for twice the longest");
        assert_eq!(breaker.snapshot().settings.timeout, Some(secs(30)));
        let sources = breaker.setting_sources();
        assert!(sources.contains(&("timeout", Source::Attribute)), "{sources:?}");
        let by_handle = breaker.call(async { pending::<Result<(), CircuitBreakerError>>().await });
        assert!(tokio::time::timeout(secs(3600), by_handle).await.is_err(), "a call by the handle is no function's");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_breakers_own_limit_in_code_is_the_default_of_its_functions() {
    testing::isolated(async {
        let registry = Registry::global();
        registry.breaker("pg", Config::new().timeout(secs(50))).unwrap();
        assert_eq!(cut(quick()).await, Some(secs(2)));
        assert_eq!(cut(plain()).await, Some(secs(50)));
        assert_eq!(cut(unlimited()).await, None);
        assert_eq!(testing::breaker("pg").settings().timeout, Some(secs(50)));
        registry.set_config("pg", Config::new().timeout(secs(9))).unwrap();
        assert_eq!(cut(quick()).await, Some(secs(2)));
        assert_eq!(cut(plain()).await, Some(secs(9)));
        assert_eq!(limit("pg", "limits::plain"), (Some(secs(9)), Some("configure".to_owned())));
        assert_eq!(limit("pg", "limits::quick"), (Some(secs(2)), Some("attribute".to_owned())));
        registry.load_env().unwrap();
        registry.breaker("pg", Config::new().timeout(secs(8))).unwrap();
        let told = registry.load_env().unwrap_err().to_string();
        assert!(told.contains("`timeout` is 50s at") && told.contains("8s at"), "two limits of one breaker: {told}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_variables_say_of_a_breaker_holds_for_all_its_functions() {
    testing::isolated(async {
        init(&[("CIRCUIT_BREAKER_CALL_TIMEOUT", "6s")]);
        for waited in [cut(quick()).await, cut(slow()).await, cut(plain()).await, cut(alone()).await] {
            assert_eq!(waited, Some(secs(6)));
        }
        init(&[("CIRCUIT_BREAKER_CALL_TIMEOUT", "6s"), ("PG_CIRCUIT_CALL_TIMEOUT", "4s")]);
        assert_eq!(
            (cut(quick()).await, cut(plain()).await, cut(alone()).await),
            (Some(secs(4)), Some(secs(4)), Some(secs(6)))
        );
        assert_eq!(
            limit("pg", "limits::slow"),
            (Some(secs(4)), Some("environment PG_CIRCUIT_CALL_TIMEOUT".to_owned()))
        );
        assert_eq!(testing::breaker("pg").settings().timeout, Some(secs(4)));
        init(&[("CIRCUIT_BREAKER_CALL_TIMEOUT", "off")]);
        assert_eq!((cut(quick()).await, cut(plain()).await, cut(alone()).await), (None, None, None));
        assert_eq!(limit("pg", "limits::slow"), (None, None));
        init(&[]);
        assert_eq!((cut(quick()).await, cut(plain()).await), (Some(secs(2)), None));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_functions_own_variable_is_above_those_of_its_breaker() {
    testing::isolated(async {
        init(&[
            ("LIMITS__QUICK_CIRCUIT_CALL_TIMEOUT", "12s"),
            ("PG_CIRCUIT_CALL_TIMEOUT", "4s"),
            ("LIMITS__PLAIN_CIRCUIT_CALL_TIMEOUT", "off"),
            ("LIMITS__ALONE_CIRCUIT_CALL_TIMEOUT", "3s"),
        ]);
        assert_eq!((cut(quick()).await, cut(slow()).await, cut(plain()).await), (Some(secs(12)), Some(secs(4)), None));
        assert_eq!(cut(alone()).await, Some(secs(3)), "it is the variable of its breaker too");
        let source = "environment LIMITS__QUICK_CIRCUIT_CALL_TIMEOUT".to_owned();
        assert_eq!(limit("pg", "limits::quick"), (Some(secs(12)), Some(source)));
        assert_eq!(testing::breaker("pg").settings().timeout, Some(secs(4)));
        let lease = testing::breaker("pg").settings().probe_timeout;
        assert_eq!(lease, Some(secs(30)), "twice the longest that a call can have, or the recovery timeout");
        init(&[("LIMITS__QUICK_CIRCUIT_CALL_TIMEOUT", "40s"), ("PG_CIRCUIT_CALL_TIMEOUT", "off")]);
        assert_eq!((cut(quick()).await, cut(slow()).await), (Some(secs(40)), None));
        assert_eq!(testing::breaker("pg").settings().probe_timeout, Some(secs(80)));
        testing::breaker("pg").reconfigure(Config::new().timeout(ms(1500))).unwrap();
        assert_eq!(
            (cut(quick()).await, cut(plain()).await),
            (Some(ms(1500)), Some(ms(1500))),
            "above all other places"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn functions_of_a_key_have_their_own_limits_for_each_value() {
    testing::isolated(async {
        for tenant in ["a", "b"] {
            assert_eq!(cut(of_tenant(tenant)).await, Some(secs(2)));
            assert_eq!(cut(report_of(tenant)).await, Some(secs(20)));
            assert_eq!(cut(any_of(tenant)).await, None);
        }
        let registry = Registry::global();
        registry.get("tenants[a]").unwrap().reconfigure(Config::new().timeout(secs(5))).unwrap();
        assert_eq!((cut(of_tenant("a")).await, cut(report_of("a")).await), (Some(secs(5)), Some(secs(5))));
        assert_eq!(cut(of_tenant("b")).await, Some(secs(2)));
        init(&[("TENANTS_CIRCUIT_CALL_TIMEOUT", "8s")]);
        assert_eq!((cut(report_of("a")).await, cut(report_of("b")).await), (Some(secs(5)), Some(secs(8))));
        assert_eq!(cut(report_of("new")).await, Some(secs(8)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_method_of_a_block_has_its_own_limit_or_that_of_the_block() {
    testing::isolated(async {
        assert_eq!((cut(Client.get()).await, cut(Client.ping()).await), (Some(secs(5)), Some(secs(1))));
        init(&[("LIMITS__CLIENT__GET_CIRCUIT_CALL_TIMEOUT", "3s")]);
        assert_eq!((cut(Client.get()).await, cut(Client.ping()).await), (Some(secs(3)), Some(secs(1))));
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_a_functions_variables_is_told() {
    testing::isolated(async {
        let registry = Registry::global();
        let wrong = registry
            .load_env_from([("LIMITS__QUICK_CIRCUIT_CALL_TIMEOUT", "0"), ("LIMITS__SLOW_CIRCUIT_FAIL_MAX", "3")]);
        let wrong = wrong.unwrap_err();
        let told: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told.iter().any(|told| told.starts_with("LIMITS__QUICK_CIRCUIT_CALL_TIMEOUT: is `0`")), "{told:?}");
        assert!(told.iter().any(|told| told.contains("`fail_max` is set for a breaker")), "{told:?}");
        let report = registry.load_env_from([("LIMITS__QUICKK_CIRCUIT_CALL_TIMEOUT", "1s")]).unwrap();
        let warning = &report.warnings()[0];
        assert_eq!(warning.kind(), ConfigErrorKind::UnknownName);
        assert!(warning.message().contains("did you mean LIMITS__QUICK_CIRCUIT_CALL_TIMEOUT?"), "{warning}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_file_has_tables_for_functions() {
    let file = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("limits.toml");
    testing::isolated(async {
        let registry = Registry::global();
        let load = |text: &str| {
            std::fs::write(&file, text).unwrap();
            registry.load_file(&file)
        };
        let text = "[breakers.pg]\ntimeout = \"6s\"\n[functions.\"limits::quick\"]\ntimeout = \"1s\"\n";
        load(text).strict().unwrap();
        assert_eq!((cut(quick()).await, cut(plain()).await), (Some(secs(1)), Some(secs(6))));
        let (limit, source) = limit("pg", "limits::quick");
        assert!(limit == Some(secs(1)) && source.unwrap().starts_with("file "));
        init(&[("LIMITS__QUICK_CIRCUIT_CALL_TIMEOUT", "3s")]);
        assert_eq!(cut(quick()).await, Some(secs(3)), "a variable is above the file");
        let report = load("[functions.\"limits::quik\"]\ntimeout = \"1s\"\n").unwrap();
        let warning = report.warnings()[0].to_string();
        assert!(warning.contains("`limits::quik`") && warning.contains("did you mean `limits::quick`?"), "{warning}");
        let wrong = load("[functions.\"limits::quick\"]\nfail_max = 1\ntimeout = 0\n[functions]\nx = 1\n");
        assert!(wrong.is_err(), "a table twice is no TOML");
        let wrong = load("[functions]\nx = 1\n[functions.\"limits::quick\"]\nfail_max = 1\ntimeout = 0\n").unwrap_err();
        let told: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.iter().any(|told| told.contains("functions.x: expected a table")), "{told:?}");
        assert!(
            told.iter().any(|told| told.contains("limits::quick.fail_max: `fail_max` is set for a breaker")),
            "{told:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_function_that_is_not_async_is_told_of_a_limit_that_it_would_have() {
    testing::isolated(async {
        at_once().unwrap();
        let (limit, _) = limit("pg", "limits::at_once");
        assert_eq!(limit, None, "the limits of the other functions are not its own");
        init(&[("PG_CIRCUIT_CALL_TIMEOUT", "4s")]);
        assert_eq!(site("pg", "limits::at_once").timeout, None, "it cannot time out");
    })
    .await;
}

#[circuit_breaker(name = "shapes", timeout = "1s", fail_max = 100)]
fn boxed() -> std::pin::Pin<Box<dyn Future<Output = Result<(), CircuitBreakerError>> + Send>> {
    Box::pin(pending())
}

#[circuit_breaker(name = "shapes", timeout = "2s", failure_if(|()| false))]
async fn judged() -> Answer {
    pending().await
}

#[circuit_breaker(name = "shapes", timeout = "3s")]
#[retry(when(|_| false))]
async fn tried() -> Answer {
    pending().await
}

#[circuit_breaker(name = "shapes", timeout = "4s")]
#[fallback(|_| None)]
async fn served() -> Answer {
    pending().await
}

#[circuit_breaker(name = "shapes", timeout = "5s", stream)]
async fn streamed() -> Result<impl futures_util::Stream<Item = Result<u8, u8>>, CircuitBreakerError> {
    pending::<()>().await;
    Ok(futures_util::stream::iter([Ok(1)]))
}

/// It has no limit of its own.
#[circuit_breaker(name = "shapes")]
fn boxed_without() -> std::pin::Pin<Box<dyn Future<Output = Result<(), CircuitBreakerError>> + Send>> {
    Box::pin(pending())
}

struct Boxing;

#[async_trait::async_trait]
trait Get {
    async fn get(&self) -> Answer;
}

#[async_trait::async_trait]
impl Get for Boxing {
    #[circuit_breaker(name = "shapes", timeout = "6s")]
    async fn get(&self) -> Answer {
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn each_shape_of_a_function_has_its_own_limit() {
    testing::isolated(async {
        let streamed = || async { streamed().await.map(drop) };
        assert_eq!((cut(boxed()).await, cut(judged()).await), (Some(secs(1)), Some(secs(2))));
        assert_eq!((cut(tried()).await, cut(served()).await), (Some(secs(3)), Some(secs(4))));
        assert_eq!((cut(streamed()).await, cut(Boxing.get()).await), (Some(secs(5)), Some(secs(6))));
        assert_eq!(cut(boxed_without()).await, None);
        init(&[("SHAPES_CIRCUIT_CALL_TIMEOUT", "9s"), ("LIMITS__JUDGED_CIRCUIT_CALL_TIMEOUT", "7s")]);
        assert_eq!((cut(boxed()).await, cut(judged()).await), (Some(secs(9)), Some(secs(7))));
        assert_eq!((cut(streamed()).await, cut(boxed_without()).await), (Some(secs(9)), Some(secs(9))));
    })
    .await;
}

/// From the highest to the lowest, each taken away before the next one is looked at.
#[tokio::test(start_paused = true)]
async fn the_highest_place_that_says_something_is_in_force() {
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("limit_places.toml");
    testing::isolated(async {
        let registry = Registry::global();
        let variables = [
            ("LIMITS__QUICK_CIRCUIT_CALL_TIMEOUT", "11s"),
            ("PG_CIRCUIT_CALL_TIMEOUT", "13s"),
            ("CIRCUIT_BREAKER_CALL_TIMEOUT", "15s"),
        ];
        let tables = [
            "[functions.\"limits::quick\"]\ntimeout = \"12s\"\n",
            "[breakers.pg]\ntimeout = \"14s\"\n",
            "[all]\ntimeout = \"16s\"\n",
            "[defaults]\ntimeout = \"18s\"\n",
        ];
        registry.set_config("pg", Config::new().timeout(secs(17))).unwrap();
        for (first_variable, first_table, of_quick, of_slow) in [
            (0, 0, 11, 13),
            (1, 0, 12, 13),
            (1, 1, 13, 13),
            (2, 1, 14, 14),
            (2, 2, 15, 15),
            (3, 2, 16, 16),
            (3, 3, 2, 30),
        ] {
            std::fs::write(&path, tables[first_table..].concat()).unwrap();
            registry.load_file(&path).strict().unwrap();
            init(&variables[first_variable..]);
            let waited = (cut(quick()).await, cut(slow()).await);
            assert_eq!(waited, (Some(secs(of_quick)), Some(secs(of_slow))));
        }
        assert_eq!(cut(plain()).await, Some(secs(17)));
        init(&variables);
        testing::breaker("pg").reconfigure(Config::new().timeout(secs(10))).unwrap();
        assert_eq!((cut(quick()).await, cut(slow()).await), (Some(secs(10)), Some(secs(10))));
    })
    .await;
}

/// A call that is let in by another way than the short one.
#[tokio::test(start_paused = true)]
async fn a_probe_and_a_call_of_a_disabled_breaker_have_the_functions_limit() {
    testing::isolated(async {
        let breaker = testing::breaker("pg");
        breaker.disable();
        assert_eq!((cut(quick()).await, cut(plain()).await), (Some(secs(2)), None));
        breaker.clear_override();
        breaker.trip_for(secs(1));
        tokio::time::advance(secs(2)).await;
        assert_eq!(cut(slow()).await, Some(secs(30)));
        assert!(whole(true).await.is_err());
    })
    .await;
}
