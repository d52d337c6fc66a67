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
        let mut running = Running { body: this.body, permit: None, waits: false };
        match permit.guarded(|| running.poll(context)) {
            Poll::Ready(result) => {
                drop(running);
                let Some(classify) = this.classify.take() else { over() };
                Poll::Ready(permit.finish::<_, _, _, O>(result, classify))
            }
            Poll::Pending => {
                running.waits = true;
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
        let mut running = Running { body: this.body, permit: Some(&permit), waits: false };
        let polled = match permit.guarded(|| running.poll(context)) {
            Poll::Ready(result) => Poll::Ready(Ok(result)),
            Poll::Pending => permit.wait(&mut limit, context).map(Err),
        };
        running.waits = polled.is_pending();
        drop(running);
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

/// A body that is being polled. It is dropped before its call is counted, also when it panics.
struct Running<'p, F> {
    body: Pin<&'p mut Option<F>>,
    /// The permit that the inner calls of the body find while it is dropped.
    permit: Option<&'p Permit>,
    /// The body waits, and is not dropped.
    waits: bool,
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

impl<F> Drop for Running<'_, F> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.waits {
            if let Some(permit) = self.permit {
                permit.close();
            }
            self.body.set(None);
        }
    }
}

#[cold]
fn over() -> ! {
    panic!("a call was polled after it had ended")
}
