//! Attribute: annotated async functions, with the default features.

use crate::body::{Fault, upstream};
use crate::cases::Case;
use crate::drive::Calls;
use breaker_core::{Registry, circuit_breaker};
use std::future::Future;

#[circuit_breaker(name = "closed")]
async fn closed(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "failing", fail_max = 1_000_000_000)]
async fn failing(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "open", recovery_timeout = "1d")]
async fn open(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

#[circuit_breaker(name = "full", recovery_timeout = "0s", probe_timeout = "1d")]
async fn full(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

pub(super) fn calls(case: Case) -> Option<Calls> {
    Some(match case {
        Case::Ok | Case::ErrOk => Calls::new(case, closed),
        Case::Err => Calls::new(case, failing),
        Case::Open => Calls::new(case, opened(open)),
        Case::Full => {
            let call = opened(full);
            // Never dropped, so that the slot stays taken.
            let probe = Registry::global().get("full").and_then(|breaker| breaker.try_acquire().ok());
            Box::leak(Box::new(probe));
            Calls::new(case, call)
        }
    })
}

/// The function, whose breaker has seen as many failures as open it.
fn opened<F, C>(call: C) -> C
where
    F: Future<Output = Result<u64, Fault>>,
    C: Fn(u64) -> F + Copy + Send + Sync + 'static,
{
    Calls::new(Case::Err, call).run(5);
    call
}
