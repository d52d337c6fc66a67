//! Inspect: what a program that shows and steers breakers can ask: settings as text, what a change
//! would bring, who uses a breaker.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, ConfigErrorKind, Registry, circuit_breaker, testing};

#[test]
fn the_text_of_each_setting_is_read_as_the_same_setting() {
    let config = Config::new()
        .failure_rate(0.25)
        .backoff(breaker_core::Backoff::new())
        .window_calls(50)
        .fail_window_off()
        .slow_call_duration(std::time::Duration::from_secs(2));
    let breaker = CircuitBreaker::new("texts", config).unwrap();
    let settings = breaker.settings();
    let read =
        settings.to_strings().into_iter().try_fold(Config::new(), |config, (key, text)| config.with_str(key, &text));
    breaker.reconfigure(read.unwrap()).unwrap();
    assert_eq!(breaker.settings(), settings);
}

#[test]
fn a_text_that_is_no_value_says_what_was_expected_and_a_key_that_is_none_the_nearest() {
    let value = Config::new().with_str("fail_max", "0").unwrap_err();
    assert_eq!((value.kind(), value.location()), (ConfigErrorKind::Value, "fail_max"));
    assert_eq!(value.message(), "is `0`, expected a whole number of 1 or more, or \"off\"");
    let key = Config::new().with_str("fail_maxx", "1").unwrap_err();
    assert_eq!(key.kind(), ConfigErrorKind::UnknownKey);
    assert!(key.message().contains("did you mean `fail_max`?"), "{key}");
}

#[test]
fn a_preview_shows_what_a_change_would_bring_and_changes_nothing() {
    let breaker = CircuitBreaker::new("preview", Config::new().window_calls(20)).unwrap();
    let before = breaker.settings();
    let after = breaker.preview(Config::new().fail_max(9)).unwrap();
    assert_eq!((after.fail_max, after.window), (Some(9), before.window));
    assert_eq!(breaker.settings(), before);
    let refused = breaker.preview(Config::new().fail_max(0).min_calls(21)).unwrap_err();
    assert_eq!(refused.len(), 2, "every reason at once: {refused}");
    breaker.reconfigure(Config::new().fail_max(9)).unwrap();
    assert_eq!(breaker.settings(), after);
}

#[circuit_breaker(name = "shared")]
async fn one() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(name = "shared")]
async fn other() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(name = "by_host", key = host)]
async fn of_host(host: &str) -> Result<usize, CircuitBreakerError> {
    Ok(host.len())
}

#[tokio::test]
async fn a_registry_knows_which_functions_share_a_breaker() {
    testing::isolated(async {
        one().await.unwrap();
        other().await.unwrap();
        let registry = Registry::global();
        let sites = registry.call_sites("shared");
        let functions: Vec<_> = sites.iter().map(|site| site.function.as_deref().unwrap()).collect();
        assert_eq!(functions, ["inspect::one", "inspect::other"]);
        assert!(sites.iter().all(|site| site.location.contains("inspect.rs:")), "{sites:?}");
        registry.breaker("made", Config::new()).unwrap();
        let made = &registry.call_sites("made")[0];
        assert!(made.function.is_none() && made.location.contains("inspect.rs:"), "{made:?}");
        assert!(registry.call_sites("unknown").is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_breaker_of_a_value_knows_its_head() {
    testing::isolated(async {
        let head = testing::breaker("by_host");
        assert!(!head.is_keyed());
        of_host("a").await.unwrap();
        assert!(head.is_keyed());
        let value = testing::breaker("by_host[a]");
        assert_eq!(value.parent().unwrap().name(), "by_host");
        assert!(head.parent().is_none() && !value.is_keyed());
    })
    .await;
}
