//! Logs at DEBUG, in a process of its own: the level holds for all threads.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CircuitBreakerError, Registry, circuit_breaker};
use common::log::Log;
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
