//! Calls through tower-resilience-circuitbreaker, with its rule for consecutive failures.

use crate::body::{body, body_or_wait};
use crate::cases::Case;
use crate::drive::{Answer, Calls, Kind, hold};
use crate::failure::Fault;
use crate::subjects::DAY;
use ::tower::{Layer as _, Service, ServiceExt as _, service_fn};
use std::time::Duration;
use tower_resilience_circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer};

type Answered = Result<u64, CircuitBreakerError<Fault>>;

impl Answer for Answered {
    fn kind(&self) -> Kind {
        match self {
            Ok(_) => Kind::Ok,
            Err(CircuitBreakerError::Inner(_)) => Kind::Err,
            Err(_) => Kind::Rejected,
        }
    }
}

pub(super) fn calls<const BY_POINTER: bool>(case: Case) -> Calls {
    let (failures, wait) = match case {
        Case::Err => (usize::MAX, DAY),
        Case::Full => (5, Duration::ZERO),
        _ => (5, DAY),
    };
    let layer = CircuitBreakerLayer::builder()
        .consecutive_failures(failures)
        .permitted_calls_in_half_open(1)
        .wait_duration_in_open(wait)
        .build()
        .expect("the settings are in their ranges");
    if case == Case::Full {
        let call = requests(layer.layer(service_fn(body_or_wait::<Fault>)));
        Calls::new::<_, BY_POINTER>(Case::Err, call.clone()).run(5);
        hold(Box::leak(Box::new(call.clone()))(0));
        return Calls::new::<_, BY_POINTER>(case, call);
    }
    let call = requests(layer.layer(service_fn(body::<Fault, BY_POINTER>)));
    if case == Case::Open {
        Calls::new::<_, BY_POINTER>(Case::Err, call.clone()).run(5);
    }
    Calls::new::<_, BY_POINTER>(case, call)
}

/// Calls of a service, each after the service is ready.
fn requests<S>(service: S) -> impl AsyncFnMut(u64) -> Answered + Clone + Send + Sync + 'static
where
    S: Service<u64, Response = u64, Error = CircuitBreakerError<Fault>> + Clone + Send + Sync + 'static,
{
    let mut service = service;
    async move |request| service.ready().await?.call(request).await
}
