//! Defines what a preset accepts, and how it searches for the error that it knows.

use crate::breaker::error_chain::as_one;
use crate::breaker::error_view::Known;
use crate::classify::Classify;
use crate::classify::shown::{Show, Shown};
use crate::machine::outcome::Outcome;
use std::error::Error;

/// What a function of [`presets`](crate::presets) accepts. That is a full result, for
/// `classify = path` and calls by a handle. Or it is an error alone, for
/// `#[classify(with = path)]`. The error is any `Error`, or what dereferences to `dyn Error` (as
/// `Box<dyn Error>` and `anyhow::Error` do). It may also be an `Arc` of one of these, or a string.
#[diagnostic::on_unimplemented(
    message = "a preset cannot classify `{Self}`",
    label = "expected an error, or a `Result` with one",
    note = "an error is an `Error + 'static`, a type that dereferences to `dyn Error` mutably (as `anyhow::Error` does), or an `Arc` of one of these"
)]
pub trait Subject<Way> {
    /// [`Shown`] of a result, [`Outcome`] of an error.
    type Said;

    #[doc(hidden)]
    fn classified(&self, known: Known) -> Self::Said;
}

/// The subject is a result.
#[derive(Debug)]
pub struct Whole<Way>(Way);

/// The subject is an error.
#[derive(Debug)]
pub struct Alone<Way>(Way);

#[diagnostic::do_not_recommend]
impl<T, E: Show<Way>, Way> Subject<Whole<Way>> for Result<T, E> {
    type Said = Shown<E>;

    fn classified(&self, known: Known) -> Shown<E> {
        Shown::by(self.as_ref().map(|_| ()), known)
    }
}

#[diagnostic::do_not_recommend]
impl<E: Show<Way>, Way> Subject<Alone<Way>> for E {
    type Said = Outcome;

    fn classified(&self, known: Known) -> Outcome {
        Shown::by(Err(self), known).outcome()
    }
}

/// What the error counts as, if it is a `C`, or a `Box` or an `Arc` of one.
pub(super) fn of<C: Classify + Error + 'static>(error: &(dyn Error + 'static)) -> Option<Outcome> {
    as_one::<C>(error).map(C::classify)
}
