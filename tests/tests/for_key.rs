//! Tests the breaker of one key, before its first call.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::{
    CircuitBreaker, CircuitBreakerError, Config, ConfigErrorKind, Registry, State, circuit_breaker, testing,
};
use std::time::Duration;

#[circuit_breaker(name = "tenants", key = tenant, max_keys = 2, fail_max = 5)]
async fn ask(tenant: &str) -> Result<(), CircuitBreakerError> {
    Ok(())
}

/// Shares the values.
#[circuit_breaker(name = "tenants", key = tenant)]
fn ask_sync(tenant: &str) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(name = "whole")]
fn whole() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn known(name: &str) -> Option<CircuitBreaker> {
    Registry::global().get(name)
}

#[tokio::test(start_paused = true)]
async fn what_a_value_is_told_holds_for_its_first_call() {
    testing::isolated(async {
        let tenants = testing::breaker("tenants");
        assert!(!tenants.is_keyed() && known("tenants[a]").is_none());
        let value = tenants.for_key("a").unwrap();
        assert_eq!((value.name(), value.parent().unwrap().name()), ("tenants[a]", "tenants"));
        assert!(tenants.is_keyed());
        value.force_open();
        drop(value);
        let rejected = ask("a").await.unwrap_err();
        assert_eq!((rejected.breaker(), rejected.state()), ("tenants[a]", State::ForcedOpen));
        assert!(ask_sync("a").is_err());
        ask("b").await.unwrap();
        tenants.for_key("a").unwrap().clear_override();
        ask("a").await.unwrap();
        let own = tenants.for_key("b").unwrap();
        assert_eq!(own.snapshot().success_count, 1, "it is the one that has had the call");
        own.reconfigure(Config::new().fail_max(1)).unwrap();
        assert_eq!((own.settings().fail_max, tenants.settings().fail_max), (Some(1), Some(5)));
        own.try_acquire().unwrap().failure();
        assert!(ask("b").await.is_err());
        tenants.reset();
        assert_eq!(own.state(), State::Closed);
        tenants.reconfigure(Config::new().recovery_timeout(Duration::from_secs(7))).unwrap();
        assert_eq!(own.settings().recovery_timeout.as_secs(), 7);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_value_that_was_asked_for_makes_room_unless_it_is_steered_or_held() {
    testing::isolated(async {
        let tenants = testing::breaker("tenants");
        drop(tenants.for_key("idle").unwrap());
        tenants.for_key("blocked").unwrap().force_open();
        for tenant in ["c", "d", "e"] {
            ask(tenant).await.unwrap();
        }
        assert!(known("tenants[idle]").is_none() && known("tenants[c]").is_none());
        assert_eq!(known("tenants[blocked]").unwrap().state(), State::ForcedOpen);
        tenants.for_key("set").unwrap().reconfigure(Config::new().fail_max(9)).unwrap();
        assert!(known("tenants[e]").is_none(), "it has made room");
        let error = tenants.for_key("third").unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::Conflict);
        assert!(error.to_string().contains("all `max_keys` keyed breakers are in use"), "{error}");
        assert!(known("tenants[*]").is_none(), "nobody has called yet for whom there is no room");
        ask("third").await.unwrap();
        assert!(known("tenants[*]").is_some() && known("tenants[third]").is_none());
        assert!(ask("blocked").await.is_err());
        tenants.for_key("blocked").unwrap().clear_override();
        let held = tenants.for_key("held").unwrap();
        assert!(known("tenants[blocked]").is_none());
        ask("f").await.unwrap();
        assert_eq!(held.name(), "tenants[held]");
        assert!(known("tenants[held]").is_some() && known("tenants[f]").is_none());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_breaker_without_a_key_has_no_values() {
    testing::isolated(async {
        whole().unwrap();
        let by_code = Registry::global().breaker("by_code", Config::new()).unwrap();
        let value = testing::breaker("tenants").for_key("a").unwrap();
        for breaker in [testing::breaker("whole"), by_code, value] {
            let error = breaker.for_key("a").unwrap_err();
            assert_eq!(error.kind(), ConfigErrorKind::UnknownName);
            assert!(error.to_string().contains("no annotated function with a `key` uses it"), "{error}");
            assert!(!breaker.is_keyed());
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn any_text_is_a_value_as_it_is_in_a_call() {
    testing::isolated(async {
        let tenants = testing::breaker("tenants");
        let long = "x".repeat(300);
        for value in ["*", "", "a]", "line\nbreak", &long] {
            let steered = tenants.for_key(value).unwrap();
            steered.force_open();
            let rejected = ask(value).await.unwrap_err();
            assert_eq!(rejected.breaker(), steered.name());
            steered.clear_override();
        }
        assert_eq!(tenants.for_key("*").unwrap().name(), "tenants[\\u{2a}]");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn listeners_hear_of_a_value_that_is_steered_before_its_first_call() {
    testing::isolated(async {
        let recording = testing::record();
        testing::breaker("tenants").for_key("a").unwrap().disable();
        ask("a").await.unwrap();
        recording.assert(["tenants[a]: closed -> disabled"]);
    })
    .await;
}
