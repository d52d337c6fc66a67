//! What a layer and its services share.

use crate::key::KeyOf;
use crate::mode::Mode;
use breaker_core::{CircuitBreaker, CircuitBreakerError, Outcome, OwnedPermit, Permit};
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

/// What an error counts as.
pub(crate) type Rule<E> = Box<dyn Fn(&E) -> Outcome + Send + Sync>;

/// Ends a call with an error, and shows the error's text.
pub(crate) type Record<E> = fn(Permit, &Result<Infallible, E>, Outcome);

/// The permit of a call of a service.
pub(crate) type Admitted<M, E, K> = OwnedPermit<Shared<M, E, K>>;

/// What a layer and its services share.
pub struct Shared<M, E, K> {
    pub(crate) breaker: CircuitBreaker,
    pub(crate) mode: M,
    pub(crate) key: K,
    /// Makes the error of a rejection or a timeout.
    pub(crate) open: Box<dyn Fn(CircuitBreakerError) -> E + Send + Sync>,
    pub(crate) rule: Rule<E>,
    pub(crate) record: Record<E>,
}

impl<M, E, K> fmt::Debug for Shared<M, E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("breaker", &self.breaker).finish_non_exhaustive()
    }
}

impl<M, E, K> AsRef<CircuitBreaker> for Shared<M, E, K> {
    #[inline]
    fn as_ref(&self) -> &CircuitBreaker {
        &self.breaker
    }
}

impl<M, E, K> Shared<M, E, K> {
    /// Asks the breaker of this request.
    #[inline]
    pub(crate) fn admit<Req>(self: &Arc<Self>, request: &Req) -> Result<OwnedPermit<Self>, CircuitBreakerError>
    where
        K: KeyOf<Req>,
    {
        match self.key.key(request) {
            Some(key) => Ok(OwnedPermit::of(self.breaker.try_acquire_for_key(&key)?, Arc::clone(self))),
            None => OwnedPermit::try_acquire(self),
        }
    }

    /// Ends a call with this error, and returns it.
    pub(crate) fn settle_error(mut permit: OwnedPermit<Self>, error: E) -> E {
        let shared = Arc::clone(permit.owner());
        let outcome = permit.during_sync(|| (shared.rule)(&error));
        let result = Err(error);
        (shared.record)(permit.into_permit(), &result, outcome);
        let Err(error) = result;
        error
    }

    /// Counts an error of the inner service's `poll_ready` as a call, if the breaker admits one.
    pub(crate) fn count_unready(self: &Arc<Self>, error: E) -> E {
        match OwnedPermit::try_acquire(self) {
            Ok(permit) => Self::settle_error(permit, error),
            Err(_) => error,
        }
    }

    /// The answer of a rejected call.
    pub(crate) fn answer<Res>(&self, rejection: CircuitBreakerError) -> Result<M::Response, E>
    where
        M: Mode<Res>,
    {
        match self.mode.fallback(&rejection) {
            Some(answer) => Ok(answer),
            None => Err((self.open)(rejection)),
        }
    }
}
