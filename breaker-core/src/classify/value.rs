//! Classifies the value in an `Ok`: by `Classify`, or by its HTTP status.

use crate::breaker::error_view::{Classified, ErrorView};
use crate::classify::Classify;
use crate::machine::outcome::Outcome;
use crate::sync::Ordering;
use crate::sync::statics::AtomicBool;

/// How a call of an annotated async function classifies the value in its `Ok`: what it counts as,
/// and what is known of it.
pub(crate) type ClassifyValue<T> = for<'v> fn(&'v T) -> Classified<'v>;

/// Wraps a value for its classification (autoref specialisation, as
/// [`AsError`](crate::macro_support::show_error::AsError)).
#[derive(Debug)]
pub struct Valued<'v, T>(pub &'v T);

/// The value says what it counts as.
pub trait BySelf {
    fn __breaker_outcome(&self) -> Outcome;
}

impl<T: Classify> BySelf for Valued<'_, T> {
    fn __breaker_outcome(&self) -> Outcome {
        self.0.classify()
    }
}

/// The value says nothing, so it is a success.
pub trait ByOk {
    fn __breaker_outcome(&self) -> Outcome;
}

impl<T> ByOk for &Valued<'_, T> {
    fn __breaker_outcome(&self) -> Outcome {
        Outcome::Success
    }
}

/// A response with an HTTP status.
pub trait HttpStatus {
    fn http_status(&self) -> u16;
}

/// A value with an HTTP status.
pub trait ByStatus {
    fn __breaker_status(&self) -> Option<u16>;
}

impl<T: HttpStatus> ByStatus for Valued<'_, T> {
    fn __breaker_status(&self) -> Option<u16> {
        Some(self.0.http_status())
    }
}

/// Any other value.
pub trait ByNoStatus {
    fn __breaker_status(&self) -> Option<u16>;
}

impl<T> ByNoStatus for &Valued<'_, T> {
    fn __breaker_status(&self) -> Option<u16> {
        None
    }
}

/// Whether the log has advised that the responses of one function need `classify`.
#[derive(Debug)]
pub struct Advice {
    function: &'static str,
    given: AtomicBool,
}

impl Advice {
    #[must_use]
    pub const fn new(function: &'static str) -> Self {
        Self { function, given: AtomicBool::new(false) }
    }

    /// An `Ok` of a function that does not classify values: a success, even if its status reports a
    /// failure. The first such failure is logged.
    pub fn of(&self, status: Option<u16>) -> Classified<'static> {
        let is_first = |status: &u16| *status >= 500 && !self.given.swap(true, Ordering::Relaxed);
        if let Some(status) = status.filter(is_first) {
            #[cfg(feature = "tracing")]
            crate::breaker::log::advice::failed_response(self.function, status);
            #[cfg(not(feature = "tracing"))]
            let _ = (self.function, status);
        }
        (Outcome::Success, ErrorView::NOTHING)
    }
}
