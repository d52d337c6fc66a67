//! Defines the body that each admitted call runs.

use crate::failure::{Failure, Fault};
use std::cell::Cell;
use std::hint::black_box;

/// Even requests succeed, odd ones fail. It is not inlined, so it is the same code behind each
/// breaker.
#[inline(never)]
pub(crate) fn upstream(request: u64) -> Result<u64, Fault> {
    if even(request) { Ok(request) } else { Err(Fault::Service) }
}

/// Only this branch is out of line, and the caller makes the result. A result that a function
/// returns through memory makes its reader wait for the stores, which hides what runs meanwhile.
#[inline(never)]
pub(crate) fn succeeds(request: u64) -> bool {
    even(request)
}

#[inline]
fn even(request: u64) -> bool {
    if cfg!(debug_assertions) {
        RUNS.set(RUNS.get() + 1);
    }
    black_box(request) & 1 == 0
}

thread_local!(static RUNS: Cell<u64> = const { Cell::new(0) });

/// How often this thread has run the body since the last look. Only builds with debug assertions
/// count, since the count would take time.
#[cold]
pub(crate) fn take_runs() -> u64 {
    RUNS.take()
}

/// The bare call. The polled-by-pointer case uses another function, which leaves the first one to
/// be inlined.
pub(crate) async fn body<E: Failure, const BY_POINTER: bool>(request: u64) -> Result<u64, E> {
    E::upstream(request)
}

/// A body that waits forever where [`body`] succeeds, for the probe that holds a slot.
pub(crate) async fn body_or_wait<E: Failure>(request: u64) -> Result<u64, E> {
    if request & 1 == 0 {
        std::future::pending::<()>().await;
    }
    E::upstream(request)
}
