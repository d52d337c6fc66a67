//! Call: a body run under a permit. Sync and async differ by one `.await`; the settling is shared.

use crate::breaker::CircuitBreaker;
use crate::error::{CallError, CircuitBreakerError};
use crate::lent::{Lent, Short};
#[cfg(feature = "tokio")]
pub(crate) use crate::limit;
use crate::note::Cause;
use crate::outcome::Outcome;
use crate::permit::Permit;
use pin_project_lite::pin_project;
use std::any::type_name;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

impl CircuitBreaker {
    /// Runs `future` if the breaker lets it; every `Err` is a failure. Of the error, `last_error` and the log show the
    /// type: what an `E` of any kind has to say is only known to the attribute, which sees its type, and to
    /// [`call_with_text`](Self::call_with_text). Nor can it be seen whether another breaker rejected the call, which is a failure
    /// too here; [`rules::errors`](crate::rules::errors) for [`call_with`](Self::call_with) sees it.
    ///
    /// A time limit (`timeout`) needs a tokio runtime with its timer; without one there is no limit, and one log line says
    /// so. The time runs from when the future first has to wait.
    ///
    /// # Errors
    /// [`CallError::Rejected`] when the breaker rejects the call or cuts it off at its time limit (`timeout`);
    /// [`CallError::Inner`] with the future's own error.
    ///
    /// # Cancellation
    /// When the returned future is dropped, so is `future`, and the call counts as `on_cancel` says. Nothing
    /// happens before the first poll.
    pub async fn call<T, E, F>(&self, future: F) -> Result<T, CallError<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        self.judged::<_, _, _, false>(future, every_error).await
    }

    /// Runs `closure` if the breaker lets it; every `Err` is a failure. A time limit does not apply: a
    /// synchronous call cannot be cut off.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_sync<T, E>(&self, closure: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        self.judged_sync::<_, _, false>(closure, every_error)
    }

    /// Runs `future` if the breaker lets it; `classify` says what its result counts as.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancellation
    /// As [`call`](Self::call).
    pub async fn call_with<T, E, F>(
        &self,
        future: F,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
    ) -> Result<T, CallError<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        self.judged::<_, _, _, true>(future, classify).await
    }

    /// `USERS`: the judge is the user's, so that calls in it are inside this one.
    async fn judged<T, E, F, const USERS: bool>(
        &self,
        future: F,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
    ) -> Result<T, CallError<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        if let Some(mut lent) = Lent::of(self) {
            let result = Short { lent: &mut lent, body: future }.await;
            return lent.finish::<_, _, USERS>(result, classify);
        }
        let permit = self.try_acquire().map_err(CallError::Rejected)?;
        let result = Run { permit: &permit, limit: None, body: future }.await;
        finish(permit, result, classify)
    }

    /// Runs `closure` if the breaker lets it; `classify` says what its result counts as.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_sync_with<T, E>(
        &self,
        closure: impl FnOnce() -> Result<T, E>,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
    ) -> Result<T, CallError<E>> {
        self.judged_sync::<_, _, true>(closure, classify)
    }

    /// As [`judged`](Self::judged).
    fn judged_sync<T, E, const USERS: bool>(
        &self,
        closure: impl FnOnce() -> Result<T, E>,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
    ) -> Result<T, CallError<E>> {
        if let Some(mut lent) = Lent::of(self) {
            let result = lent.guarded(closure);
            return lent.finish::<_, _, USERS>(result, classify);
        }
        self.try_acquire().map_err(CallError::Rejected)?.run_sync_with(closure, classify)
    }
}

impl Permit {
    /// Runs `future` as this call; every `Err` is a failure. Calls of the same breaker inside it are a part of it, as they are of
    /// [`CircuitBreaker::call`].
    ///
    /// # Errors
    /// [`CallError::Rejected`] when the call is cut off at its time limit (`timeout`); [`CallError::Inner`] with the future's own error.
    ///
    /// # Cancellation
    /// As [`CircuitBreaker::call`].
    pub async fn run<T, E>(self, future: impl Future<Output = Result<T, E>>) -> Result<T, CallError<E>> {
        self.run_with(future, every_error).await
    }

    /// The same where `classify` says what the result counts as.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// # Cancellation
    /// As [`CircuitBreaker::call`].
    pub async fn run_with<T, E>(
        self,
        future: impl Future<Output = Result<T, E>>,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
    ) -> Result<T, CallError<E>> {
        let result = Run { permit: &self, limit: None, body: future }.await;
        finish(self, result, classify)
    }

    /// Runs `closure` as this call; every `Err` is a failure. Calls of the same breaker inside it are a part of it. A time limit does not apply.
    ///
    /// # Errors
    /// [`CallError::Inner`] with the closure's own error.
    pub fn run_sync<T, E>(self, closure: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        self.run_sync_with(closure, every_error)
    }

    /// The same where `classify` says what the result counts as.
    ///
    /// # Errors
    /// As [`run_sync`](Self::run_sync).
    pub fn run_sync_with<T, E>(
        self,
        closure: impl FnOnce() -> Result<T, E>,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
    ) -> Result<T, CallError<E>> {
        let result = self.guarded(closure);
        finish(self, Ok(result), classify)
    }
}

fn every_error<T, E>(result: &Result<T, E>) -> Outcome {
    if result.is_ok() { Outcome::success() } else { Outcome::failure() }
}

fn finish<T, E>(
    permit: Permit,
    result: Result<Result<T, E>, Cut>,
    classify: impl FnOnce(&Result<T, E>) -> Outcome,
) -> Result<T, CallError<E>> {
    let result = match result {
        Ok(result) => result,
        Err(cut) => return Err(CallError::Rejected(settle_cut(permit, cut))),
    };
    let outcome = permit.guarded(|| classify(&result));
    permit.settle_result(result.is_err(), outcome, || Cause::bare(type_name::<E>()));
    result.map_err(CallError::Inner)
}

/// A body that was cut off at its time limit.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    pub(crate) after: Duration,
}

/// Counts a call that was cut off.
#[cold]
pub(crate) fn settle_cut(permit: Permit, Cut { after }: Cut) -> CircuitBreakerError {
    let holder = permit.holder().clone();
    let text = format!("timed out after {}", humantime::format_duration(after));
    permit.settle_with(Outcome::failure(), || Cause::told("timeout", &text));
    CircuitBreakerError::timed_out(holder, after)
}

/// Runs a synchronous body to its end.
#[inline]
pub(crate) fn run_sync<A, R>(permit: &Permit, arguments: A, body: impl FnOnce(A) -> R) -> Result<R, Cut> {
    Ok(permit.guarded(|| body(arguments)))
}

/// Without the feature `tokio` there are no time limits.
#[cfg(not(feature = "tokio"))]
pub(crate) mod limit {
    use super::{CircuitBreaker, Context, Duration, Poll};
    use crate::breaker::Holder;

    #[derive(Debug)]
    pub enum Limit {}

    pub(crate) fn wait(_: &mut Option<Limit>, _: &Holder, _: &mut Context<'_>) -> Poll<Duration> {
        Poll::Pending
    }

    pub(crate) fn wait_for(
        _: &mut Option<Limit>,
        _: impl FnOnce() -> Option<Duration>,
        _: &CircuitBreaker,
        _: &mut Context<'_>,
    ) -> Poll<Duration> {
        Poll::Pending
    }
}

pin_project! {
    #[allow(missing_docs, reason = "for the expansion of the attributes only")]
    /// Runs the body to its end, or to its time limit. The timer is only made when the body has to wait.
    ///
    /// The fields are public so that an expansion makes it in place: a function of its own would be compiled for every body.
    pub struct Run<'p, F> {
        pub permit: &'p Permit,
        pub limit: Option<limit::Limit>,
        #[pin]
        pub body: F,
    }

    impl<F> PinnedDrop for Run<'_, F> {
        /// The calls inside the body are dropped with it.
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            this.project().permit.close();
        }
    }
}

impl<F: Future> Future for Run<'_, F> {
    type Output = Result<F::Output, Cut>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.permit.guarded(|| this.body.poll(context)) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => this.permit.wait(this.limit, context).map(Err),
        }
    }
}

impl Permit {
    /// The body waits: ready when the time of the call is over. Then the rest of the body is dropped before the call is counted.
    #[inline]
    fn wait(&self, timer: &mut Option<limit::Limit>, context: &mut Context<'_>) -> Poll<Cut> {
        self.waits();
        if timer.is_none() && !self.is_limited() {
            return Poll::Pending;
        }
        limit::wait(timer, self.holder(), context).map(|after| {
            self.cut_off();
            Cut { after }
        })
    }
}
