//! Holds the error of a call: its type, and a way to its text.

use crate::breaker::error_view::ErrorView;
use std::fmt;

/// An error as the breaker observed it: its type, a way to its text if it has one, and the errors
/// behind it.
#[derive(Clone, Copy)]
pub(crate) struct Cause<'e> {
    pub(crate) kind: &'static str,
    pub(crate) view: ErrorView<'e>,
}

impl<'e> Cause<'e> {
    pub(crate) fn bare(kind: &'static str) -> Self {
        Self { kind, view: ErrorView::NOTHING }
    }

    pub(crate) fn of_text(kind: &'static str, text: &'e dyn fmt::Display) -> Self {
        Self { kind, view: ErrorView::of_text(text) }
    }
}
