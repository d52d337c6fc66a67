//! Wraps the crate `breaker`.

use crate::{Answer, Body, Call, Fault, LONG, Rival, State};
use ::breaker::{BackoffStrategy, CircuitBreaker, CircuitBreakerConfig, CircuitBreakerError};
use std::future::ready;
use std::time::Duration;

/// breaker, with its rule for consecutive failures.
#[derive(Clone, Debug)]
pub struct Breaker(CircuitBreaker);

impl Breaker {
    fn new(failures: u32, rate: f32, backoff: BackoffStrategy) -> Self {
        let config = CircuitBreakerConfig::builder()
            .consecutive_failures(failures)
            .failure_rate_threshold(rate)
            .sliding_window_size(10)
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
        Self::new(1, 0.0, BackoffStrategy::Exponential { initial, max: LONG, factor: 1e12 })
    }

    fn long() -> Self {
        Self::after(1)
    }

    fn after(failures: usize) -> Self {
        Self::new(failures.try_into().expect("a small number"), 0.0, BackoffStrategy::Fixed(LONG))
    }

    fn half_of_ten() -> Option<Self> {
        Some(Self::new(u32::MAX, 0.5, BackoffStrategy::Fixed(LONG)))
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

    async fn state_behind(open: Self) -> State {
        let config = CircuitBreakerConfig::builder().consecutive_failures(1).backoff(BackoffStrategy::Fixed(LONG));
        let breaker = Self(CircuitBreaker::new(config.build()));
        for _ in 0..Self::FAILURES {
            let rejected = breaker.0.call(|| open.0.call(|| ready(Ok::<(), Fault>(())))).await;
            assert!(matches!(rejected, Err(CircuitBreakerError::Failure(CircuitBreakerError::CircuitOpen))));
        }
        breaker.state()
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
