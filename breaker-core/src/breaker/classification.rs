//! Defines what a classifier of a call by a handle may return.

use crate::breaker::error_view::ErrorView;
use crate::machine::outcome::Outcome;
use std::fmt::Display;

/// What a classifier returns for a result whose error is an `E`. Such classifiers are arguments of
/// [`CircuitBreaker::call_classified`](crate::CircuitBreaker::call_classified) and similar methods.
///
/// | value | counts as | `last_error`, `opened_because` and the log show |
/// | --- | --- | --- |
/// | [`Outcome`] | that | the error's type |
/// | `(Outcome, text)`, where `text` is any `Display` | that | the text |
/// | what [`presets::errors`](crate::presets::errors) and the other functions of [`presets`](crate::presets) return | their classification | the error's text and that of the errors behind it |
///
/// The first 256 bytes of a text are kept. A text is formatted with no lock held, and only where it
/// is shown.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a classification",
    label = "expected an `Outcome`, or `(Outcome, text)`",
    note = "`presets::errors` is a classifier that gives the error's own text too"
)]
pub trait Classification<E>: sealed::Classification<E> {}

impl<E, C: sealed::Classification<E>> Classification<E> for C {}

pub(crate) mod sealed {
    use super::{ErrorView, Outcome};

    pub trait Classification<E> {
        /// Whether there is anything to show.
        const WORDED: bool = true;

        fn outcome(&self) -> Outcome;

        /// What is known of the error, if the result is one.
        fn view<'e>(&'e self, error: Option<&'e E>) -> ErrorView<'e>;
    }
}

impl<E> sealed::Classification<E> for Outcome {
    const WORDED: bool = false;

    #[inline]
    fn outcome(&self) -> Outcome {
        *self
    }

    fn view<'e>(&'e self, _: Option<&'e E>) -> ErrorView<'e> {
        ErrorView::NOTHING
    }
}

impl<E, D: Display> sealed::Classification<E> for (Outcome, D) {
    #[inline]
    fn outcome(&self) -> Outcome {
        self.0
    }

    fn view<'e>(&'e self, _: Option<&'e E>) -> ErrorView<'e> {
        ErrorView::of_text(&self.1)
    }
}
