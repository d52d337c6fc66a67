//! Which rules on failures a breaker has: `fail_max` off, by its own word or beside another rule of
//! the code.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, Registry, State, circuit_breaker, testing};
use common::{breaker, fail, secs};
use std::path::PathBuf;

const NONE: [(&str, &str); 0] = [];

/// What is in force for `fail_max`, and where it came from.
fn fail_max(breaker: &CircuitBreaker) -> (Option<u32>, String) {
    let sources = breaker.setting_sources();
    let source = sources.iter().find(|(key, _)| *key == "fail_max").unwrap();
    (breaker.settings().fail_max, source.1.to_string())
}

fn registry(config: Config) -> (Registry, CircuitBreaker) {
    let registry = Registry::new();
    registry.load_env_from(NONE).unwrap();
    let breaker = registry.breaker("api", config).unwrap();
    (registry, breaker)
}

/// A file for one test.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("failure_rules_{name}.toml"));
    std::fs::write(&path, text).unwrap();
    path
}

#[circuit_breaker(name = "judged_by_rate", failure_rate = 0.5, min_calls = 10)]
fn by_rate(answer: Result<(), CircuitBreakerError>) -> Result<(), CircuitBreakerError> {
    answer
}

#[circuit_breaker(name = "judged_by_keys", failure_rate = 0.5, min_calls = 10, key = host)]
async fn by_keys(host: &str) -> Result<(), std::io::Error> {
    Err(std::io::Error::other(host.to_owned()))
}

#[circuit_breaker(name = "switched_off", fail_max = "off", window_fail_max = 7)]
async fn switched_off() -> Result<(), CircuitBreakerError> {
    Ok(())
}

const LIMIT: u32 = 7;

#[circuit_breaker(name = "switched_off_by_constants", fail_max = "off", window_fail_max = LIMIT)]
async fn switched_off_by_constants() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_rate_in_code_is_judged_of_min_calls_and_no_run_opens_before() {
    for config in [Config::new().failure_rate(0.5).min_calls(10), Config::new().window_fail_max(10)] {
        let breaker = breaker(config);
        fail(&breaker, 9);
        assert_eq!(breaker.state(), State::Closed);
        fail(&breaker, 1);
        let because = breaker.snapshot().opened_because.unwrap();
        assert_eq!(breaker.state(), State::Open);
        assert!(
            because.starts_with("failure rate 100 % of 10 calls") || because.starts_with("10 failures"),
            "{because}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_attribute_says_the_same_for_a_function_and_for_each_value_of_a_key() {
    testing::isolated(async {
        by_rate(Ok(())).unwrap();
        let breaker = testing::breaker("judged_by_rate");
        assert_eq!(fail_max(&breaker), (None, "follows from failure_rate".to_owned()));
        fail(&breaker, 8);
        assert_eq!(breaker.state(), State::Closed);
        fail(&breaker, 1);
        assert_eq!(breaker.state(), State::Open);

        for _ in 0..9 {
            by_keys("a").await.unwrap_err();
        }
        let value = testing::breaker("judged_by_keys[a]");
        assert_eq!((value.state(), fail_max(&value).0), (State::Closed, None));
        by_keys("a").await.unwrap_err();
        assert_eq!(value.state(), State::Open);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn off_is_a_value_of_the_attribute() {
    testing::isolated(async {
        switched_off().await.unwrap();
        switched_off_by_constants().await.unwrap();
        for name in ["switched_off", "switched_off_by_constants"] {
            let breaker = testing::breaker(name);
            assert_eq!(fail_max(&breaker), (None, "attribute".to_owned()), "{name}");
            fail(&breaker, 6);
            assert_eq!(breaker.state(), State::Closed, "{name}");
            fail(&breaker, 1);
            assert_eq!(breaker.state(), State::Open, "{name}");
        }
    })
    .await;
}

#[test]
fn what_is_off_is_shown_so_and_can_be_read_again() {
    let breaker = breaker(Config::new().failure_rate(0.5));
    assert!(breaker.settings().to_string().starts_with("fail_max off, "), "{}", breaker.settings());
    let json = serde_json::to_value(breaker.snapshot()).unwrap();
    assert_eq!(json["config"]["fail_max"], serde_json::Value::Null);
    assert_eq!(json["config_sources"]["fail_max"], "follows from failure_rate");
    let (key, text) = breaker.settings().to_strings().into_iter().next().unwrap();
    assert_eq!(Config::new().with_str(key, &text).unwrap(), Config::new().fail_max_off());
}

#[test]
fn a_number_that_any_place_gives_stands_beside_the_rate() {
    let rate = Config::new().failure_rate(0.5);
    assert_eq!(breaker(rate.fail_max(5)).settings().fail_max, Some(5));
    let (registry, breaker) = registry(rate);
    assert_eq!(breaker.settings().fail_max, None);
    for table in ["defaults", "all", "breakers.api"] {
        registry.load_file(file("number", &format!("[{table}]\nfail_max = 6\n"))).unwrap();
        assert_eq!(breaker.settings().fail_max, Some(6), "{table}");
    }
    registry.load_file(file("number", "[all]\n")).unwrap();
    assert_eq!(fail_max(&breaker), (None, "follows from failure_rate".to_owned()));
    registry.load_env_from([("API_CIRCUIT_FAIL_THRESHOLD", "8")]).unwrap();
    assert_eq!(breaker.settings().fail_max, Some(8));
    registry.load_env_from(NONE).unwrap();
    breaker.reconfigure(Config::new().fail_max(9)).unwrap();
    assert_eq!(breaker.settings().fail_max, Some(9));
}

#[test]
fn a_slow_rule_a_variable_a_file_or_a_change_at_run_time_leaves_the_run() {
    let slow = breaker(Config::new().slow_call_duration(secs(1)).slow_call_rate(0.5));
    assert_eq!(fail_max(&slow), (Some(5), "default".to_owned()));
    let (registry, breaker) = registry(Config::new());
    for table in ["defaults", "all", "breakers.api"] {
        registry.load_file(file("rate", &format!("[{table}]\nfailure_rate = 0.5\nwindow_fail_max = 9\n"))).unwrap();
        assert_eq!(fail_max(&breaker), (Some(5), "default".to_owned()), "{table}");
    }
    registry.load_file(file("rate", "[all]\n")).unwrap();
    registry.load_env_from([("CIRCUIT_BREAKER_FAILURE_RATE", "0.5"), ("API_CIRCUIT_WINDOW_FAIL_MAX", "9")]).unwrap();
    assert_eq!(fail_max(&breaker), (Some(5), "default".to_owned()));
    breaker.reconfigure(Config::new().failure_rate(0.5)).unwrap();
    assert_eq!(fail_max(&breaker), (Some(5), "default".to_owned()), "`reconfigure` changes the keys that it sets");
    registry.set_config("api", Config::new().window_fail_max(9)).unwrap();
    assert_eq!(fail_max(&breaker), (None, "follows from window_fail_max".to_owned()), "`set_config` is code");
}

#[test]
fn a_rate_that_another_place_switches_off_takes_no_rule_along() {
    let (registry, breaker) = registry(Config::new().failure_rate(0.5));
    registry.load_file(file("no_rate", "[all]\nfailure_rate = \"off\"\n")).unwrap();
    assert_eq!(fail_max(&breaker), (Some(5), "default".to_owned()));
    fail(&breaker, 5);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn off_with_no_other_rule_on_failures_is_refused_in_code() {
    for config in [Config::new().fail_max_off(), Config::new().fail_max_off().slow_call_duration(secs(1))] {
        let refused = CircuitBreaker::new("api", config).unwrap_err().to_string();
        let expected = "circuit breaker `api`: `fail_max` is off, expected a number, or another rule on failures beside it: \
                        `failure_rate` or `window_fail_max`";
        assert_eq!(refused, expected);
        assert!(Registry::new().breaker("api", config).is_err());
    }
    let (registry, breaker) = registry(Config::new());
    assert!(breaker.reconfigure(Config::new().fail_max_off()).is_err());
    let refused = registry.set_config("api", Config::new().fail_max_off()).unwrap_err().to_string();
    assert!(refused.contains("leaves circuit breaker `api` without a rule on failures"), "{refused}");
    assert_eq!(fail_max(&breaker), (Some(5), "default".to_owned()));
    breaker.reconfigure(Config::new().fail_max_off().failure_rate(0.1)).unwrap();
    assert_eq!(breaker.settings().fail_max, None);
    assert!(breaker.reconfigure(Config::new().with_str("failure_rate", "off").unwrap()).is_err());
}

#[test]
fn off_with_no_other_rule_on_failures_is_told_of_variables_and_not_obeyed() {
    let (registry, breaker) = registry(Config::new().fail_max(3));
    let told = registry.load_env_from([("CIRCUIT_BREAKER_FAIL_MAX", "off")]).unwrap_err().to_string();
    let expected = "CIRCUIT_BREAKER_FAIL_MAX: is `off`, which leaves circuit breaker `api` without a rule on failures; give one of `fail_max`, `failure_rate` and `window_fail_max` a number";
    assert_eq!(told, expected);
    assert_eq!(fail_max(&breaker), (Some(3), "attribute".to_owned()));
    registry.load_env_from([("CIRCUIT_BREAKER_FAIL_MAX", "off"), ("API_CIRCUIT_FAILURE_RATE", "0.5")]).unwrap();
    assert_eq!(fail_max(&breaker), (None, "environment CIRCUIT_BREAKER_FAIL_MAX".to_owned()));
    breaker.reconfigure(Config::new().min_calls(20)).unwrap();
}

#[test]
fn the_highest_place_that_takes_the_last_rule_away_is_the_one_that_is_told() {
    let (registry, breaker) = registry(Config::new().fail_max_off().failure_rate(0.5));
    let told = registry.load_env_from([("API_CIRCUIT_FAILURE_RATE", "off")]).unwrap_err();
    assert_eq!(told.iter().map(breaker_core::ConfigError::location).collect::<Vec<_>>(), ["API_CIRCUIT_FAILURE_RATE"]);
    assert_eq!((breaker.settings().fail_max, breaker.settings().failure_rate), (None, Some(0.5)));
}

#[test]
fn a_file_that_takes_the_last_rule_away_is_refused_whole_by_load_and_reload() {
    let (registry, breaker) = registry(Config::new());
    let path = file("off", "[breakers.api]\nfail_max = \"off\"\nrecovery_timeout = \"9s\"\n");
    let told = registry.load_file(&path).unwrap_err().to_string();
    assert!(told.starts_with(&format!("{}: breakers.api.fail_max: is `off`, which leaves", path.display())), "{told}");
    assert_eq!((breaker.settings().fail_max, breaker.settings().recovery_timeout), (Some(5), secs(30)));

    file("off", "[all]\nfail_max = \"off\"\n[breakers.api]\nfailure_rate = 0.5\nrecovery_timeout = \"9s\"\n");
    registry.load_file(&path).unwrap();
    assert_eq!((breaker.settings().fail_max, breaker.settings().recovery_timeout), (None, secs(9)));
    file("off", "[all]\nfail_max = \"off\"\n[breakers.api]\nrecovery_timeout = \"7s\"\n");
    let told = registry.reload().unwrap_err().to_string();
    assert!(told.contains("all.fail_max: is `off`"), "{told}");
    assert_eq!((breaker.settings().fail_max, breaker.settings().recovery_timeout), (None, secs(9)));
}

#[test]
fn a_breaker_that_comes_after_the_file_keeps_a_rule() {
    let registry = Registry::new();
    registry.load_env_from(NONE).unwrap();
    registry.load_file(file("before", "[all]\nfail_max = \"off\"\n")).unwrap();
    let breaker = registry.breaker("later", Config::new()).unwrap();
    assert_eq!(fail_max(&breaker), (Some(5), "default".to_owned()));
    let told = registry.load_env_from(NONE).unwrap_err().to_string();
    assert!(told.contains("which leaves circuit breaker `later` without a rule on failures"), "{told}");
    let judged = registry.breaker("judged", Config::new().failure_rate(0.5)).unwrap();
    assert_eq!(judged.settings().fail_max, None);
}
