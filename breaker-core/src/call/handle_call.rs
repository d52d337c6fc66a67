//! Runs a call by a handle as a future. It holds the body in one place, and never moves it.

use crate::breaker::caller::Caller;
use crate::breaker::classification::Classification;
use crate::breaker::error::CallError;
use crate::breaker::handle::CircuitBreaker;
use crate::call::borrowed::{BorrowedPermit, Origin};
use crate::call::by_handle::finish;
use crate::call::permit::Permit;
use crate::call::timeout;
use pin_project_lite::pin_project;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// A call by a handle.
    pub(crate) struct HandleCall<'b, F, C, O> {
        breaker: &'b CircuitBreaker,
        // Dropped before the permit, which counts the call. `None`: the body has ended.
        #[pin]
        body: Option<F>,
        progress: Progress<'b>,
        // `None`: it has classified the result.
        classify: Option<C>,
        origin: PhantomData<O>,
    }

    impl<F, C, O> PinnedDrop for HandleCall<'_, F, C, O> {
        /// The inner calls of the body are dropped with it.
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            let progress = this.project().progress;
            if progress.waits() {
                progress.close();
            }
        }
    }
}

/// How far a call has come.
struct Progress<'b>(Stage<'b>);

/// The stage of a call that is being polled is `Over`. A permit in a stage is not dropped with the
/// stage, so that a stage is set by a store. [`Progress`] drops it.
enum Stage<'b> {
    NotStarted,
    /// The body waits. One load of the packed state has admitted the call.
    Borrowed(ManuallyDrop<BorrowedPermit<'b>>),
    /// The body waits. The call was admitted in another way.
    Held(ManuallyDrop<(Permit, Option<timeout::Limit>)>),
    Over,
}

impl<'b> Progress<'b> {
    /// Takes out the borrowed permit of a call that waits, if it has one.
    #[inline(never)]
    fn resume(&mut self) -> Option<BorrowedPermit<'b>> {
        match mem::replace(&mut self.0, Stage::Over) {
            Stage::Borrowed(permit) => Some(ManuallyDrop::into_inner(permit)),
            other => {
                self.0 = other;
                None
            }
        }
    }

    #[inline]
    fn waits(&self) -> bool {
        !matches!(self.0, Stage::NotStarted | Stage::Over)
    }

    /// The body is dropped next, while it waits.
    #[inline(never)]
    fn close(&mut self) {
        match &mut self.0 {
            Stage::Borrowed(permit) => permit.close(),
            Stage::Held(held) => held.0.close(),
            Stage::NotStarted | Stage::Over => {}
        }
    }

    /// Ends a call that was dropped while it waited.
    #[inline(never)]
    fn abandon(&mut self) {
        match mem::replace(&mut self.0, Stage::Over) {
            Stage::Borrowed(permit) => drop(ManuallyDrop::into_inner(permit)),
            Stage::Held(held) => drop(ManuallyDrop::into_inner(held)),
            Stage::NotStarted | Stage::Over => {}
        }
    }
}

impl Drop for Progress<'_> {
    /// Small, since every future of a call contains it.
    #[inline]
    fn drop(&mut self) {
        if self.waits() {
            self.abandon();
        }
    }
}

impl<'b, F, C, O> HandleCall<'b, F, C, O> {
    #[inline]
    pub(crate) fn new(breaker: &'b CircuitBreaker, body: F, classify: C) -> Self {
        Self {
            breaker,
            body: Some(body),
            progress: Progress(Stage::NotStarted),
            classify: Some(classify),
            origin: PhantomData,
        }
    }
}

impl<T, E, F, C, K, O> Future for HandleCall<'_, F, C, O>
where
    F: Future<Output = Result<T, E>>,
    C: FnOnce(&Result<T, E>) -> K,
    K: Classification<E>,
    O: Origin,
{
    type Output = Result<T, CallError<E>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let breaker = self.breaker;
        let is_first = matches!(self.progress.0, Stage::NotStarted);
        let mut permit = if is_first { BorrowedPermit::of(breaker) } else { self.as_mut().project().progress.resume() };
        if let Some(borrowed) = &mut permit {
            let polled = self.as_mut().poll_borrowed(borrowed, context);
            if polled.is_pending() {
                self.project().progress.0 =
                    permit.map_or(Stage::Over, |permit| Stage::Borrowed(ManuallyDrop::new(permit)));
            }
            return polled;
        }
        if let Some(rejection) = is_first.then(|| breaker.reject_at_once()).flatten() {
            // Before the error is made, so that it is made in its place.
            self.end();
            return Poll::Ready(Err(CallError::Rejected(breaker.error_of(rejection))));
        }
        self.poll_any(context)
    }
}

impl<'b, T, E, F, C, K, O> HandleCall<'b, F, C, O>
where
    F: Future<Output = Result<T, E>>,
    C: FnOnce(&Result<T, E>) -> K,
    K: Classification<E>,
    O: Origin,
{
    /// Asks the breaker on the general path, or continues a call that it has admitted.
    #[inline(never)]
    fn poll_any(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, CallError<E>>> {
        let (permit, limit) = match mem::replace(&mut self.as_mut().project().progress.0, Stage::Over) {
            Stage::NotStarted => match self.breaker.admit(Caller::Handle) {
                Ok(permit) => (permit, None),
                Err(rejected) => {
                    self.end();
                    return Poll::Ready(Err(CallError::Rejected(rejected)));
                }
            },
            Stage::Held(held) => ManuallyDrop::into_inner(held),
            Stage::Borrowed(_) | Stage::Over => over(),
        };
        self.poll_held(permit, limit, context)
    }

    #[inline(always)]
    fn poll_borrowed(
        self: Pin<&mut Self>,
        permit: &mut BorrowedPermit<'b>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, CallError<E>>> {
        let this = self.project();
        this.progress.0 = Stage::Over;
        let mut running = Running { body: this.body, permit: None };
        match permit.guarded(|| running.poll(context)) {
            Poll::Ready(result) => {
                running.end();
                let Some(classify) = this.classify.take() else { over() };
                Poll::Ready(permit.finish::<_, _, _, O>(result, classify))
            }
            Poll::Pending => {
                running.keep();
                permit.waits();
                Poll::Pending
            }
        }
    }

    fn poll_held(
        self: Pin<&mut Self>,
        permit: Permit,
        mut limit: Option<timeout::Limit>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, CallError<E>>> {
        let this = self.project();
        this.progress.0 = Stage::Over;
        let mut running = Running { body: this.body, permit: Some(&permit) };
        let polled = match permit.guarded(|| running.poll(context)) {
            Poll::Ready(result) => Poll::Ready(Ok(result)),
            Poll::Pending => permit.wait(&mut limit, context).map(Err),
        };
        if polled.is_pending() {
            running.keep();
        } else {
            running.end();
        }
        match polled {
            Poll::Ready(result) => {
                let Some(classify) = this.classify.take() else { over() };
                Poll::Ready(finish(permit, result, classify))
            }
            Poll::Pending => {
                this.progress.0 = Stage::Held(ManuallyDrop::new((permit, limit)));
                Poll::Pending
            }
        }
    }

    /// Drops the body of a call that is rejected.
    #[inline]
    fn end(self: Pin<&mut Self>) {
        let mut this = self.project();
        this.progress.0 = Stage::Over;
        this.body.set(None);
    }
}

/// A body that is being polled. If it panics, it is dropped before its call is counted.
struct Running<'p, F> {
    body: Pin<&'p mut Option<F>>,
    /// The permit that the inner calls of the body find while it is dropped.
    permit: Option<&'p Permit>,
}

impl<F: Future> Running<'_, F> {
    #[inline(always)]
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<F::Output> {
        match self.body.as_mut().as_pin_mut() {
            Some(body) => body.poll(context),
            None => over(),
        }
    }
}

impl<F> Running<'_, F> {
    /// The body has ended.
    #[inline(always)]
    fn end(self) {
        // Not by a drop, which would be a call.
        ManuallyDrop::new(self).drop_body();
    }

    /// The body waits, and is not dropped.
    #[inline(always)]
    fn keep(self) {
        let _ = ManuallyDrop::new(self);
    }

    #[inline(always)]
    fn drop_body(&mut self) {
        if let Some(permit) = self.permit {
            permit.close();
        }
        self.body.set(None);
    }
}

impl<F> Drop for Running<'_, F> {
    #[cold]
    fn drop(&mut self) {
        self.drop_body();
    }
}

#[cold]
fn over() -> ! {
    panic!("a call was polled after it had ended")
}

#[cfg(test)]
mod tests {
    use crate::breaker::handle::CircuitBreaker;
    use crate::call::nesting;
    use crate::config::keys::Config;
    use crate::machine::packed::PackedState;
    use std::cell::Cell;
    use std::future::{self, Future};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// Records how many calls the breaker has counted when it is dropped.
    struct Recorder<'b>(&'b CircuitBreaker, &'b Cell<Option<[u64; 4]>>);

    impl Drop for Recorder<'_> {
        fn drop(&mut self) {
            self.1.set(Some(counted(self.0)));
        }
    }

    /// Successes, failures, rejections and dropped calls.
    fn counted(breaker: &CircuitBreaker) -> [u64; 4] {
        let seen = breaker.snapshot();
        [seen.success_count, seen.failure_count, seen.rejected_count, seen.cancelled_count]
    }

    /// A body waits once, unless it ends at its first poll.
    async fn body(recorder: Recorder<'_>, waits: bool, end: fn() -> Result<u8, u8>) -> Result<u8, u8> {
        let mut polls = 0;
        future::poll_fn(|_| {
            polls += 1;
            if waits && polls == 1 { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        let _recorder = recorder;
        end()
    }

    /// A breaker of each path: one load of the packed state admits a call, or more is needed.
    fn breakers() -> [CircuitBreaker; 3] {
        let config = || Config::new().fail_max(100);
        [config(), config().failure_rate(0.9).window_calls(10), config().max_concurrent(5)]
            .map(|config| CircuitBreaker::new("test", config).unwrap())
    }

    #[test]
    fn the_body_is_dropped_before_its_call_is_counted() {
        for (breaker, waits) in breakers().iter().flat_map(|breaker| [(breaker, false), (breaker, true)]) {
            for end in [(|| Ok(1)) as fn() -> Result<u8, u8>, || Err(1), || panic!("on purpose")] {
                let (dropped, before) = (Cell::new(None), counted(breaker));
                let mut call = pin!(breaker.call(body(Recorder(breaker, &dropped), waits, end)));
                let mut context = Context::from_waker(Waker::noop());
                let mut poll = || catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut context)));
                if waits {
                    assert!(poll().unwrap().is_pending());
                    assert_eq!((dropped.get(), counted(breaker)), (None, before));
                }
                let ended = poll();
                assert!(ended.is_err() || ended.is_ok_and(|polled| polled.is_ready()));
                assert_eq!(dropped.get(), Some(before), "the body goes first");
                let all = |counts: [u64; 4]| counts.iter().sum::<u64>();
                assert_eq!(all(counted(breaker)), all(before) + 1, "and then the call is counted");
                assert!(poll().is_err(), "it has ended");
                assert_eq!(all(counted(breaker)), all(before) + 1);
            }
            assert!(nesting::is_outside(), "no call is left on the stack");
        }
    }

    #[test]
    fn a_call_that_is_dropped_while_it_waits_drops_its_body_first() {
        for breaker in breakers() {
            let dropped = Cell::new(None);
            {
                let mut call = pin!(breaker.call(body(Recorder(&breaker, &dropped), true, || Ok(1))));
                assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            }
            assert_eq!((dropped.get(), counted(&breaker)), (Some([0; 4]), [0, 0, 0, 1]));
            drop(breaker.call(body(Recorder(&breaker, &dropped), true, || Ok(1))));
            assert_eq!(counted(&breaker), [0, 0, 0, 1], "a call that was not polled is none");
            assert!(nesting::is_outside());
        }
    }

    #[test]
    fn a_rejected_call_drops_its_body_at_once_and_a_thread_needs_no_other_call_for_the_short_way() {
        let breaker = CircuitBreaker::new("test", Config::new()).unwrap();
        breaker.force_open();
        assert!(!nesting::is_outside(), "this thread has had no call");
        for number in 1..=3 {
            let dropped = Cell::new(None);
            let mut call = pin!(breaker.call(body(Recorder(&breaker, &dropped), true, || Ok(1))));
            let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(polled, Poll::Ready(Err(_))));
            assert_eq!(dropped.get(), Some([0, 0, number, 0]));
            assert!(nesting::is_outside());
        }
        assert!(breaker.0.gate.packed().has(PackedState::REJECTS));
    }
}
