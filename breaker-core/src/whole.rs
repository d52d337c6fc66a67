//! Whole: the endings of calls where an `Ok` can be a failure too, and the falling back that all endings share.

use crate::call::{Cut, settle_cut};
use crate::fallback::{Ended, Fallen, On};
use crate::note::Cause;
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::rt::{Fallible, FromRejection, Judged, reject};
use std::any::type_name;

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
pub fn settle_whole<R: Fallible>(
    permit: Permit,
    result: Result<R, Cut>,
    judge: &dyn for<'r> Fn(&'r R) -> Judged<'r>,
) -> R
where
    R::Error: FromRejection,
{
    match result {
        Ok(result) => {
            conclude_whole(permit, &result, judge);
            result
        }
        Err(cut) => reject(settle_cut(permit, cut)),
    }
}

/// The same as `settle_or_fall` where an `Ok` can be a failure too.
#[expect(clippy::missing_errors_doc, reason = "`Err` is a call that falls back")]
pub fn settle_whole_or_fall<R: Fallible>(
    permit: Permit,
    result: Result<R, Cut>,
    judge: &dyn for<'r> Fn(&'r R) -> Judged<'r>,
    on: impl Falls,
) -> Result<R, Fallen<R>>
where
    R::Error: FromRejection,
{
    fall(permit, result, on, |permit, result| {
        let outcome = conclude_whole(permit, &result, judge);
        (result, outcome)
    })
}

fn conclude_whole<R: Fallible>(permit: Permit, result: &R, judge: &dyn for<'r> Fn(&'r R) -> Judged<'r>) -> Outcome {
    let (outcome, text) = permit.guarded(|| judge(result));
    let is_error = result.view().is_err();
    let kind = if is_error { type_name::<R::Error>() } else { type_name::<R::Ok>() };
    permit.settle_result(is_error, outcome, || Cause { kind, text });
    outcome
}

/// Ends a call with `conclude`, and says whether it falls back.
pub(crate) fn fall<R: Fallible>(
    permit: Permit,
    result: Result<R, Cut>,
    on: impl Falls,
    conclude: impl FnOnce(Permit, R) -> (R, Outcome),
) -> Result<R, Fallen<R>>
where
    R::Error: FromRejection,
{
    let result = match result {
        Ok(result) => result,
        Err(cut) => {
            let error = settle_cut(permit, cut);
            let on = on.on();
            return if on.timeout || on.failure { Err(Fallen::TimedOut(error)) } else { Ok(reject(error)) };
        }
    };
    let holder = Ended(permit.holder().clone());
    let (result, outcome) = conclude(permit, result);
    on.ended(&holder, &result, outcome);
    match outcome {
        Outcome::Failure { retry_after } if on.on().failure => Err(Fallen::Failed { result, holder, retry_after }),
        _ => Ok(result),
    }
}
