//! Wraps tower-resilience-circuitbreaker.

use crate::{Answer, Body, Call, Fault, LONG, Rival, State};
use ::tower::util::ServiceFn;
use ::tower::{Layer as _, ServiceExt as _, service_fn};
use futures_util::TryFutureExt as _;
use std::future::ready;
use std::time::Duration;
use tower_resilience_circuitbreaker::{
    CircuitBreaker, CircuitBreakerConfigBuilder, CircuitBreakerError, CircuitBreakerHandle, CircuitBreakerLayer,
    CircuitState, FnClassifier,
};

type Service = ServiceFn<fn(Body) -> Body>;
type Judge = FnClassifier<fn(&Result<(), Fault>) -> bool>;

/// tower-resilience-circuitbreaker, around a service whose requests are bodies.
#[derive(Clone)]
pub struct Tower {
    service: CircuitBreaker<Service, Judge>,
    handle: CircuitBreakerHandle<Judge>,
}

impl Tower {
    fn consecutive(failures: usize, wait: Duration) -> Self {
        Self::new(CircuitBreakerLayer::builder().consecutive_failures(failures), wait)
    }

    /// Every open period is as long as the first one.
    fn new(builder: CircuitBreakerConfigBuilder, wait: Duration) -> Self {
        let judge: fn(&Result<(), Fault>) -> bool = |result| *result == Err(Fault::Service);
        let run: fn(Body) -> Body = |body| body;
        let (layer, handle) = builder
            .permitted_calls_in_half_open(1)
            .wait_duration_in_open(wait)
            .failure_classifier(judge)
            .build_with_handle()
            .expect("the settings are in their ranges");
        Self { service: layer.layer(service_fn(run)), handle }
    }
}

impl Rival for Tower {
    const NAME: &str = "tower-resilience-circuitbreaker";

    fn short() -> Self {
        Self::consecutive(1, Duration::ZERO)
    }

    fn long() -> Self {
        Self::after(1)
    }

    fn after(failures: usize) -> Self {
        Self::consecutive(failures, LONG)
    }

    fn half_of_ten() -> Option<Self> {
        let builder = CircuitBreakerLayer::builder().failure_rate_threshold(0.5).sliding_window_size(10);
        Some(Self::new(builder, LONG))
    }

    fn call(&self, body: Body) -> Call {
        Box::pin(self.service.clone().oneshot(body).map_err(|error| match error {
            CircuitBreakerError::Inner(fault) => Answer::Fault(fault),
            CircuitBreakerError::OpenCircuit => Answer::Rejected,
        }))
    }

    async fn state_behind(open: Self) -> State {
        let builder = CircuitBreakerLayer::builder().consecutive_failures(1).wait_duration_in_open(LONG);
        let (layer, handle) = builder.build_with_handle().expect("the settings are in their ranges");
        let service = layer.layer(open.service);
        for _ in 0..Self::FAILURES {
            let rejected = service.clone().oneshot(Box::pin(ready(Ok(())))).await;
            assert!(matches!(rejected, Err(CircuitBreakerError::Inner(CircuitBreakerError::OpenCircuit))));
        }
        shown(handle.state())
    }

    fn state(&self) -> State {
        shown(self.handle.state())
    }

    /// A wait of zero is over at once.
    async fn wait(&self) {}
}

impl std::fmt::Debug for Tower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tower").field("state", &self.state()).finish_non_exhaustive()
    }
}

fn shown(state: CircuitState) -> State {
    match state {
        CircuitState::Closed => State::Closed,
        CircuitState::Open => State::Open,
        CircuitState::HalfOpen => State::HalfOpen,
    }
}
