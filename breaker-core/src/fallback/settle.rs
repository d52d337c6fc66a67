//! Ends calls that may fall back.

use crate::breaker::error_view::Classified;
use crate::call::permit::Permit;
use crate::call::result::Fallible;
use crate::call::settle::{Concluded, conclude_full, conclude_result};
use crate::fallback::failed_call::{Ended, FailedCall, On};
use crate::machine::outcome::Outcome;

/// Which endings fall back, and what else observes an ending.
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

/// The same as `settle_or_fall` where an `Ok` can be a failure too.
#[expect(clippy::missing_errors_doc, reason = "`Err` is a call that falls back")]
pub fn settle_full_or_fall<R: Fallible>(
    permit: Permit,
    result: R,
    classify: &dyn for<'r> Fn(&'r R) -> Classified<'r>,
    on: impl Falls,
) -> Result<R, FailedCall<R>> {
    fall(permit, result, on, |permit, result| {
        let concluded = Concluded::of(conclude_full(permit, &result, classify));
        (result, concluded)
    })
}

/// Ends a call with `conclude`, and returns whether it falls back.
pub(crate) fn fall<R: Fallible>(
    permit: Permit,
    result: R,
    on: impl Falls,
    conclude: impl FnOnce(Permit, R) -> (R, Concluded),
) -> Result<R, FailedCall<R>> {
    let owner = Ended(permit.owner().clone());
    let (result, concluded) = conclude(permit, result);
    on.ended(&owner, &result, concluded.outcome);
    unless_it_falls(concluded, result, owner, on.on())
}

/// The result, unless a step answers in its place.
pub(crate) fn unless_it_falls<R>(concluded: Concluded, result: R, owner: Ended, on: On) -> Result<R, FailedCall<R>> {
    match concluded.failed() {
        Some(retry_after) if on.failure => {
            Err(FailedCall::Failed { result, owner, retry_after, rejected: concluded.rejected.is_some() })
        }
        _ => Ok(result),
    }
}

/// The same where a counted failure may fall back.
#[expect(clippy::missing_errors_doc, reason = "`Err` is a call that falls back")]
pub fn settle_or_fall<R: Fallible<Error = E>, E>(
    permit: Permit,
    result: R,
    classify: &dyn for<'e> Fn(&'e E) -> Classified<'e>,
    on: impl Falls,
) -> Result<R, FailedCall<R>> {
    fall(permit, result, on, |permit, result| {
        let concluded = Concluded::of(conclude_result(permit, &result, classify));
        (result, concluded)
    })
}
