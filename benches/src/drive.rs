//! Drive: the loop that makes the calls. It is compiled for each subject, as a caller's own code is.

use crate::body::Fault;
use crate::cases::Case;
use std::fmt;
use std::future::Future;
use std::hint::{black_box, spin_loop};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
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
pub struct Calls {
    run: Box<dyn Fn(u64) + Send + Sync>,
    kinds: Box<dyn Fn(u64) -> Vec<Kind> + Send + Sync>,
}

impl Calls {
    pub(crate) fn new<A: Answer>(case: Case, call: impl AsyncFnMut(u64) -> A + Clone + Send + Sync + 'static) -> Self {
        if case == Case::Pointer { Self::polled::<A, true>(case, call) } else { Self::polled::<A, false>(case, call) }
    }

    fn polled<A: Answer, const BY_POINTER: bool>(
        case: Case,
        call: impl AsyncFnMut(u64) -> A + Clone + Send + Sync + 'static,
    ) -> Self {
        let again = call.clone();
        let requests = case.requests();
        Self {
            run: Box::new(move |calls| {
                drive::<A, BY_POINTER>(calls, requests, call.clone(), |answer| _ = black_box(answer));
            }),
            kinds: Box::new(move |calls| {
                let mut kinds = Vec::new();
                drive::<A, BY_POINTER>(calls, requests, again.clone(), |answer| kinds.push(answer.kind()));
                kinds
            }),
        }
    }

    /// Makes so many calls, one after the other.
    pub fn run(&self, calls: u64) {
        (self.run)(calls);
    }

    /// Makes so many calls, and says how they ended.
    #[must_use]
    pub fn kinds(&self, calls: u64) -> Vec<Kind> {
        (self.kinds)(calls)
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

#[inline]
fn drive<A, const BY_POINTER: bool>(
    calls: u64,
    (mut request, step): (u64, u64),
    mut call: impl AsyncFnMut(u64) -> A,
    mut look: impl FnMut(&A),
) {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..calls {
        let mut future = pin!(call(black_box(request)));
        let polled = if BY_POINTER {
            let future: Pin<&mut dyn Future<Output = A>> = future.as_mut();
            black_box(future).poll(&mut context)
        } else {
            future.as_mut().poll(&mut context)
        };
        match polled {
            Poll::Ready(answer) => look(&answer),
            Poll::Pending => look(&wait(future)),
        }
        request += step;
    }
}

/// The answer of a call that waits, which none does but one whose breaker waits for another thread. It is asked again when it says
/// so, without a sleep, which would take longer than the call.
#[cold]
fn wait<F: Future>(mut future: Pin<&mut F>) -> F::Output {
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut spins = 0_u32;
    loop {
        if woken.0.swap(false, Ordering::AcqRel)
            && let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(&waker))
        {
            return answer;
        }
        spins += 1;
        if spins.is_multiple_of(10_000) { thread::yield_now() } else { spin_loop() }
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}
