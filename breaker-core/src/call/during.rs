//! Runs the first part of a call, and leaves the call open.

use crate::breaker::error::CircuitBreakerError;
use crate::call::by_handle::settle_timed_out;
use crate::call::permit::Permit;
use crate::call::timeout::Limit;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

impl Permit {
    /// Runs `future` as the first part of this call, and returns its output with the permit.
    ///
    /// [`run`](Self::run) ends the call with the future's result. This leaves it open for what
    /// follows, for example the body of a response, which
    /// [`guard_stream`](crate::guard_stream) takes. The breaker's `timeout` applies to this part.
    ///
    /// ```
    /// # use breaker_core::{CircuitBreaker, Config};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let breaker = CircuitBreaker::new("printer", Config::new()).unwrap();
    /// let (pages, permit) = breaker.try_acquire()?.during(async { 3 }).await?;
    /// assert_eq!(breaker.snapshot().success_count, 0);
    /// if pages > 0 { permit.success() } else { permit.failure() }
    /// assert_eq!(breaker.snapshot().success_count, 1);
    /// # Ok::<(), breaker_core::CircuitBreakerError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// When the future exceeds the time limit of the call (`timeout`). The call has ended as a
    /// failure then.
    ///
    /// # Cancellation
    /// When the returned future is dropped, `future` is dropped too, and the call counts as
    /// `on_cancel` says.
    pub fn during<F: Future>(self, future: F) -> During<F> {
        During { future: Some(future), permit: Some(self), limit: None }
    }

    /// Runs `closure` as a part of this call, and leaves the call open. A time limit does not
    /// apply.
    pub fn during_sync<R>(&self, closure: impl FnOnce() -> R) -> R {
        self.guarded(closure)
    }
}

pin_project! {
    /// The first part of a call. [`Permit::during`] creates it.
    #[must_use = "a future does nothing unless it is polled"]
    pub struct During<F> {
        // Before the permit, so that a dropped future is gone when the call is counted.
        #[pin]
        future: Option<F>,
        permit: Option<Permit>,
        limit: Option<Limit>,
    }

    impl<F> PinnedDrop for During<F> {
        /// The inner calls of the future are dropped with it.
        fn drop(this: Pin<&mut Self>) {
            if let Some(permit) = this.project().permit {
                permit.close();
            }
        }
    }
}

impl<F: Future> Future for During<F> {
    type Output = Result<(F::Output, Permit), CircuitBreakerError>;

    /// # Panics
    /// When it is polled after it was ready.
    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (Some(future), Some(permit)) = (this.future.as_mut().as_pin_mut(), this.permit.as_ref()) else {
            panic!("`During` was polled after it was ready")
        };
        let polled = match permit.guarded(|| future.poll(context)) {
            Poll::Ready(output) => Ok(output),
            Poll::Pending => match permit.wait(this.limit, context) {
                Poll::Ready(timed_out) => Err(timed_out),
                Poll::Pending => return Poll::Pending,
            },
        };
        if polled.is_err() {
            permit.close();
        }
        // The rest of the future is dropped before the call is counted.
        this.future.set(None);
        let Some(permit) = this.permit.take() else { return Poll::Pending };
        Poll::Ready(match polled {
            Ok(output) => Ok((output, permit)),
            Err(timed_out) => Err(settle_timed_out(permit, timed_out)),
        })
    }
}

impl<F> fmt::Debug for During<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("During").field("permit", &self.permit).finish_non_exhaustive()
    }
}
