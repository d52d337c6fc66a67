//! Notes: the last error that matters, in words, for snapshots and messages.

use crate::breaker::look::Look;
use crate::config::excerpt;
use crate::config::visible::visible;
use crate::machine::trip::Trip;
use crate::sync::survive;
use std::fmt::{self, Write};

/// The longest text that is kept of an error, in bytes.
const LIMIT: usize = 256;

/// An error as the breaker saw it: its type, and a way to its text where it has one, and to the errors behind it.
#[derive(Clone, Copy)]
pub(crate) struct Cause<'e> {
    pub(crate) kind: &'static str,
    pub(crate) look: Look<'e>,
}

impl<'e> Cause<'e> {
    pub(crate) fn bare(kind: &'static str) -> Self {
        Self { kind, look: Look::NOTHING }
    }

    pub(crate) fn told(kind: &'static str, text: &'e dyn fmt::Display) -> Self {
        Self { kind, look: Look::told(text) }
    }
}

/// The type and the text, without hidden characters, of the first failure of a run, or of the one that tripped; where a window or a trial looks at failures, of the last one.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    kind: Option<&'static str>,
    /// Keeps its room from note to note.
    text: String,
}

impl Notes {
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

/// The first bytes of a text, without an allocation.
pub(crate) struct Text {
    bytes: [u8; LIMIT],
    length: usize,
}

impl Text {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; LIMIT], length: 0 }
    }

    /// The beginning of what `display` writes. If that panics, so does this.
    pub(crate) fn written(display: &dyn fmt::Display) -> Self {
        let mut text = Self::new();
        // An error means that the text is longer than what is kept, or that the user's own `fmt` gave up.
        let _ = write!(text, "{display}");
        text
    }

    /// Writes the user's text down, which runs the user's code: never under a lock. If that panics, the text says so.
    pub(crate) fn of(cause: Cause<'_>) -> Self {
        let mut text = Self::new();
        let came_back = survive(|| text = Self::written(&cause.look));
        if !came_back {
            text.length = 0;
            let _ = text.write_str("(the error's Display panicked)");
        }
        text
    }

    /// Whether there is no room for another character.
    pub(crate) const fn is_full(&self) -> bool {
        self.length + 4 > LIMIT
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl Write for Text {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = LIMIT - self.length;
        let begin = excerpt::start(s, room);
        self.bytes[self.length..self.length + begin.len()].copy_from_slice(begin.as_bytes());
        self.length += begin.len();
        if begin.len() < s.len() { Err(fmt::Error) } else { Ok(()) }
    }
}
