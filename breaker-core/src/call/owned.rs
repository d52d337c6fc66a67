//! Defines a permit that has its breaker's owner with it, for futures that outlive their caller.
//!
//! Its parts are those of a borrowed permit while one load of the packed state is enough. So the
//! call writes no reference count but that of its owner.

use crate::breaker::classification::Classification;
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::handle::CircuitBreaker;
use crate::call::borrowed::Parts;
use crate::call::by_handle::{TimedOut, settle_timed_out};
use crate::call::nesting;
use crate::call::permit::Permit;
use crate::call::timeout::Limit;
use crate::machine::outcome::Outcome;
use crate::sync::Arc;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A [`Permit`] with the owner of its breaker: an `Arc` of what a client knows. A usual call writes
/// no reference count but that one.
///
/// It is for futures and services that have to name their type. [`CircuitBreaker::call`] and
/// [`Permit::run`] are simpler where that is not so.
///
/// ```
/// # use breaker_core::{CircuitBreaker, Config, OwnedPermit};
/// # use std::sync::Arc;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// struct Client {
///     breaker: CircuitBreaker,
/// }
///
/// impl AsRef<CircuitBreaker> for Client {
///     fn as_ref(&self) -> &CircuitBreaker {
///         &self.breaker
///     }
/// }
///
/// let client = Arc::new(Client { breaker: CircuitBreaker::new("printer", Config::new()).unwrap() });
/// let (pages, permit) = OwnedPermit::try_acquire(&client)?.during(async { 3 }).await?;
/// assert_eq!(client.breaker.snapshot().success_count, 0);
/// if pages > 0 { permit.success() } else { permit.failure() }
/// assert_eq!(client.breaker.snapshot().success_count, 1);
/// # Ok::<(), breaker_core::CircuitBreakerError>(())
/// # }).unwrap();
/// ```
#[must_use = "a dropped permit is an abandoned call"]
pub struct OwnedPermit<T: AsRef<CircuitBreaker>> {
    owner: Arc<T>,
    kind: Kind,
}

enum Kind {
    /// One load of the packed state has admitted the call.
    Plain(Parts),
    /// The call was admitted in another way.
    Held(Permit),
    /// The call has ended.
    Over,
}

impl<T: AsRef<CircuitBreaker>> OwnedPermit<T> {
    /// Requests admission for one call, as [`CircuitBreaker::try_acquire`]. A clone of `owner`
    /// stays with the permit.
    ///
    /// # Errors
    /// When the breaker rejects the call.
    #[inline]
    pub fn try_acquire(owner: &Arc<T>) -> Result<Self, CircuitBreakerError> {
        let breaker = T::as_ref(owner);
        let kind = match Parts::of(breaker).filter(|_| nesting::is_outside()) {
            Some(parts) => Kind::Plain(parts),
            None => Kind::Held(breaker.try_acquire()?),
        };
        Ok(Self { owner: Arc::clone(owner), kind })
    }

    /// A permit that was acquired in another way, for example for a key. `owner` stays with it.
    pub fn of(permit: Permit, owner: Arc<T>) -> Self {
        Self { owner, kind: Kind::Held(permit) }
    }

    /// What stays with the permit.
    pub fn owner(&self) -> &Arc<T> {
        &self.owner
    }

    /// The same call under a permit of its own.
    pub fn into_permit(mut self) -> Permit {
        self.take()
    }

    /// Takes out the call, which goes on under this permit.
    fn take(&mut self) -> Permit {
        match mem::replace(&mut self.kind, Kind::Over) {
            Kind::Plain(parts) => parts.resume(T::as_ref(&self.owner)).permit(),
            Kind::Held(permit) => permit,
            Kind::Over => over(),
        }
    }

    /// Runs `future` as the first part of this call, and returns its output with the permit.
    ///
    /// [`Permit::run`] ends the call with the future's result. This leaves it open for what
    /// follows, for example the body of a response, which `guard_stream` (feature `stream`) takes.
    /// The breaker's `timeout` applies to this part.
    ///
    /// # Errors
    /// When the future exceeds the time limit of the call (`timeout`). The call has ended as a
    /// failure then.
    ///
    /// # Cancellation
    /// When the returned future is dropped, `future` is dropped too, and the call counts as
    /// `on_cancel` says.
    #[inline]
    pub fn during<F: Future>(self, future: F) -> During<T, F> {
        During { future: Some(future), permit: Some(self), limit: None }
    }

    /// Runs `closure` as a part of this call, and leaves the call open. A time limit does not
    /// apply.
    #[inline]
    pub fn during_sync<R>(&mut self, closure: impl FnOnce() -> R) -> R {
        match &mut self.kind {
            Kind::Plain(parts) => parts.guarded(T::as_ref(&self.owner), closure),
            Kind::Held(permit) => permit.guarded(closure),
            Kind::Over => over(),
        }
    }

    /// The call succeeded.
    #[inline(always)]
    pub fn success(self) {
        self.record_result(&Ok::<(), ()>(()), Outcome::success());
    }

    /// The call failed.
    pub fn failure(self) {
        self.record(Outcome::failure());
    }

    /// The call ended with this outcome.
    pub fn record(self, outcome: Outcome) {
        self.into_permit().record(outcome);
    }

    /// The call returned this result. `classification` says what it counts as, and what is shown of
    /// its error: see [`Classification`].
    #[inline(always)]
    pub fn record_result<V, E>(mut self, result: &Result<V, E>, classification: impl Classification<E>) {
        match mem::replace(&mut self.kind, Kind::Over) {
            Kind::Plain(parts) => parts.resume(T::as_ref(&self.owner)).record(result, &classification),
            Kind::Held(permit) => permit.record_result(result, classification),
            Kind::Over => over(),
        }
    }

    /// The part that runs has to wait. Ready when the call has exceeded its time limit.
    #[inline]
    fn wait(&mut self, limit: &mut Option<Limit>, context: &mut Context<'_>) -> Poll<TimedOut> {
        match &mut self.kind {
            Kind::Plain(parts) => {
                let mut borrowed = parts.resume(T::as_ref(&self.owner));
                borrowed.waits();
                *parts = borrowed.suspend();
                Poll::Pending
            }
            Kind::Held(permit) => permit.wait(limit, context),
            Kind::Over => over(),
        }
    }

    /// The part that waits is dropped next, and its inner calls with it.
    #[inline]
    fn close(&mut self) {
        match &mut self.kind {
            Kind::Plain(parts) => {
                let mut borrowed = parts.resume(T::as_ref(&self.owner));
                borrowed.close();
                *parts = borrowed.suspend();
            }
            Kind::Held(permit) => permit.close(),
            Kind::Over => {}
        }
    }
}

impl<T: AsRef<CircuitBreaker>> Drop for OwnedPermit<T> {
    #[inline]
    fn drop(&mut self) {
        if let Kind::Plain(parts) = self.kind {
            drop(parts.resume(T::as_ref(&self.owner)));
        }
    }
}

impl<T: AsRef<CircuitBreaker>> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").field("breaker", &T::as_ref(&self.owner).name()).finish_non_exhaustive()
    }
}

pin_project! {
    /// The first part of a call. [`OwnedPermit::during`] creates it.
    #[must_use = "a future does nothing unless it is polled"]
    pub struct During<T: AsRef<CircuitBreaker>, F> {
        // Before the permit, so that a dropped future is gone when the call is counted.
        #[pin]
        future: Option<F>,
        permit: Option<OwnedPermit<T>>,
        limit: Option<Limit>,
    }

    impl<T: AsRef<CircuitBreaker>, F> PinnedDrop for During<T, F> {
        /// The inner calls of the future are dropped with it.
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            if let Some(permit) = this.project().permit {
                permit.close();
            }
        }
    }
}

impl<T: AsRef<CircuitBreaker>, F: Future> Future for During<T, F> {
    type Output = Result<(F::Output, OwnedPermit<T>), CircuitBreakerError>;

    /// # Panics
    /// When it is polled after it was ready.
    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (Some(future), Some(permit)) = (this.future.as_mut().as_pin_mut(), this.permit.as_mut()) else { over() };
        let timed_out = match permit.during_sync(|| future.poll(context)) {
            Poll::Ready(output) => {
                this.future.set(None);
                let Some(permit) = this.permit.take() else { over() };
                return Poll::Ready(Ok((output, permit)));
            }
            Poll::Pending => ready!(permit.wait(this.limit, context)),
        };
        permit.close();
        // The rest of the future is dropped before the call is counted.
        this.future.set(None);
        Poll::Ready(Err(settle_timed_out(permit.take(), timed_out)))
    }
}

impl<T: AsRef<CircuitBreaker>, F> During<T, F> {
    /// What stays with the permit; `None` once the permit was returned.
    pub fn owner(&self) -> Option<&Arc<T>> {
        self.permit.as_ref().map(OwnedPermit::owner)
    }
}

impl<T: AsRef<CircuitBreaker>, F> fmt::Debug for During<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("During").field("permit", &self.permit).finish_non_exhaustive()
    }
}

#[cold]
fn over() -> ! {
    panic!("a call was continued after it had ended")
}
