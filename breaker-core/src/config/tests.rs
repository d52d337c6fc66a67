//! Tests the table of keys.

use super::keys::*;
use crate::config::types::{Backoff, OnCancel, OnPanic, PerFunction};
use std::time::Duration;

const ZERO: Duration = Duration::ZERO;

/// Each key that has a range, with a value out of it.
const BAD: [(&str, Config); 23] = [
    ("fail_max", Config::new().fail_max(0)),
    ("fail_window", Config::new().fail_window(ZERO)),
    ("half_open_max_calls", Config::new().half_open_max_calls(0)),
    ("success_threshold", Config::new().success_threshold(0)),
    ("probe_timeout", Config::new().probe_timeout(ZERO)),
    ("failure_rate", Config::new().failure_rate(1.1)),
    ("slow_call_duration", Config::new().slow_call_duration(ZERO)),
    ("slow_call_rate", Config::new().slow_call_rate(0.0)),
    ("window_fail_max", Config::new().window_fail_max(0)),
    ("max_concurrent", Config::new().max_concurrent(0)),
    ("window", Config::new().window(ZERO)),
    ("min_calls", Config::new().min_calls(0)),
    ("backoff", Config::new().backoff(Backoff::new().factor(0.5))),
    ("probe_count", Config::new().probe_count(0)),
    ("probe_failure_rate", Config::new().probe_failure_rate(f64::NAN)),
    ("ramp", Config::new().ramp(ZERO)),
    ("timeout", Config::new().timeout(ZERO)),
    ("on_cancel", Config::new().on_cancel(OnCancel::After(ZERO))),
    ("max_keys", Config::new().max_keys(0)),
    ("retry_attempts", Config::new().retry_attempts(0)),
    ("retry_min", Config::new().retry_min(ZERO)),
    ("retry_max", Config::new().retry_max(ZERO)),
    ("retry_total", Config::new().retry_total(ZERO)),
];

/// The other keys, with values that may look out of range.
const ANY: Config =
    Config::new().recovery_timeout(ZERO).on_panic(OnPanic::Ignore).critical(true).enabled(false).retry(false);

#[test]
fn each_value_out_of_its_range_is_reported_and_ends_a_constant() {
    for (key, bad) in BAD {
        let problems = bad.problems("the test");
        assert_eq!(problems.len(), 1, "{key}: {problems:?}");
        let error = problems[0].to_string();
        assert!(error.contains("the test") && error.contains(key), "{error}");
        let ended = std::panic::catch_unwind(|| bad.assert_valid()).expect_err(key);
        let message = ended.downcast_ref::<&str>().copied().unwrap_or_default();
        assert!(message.starts_with(&format!("`{key}` must be ")), "{message}");
    }
}

#[test]
fn all_keys_have_a_range_or_take_any_value() {
    assert!(ANY.problems("the test").is_empty());
    ANY.assert_valid();
    let listed = |key: &&str| BAD.iter().any(|(bad, _)| bad == key) || ANY.sets(key);
    assert!(KEYS.iter().all(listed), "{KEYS:?}");
}

#[test]
fn a_key_that_is_not_in_the_table_is_neither_read_nor_shown_nor_set() {
    let mut config = Config::new();
    assert!(config.read("fail_min", "1").is_none());
    assert_eq!((config.shown("fail_min"), config.sets("fail_min"), config), (String::new(), false, Config::new()));
}

#[test]
fn of_two_prefixes_the_first_remains_and_both_are_reported() {
    let mut config = Config::new().env_prefix("A");
    let conflicts = config.merge(&Config::new().env_prefix("B"));
    assert_eq!(conflicts, [("env_prefix", "\"A\"".to_owned(), "\"B\"".to_owned())]);
    assert_eq!(config.env_prefix, Some("A"));
}

#[test]
fn what_is_switched_off_is_in_its_range() {
    for key in ["failure_rate", "probe_failure_rate", "backoff"] {
        let mut config = Config::new().failure_rate(0.5).probe_failure_rate(0.5).backoff(Backoff::new());
        assert_eq!(config.read(key, "off"), Some(Ok(())), "{key}");
        assert!(config.problems("the test").is_empty(), "{key}");
    }
}

#[test]
fn a_limit_is_taken_off_and_the_retries_of_all_functions_are_set() {
    let config = Config::new().timeout(Duration::from_secs(1)).timeout_off().retry_attempts(3);
    assert!(config.problems("the test").is_empty());
    assert_eq!((config.timeout, config.retry_attempts), (Some(None), Some(PerFunction::All(3))));
}
