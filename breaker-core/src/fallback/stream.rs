//! Settles calls that return a boxed stream, and that may fall back until its first item.

use crate::breaker::error::CircuitBreakerError;
use crate::breaker::error_view::Classified;
use crate::call::permit::Permit;
use crate::call::result::Fallible;
use crate::call::settle::Concluded;
use crate::call::stream::attribute::{Begin, BegunBox, Items, StreamBox, begin, guard, guard_box};
use crate::call::stream::limits::Rules;
use crate::fallback::failed_call::{Ended, FailedCall, On};
use crate::fallback::settle::{fall, unless_it_falls};

/// The same where a counted failure, or a timeout, may fall back. A stream that breaks off in the
/// middle cannot fall back.
#[expect(clippy::missing_errors_doc, reason = "`Err` is a call that falls back")]
pub fn settle_stream_box_or_fall<R, T, E>(
    permit: Permit,
    result: R,
    classify: &dyn for<'e> Fn(&'e R::Error) -> Classified<'e>,
    items: Items<E>,
    rules: Rules<T, E>,
    on: On,
) -> Result<R, FailedCall<R>>
where
    R: Fallible,
    R::Ok: StreamBox<T, E>,
{
    fall(permit, result, on, |permit, result| guard_box(permit, result, classify, items, rules))
}

/// The same where a counted failure, or a timeout, may fall back.
#[expect(clippy::too_many_arguments, reason = "an expansion has them all")]
pub fn begin_stream_box_or_fall<R, T, E, O>(
    permit: Permit,
    result: R,
    classify: &dyn for<'e> Fn(&'e R::Error) -> Classified<'e>,
    items: Items<E>,
    rules: Rules<T, E>,
    on: On,
    carry: fn(E) -> Result<R::Error, E>,
    open: O,
) -> impl Future<Output = Result<R, FailedCall<R>>> + use<R, T, E, O>
where
    R: Fallible,
    R::Ok: BegunBox<T, E>,
    O: FnOnce(CircuitBreakerError) -> R::Error,
{
    let owner = Ended(permit.owner().clone());
    let begins = guard(permit, result, classify, items, rules);
    async move {
        match begin(begins, carry).await {
            Ok(Begin::Done(result, concluded)) => unless_it_falls(concluded, result, owner, on),
            Ok(Begin::TimedOut(error)) if on.timeout || on.failure => Err(FailedCall::TimedOut(error)),
            Ok(Begin::TimedOut(error)) => Ok(R::from_error(open(error))),
            Err(error) => unless_it_falls(Concluded::FAILURE, R::from_error(open(error)), owner, on),
        }
    }
}
