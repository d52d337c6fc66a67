//! Wraps breaker-core.

use crate::{Answer, Body, Call, Fault, Guarded, Items, LONG, MARK, Rival, State};
use breaker_core::{
    CallError, CircuitBreaker, CircuitBreakerError, Config, Outcome, Registry, circuit_breaker, guard_stream_with,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

/// breaker-core, whose clock is tokio's in tests.
#[derive(Clone, Debug)]
pub struct Ours(CircuitBreaker);

impl Ours {
    fn new(config: Config) -> Self {
        Self(CircuitBreaker::new("ours", config.recovery_timeout(LONG)).expect("the settings are in their ranges"))
    }
}

impl Rival for Ours {
    const NAME: &str = "breaker-core";

    fn short() -> Self {
        Self::long()
    }

    fn long() -> Self {
        Self::after(1)
    }

    fn after(failures: usize) -> Self {
        Self::new(Config::new().fail_max(failures.try_into().expect("a small number")))
    }

    fn half_of_ten() -> Option<Self> {
        Some(Self::new(Config::new().failure_rate(0.5).window_calls(10)))
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

    async fn state_behind(open: Self) -> State {
        for _ in 0..Self::FAILURES {
            let rejected = behind(&open.0).await;
            assert!(rejected.is_err_and(|rejection| rejection.breaker() == "ours"), "the body ran");
        }
        shown(&Registry::global().get("behind").expect("it was called"))
    }

    fn stream(&self, items: Items) -> Guarded {
        let Ok(permit) = self.0.try_acquire() else { return stream::iter([Err(Answer::Rejected)]).boxed() };
        let guarded = guard_stream_with(permit, items, judge).until(|item| *item == MARK);
        guarded.map_err(Answer::Fault).boxed()
    }

    fn state(&self) -> State {
        shown(&self.0)
    }

    async fn wait(&self) {
        tokio::time::advance(LONG).await;
    }
}

/// The attribute's own rule for errors.
#[circuit_breaker(name = "behind", fail_max = 1)]
async fn behind(open: &CircuitBreaker) -> Result<(), CircuitBreakerError> {
    open.try_acquire().map(drop)
}

fn shown(breaker: &CircuitBreaker) -> State {
    match breaker.state() {
        breaker_core::State::Closed => State::Closed,
        breaker_core::State::HalfOpen => State::HalfOpen,
        _ => State::Open,
    }
}

fn judge<T>(result: &Result<T, Fault>) -> Outcome {
    match result {
        Ok(_) => Outcome::success(),
        Err(Fault::Caller) => Outcome::ignored(),
        Err(Fault::Service) => Outcome::failure(),
    }
}
