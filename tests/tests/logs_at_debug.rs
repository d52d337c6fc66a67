//! Logs at DEBUG, in a process of its own: the level holds for all threads.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, Registry, State, circuit_breaker, fallback};
use common::log::Log;
use futures_util::FutureExt as _;
use tracing::Level;

#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error(transparent)]
    Open(#[from] CircuitBreakerError),
    #[error("cannot read the answer")]
    Decode,
}

#[circuit_breaker(name = "debugged", fail_max = 1)]
async fn debugged(healthy: bool) -> Result<(), ApiError> {
    if healthy { Ok(()) } else { Err(ApiError::Decode) }
}

#[circuit_breaker(name = "debugged_steps")]
#[fallback(first = |_| None, second = refuse, on(open, failure))]
async fn debugged_steps() -> Result<(), ApiError> {
    Err(ApiError::Decode)
}

fn refuse() -> Result<Option<()>, ApiError> {
    let breaker = Registry::global().get("debugged_steps").unwrap();
    if breaker.state() == State::Closed { Ok(None) } else { Err(ApiError::Decode) }
}

#[tokio::test(start_paused = true)]
async fn at_debug_a_fallback_that_did_not_help_is_told() {
    let log = Log::at(Level::DEBUG);
    debugged_steps().await.unwrap_err();
    Registry::global().get("debugged_steps").unwrap().force_open();
    debugged_steps().await.unwrap_err();
    let lines: Vec<_> = log.lines().into_iter().filter(|line| line.contains("circuit_fallback_failed")).collect();
    let [declined, failed] = &lines[..] else { panic!("{lines:#?}") };
    assert!(declined.contains("every fallback step declined") && declined.contains("failure"), "{declined}");
    assert!(failed.contains("fallback step returned an error") && failed.contains("second"), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn at_debug_every_call_is_told_with_its_event_type() {
    let log = Log::at(Level::DEBUG);
    debugged(true).await.unwrap();
    debugged(false).await.unwrap_err();
    debugged(false).await.unwrap_err();
    Registry::global().get("debugged").unwrap().reset();
    let lines: Vec<_> = log.lines().into_iter().filter(|line| line.contains("debugged")).collect();
    for event in [
        "circuit_call_attempt",
        "circuit_success",
        "circuit_failure",
        "circuit_state_change",
        "circuit_rejected",
        "circuit_breaker_reset",
    ] {
        assert!(lines.iter().any(|line| line.contains(event)), "{event} in {lines:#?}");
    }
}

#[circuit_breaker(name = "fails_on", fail_max = 9)]
async fn fails_on() -> Result<(), ApiError> {
    Err(ApiError::Decode)
}

#[test]
fn at_debug_each_failure_of_a_run_is_told() {
    let log = Log::at(Level::DEBUG);
    let handle = CircuitBreaker::new("by_handle", Config::new().fail_max(9)).unwrap();
    for _ in 0..3 {
        handle.call_sync(|| Err::<(), _>("down")).unwrap_err();
        fails_on().now_or_never().unwrap().unwrap_err();
    }
    for name in ["by_handle", "fails_on"] {
        let failures = |line: &&String| line.contains("circuit_failure") && line.contains(name);
        assert_eq!(log.lines().iter().filter(failures).count(), 3, "{name}: {:#?}", log.lines());
    }
}
