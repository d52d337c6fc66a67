//! Calls through `CircuitBreaker::call`.

use crate::body::body;
use crate::cases::Case;
use crate::drive::{Answer, Calls, Kind};
use crate::failure::Failure;
use crate::subjects::DAY;
use breaker_core::{CallError, CircuitBreaker, Config};
use std::time::Duration;

impl<E: Failure> Answer for Result<u64, CallError<E>> {
    fn kind(&self) -> Kind {
        match self {
            Ok(_) => Kind::Ok,
            Err(CallError::Inner(_)) => Kind::Err,
            Err(_) => Kind::Rejected,
        }
    }
}

pub(super) fn calls<E: Failure, const BY_POINTER: bool>(case: Case) -> Calls {
    let config = match case {
        Case::Err => Config::new().fail_max(1_000_000_000),
        Case::ErrAnyTime => Config::new().fail_max(1_000_000_000).fail_window_off(),
        Case::Open => Config::new().recovery_timeout(DAY),
        Case::Full => Config::new().recovery_timeout(Duration::ZERO).probe_timeout(DAY),
        _ => Config::new(),
    };
    let breaker = CircuitBreaker::new(case.name(), config).expect("the settings are in their ranges");
    let breaker: &CircuitBreaker = Box::leak(Box::new(breaker));
    let call = move |request| breaker.call(body::<E, BY_POINTER>(request));
    if case.rejects() {
        Calls::new::<_, BY_POINTER>(Case::Err, call).run(5);
    }
    if case == Case::Full {
        // Never dropped, so that the slot stays taken.
        Box::leak(Box::new(breaker.try_acquire()));
    }
    Calls::new::<_, BY_POINTER>(case, call)
}
