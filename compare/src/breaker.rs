//! Wraps the crate `breaker`.

use crate::{Answer, Body, Call, Fault, LONG, Rival, State};
use ::breaker::{BackoffStrategy, CircuitBreaker, CircuitBreakerConfig, CircuitBreakerError};
use std::time::Duration;

/// breaker, with its rule for consecutive failures.
#[derive(Clone, Debug)]
pub struct Breaker(CircuitBreaker);

impl Breaker {
    fn new(backoff: BackoffStrategy) -> Self {
        let config = CircuitBreakerConfig::builder()
            .consecutive_failures(1)
            .failure_rate_threshold(0.0)
            .half_open_max_calls(1)
            .success_threshold(1)
            .failure_predicate(|fault: &Fault| *fault == Fault::Service)
            .backoff(backoff);
        Self(CircuitBreaker::new(config.build()))
    }
}

impl Rival for Breaker {
    const NAME: &str = "breaker";

    fn short() -> Self {
        let initial = Duration::from_micros(1);
        Self::new(BackoffStrategy::Exponential { initial, max: LONG, factor: 1e12 })
    }

    fn long() -> Self {
        Self::new(BackoffStrategy::Fixed(LONG))
    }

    fn call(&self, body: Body) -> Call {
        let breaker = self.0.clone();
        Box::pin(async move {
            breaker.call(|| body).await.map_err(|error| match error {
                CircuitBreakerError::Failure(fault) => Answer::Fault(fault),
                _ => Answer::Rejected,
            })
        })
    }

    fn state(&self) -> State {
        match self.0.state() {
            ::breaker::State::Closed => State::Closed,
            ::breaker::State::Open => State::Open,
            ::breaker::State::HalfOpen => State::HalfOpen,
        }
    }

    /// A microsecond of wall time, after which it shows another state.
    async fn wait(&self) {
        crate::spin_until(|| !self.0.is_open());
    }
}
