//! Inspects an error whose type only a macro expansion knows.
//!
//! The result is its text, the errors behind it, and whether another breaker's rejection is among
//! them.

mod field;
mod sight;

pub use self::field::see_field;
pub use self::sight::{see, see_text};
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

    pub(crate) fn whole(text: &'e dyn Display, error: &'e (dyn Error + 'static)) -> Self {
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
        write!(f, "Look({self})")
    }
}

<<<<<<< HEAD
=======
/// The first step of the lookup. The compiler finds the first `__breaker_look` that the error's
/// type allows: here, or in a type that this dereferences to, step by step. The name avoids
/// conflicts with a blanket trait of user code.
///
/// This step covers types that may be a rejection themselves and need a check. A bound cannot
/// express this for every error, since a type with lifetimes cannot be downcast. It is not known
/// which types have lifetimes when the method is chosen.
#[derive(Debug)]
pub struct Sight<'e, E>(OfErrors<'e, E>);

/// Every error: the errors behind it are known.
#[derive(Debug)]
pub struct OfErrors<'e, E>(OfBoxes<'e, E>);

/// Types that dereference to `dyn Error`, as `Box<dyn Error>` and `anyhow::Error` do.
#[derive(Debug)]
pub struct OfBoxes<'e, E>(OfTexts<'e, E>);

/// Types that have a text.
#[derive(Debug)]
pub struct OfTexts<'e, E>(&'e E);

/// Any other type.
#[derive(Debug)]
pub struct OfNothing;

/// Starts the lookup for an error.
#[inline]
pub const fn see<E>(error: &E) -> Sight<'_, E> {
    Sight(OfErrors(OfBoxes(OfTexts(error))))
}

/// The same where only the text may be used: a `dyn Error` that borrows.
#[inline]
pub const fn see_text<E>(error: &E) -> OfTexts<'_, E> {
    OfTexts(error)
}

macro_rules! leads_to {
    ($($way:ident => $next:ty),*) => {$(
        impl<'e, E> Deref for $way<'e, E> {
            type Target = $next;

            #[inline]
            fn deref(&self) -> &$next {
                &self.0
            }
        }
    )*};
}

leads_to!(Sight => OfErrors<'e, E>, OfErrors => OfBoxes<'e, E>, OfBoxes => OfTexts<'e, E>);

impl<E> Deref for OfTexts<'_, E> {
    type Target = OfNothing;

    fn deref(&self) -> &OfNothing {
        &OfNothing
    }
}

impl<'e, E> OfErrors<'e, E> {
    const fn error(&self) -> &'e E {
        self.0.0.0
    }
}

/// A type that may be a rejection itself. All of them share one method, since rustc cannot choose
/// among several where it does not know the type.
pub trait Asked: Sized + 'static {
    fn look(&self) -> ErrorView<'_>;
}

macro_rules! asked {
    ($($error:ty),*) => {$(
        impl Asked for $error {
            fn look(&self) -> ErrorView<'_> {
                ErrorView::whole(self, self)
            }
        }
    )*};
}

asked!(
    CircuitBreakerError,
    Box<CircuitBreakerError>,
    Arc<CircuitBreakerError>,
    io::Error,
    Box<io::Error>,
    Arc<io::Error>,
    Arc<dyn Error + Send + Sync + 'static>,
    Arc<dyn Error + Send + 'static>,
    Arc<dyn Error + 'static>
);

impl<'e, E: Asked> Sight<'e, E> {
    #[must_use]
    pub fn __breaker_look(&self) -> ErrorView<'e> {
        self.error().look()
    }
}

/// Also inspects the error inside a box, since its own chain does not show it.
#[cfg(feature = "anyhow")]
impl Asked for anyhow::Error {
    fn look(&self) -> ErrorView<'_> {
        ErrorView::whole(self, beginning(self, &**self))
    }
}

#[cfg(feature = "anyhow")]
impl Asked for Arc<anyhow::Error> {
    fn look(&self) -> ErrorView<'_> {
        (**self).look()
    }
}

impl Asked for Arc<Box<dyn Error + Send + Sync + 'static>> {
    fn look(&self) -> ErrorView<'_> {
        ErrorView::whole(self, &***self)
    }
}

impl<'e, E: Error> OfErrors<'e, E> {
    #[inline]
    #[must_use]
    pub fn __breaker_look(&self) -> ErrorView<'e> {
        ErrorView::of(self.error())
    }
}

/// `dyn Error`, with or without `Send` and `Sync`.
pub trait Opaque {
    fn as_error(&self) -> &(dyn Error + 'static);
}

macro_rules! opaque {
    ($($error:ty),*) => {$(
        impl Opaque for $error {
            fn as_error(&self) -> &(dyn Error + 'static) {
                self
            }
        }
    )*};
}

opaque!(dyn Error + 'static, dyn Error + Send + 'static, dyn Error + Send + Sync + 'static);

impl<'e, E: Deref<Target: Opaque> + Display> OfBoxes<'e, E> {
    #[must_use]
    pub fn __breaker_look(&self) -> ErrorView<'e> {
        ErrorView::whole(self.0.0, (**self.0.0).as_error())
    }
}

/// For an inner error that cannot be inspected.
impl<'e, E> OfBoxes<'e, CallError<E>> {
    #[must_use]
    pub fn __breaker_look(&self) -> ErrorView<'e> {
        match self.0.0 {
            CallError::Rejected(error) => ErrorView::whole(error, error),
            CallError::Inner(_) => ErrorView::NOTHING,
        }
    }
}

impl<'e, E: Display> OfTexts<'e, E> {
    #[inline]
    #[must_use]
    pub fn __breaker_look(&self) -> ErrorView<'e> {
        ErrorView::of_text(self.0)
    }
}

impl OfNothing {
    #[must_use]
    pub fn __breaker_look(&self) -> ErrorView<'static> {
        ErrorView::NOTHING
    }
}

>>>>>>> h/c2
/// What an error counts as, and what is known of it.
pub type Classified<'e> = (Outcome, ErrorView<'e>);

/// What an error of a chain counts as, if it is of a type that a preset knows.
pub(crate) type Known = fn(&(dyn Error + 'static)) -> Option<Outcome>;
