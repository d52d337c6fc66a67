//! Calls within calls of one breaker: one question is one count, whatever it passes through, and no
//! trial sticks by it.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "nesting/admission.rs"]
mod admission;
#[path = "nesting/attribute.rs"]
mod attribute;
mod common;
#[path = "nesting/drops.rs"]
mod drops;
#[path = "nesting/evidence.rs"]
mod evidence;
#[path = "nesting/handle.rs"]
mod handle;
#[path = "nesting/keyed.rs"]
mod keyed;
#[path = "nesting/masked_failures.rs"]
mod masked_failures;
#[path = "nesting/outside.rs"]
mod outside;
#[path = "nesting/streams.rs"]
mod streams;
#[path = "nesting/together.rs"]
mod together;
#[path = "nesting/told.rs"]
mod told;
#[path = "nesting/trials.rs"]
mod trials;

use breaker_core::{CallError, CircuitBreaker, CircuitBreakerError, State, testing};
use common::secs;
use std::sync::atomic::{AtomicBool, Ordering};

/// An error of a service.
#[derive(Clone, Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Breaker(#[from] CircuitBreakerError),
    #[error("refused")]
    Refused,
    #[error("no such item")]
    Missing,
    #[error("not asked")]
    Invalid,
}

/// An error of a call by a handle is that of the call within.
impl From<CallError<Self>> for Fault {
    fn from(error: CallError<Self>) -> Self {
        match error {
            CallError::Rejected(error) => Self::Breaker(error),
            CallError::Inner(fault) => fault,
        }
    }
}

type Answer = Result<u8, Fault>;

/// A service that is up or down.
#[derive(Default)]
struct Service {
    down: AtomicBool,
}

impl Service {
    fn answer(&self) -> Answer {
        if self.down.load(Ordering::Relaxed) { Err(Fault::Refused) } else { Ok(1) }
    }

    fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }
}

/// Successes, ignored results, failures, dropped calls, rejections.
fn counts(breaker: &CircuitBreaker) -> [u64; 5] {
    let seen = breaker.snapshot();
    [seen.success_count, seen.ignored_count, seen.failure_count, seen.cancelled_count, seen.rejected_count]
}

/// A question passes through several calls of this breaker (`fail_max` is 3). It counts once, and
/// opens the breaker as late as it would alone. The first one that a service answers again closes
/// it.
async fn asks_once(name: &str, service: &Service, mut ask: impl AsyncFnMut() -> Answer) {
    let breaker = testing::breaker(name);
    ask().await.unwrap();
    assert_eq!(counts(&breaker), [1, 0, 0, 0, 0], "{name}: a success is one success");
    service.set_down(true);
    for failures in 1..=3 {
        assert_eq!(breaker.state(), State::Closed, "{name}: after {} failures", failures - 1);
        ask().await.unwrap_err();
        assert_eq!(counts(&breaker), [1, 0, failures, 0, 0], "{name}: a failure is one failure");
    }
    assert_eq!(breaker.state(), State::Open, "{name}: after 3 failures");
    ask().await.unwrap_err();
    assert_eq!(counts(&breaker), [1, 0, 3, 0, 1], "{name}: a rejection is one rejection");
    tokio::time::advance(secs(30)).await;
    ask().await.unwrap_err();
    assert_eq!(counts(&breaker), [1, 0, 4, 0, 1], "{name}: a probe is one question too");
    service.set_down(false);
    tokio::time::advance(secs(30)).await;
    ask().await.unwrap();
    assert_eq!((breaker.state(), counts(&breaker)), (State::Closed, [2, 0, 4, 0, 1]), "{name}: it closes");
}
