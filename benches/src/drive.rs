//! Runs the loop that makes the calls.
//!
//! The compiler specialises it for each subject, as it does a caller's own code.

use crate::body::take_runs;
use crate::cases::Case;
use crate::failure::Failure;
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
    /// The body did not run.
    Rejected,
}

/// What is known of a call that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What its result says. An error of no bytes looks the same whether the body ran or not.
    pub kind: Kind,
    /// Whether the body ran. Only builds with debug assertions know.
    pub ran: bool,
}

/// The result of a call.
pub(crate) trait Answer {
    fn kind(&self) -> Kind;
}

impl<E: Failure> Answer for Result<u64, E> {
    fn kind(&self) -> Kind {
        self.as_ref().map_or_else(E::kind, |_| Kind::Ok)
    }
}

impl Answer for u64 {
    fn kind(&self) -> Kind {
        Kind::Ok
    }
}

/// Calls that are ready to be made, any number of times and from any thread.
pub struct Calls(Box<Make>);

/// Makes N calls, and reports how each ended to a caller that asks.
type Make = dyn Fn(u64, Option<&mut Vec<Ending>>) + Send + Sync;

impl Calls {
    /// `BY_POINTER`: whether the future is polled through a pointer.
    pub(crate) fn new<A: Answer, const BY_POINTER: bool>(
        case: Case,
        call: impl AsyncFnMut(u64) -> A + Clone + Send + Sync + 'static,
    ) -> Self {
        let requests = case.requests();
        Self(Box::new(move |calls, endings| drive::<A, BY_POINTER>(calls, requests, call.clone(), endings)))
    }

    /// Makes N calls, one after the other.
    pub fn run(&self, calls: u64) {
        (self.0)(calls, None);
    }

    /// Makes N calls, and returns how they ended.
    #[must_use]
    pub fn endings(&self, calls: u64) -> Vec<Ending> {
        let mut endings = Vec::new();
        take_runs();
        (self.0)(calls, Some(&mut endings));
        endings
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").finish_non_exhaustive()
    }
}

/// Starts one call that waits, and never ends it.
pub(crate) fn hold<F: Future + 'static>(call: F) {
    let call = Box::leak(Box::new(Box::pin(call)));
    let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "the call waits");
}

/// Polls one future in place until it is ready, as an executor with a single future does. Only a
/// call whose breaker waits for another thread is not ready at once. The loop polls it again
/// without a sleep, which would take longer than the call.
///
/// The only place that polls a subject's calls, so the compiler may inline them like any call with
/// one callsite.
#[inline]
fn drive<A: Answer, const BY_POINTER: bool>(
    calls: u64,
    (mut request, step): (u64, u64),
    mut call: impl AsyncFnMut(u64) -> A,
    mut endings: Option<&mut Vec<Ending>>,
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
        if let Some(endings) = &mut endings {
            endings.push(Ending { kind: answer.kind(), ran: take_runs() > 0 });
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
