//! Inspects an error whose type only a macro expansion knows.
//!
//! The result is its text, the errors behind it, and whether another breaker's rejection is among
//! them.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `mod` | [`ErrorView`]: what is known of an error |
//! | `autoref` | finds the view that the type of an error allows |
//! | `field` | the same for a field, which may be an `Option` |
//!
//! May use: `error`, `error_chain` and `error_text` of `breaker`, and what is below `breaker`. To
//! add a type that may be a rejection itself, add it to the list of `maybe_rejection!` in
//! `autoref`.

mod autoref;
mod field;

pub use self::autoref::{inspect, inspect_text};
pub use self::field::inspect_field;
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::error_chain::{chain, first_of};
use crate::breaker::error_text::Text;
use crate::machine::outcome::Outcome;
use std::error::Error;
use std::fmt::{self, Display, Write};

/// What is known of an error.
#[derive(Clone, Copy)]
pub struct ErrorView<'e> {
    text: Option<&'e dyn Display>,
    behind: Behind<'e>,
}

#[derive(Clone, Copy)]
enum Behind<'e> {
    Nothing,
    /// The error itself if it can be downcast, otherwise the one behind it.
    Chain(&'e (dyn Error + 'static)),
    /// The error counts as ignored because of this rejection.
    Rejection(&'e CircuitBreakerError),
}

/// What the lists of an attribute say of an error.
#[derive(Clone, Copy, Debug)]
pub enum Listed {
    Ignored,
    Success,
    Failure,
    /// None names it: a failure, unless it is a rejection by another breaker. A rejection is
    /// ignored.
    OrFailure,
    /// None names it, under `otherwise = ignored` or beside an `include`.
    OrIgnored,
    /// None names it, under `otherwise = success`; a rejection is ignored.
    OrSuccess,
}

impl<'e> ErrorView<'e> {
    pub(crate) const NOTHING: Self = Self { text: None, behind: Behind::Nothing };

    #[inline]
    pub(crate) const fn of_text(text: &'e dyn Display) -> Self {
        Self { text: Some(text), behind: Behind::Nothing }
    }

    pub(crate) fn of_chain(text: &'e dyn Display, error: &'e (dyn Error + 'static)) -> Self {
        Self { text: Some(text), behind: Behind::Chain(error) }
    }

    /// An error whose type may have lifetimes, so that it cannot be downcast.
    #[inline]
    fn of(error: &'e impl Error) -> Self {
        Self { text: Some(error), behind: error.source().map_or(Behind::Nothing, Behind::Chain) }
    }

    /// Uses the HTTP status as the text if a value has no text of its own: a response.
    #[must_use]
    pub fn or_status(self, status: Option<u16>) -> Self {
        match status.and_then(|status| STATUSES.get(usize::from(status))) {
            Some(status) if self.text.is_none() => Self { text: Some(status), ..self },
            _ => self,
        }
    }

    /// What it counts as if no list names it: `outcome`. A rejection by another breaker is ignored.
    #[inline]
    pub fn __breaker_otherwise(&mut self, outcome: Outcome) -> Outcome {
        match self.behind {
            Behind::Chain(first) => self.otherwise_by(first, outcome),
            _ => outcome,
        }
    }

    #[cold]
    fn otherwise_by(&mut self, first: &'e (dyn Error + 'static), outcome: Outcome) -> Outcome {
        match rejection(first) {
            Some(error) => {
                self.behind = Behind::Rejection(error);
                Outcome::Ignored
            }
            None => outcome,
        }
    }

    /// What it counts as if its own type says so.
    #[must_use]
    pub fn __breaker_by_itself(&mut self, outcome: Outcome) -> Outcome {
        if outcome == Outcome::Ignored { self.__breaker_otherwise(outcome) } else { outcome }
    }

    /// The classification of an attribute with lists. One word is the least to compile for each
    /// function.
    #[must_use]
    pub fn listed(self, listed: Listed) -> Classified<'e> {
        match listed {
            Listed::Ignored => (Outcome::Ignored, self),
            Listed::Success => (Outcome::Success, self),
            Listed::Failure => (Outcome::failure(), self),
            Listed::OrFailure => self.classified(Outcome::failure()),
            Listed::OrIgnored => self.classified(Outcome::Ignored),
            Listed::OrSuccess => self.classified(Outcome::Success),
        }
    }

    /// The classification of an attribute without a list.
    #[inline]
    pub fn classified(mut self, outcome: Outcome) -> Classified<'e> {
        (self.__breaker_otherwise(outcome), self)
    }

    /// What the first error of the chain that `known` knows counts as. A `CircuitBreakerError`
    /// anywhere in the chain counts as itself.
    pub(crate) fn known(&self, known: Known) -> Option<Outcome> {
        let Behind::Chain(first) = self.behind else { return None };
        match CircuitBreakerError::find(first) {
            Some(error) => Some(error.counts_as()),
            None => chain(first).find_map(known),
        }
    }

    pub(crate) const fn has_text(&self) -> bool {
        self.text.is_some()
    }

    /// The rejection that makes it count as ignored. For an error that counts as a failure all the
    /// same, any rejection behind it.
    pub(crate) fn rejection(&self, outcome: Outcome) -> Option<&'e CircuitBreakerError> {
        match self.behind {
            Behind::Rejection(error) => Some(error),
            Behind::Chain(first) if outcome.is_failure() => rejection(first),
            _ => None,
        }
    }
}

/// An HTTP status as a text. A view borrows its text, and a response has no status text to borrow.
#[derive(Clone, Copy)]
struct Status(u16);

static STATUSES: [Status; 1000] = {
    let mut all = [Status(0); 1000];
    let mut status = 0;
    while status < 1000 {
        all[status as usize] = Status(status);
        status += 1;
    }
    all
};

impl Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP status {}", self.0)
    }
}

fn rejection<'e>(first: &'e (dyn Error + 'static)) -> Option<&'e CircuitBreakerError> {
    first_of(first).filter(|error: &&CircuitBreakerError| error.is_rejection())
}

/// What a variant without a `#[derive(Classify)]` attribute counts as: a failure, unless one of its
/// fields is, or holds, a rejection.
#[must_use]
pub fn of_variant(fields: &[ErrorView<'_>]) -> Outcome {
    let rejected = fields.iter().any(|field| field.rejection(Outcome::failure()).is_some());
    if rejected { Outcome::Ignored } else { Outcome::failure() }
}

/// The error's text, and the texts of the errors behind it that it does not contain, separated by
/// colons. If the text exceeds the length that is kept, they are left out.
impl Display for ErrorView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(text) = self.text else { return Ok(()) };
        let Behind::Chain(first) = self.behind else { return text.fmt(f) };
        let mut writer = KeepingWriter { f, text: Text::new() };
        write!(writer, "{text}")?;
        for cause in chain(first) {
            let cause = Text::written(&cause);
            if writer.text.is_full() {
                break;
            }
            if !writer.text.as_str().contains(cause.as_str()) {
                write!(writer, ": {}", cause.as_str())?;
            }
        }
        Ok(())
    }
}

/// Writes on, and keeps the beginning of what was written.
struct KeepingWriter<'f, 'w> {
    f: &'f mut fmt::Formatter<'w>,
    text: Text,
}

impl Write for KeepingWriter<'_, '_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        // Text beyond the limit is not kept.
        let _ = self.text.write_str(s);
        self.f.write_str(s)
    }
}

impl fmt::Debug for ErrorView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorView({self})")
    }
}

/// What an error counts as, and what is known of it.
pub type Classified<'e> = (Outcome, ErrorView<'e>);

/// What an error of a chain counts as, if it is of a type that a preset knows.
pub(crate) type Known = fn(&(dyn Error + 'static)) -> Option<Outcome>;
