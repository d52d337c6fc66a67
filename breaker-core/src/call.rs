//! Call: a body run under a permit. Sync and async differ by one `.await`; the settling is shared.

use crate::breaker::{CircuitBreaker, Holder};
use crate::clock::Tick;
use crate::error::{CallError, CircuitBreakerError};
use crate::event;
use crate::gate::Word;
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
        self.call_with(future, every_error).await
    }

    /// Runs `closure` if the breaker lets it; every `Err` is a failure. A time limit does not apply: a
    /// synchronous call cannot be cut off.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_sync<T, E>(&self, closure: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        self.call_sync_with(closure, every_error)
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
        if let Some(mut lent) = Lent::of(self) {
            let result = Short { lent: &mut lent, body: future }.await;
            return lent.finish(result, classify);
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
        if let Some(mut lent) = Lent::of(self) {
            let result = lent.guarded(closure);
            return lent.finish(result, classify);
        }
        let permit = self.try_acquire().map_err(CallError::Rejected)?;
        let result = guarded(&permit, closure);
        finish(permit, Ok(result), classify)
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
    let outcome = guarded(&permit, || classify(&result));
    permit.settle_with(outcome, || Cause::bare(type_name::<E>()));
    result.map_err(CallError::Inner)
}

/// A call by a handle, which outlives it: its permit, with a reference count of the breaker, is only made for an ending that is more than
/// a plain success.
struct Lent<'b> {
    breaker: &'b CircuitBreaker,
    word: Word,
    /// The body is running, so whoever drops this does so because that panics.
    runs: bool,
    over: bool,
}

impl<'b> Lent<'b> {
    /// `None`: there is more to this call than one look.
    #[inline]
    fn of(breaker: &'b CircuitBreaker) -> Option<Self> {
        let word = breaker.0.gate.word();
        let plain = word.is_plain() && !word.has(Word::LIMITED) && event::quiet();
        plain.then(|| Self { breaker, word, runs: false, over: false })
    }

    #[inline]
    fn guarded<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.runs = true;
        let value = f();
        self.runs = false;
        value
    }

    #[inline]
    fn finish<T, E>(
        mut self,
        result: Result<T, E>,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
    ) -> Result<T, CallError<E>> {
        let outcome = self.guarded(|| classify(&result));
        if matches!(outcome, Outcome::Success) && self.breaker.0.gate.glance() == self.word {
            self.over = true;
            self.breaker.0.success();
        } else {
            self.settle(outcome, type_name::<E>());
        }
        result.map_err(CallError::Inner)
    }

    #[inline(never)]
    fn settle(&mut self, outcome: Outcome, kind: &'static str) {
        self.permit().settle_with(outcome, || Cause::bare(kind));
    }

    fn permit(&mut self) -> Permit {
        self.over = true;
        Permit::new(Holder::Own(self.breaker.clone()), self.word, 0, Tick::ZERO)
    }

    #[cold]
    fn abandon(&mut self) {
        let permit = self.permit();
        if self.runs {
            permit.begin();
        }
    }
}

impl Drop for Lent<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.over {
            self.abandon();
        }
    }
}

pin_project! {
    /// Runs the body to its end.
    struct Short<'l, 'b, F> {
        lent: &'l mut Lent<'b>,
        #[pin]
        body: F,
    }
}

impl<F: Future> Future for Short<'_, '_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.lent.guarded(|| this.body.poll(context))
    }
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

/// Runs the user's code, and notes on the permit that it runs: whoever drops the permit then knows that the call itself
/// panicked, and not something beside it (rule 8).
#[inline]
pub(crate) fn guarded<R>(permit: &Permit, f: impl FnOnce() -> R) -> R {
    permit.begin();
    let value = f();
    permit.came_back();
    value
}

/// Runs a synchronous body to its end.
#[inline]
#[expect(clippy::missing_errors_doc, reason = "it cannot be cut off")]
pub fn run_sync<A, R>(permit: &Permit, arguments: A, body: impl FnOnce(A) -> R) -> Result<R, Cut> {
    Ok(guarded(permit, || body(arguments)))
}

/// Without the feature `tokio` there are no time limits.
#[cfg(not(feature = "tokio"))]
pub(crate) mod limit {
    use super::{CircuitBreaker, Context, Duration, Poll};

    #[derive(Debug)]
    pub enum Limit {}

    pub(crate) fn wait(_: &mut Option<Limit>, _: &CircuitBreaker, _: &mut Context<'_>) -> Poll<Duration> {
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
}

impl<F: Future> Future for Run<'_, F> {
    type Output = Result<F::Output, Cut>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.permit.begin();
        let polled = this.body.poll(context);
        this.permit.came_back();
        match polled {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending if !this.permit.is_limited() => Poll::Pending,
            Poll::Pending => match limit::wait(this.limit, this.permit.breaker(), context) {
                Poll::Ready(after) => {
                    // The rest of the body is dropped before the call is counted.
                    this.permit.cut_off();
                    Poll::Ready(Err(Cut { after }))
                }
                Poll::Pending => Poll::Pending,
            },
        }
    }
}
