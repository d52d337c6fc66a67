//! Keeps the first bytes of an error's text.

use crate::config::excerpt;
use crate::sync::catch_panic;
use std::fmt::{self, Write};

/// The longest text that is kept of an error, in bytes.
pub(crate) const LIMIT: usize = 256;

/// The first bytes of a text, without an allocation.
pub(crate) struct Text {
    bytes: [u8; LIMIT],
    length: usize,
}

impl Text {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; LIMIT], length: 0 }
    }

    /// The beginning of what `display` writes. Panics if `display` does.
    pub(crate) fn written(display: &dyn fmt::Display) -> Self {
        let mut text = Self::new();
        // An error means that the text is longer than the limit, or that the user's own `fmt`
        // failed.
        let _ = write!(text, "{display}");
        text
    }

    /// Formats the user's text. It runs user code, so no lock may be held. If that code panics, the
    /// text says so.
    pub(crate) fn of(display: &dyn fmt::Display) -> Self {
        let mut text = Self::new();
        let came_back = catch_panic(|| text = Self::written(display));
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
