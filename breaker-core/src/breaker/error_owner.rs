//! Defines what an error holds of its breaker.
//!
//! An error of an annotated function refers to the callsite, which lives forever. An error of a
//! keyed breaker is one of its owners. Other breakers live as long as their handles, and an error
//! of theirs holds a token. So a rejection does not write the reference count of the breaker, which
//! all threads share. It writes that of the token of its thread's stripe.

use crate::breaker::caller::{Caller, Owner};
use crate::breaker::function::Function;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::inner::Inner;
use crate::breaker::token::Token;
use crate::sync::Arc;

/// What an error holds of its breaker.
#[derive(Clone)]
pub(crate) enum ErrorOwner {
    /// Its breaker lives as long as the error.
    Lasting(Owner),
    /// Its breaker lives as long as its handles.
    Token(Arc<Token<Inner>>),
}

impl ErrorOwner {
    /// The breaker's name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Lasting(owner) => owner.breaker().name(),
            Self::Token(token) => token.name(),
        }
    }

    /// The annotated function.
    pub(crate) fn annotated(&self) -> Option<&'static Function> {
        match self {
            Self::Lasting(owner) => owner.annotated(),
            Self::Token(_) => None,
        }
    }

    /// Its breaker, unless that is gone.
    pub(crate) fn breaker(&self) -> Option<CircuitBreaker> {
        match self {
            Self::Lasting(owner) => Some(owner.breaker().clone()),
            Self::Token(token) => token.breaker().map(|inner| CircuitBreaker(Handle::Counted(inner))),
        }
    }
}

impl From<Owner> for ErrorOwner {
    fn from(owner: Owner) -> Self {
        match owner {
            Owner::Own(CircuitBreaker(Handle::Counted(inner))) => Self::Token(Arc::clone(inner.token())),
            lasting => Self::Lasting(lasting),
        }
    }
}

impl CircuitBreaker {
    /// What the error of a call by this caller holds.
    #[inline]
    pub(crate) fn error_owner(&self, caller: Caller) -> ErrorOwner {
        match (&self.0, caller) {
            (Handle::Counted(inner), Caller::Handle) => ErrorOwner::Token(Arc::clone(inner.token())),
            _ => ErrorOwner::Lasting(self.owner(caller)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::error::CircuitBreakerError;
    use crate::config::keys::Config;
    use std::collections::HashSet;
    use std::thread;

    /// The address of the count that a clone of this error writes.
    fn count_address(error: &CircuitBreakerError) -> usize {
        match error.error_owner() {
            ErrorOwner::Token(token) => Arc::as_ptr(token).addr(),
            ErrorOwner::Lasting(_) => panic!("a handle has a token"),
        }
    }

    #[test]
    fn a_thread_uses_one_token_and_another_thread_another_cache_line() {
        let breaker = CircuitBreaker::new("test", Config::new()).unwrap();
        breaker.force_open();
        let rejected = || breaker.try_acquire().unwrap_err();
        let of_thread = || {
            // All live at once, so that no address is used twice.
            let errors = [rejected(), rejected(), rejected()];
            let addresses: HashSet<_> = errors.iter().map(count_address).collect();
            assert_eq!(addresses.len(), 1, "{addresses:?}");
            count_address(&errors[0])
        };
        // More threads than stripes: some share a token.
        let addresses: HashSet<_> =
            thread::scope(|scope| (0..64).map(|_| scope.spawn(of_thread).join().unwrap()).collect());
        assert!((2..=8).contains(&addresses.len()), "{addresses:?}");
        assert!(addresses.iter().all(|address| address % 64 == 0), "{addresses:?}");
        let Handle::Counted(inner) = &breaker.0 else { panic!("it is counted") };
        assert_eq!(Arc::strong_count(inner), 1, "no error holds it");
        assert_eq!(breaker.rejections(), 64 * 3);
    }

    #[test]
    fn the_change_that_opens_a_breaker_makes_its_tokens() {
        let breaker = CircuitBreaker::new("test", Config::new().fail_max(2)).unwrap();
        let Handle::Counted(inner) = &breaker.0 else { panic!("it is counted") };
        breaker.try_acquire().unwrap().success();
        breaker.try_acquire().unwrap().failure();
        assert_eq!(Arc::weak_count(inner), 0, "a closed breaker has none");
        breaker.try_acquire().unwrap().failure();
        assert_eq!(Arc::weak_count(inner), 8);
        let error = breaker.try_acquire().unwrap_err();
        assert_eq!(Arc::weak_count(inner), 8);
        let gone = Arc::downgrade(inner);
        drop(breaker);
        assert!(gone.upgrade().is_none(), "{error}");
    }

    #[test]
    fn an_error_is_four_words() {
        assert_eq!(size_of::<CircuitBreakerError>(), 32);
        assert_eq!(size_of::<Result<(), CircuitBreakerError>>(), 32);
    }
}
