//! Wraps breaker-core.

use crate::{Answer, Body, Call, Fault, LONG, Rival, State};
use breaker_core::{CallError, CircuitBreaker, Config, Outcome};

/// breaker-core, whose clock is tokio's in tests.
#[derive(Clone, Debug)]
pub struct Ours(CircuitBreaker);

impl Rival for Ours {
    const NAME: &str = "breaker-core";

    fn short() -> Self {
        Self::long()
    }

    fn long() -> Self {
        let config = Config::new().fail_max(1).recovery_timeout(LONG);
        Self(CircuitBreaker::new("ours", config).expect("the settings are in their ranges"))
    }

    fn call(&self, body: Body) -> Call {
        let breaker = self.0.clone();
        Box::pin(async move {
            breaker.call_classified(body, judge).await.map_err(|error| match error {
                CallError::Inner(fault) => Answer::Fault(fault),
                CallError::Rejected(_) => Answer::Rejected,
            })
        })
    }

    fn state(&self) -> State {
        match self.0.state() {
            breaker_core::State::Closed => State::Closed,
            breaker_core::State::HalfOpen => State::HalfOpen,
            _ => State::Open,
        }
    }

    async fn wait(&self) {
        tokio::time::advance(LONG).await;
    }
}

fn judge(result: &Result<(), Fault>) -> Outcome {
    match result {
        Ok(()) => Outcome::success(),
        Err(Fault::Caller) => Outcome::ignored(),
        Err(Fault::Service) => Outcome::failure(),
    }
}
