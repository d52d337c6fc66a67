//! The annotated function that calls with a fallback go through.

use crate::run::{Answer, Original, pass};
use breaker_core::{CallError, CircuitBreakerError, Outcome, circuit_breaker, fallback};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What the body does, and whether it ran.
#[derive(Clone)]
pub(crate) struct Body {
    took: Duration,
    is_ok: bool,
    outcome: Outcome,
    ran: Arc<AtomicBool>,
}

impl Body {
    pub(crate) fn new(took: Duration, is_ok: bool, outcome: Outcome) -> Self {
        Self { took, is_ok, outcome, ran: Arc::default() }
    }

    pub(crate) fn ran(&self) -> bool {
        self.ran.load(Ordering::Relaxed)
    }
}

enum Failed {
    Body(Outcome),
    Breaker(CircuitBreakerError),
}

impl From<CircuitBreakerError> for Failed {
    fn from(error: CircuitBreakerError) -> Self {
        Self::Breaker(error)
    }
}

fn judged(result: &Result<Outcome, Failed>) -> Outcome {
    match result {
        Ok(outcome) | Err(Failed::Body(outcome)) => *outcome,
        Err(Failed::Breaker(_)) => Outcome::ignored(),
    }
}

#[circuit_breaker(name = "conformance", classify = judged)]
#[fallback(echo, on(open, failure))]
async fn call(body: Body) -> Result<Outcome, Failed> {
    body.ran.store(true, Ordering::Relaxed);
    pass(body.took).await;
    if body.is_ok { Ok(body.outcome) } else { Err(Failed::Body(body.outcome)) }
}

#[expect(clippy::needless_pass_by_value, reason = "a step is called as the function is")]
fn echo(body: Body) -> Option<Outcome> {
    Some(body.outcome)
}

pub(crate) async fn guarded(body: Body) -> Answer {
    call(body).await.map(drop).map_err(|error| match error {
        Failed::Body(_) => CallError::Inner(Original),
        Failed::Breaker(error) => CallError::Rejected(error),
    })
}
