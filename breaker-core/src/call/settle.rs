//! Classifies the result of a call, and records the outcome with the breaker.

use crate::breaker::cause::Cause;
use crate::breaker::classification::{Classification, sealed};
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::error_view::{Classified, ErrorView};
use crate::call::permit::Permit;
use crate::call::result::Fallible;
use crate::machine::outcome::Outcome;
use std::any::type_name;
use std::fmt::Display;
use std::time::Duration;

/// Counts how the call ended, and returns its result.
#[inline]
pub fn settle<R: Fallible<Error = E>, E>(
    permit: Permit,
    result: R,
    classify: &dyn for<'e> Fn(&'e E) -> Classified<'e>,
) -> R {
    conclude_result(permit, &result, classify);
    result
}

#[inline]
pub(crate) fn conclude_result<'r, R: Fallible>(
    permit: Permit,
    result: &'r R,
    classify: &dyn for<'e> Fn(&'e R::Error) -> Classified<'e>,
) -> Classified<'r> {
    match result.view() {
        Ok(_) => {
            permit.succeeded();
            (Outcome::Success, ErrorView::NOTHING)
        }
        Err(error) => conclude_error(permit, error, classify),
    }
}

/// Counts a call that ended with this error.
#[cold]
pub(crate) fn conclude_error<'r, E>(
    permit: Permit,
    error: &'r E,
    classify: &dyn for<'e> Fn(&'e E) -> Classified<'e>,
) -> Classified<'r> {
    let (outcome, view) = permit.guarded(|| classify(error));
    permit.settle_result(true, outcome, || Cause { kind: type_name::<E>(), view });
    (outcome, view)
}

/// The same as `settle` where an `Ok` can be a failure too.
pub fn settle_full<R: Fallible>(permit: Permit, result: R, classify: &dyn for<'r> Fn(&'r R) -> Classified<'r>) -> R {
    conclude_full(permit, &result, classify);
    result
}

pub(crate) fn conclude_full<'e, R: Fallible>(
    permit: Permit,
    result: &'e R,
    classify: &dyn for<'r> Fn(&'r R) -> Classified<'r>,
) -> Classified<'e> {
    let (outcome, view) = permit.guarded(|| classify(result));
    let is_error = result.view().is_err();
    let kind = if is_error { type_name::<R::Error>() } else { type_name::<R::Ok>() };
    permit.settle_result(is_error, outcome, || Cause { kind, view });
    (outcome, view)
}

/// How a call that may fall back has ended.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
#[cfg_attr(not(feature = "stream"), expect(unreachable_pub, reason = "only the classifiers of streams name it"))]
pub struct Concluded {
    pub(crate) outcome: Outcome,
    /// Another breaker has rejected the call: the time until it may admit a call, if it says so.
    pub(crate) rejected: Option<Option<Duration>>,
}

impl Concluded {
    #[cfg(feature = "stream")]
    pub(crate) const SUCCESS: Self = Self { outcome: Outcome::Success, rejected: None };
    #[cfg(feature = "stream")]
    pub(crate) const FAILURE: Self = Self { outcome: Outcome::failure(), rejected: None };

    pub(crate) fn of((outcome, view): Classified<'_>) -> Self {
        Self { outcome, rejected: view.rejection(outcome).map(CircuitBreakerError::retry_after) }
    }

    /// Whether `on(failure)` applies, and then the time until a call may be worth making.
    pub(crate) fn failed(self) -> Option<Option<Duration>> {
        match self.outcome {
            Outcome::Failure { retry_after } => Some(self.rejected.flatten().or(retry_after)),
            _ => self.rejected,
        }
    }
}

impl Permit {
    /// The call failed, and `text` says how: an error, or a message. `last_error`, `opened_because`
    /// and the log show its first 256 bytes.
    ///
    /// ```
    /// # use breaker_core::{CircuitBreaker, Config};
    /// let breaker = CircuitBreaker::new("printer", Config::new().fail_max(1)).unwrap();
    /// breaker.try_acquire()?.failure_with("paper jam");
    /// assert_eq!(breaker.snapshot().opened_because.unwrap(), "1 failure, last: paper jam");
    /// # Ok::<(), breaker_core::CircuitBreakerError>(())
    /// ```
    pub fn failure_with(self, text: impl Display) {
        self.settle_with(Outcome::failure(), || Cause::of_text("failure", &text));
    }

    /// The call returned this result. `classification` says what it counts as, and what is shown of
    /// its error: see [`Classification`].
    ///
    /// ```
    /// # use breaker_core::{CircuitBreaker, Config, presets};
    /// # use std::io;
    /// let breaker = CircuitBreaker::new("printer", Config::new()).unwrap();
    /// let permit = breaker.try_acquire()?;
    /// let result: io::Result<()> = Err(io::ErrorKind::ConnectionRefused.into());
    /// permit.record_result(&result, presets::io(&result));
    /// assert_eq!(breaker.snapshot().last_error.unwrap().message.unwrap(), "connection refused");
    /// # Ok::<(), breaker_core::CircuitBreakerError>(())
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "a caller has made it for this")]
    pub fn record_result<T, E>(self, result: &Result<T, E>, classification: impl Classification<E>) {
        self.settle_classified(result, &classification);
    }

    /// Counts a call that ended with this result and this classification.
    #[inline]
    pub(crate) fn settle_classified<T, E, C>(self, result: &Result<T, E>, classified: &C)
    where
        C: sealed::Classification<E>,
    {
        let (error, kind) = (result.as_ref().err(), type_name::<E>());
        if !C::WORDED {
            return self.settle_result(error.is_some(), classified.outcome(), || Cause::bare(kind));
        }
        self.settle_result(error.is_some(), classified.outcome(), || Cause { kind, view: classified.view(error) });
    }
}
