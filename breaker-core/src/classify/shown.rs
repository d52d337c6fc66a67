//! Holds what the presets return for a call by a handle: what the result counts as, and a way to
//! the text of its error.

use crate::breaker::classification::sealed;
use crate::breaker::error::{CallError, CircuitBreakerError};
use crate::breaker::error_view::{ErrorView, Known};
use crate::classify::{Boxed, Itself, Search, Shared, Verdict};
use crate::machine::outcome::Outcome;
use crate::sync::Arc;
use std::borrow::Cow;
use std::fmt::{self, Debug, Display};

/// What [`presets::errors`](crate::presets::errors) and the other functions of
/// [`presets`](crate::presets) return. It holds what a result counts as, and a way to the text of
/// its error.
pub struct Shown<E> {
    outcome: Outcome,
    view: for<'e> fn(&'e E) -> ErrorView<'e>,
}

impl<E> Shown<E> {
    pub(crate) fn of<Way>(result: Result<(), &E>) -> Self
    where
        E: Show<Way>,
    {
        let outcome = match result {
            Ok(()) => Outcome::success(),
            Err(error) => error.view().classified(Outcome::failure()).0,
        };
        Self { outcome, view: E::view }
    }

    /// What `known` says about the first error of the chain that it knows. For any other error it
    /// is the same as [`of`](Self::of).
    pub(crate) fn by<Way>(result: Result<(), &E>, known: Known) -> Self
    where
        E: Show<Way>,
    {
        match result.err().and_then(|error| error.view().known(known)) {
            Some(outcome) => Self { outcome, view: E::view },
            None => Self::of(result),
        }
    }

    /// What the result counts as.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The same text for a result that counts as `outcome`.
    ///
    /// ```
    /// # use breaker_core::{CircuitBreaker, Config, Outcome, presets};
    /// # use std::io;
    /// # let breaker = CircuitBreaker::new("files", Config::new())?;
    /// let classify = |read: &io::Result<String>| match read {
    ///     Err(error) if error.kind() == io::ErrorKind::NotFound => presets::errors(read).with_outcome(Outcome::success()),
    ///     _ => presets::errors(read),
    /// };
    /// breaker.call_sync_classified(|| std::fs::read_to_string("no such file"), classify).unwrap_err();
    /// assert_eq!(breaker.snapshot().success_count, 1);
    /// # Ok::<(), breaker_core::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn with_outcome(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }
}

impl<E> From<Shown<E>> for Outcome {
    fn from(shown: Shown<E>) -> Self {
        shown.outcome
    }
}

#[diagnostic::do_not_recommend]
impl<E> Verdict for Shown<E> {
    const IS_ABOUT_ERRORS: bool = true;

    fn outcome(self) -> Outcome {
        self.outcome
    }
}

impl<E> PartialEq<Outcome> for Shown<E> {
    fn eq(&self, other: &Outcome) -> bool {
        self.outcome == *other
    }
}

impl<E> Clone for Shown<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Shown<E> {}

impl<E> Debug for Shown<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shown").field(&self.outcome).finish()
    }
}

/// An error whose text [`presets::errors`](crate::presets::errors) shows. That is any `Error`, or
/// what dereferences to `dyn Error` (as `Box<dyn Error>` and `anyhow::Error` do). It is also an
/// `Arc` of one of these, a string, and a [`CallError`] of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error with a text",
    label = "expected an `Error + 'static`, a type that dereferences to `dyn Error`, or a string",
    note = "give a text with the outcome: `|result| (Outcome::failure(), \"text\")`"
)]
pub trait Show<Way> {
    #[doc(hidden)]
    fn view(&self) -> ErrorView<'_>;
}

#[diagnostic::do_not_recommend]
impl<E: Search<CircuitBreakerError, Itself> + Display> Show<Itself> for E {
    fn view(&self) -> ErrorView<'_> {
        ErrorView::of_chain(self, self.first())
    }
}

#[diagnostic::do_not_recommend]
impl<E: Search<CircuitBreakerError, Boxed> + Display> Show<Boxed> for E {
    fn view(&self) -> ErrorView<'_> {
        ErrorView::of_chain(self, self.first())
    }
}

#[diagnostic::do_not_recommend]
impl<E: Search<CircuitBreakerError, Shared> + Display> Show<Shared> for E {
    fn view(&self) -> ErrorView<'_> {
        ErrorView::of_chain(self, self.first())
    }
}

/// The error is a text.
#[derive(Debug)]
pub struct Words;

/// A string.
pub trait Text: Display {}

macro_rules! texts {
    ($($text:ty),*) => {$(
        impl Text for $text {}

        #[diagnostic::do_not_recommend]
        impl Show<Words> for $text {
            fn view(&self) -> ErrorView<'_> {
                ErrorView::of_text(self)
            }
        }
    )*};
}

texts!(&str, String, Box<str>, Arc<str>, Cow<'_, str>);

#[diagnostic::do_not_recommend]
impl<E: Text> Show<Words> for CallError<E> {
    fn view(&self) -> ErrorView<'_> {
        match self {
            Self::Rejected(error) => ErrorView::of_chain(error, error),
            Self::Inner(text) => ErrorView::of_text(text),
        }
    }
}

impl<E> sealed::Classification<E> for Shown<E> {
    #[inline]
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn view<'e>(&'e self, error: Option<&'e E>) -> ErrorView<'e> {
        error.map_or(ErrorView::NOTHING, self.view)
    }
}
