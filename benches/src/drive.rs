//! Drive: the loop that makes the calls. It is compiled for each subject, as a caller's own code
//! is.

use crate::body::Fault;
use crate::cases::Case;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::hint::{black_box, spin_loop};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::thread;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The body succeeded.
    Ok,
    /// The body failed.
    Err,
    /// The body has not run.
    Rejected,
}

/// What a call gives.
pub(crate) trait Answer {
    fn kind(&self) -> Kind;
}

impl Answer for Result<u64, Fault> {
    fn kind(&self) -> Kind {
        match self {
            Ok(_) => Kind::Ok,
            Err(Fault::Service) => Kind::Err,
            Err(Fault::Refused | Fault::Until { .. } | Fault::Open(_)) => Kind::Rejected,
        }
    }
}

impl Answer for u64 {
    fn kind(&self) -> Kind {
        Kind::Ok
    }
}

/// Calls that are ready to be made, as many as one likes and from any thread.
pub struct Calls(Box<Make>);

/// Makes so many calls, and says how they ended where somebody wants to know.
type Make = dyn Fn(u64, Option<&mut Vec<Kind>>) + Send + Sync;

impl Calls {
    /// `BY_POINTER`: the future is polled so.
    pub(crate) fn new<A: Answer, const BY_POINTER: bool>(
        case: Case,
        call: impl AsyncFnMut(u64) -> A + Clone + Send + Sync + 'static,
    ) -> Self {
        let requests = case.requests();
        Self(Box::new(move |calls, kinds| drive::<A, BY_POINTER>(calls, requests, call.clone(), kinds)))
    }

    /// Makes so many calls, one after the other.
    pub fn run(&self, calls: u64) {
        (self.0)(calls, None);
    }

    /// Makes so many calls, and says how they ended.
    #[must_use]
    pub fn kinds(&self, calls: u64) -> Vec<Kind> {
        let mut kinds = Vec::new();
        (self.0)(calls, Some(&mut kinds));
        kinds
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").finish_non_exhaustive()
    }
}

/// Begins one call that waits, and never ends it.
pub(crate) fn hold<F: Future + 'static>(call: F) {
    let call = Box::leak(Box::new(Box::pin(call)));
    let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "the call waits");
}

/// As an executor does that has one future: it polls it where it stands until it is ready. Only a
/// call whose breaker waits for another thread is not ready at once; it is asked again and again,
/// without a sleep, which would take longer than the call.
///
/// A subject's calls are polled here alone, so that the compiler may inline them as it does what a
/// program calls at one place.
#[inline]
fn drive<A: Answer, const BY_POINTER: bool>(
    calls: u64,
    (mut request, step): (u64, u64),
    mut call: impl AsyncFnMut(u64) -> A,
    mut kinds: Option<&mut Vec<Kind>>,
) {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..calls {
        let mut future = pin!(call(black_box(request)));
        let answer = loop {
            let polled = if BY_POINTER {
                let future: Pin<&mut dyn Future<Output = A>> = future.as_mut();
                black_box(future).poll(&mut context)
            } else {
                future.as_mut().poll(&mut context)
            };
            match polled {
                Poll::Ready(answer) => break answer,
                Poll::Pending => idle(),
            }
        };
        if let Some(kinds) = &mut kinds {
            kinds.push(answer.kind());
        }
        black_box(&answer);
        request += step;
    }
}

#[cold]
fn idle() {
    thread_local!(static SPINS: Cell<u32> = const { Cell::new(0) });
    SPINS.set(SPINS.get().wrapping_add(1));
    if SPINS.get().is_multiple_of(10_000) { thread::yield_now() } else { spin_loop() }
}
