//! Whole: the endings of calls where an `Ok` can be a failure too, and the falling back that all endings share.

use crate::breaker::error::CircuitBreakerError;
use crate::breaker::last_error::Cause;
use crate::call::permit::Permit;
use crate::fallback::steps::{Ended, Fallen, On};
use crate::machine::outcome::Outcome;
use crate::macro_support::{Fallible, Judged};
use std::any::type_name;
use std::time::Duration;

/// Which endings fall back, and who else wants to hear of an ending.
#[doc(hidden)]
pub trait Falls: Copy {
    fn on(&self) -> On;
    fn ended<R: Fallible>(&self, ended: &Ended, result: &R, outcome: Outcome);
}

impl Falls for On {
    fn on(&self) -> On {
        *self
    }

    fn ended<R: Fallible>(&self, _: &Ended, _: &R, _: Outcome) {}
}

/// The same as `settle` where an `Ok` can be a failure too.
pub fn settle_whole<R: Fallible>(permit: Permit, result: R, judge: &dyn for<'r> Fn(&'r R) -> Judged<'r>) -> R {
    conclude_whole(permit, &result, judge);
    result
}

/// The same as `settle_or_fall` where an `Ok` can be a failure too.
#[expect(clippy::missing_errors_doc, reason = "`Err` is a call that falls back")]
pub fn settle_whole_or_fall<R: Fallible>(
    permit: Permit,
    result: R,
    judge: &dyn for<'r> Fn(&'r R) -> Judged<'r>,
    on: impl Falls,
) -> Result<R, Fallen<R>> {
    fall(permit, result, on, |permit, result| {
        let concluded = Concluded::of(conclude_whole(permit, &result, judge));
        (result, concluded)
    })
}

fn conclude_whole<'e, R: Fallible>(
    permit: Permit,
    result: &'e R,
    judge: &dyn for<'r> Fn(&'r R) -> Judged<'r>,
) -> Judged<'e> {
    let (outcome, look) = permit.guarded(|| judge(result));
    let is_error = result.view().is_err();
    let kind = if is_error { type_name::<R::Error>() } else { type_name::<R::Ok>() };
    permit.settle_result(is_error, outcome, || Cause { kind, look });
    (outcome, look)
}

/// How a call that may fall back has ended.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
#[cfg_attr(not(feature = "stream"), expect(unreachable_pub, reason = "only the judges of streams name it"))]
pub struct Concluded {
    outcome: Outcome,
    /// Another breaker has rejected it: in how long that may let a call in, where it says so.
    rejected: Option<Option<Duration>>,
}

impl Concluded {
    #[cfg(feature = "stream")]
    pub(crate) const SUCCESS: Self = Self { outcome: Outcome::Success, rejected: None };
    #[cfg(feature = "stream")]
    pub(crate) const FAILURE: Self = Self { outcome: Outcome::failure(), rejected: None };

    pub(crate) fn of((outcome, look): Judged<'_>) -> Self {
        Self { outcome, rejected: look.rejection(outcome).map(CircuitBreakerError::retry_after) }
    }

    /// The result, unless a step answers in its place.
    pub(crate) fn unless_it_falls<R>(self, result: R, holder: Ended, on: On) -> Result<R, Fallen<R>> {
        match self.failed() {
            Some(retry_after) if on.failure => {
                Err(Fallen::Failed { result, holder, retry_after, rejected: self.rejected.is_some() })
            }
            _ => Ok(result),
        }
    }

    /// Whether that is for `on(failure)`, and then in how long a call may be worth making.
    fn failed(self) -> Option<Option<Duration>> {
        match self.outcome {
            Outcome::Failure { retry_after } => Some(self.rejected.flatten().or(retry_after)),
            _ => self.rejected,
        }
    }
}

/// Ends a call with `conclude`, and says whether it falls back.
pub(crate) fn fall<R: Fallible>(
    permit: Permit,
    result: R,
    on: impl Falls,
    conclude: impl FnOnce(Permit, R) -> (R, Concluded),
) -> Result<R, Fallen<R>> {
    let holder = Ended(permit.holder().clone());
    let (result, concluded) = conclude(permit, result);
    on.ended(&holder, &result, concluded.outcome);
    concluded.unless_it_falls(result, holder, on.on())
}
