//! Keeps the last error that matters, as text, for snapshots and messages.

use crate::breaker::error_text::{LIMIT, Text};
use crate::config::excerpt;
use crate::config::visible::visible;
use crate::machine::trip::Trip;

/// The type and the text, without hidden characters, of one failure. It is the first of the
/// consecutive failures, or the one that tripped. Where a window or a trial evaluates failures, it
/// is the last one.
#[derive(Debug, Default)]
pub(crate) struct KeptError {
    kind: Option<&'static str>,
    /// Keeps its capacity from error to error.
    text: String,
}

impl KeptError {
    pub(crate) fn keep(&mut self, kind: &'static str, text: &Text) {
        self.kind = Some(kind);
        self.text.clear();
        let shown = visible(text.as_str());
        self.text.push_str(excerpt::start(&shown, LIMIT));
    }

    pub(crate) fn clear(&mut self) {
        self.kind = None;
        self.text.clear();
    }

    /// The type, and the text if there is any.
    pub(crate) fn last_error(&self) -> Option<(&'static str, Option<String>)> {
        let text = (!self.text.is_empty()).then(|| self.text.clone());
        self.kind.map(|kind| (kind, text))
    }

    /// The trip's rule and numbers, and the last error.
    pub(crate) fn because(&self, trip: Trip) -> String {
        match self.kind.filter(|_| trip.is_of_failures()) {
            Some(kind) if self.text.is_empty() => format!("{trip}, last: {kind}"),
            Some(_) => format!("{trip}, last: {}", self.text),
            None => trip.to_string(),
        }
    }
}
