//! Calls through failsafe, with its rule for consecutive failures.
//!
//! It admits any number of probes.

use crate::body::body;
use crate::cases::Case;
use crate::drive::{Answer, Calls, Kind};
use crate::failure::Failure;
use crate::subjects::DAY;
use ::failsafe::futures::CircuitBreaker as _;
use ::failsafe::{Config, Error, backoff, failure_policy};

impl<E: Failure> Answer for Result<u64, Error<E>> {
    fn kind(&self) -> Kind {
        match self {
            Ok(_) => Kind::Ok,
            Err(Error::Inner(_)) => Kind::Err,
            Err(Error::Rejected) => Kind::Rejected,
        }
    }
}

pub(super) fn calls<E: Failure, const BY_POINTER: bool>(case: Case) -> Calls {
    let fail_max = if case == Case::Err { u32::MAX } else { 5 };
    let policy = failure_policy::consecutive_failures(fail_max, backoff::constant(DAY));
    let breaker: &_ = Box::leak(Box::new(Config::new().failure_policy(policy).build()));
    let call = move |request| breaker.call(body::<E, BY_POINTER>(request));
    if case == Case::Open {
        Calls::new::<_, BY_POINTER>(Case::Err, call).run(5);
    }
    Calls::new::<_, BY_POINTER>(case, call)
}
