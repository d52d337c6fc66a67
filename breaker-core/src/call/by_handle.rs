//! Runs a body under a permit. Sync and async differ by one `.await` and share the settling.

use crate::breaker::caller::Caller;
use crate::breaker::cause::Cause;
use crate::breaker::classification::Classification;
use crate::breaker::error::{CallError, CircuitBreakerError};
use crate::breaker::handle::CircuitBreaker;
use crate::call::borrowed::{BorrowedPermit, Origin, Ours, Users};
use crate::call::handle_call::HandleCall;
use crate::call::permit::Permit;
use crate::call::timeout;
use crate::machine::outcome::Outcome;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

impl CircuitBreaker {
    /// Runs `future` if the breaker admits the call; every `Err` is a failure.
    ///
    /// The error may be of any type, so the breaker knows nothing about it. `last_error` and the
    /// log show only its type, and a rejection by another breaker is a failure too.
    /// [`call_classified`](Self::call_classified) with [`presets::errors`](crate::presets::errors)
    /// shows its text. It also recognises a rejection by another breaker, as the attribute does.
    ///
    /// A time limit (`timeout`) needs a tokio runtime with its timer. Without one there is no
    /// limit, and one log line says so. The time runs from when the future first has to wait.
    ///
    /// # Errors
    /// [`CallError::Rejected`] when the breaker rejects the call, or when the call exceeds its time
    /// limit (`timeout`). [`CallError::Inner`] with the future's own error.
    ///
    /// # Cancellation
    /// When the returned future is dropped, `future` is dropped too, and the call counts as
    /// `on_cancel` says. Nothing happens before the first poll.
    pub fn call<T, E, F>(&self, future: F) -> impl Future<Output = Result<T, CallError<E>>>
    where
        F: Future<Output = Result<T, E>>,
    {
        HandleCall::<_, _, Ours>::new(self, future, every_error)
    }

    /// Runs `closure` if the breaker admits the call; every `Err` is a failure. A time limit does
    /// not apply: a synchronous call cannot be timed out.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_sync<T, E>(&self, closure: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        self.classified_sync::<_, _, _, Ours>(closure, every_error)
    }

    /// Runs `future` if the breaker admits the call. `classify` says what its result counts as, and
    /// what is shown of its error: see [`Classification`].
    ///
    /// Most presets are about errors: here, an HTTP response with status 503 is a success for
    /// `presets::any`. [`presets`](crate::presets#how-to-use-one) has the closure that asks it too.
    ///
    /// ```
    /// # use breaker_core::{CircuitBreaker, Config, Outcome, presets};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let breaker = CircuitBreaker::new("printer", Config::new().fail_max(1))?;
    /// // As the attribute does it.
    /// breaker.call_classified(async { Err::<(), _>("paper jam") }, presets::errors).await.unwrap_err();
    /// assert_eq!(breaker.snapshot().opened_because.unwrap(), "1 failure, last: paper jam");
    /// # breaker.reset();
    /// // An error of another type, with a text for it.
    /// let classify = |printed: &Result<(), u8>| match printed {
    ///     Ok(()) => (Outcome::success(), String::new()),
    ///     Err(code) => (Outcome::failure(), format!("code {code}")),
    /// };
    /// breaker.call_classified(async { Err(3) }, classify).await.unwrap_err();
    /// assert_eq!(breaker.snapshot().opened_because.unwrap(), "1 failure, last: code 3");
    /// # Ok::<(), breaker_core::ConfigError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancellation
    /// As [`call`](Self::call).
    pub fn call_classified<T, E, F, C>(
        &self,
        future: F,
        classify: impl FnOnce(&Result<T, E>) -> C,
    ) -> impl Future<Output = Result<T, CallError<E>>>
    where
        F: Future<Output = Result<T, E>>,
        C: Classification<E>,
    {
        HandleCall::<_, _, Users>::new(self, future, classify)
    }

    /// Runs `closure` if the breaker admits the call; `classify` says what its result counts as.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_sync_classified<T, E, C: Classification<E>>(
        &self,
        closure: impl FnOnce() -> Result<T, E>,
        classify: impl FnOnce(&Result<T, E>) -> C,
    ) -> Result<T, CallError<E>> {
        self.classified_sync::<_, _, _, Users>(closure, classify)
    }

    fn classified_sync<T, E, C: Classification<E>, O: Origin>(
        &self,
        closure: impl FnOnce() -> Result<T, E>,
        classify: impl FnOnce(&Result<T, E>) -> C,
    ) -> Result<T, CallError<E>> {
        if let Some(mut borrowed) = BorrowedPermit::of(self) {
            let result = borrowed.guarded(closure);
            return borrowed.finish::<_, _, _, O>(result, classify);
        }
        if let Some(rejection) = self.reject_at_once() {
            return Err(CallError::Rejected(self.error_of(rejection)));
        }
        self.admit(Caller::Handle).map_err(CallError::Rejected)?.run_sync_with(closure, classify)
    }
}

impl Permit {
    /// Runs `future` as this call; every `Err` is a failure. Inner calls of the same breaker are a
    /// part of it, as they are in [`CircuitBreaker::call`].
    ///
    /// # Errors
    /// [`CallError::Rejected`] when the call exceeds its time limit (`timeout`).
    /// [`CallError::Inner`] with the future's own error.
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
    pub async fn run_with<T, E, C: Classification<E>>(
        self,
        future: impl Future<Output = Result<T, E>>,
        classify: impl FnOnce(&Result<T, E>) -> C,
    ) -> Result<T, CallError<E>> {
        let result = Run { permit: &self, limit: None, body: future }.await;
        finish(self, result, classify)
    }

    /// Runs `closure` as this call; every `Err` is a failure. Inner calls of the same breaker are a
    /// part of it. A time limit does not apply.
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
    pub fn run_sync_with<T, E, C: Classification<E>>(
        self,
        closure: impl FnOnce() -> Result<T, E>,
        classify: impl FnOnce(&Result<T, E>) -> C,
    ) -> Result<T, CallError<E>> {
        let result = self.guarded(closure);
        finish(self, Ok(result), classify)
    }
}

fn every_error<T, E>(result: &Result<T, E>) -> Outcome {
    if result.is_ok() { Outcome::success() } else { Outcome::failure() }
}

pub(crate) fn finish<T, E, C: Classification<E>>(
    permit: Permit,
    result: Result<Result<T, E>, TimedOut>,
    classify: impl FnOnce(&Result<T, E>) -> C,
) -> Result<T, CallError<E>> {
    let result = match result {
        Ok(result) => result,
        Err(timed_out) => return Err(CallError::Rejected(settle_timed_out(permit, timed_out))),
    };
    let classified = permit.guarded(|| classify(&result));
    permit.settle_classified(&result, &classified);
    result.map_err(CallError::Inner)
}

/// A body that exceeded its time limit.
#[derive(Clone, Copy, Debug)]
pub struct TimedOut {
    pub(crate) after: Duration,
}

/// Counts a call that exceeded its time limit.
#[cold]
pub(crate) fn settle_timed_out(permit: Permit, TimedOut { after }: TimedOut) -> CircuitBreakerError {
    let owner = permit.owner().clone();
    let text = format!("timed out after {}", humantime::format_duration(after));
    permit.settle_with(Outcome::failure(), || Cause::of_text("timeout", &text));
    CircuitBreakerError::timed_out(owner, after)
}

macro_rules! run_sync {
    ($($name:ident($($argument:ident: $type:ident),*);)+) => {$(
        /// Runs a synchronous body to its end.
        #[inline]
        #[allow(clippy::too_many_arguments, reason = "they are the body's own")]
        pub fn $name<$($type,)* R>(
            permit: &Permit,
            $($argument: $type,)*
            body: impl FnOnce($($type),*) -> R,
        ) -> R {
            permit.guarded(|| body($($argument),*))
        }
    )+};
}

run_sync! {
    run_sync();
    run_sync1(a: A);
    run_sync2(a: A, b: B);
    run_sync3(a: A, b: B, c: C);
    run_sync4(a: A, b: B, c: C, d: D);
    run_sync5(a: A, b: B, c: C, d: D, e: E);
    run_sync6(a: A, b: B, c: C, d: D, e: E, f: F);
    run_sync7(a: A, b: B, c: C, d: D, e: E, f: F, g: G);
    run_sync8(a: A, b: B, c: C, d: D, e: E, f: F, g: G, h: H);
}

pin_project! {
    #[allow(missing_docs, reason = "for the expansion of the attributes only")]
    /// Runs the body to its end, or to its time limit. Creates the timer only when the body has to
    /// wait.
    ///
    /// The fields are public so that an expansion creates it in place. A constructor would be
    /// compiled for every body.
    pub struct Run<'p, F> {
        pub permit: &'p Permit,
        pub limit: Option<timeout::Limit>,
        #[pin]
        pub body: F,
    }

    impl<F> PinnedDrop for Run<'_, F> {
        /// The inner calls of the body are dropped with it.
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            this.project().permit.close();
        }
    }
}

impl<F: Future> Future for Run<'_, F> {
    type Output = Result<F::Output, TimedOut>;

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
    /// Handles a body that waits. Ready when the call has exceeded its time limit. Then the rest of
    /// the body is dropped before the call is counted.
    #[inline]
    pub(crate) fn wait(&self, timer: &mut Option<timeout::Limit>, context: &mut Context<'_>) -> Poll<TimedOut> {
        self.waits();
        if timer.is_none() && !self.is_limited() {
            return Poll::Pending;
        }
        timeout::wait(timer, self.owner(), context).map(|after| {
            self.time_out();
            TimedOut { after }
        })
    }
}
