//! What a layer and its services share.

use crate::key::KeyOf;
use crate::mode::Mode;
use breaker_core::{CircuitBreaker, CircuitBreakerError, Outcome, Permit};
use std::convert::Infallible;

/// What an error counts as.
pub(crate) type Rule<E> = Box<dyn Fn(&E) -> Outcome + Send + Sync>;

/// Ends a call with an error, and shows the error's text.
pub(crate) type Record<E> = fn(Permit, &Result<Infallible, E>, Outcome);

/// What a layer and its services share.
pub(crate) struct Shared<M, E, K> {
    pub(crate) breaker: CircuitBreaker,
    pub(crate) mode: M,
    pub(crate) key: K,
    /// Makes the error of a rejection or a timeout.
    pub(crate) open: Box<dyn Fn(CircuitBreakerError) -> E + Send + Sync>,
    pub(crate) rule: Rule<E>,
    pub(crate) record: Record<E>,
}

impl<M, E, K> Shared<M, E, K> {
    /// Asks the breaker of this request.
    pub(crate) fn admit<Req>(&self, request: &Req) -> Result<Permit, CircuitBreakerError>
    where
        K: KeyOf<Req>,
    {
        match self.key.key(request) {
            Some(key) => self.breaker.try_acquire_for_key(&key),
            None => self.breaker.try_acquire(),
        }
    }

    /// Ends a call with this error, and returns it.
    pub(crate) fn settle_error(&self, permit: Permit, error: E) -> E {
        let outcome = permit.during_sync(|| (self.rule)(&error));
        let result = Err(error);
        (self.record)(permit, &result, outcome);
        let Err(error) = result;
        error
    }

    /// Counts an error of the inner service's `poll_ready` as a call, if the breaker admits one.
    pub(crate) fn count_unready(&self, error: E) -> E {
        match self.breaker.try_acquire() {
            Ok(permit) => self.settle_error(permit, error),
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
