//! Calls through recloser, which only knows the failure rate of a ring of 100 results.
//!
//! It admits any number of probes.

use crate::body::body;
use crate::cases::Case;
use crate::drive::{Answer, Calls, Kind};
use crate::failure::Failure;
use crate::subjects::DAY;
use ::recloser::{AsyncRecloser, Error, Recloser};

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
    let rate = match case {
        // No failure rate is as high.
        Case::Err | Case::ErrOk => 2.0,
        _ => 0.5,
    };
    let recloser = Recloser::custom().error_rate(rate).closed_len(100).open_wait(DAY).build();
    let breaker: &AsyncRecloser = Box::leak(Box::new(recloser.into()));
    let call = move |request| breaker.call(body::<E, BY_POINTER>(request));
    // The ring has to be full before the next result decides.
    if case == Case::Open {
        Calls::new::<_, BY_POINTER>(Case::Err, call).run(101);
    }
    Calls::new::<_, BY_POINTER>(case, call)
}
