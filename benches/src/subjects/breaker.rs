//! Calls through the crate `breaker`, with its rule for consecutive failures.

use crate::body::{body, body_or_wait};
use crate::cases::Case;
use crate::drive::{Answer, Calls, Kind, hold};
use crate::failure::Failure;
use crate::subjects::DAY;
use ::breaker::{BackoffStrategy, CircuitBreaker, CircuitBreakerConfig, CircuitBreakerError};
use std::time::Duration;

impl<E: Failure> Answer for Result<u64, CircuitBreakerError<E>> {
    fn kind(&self) -> Kind {
        match self {
            Ok(_) => Kind::Ok,
            Err(CircuitBreakerError::Failure(_)) => Kind::Err,
            Err(_) => Kind::Rejected,
        }
    }
}

pub(super) fn calls<E: Failure, const BY_POINTER: bool>(case: Case) -> Calls {
    let (failures, wait) = match case {
        Case::Err => (u32::MAX, DAY),
        Case::Full => (5, Duration::ZERO),
        _ => (5, DAY),
    };
    let config = CircuitBreakerConfig::builder()
        .consecutive_failures(failures)
        .failure_rate_threshold(0.0)
        .half_open_max_calls(1)
        .backoff(BackoffStrategy::Fixed(wait));
    let breaker: &CircuitBreaker = Box::leak(Box::new(CircuitBreaker::new(config.build())));
    let call = move |request| breaker.call(move || body::<E, BY_POINTER>(request));
    if case.rejects() {
        Calls::new::<_, BY_POINTER>(Case::Err, call).run(5);
    }
    if case == Case::Full {
        hold(breaker.call(|| body_or_wait::<E>(0)));
    }
    Calls::new::<_, BY_POINTER>(case, call)
}
