//! Holds a call that has failed or was rejected, while the fallback steps run.

use crate::breaker::caller::Owner;
use crate::breaker::error::CircuitBreakerError;
use crate::call::result::Fallible;
use crate::fallback::context::{FallbackContext, Reason};
use crate::fallback::plain::Opener;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// Which endings fall back, as `on(...)` says. The expansion handles rejections itself.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct On {
    pub failure: bool,
    pub timeout: bool,
}

/// A call that falls back, with what the caller gets when every step declines.
#[derive(Debug)]
#[doc(hidden)]
pub enum FailedCall<R> {
    Rejected(CircuitBreakerError),
    TimedOut(CircuitBreakerError),
    /// `rejected`: another breaker has rejected the call, and `retry_after` is from that breaker.
    Failed {
        result: R,
        owner: Ended,
        retry_after: Option<Duration>,
        rejected: bool,
    },
}

/// A call that has ended.
#[derive(Clone)]
#[doc(hidden)]
pub struct Ended(pub(crate) Owner);

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.breaker().fmt(f)
    }
}

impl<R> FailedCall<R> {
    pub fn rejected(error: CircuitBreakerError) -> Self {
        Self::Rejected(error)
    }

    pub fn timed_out(error: CircuitBreakerError) -> Self {
        Self::TimedOut(error)
    }

    /// What the steps see of the call. `show` makes a `dyn Error` of the function's own error, if
    /// it is one.
    pub fn rejection<'a>(
        &'a self,
        show: impl FnOnce(&'a R::Error) -> Option<&'a (dyn Error + Send + Sync + 'static)>,
    ) -> FallbackContext<'a>
    where
        R: Fallible,
    {
        match self {
            Self::Rejected(error) => Self::by_breaker(error, Reason::of(error)),
            Self::TimedOut(error) => Self::by_breaker(error, Reason::Timeout),
            Self::Failed { result, owner: Ended(owner), retry_after, .. } => {
                let breaker = owner.breaker();
                let snapshot = breaker.read();
                FallbackContext {
                    breaker,
                    annotated: owner.annotated(),
                    state: snapshot.state,
                    reason: Reason::Failure,
                    retry_after: snapshot.retry_after.max(*retry_after),
                    error: result.view().err().and_then(show),
                }
            }
        }
    }

    /// Whether the steps apply to this call: `open` says so for a rejection, `on` for the rest.
    pub fn is_for(&self, open: bool, on: On) -> bool {
        match self {
            Self::Rejected(_) => open,
            Self::TimedOut(_) => on.timeout || on.failure,
            Self::Failed { .. } => on.failure,
        }
    }

    /// Whether the `when(..)` of a `#[retry]` covers this failure. It covers an error that it
    /// names, and a timeout where `timeouts` is set. It always covers a rejection.
    pub fn retries_on(&self, timeouts: bool, names: impl FnOnce(&R::Error) -> bool) -> bool
    where
        R: Fallible,
    {
        match self {
            Self::Rejected(_) | Self::Failed { rejected: true, .. } => true,
            Self::TimedOut(_) => timeouts,
            Self::Failed { result, .. } => result.view().err().is_some_and(names),
        }
    }

    /// Whether the call was rejected because no place was free.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Rejected(error) if error.is_busy())
    }

    /// The owner of the call.
    #[cfg(feature = "retry")]
    pub(crate) fn owner(&self) -> &Owner {
        match self {
            Self::Rejected(error) | Self::TimedOut(error) => error.owner(),
            Self::Failed { owner: Ended(owner), .. } => owner,
        }
    }

    /// When the service itself requested to be called again.
    #[cfg(feature = "retry")]
    pub(crate) const fn asked_for(&self) -> Option<Duration> {
        match self {
            Self::Failed { retry_after, rejected: false, .. } => *retry_after,
            _ => None,
        }
    }

    fn by_breaker(error: &CircuitBreakerError, reason: Reason) -> FallbackContext<'_> {
        FallbackContext {
            breaker: error.owner().breaker(),
            annotated: error.owner().annotated(),
            state: error.state(),
            reason,
            retry_after: error.retry_after(),
            error: Some(error),
        }
    }

    /// What the caller would have got without fallbacks. `open` makes the error of a rejection or a
    /// timeout.
    pub fn into_result(self, open: impl FnOnce(CircuitBreakerError) -> R::Error) -> R
    where
        R: Fallible,
    {
        match self {
            Self::Rejected(error) | Self::TimedOut(error) => R::from_error(open(error)),
            Self::Failed { result, .. } => result,
        }
    }

    /// The same where the function's error may not be made of a rejection. Then the call is
    /// returned as it is.
    #[expect(clippy::missing_errors_doc, reason = "`Err` is a call that falls back")]
    pub fn unless_open(
        self,
        open: impl FnOnce(CircuitBreakerError) -> Result<R::Error, CircuitBreakerError>,
    ) -> Result<R, Self>
    where
        R: Fallible,
    {
        match self {
            Self::Rejected(error) => open(error).map(R::from_error).map_err(Self::Rejected),
            Self::TimedOut(error) => open(error).map(R::from_error).map_err(Self::TimedOut),
            Self::Failed { result, .. } => Ok(result),
        }
    }

    /// Finds out whether the function's error can be made of a rejection.
    pub fn opener(&self) -> Opener<R::Error>
    where
        R: Fallible,
    {
        Opener::new()
    }
}

/// A call that was rejected, or that exceeded its time limit, where no failure falls back. It is
/// like [`FailedCall`], but holds no result. The type of a result may not be `Send` while a step is
/// awaited.
#[derive(Debug)]
#[doc(hidden)]
pub struct Refused<R> {
    error: CircuitBreakerError,
    timed_out: bool,
    result: PhantomData<fn() -> R>,
}

impl<R> Refused<R> {
    pub fn rejected(error: CircuitBreakerError) -> Self {
        Self { error, timed_out: false, result: PhantomData }
    }

    pub fn timed_out(error: CircuitBreakerError) -> Self {
        Self { error, timed_out: true, result: PhantomData }
    }

    /// What the steps see of the call. There is no error of the function's own to show.
    pub fn rejection<'a>(
        &'a self,
        _show: impl FnOnce(&'a R::Error) -> Option<&'a (dyn Error + Send + Sync + 'static)>,
    ) -> FallbackContext<'a>
    where
        R: Fallible,
    {
        FailedCall::<R>::by_breaker(&self.error, if self.timed_out { Reason::Timeout } else { Reason::of(&self.error) })
    }

    /// As [`FailedCall::into_result`].
    pub fn into_result(self, open: impl FnOnce(CircuitBreakerError) -> R::Error) -> R
    where
        R: Fallible,
    {
        R::from_error(open(self.error))
    }

    /// As [`FailedCall::unless_open`].
    #[expect(clippy::missing_errors_doc, reason = "`Err` is a call that falls back")]
    pub fn unless_open(
        self,
        open: impl FnOnce(CircuitBreakerError) -> Result<R::Error, CircuitBreakerError>,
    ) -> Result<R, Self>
    where
        R: Fallible,
    {
        open(self.error).map(R::from_error).map_err(|error| Self { error, ..self })
    }

    /// As [`FailedCall::opener`].
    pub fn opener(&self) -> Opener<R::Error>
    where
        R: Fallible,
    {
        Opener::new()
    }
}

/// A call that falls back in place of an `R`.
#[doc(hidden)]
pub trait Instead<R> {}

impl<R> Instead<R> for FailedCall<R> {}

impl<R> Instead<R> for Refused<R> {}

/// The answer to such a call. rustc learns its type in this way where an `impl Trait` has no name.
pub fn instead<R, F: Instead<R>>(_: &F, answer: R) -> R {
    answer
}
