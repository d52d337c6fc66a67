//! Shortens and escapes text from outside the code for messages.
//!
//! The result has no character that forges a line or its direction.

use std::fmt::{self, Write};

/// How much of a value is shown, in bytes. It is enough to see a mistake. Of a secret in the wrong
/// variable, only the beginning is shown.
const MOST_OF_VALUE: usize = 32;
/// How much of a name is shown, in bytes.
const MOST_OF_NAME: usize = 128;

/// The beginning of a text, with an escape such as `\n` or `\u{202e}` for each character that is
/// not printable.
#[derive(Clone, Copy)]
pub(crate) struct Excerpt<'t> {
    text: &'t str,
    most: usize,
}

/// A value that was not understood.
pub(crate) const fn value(text: &str) -> Excerpt<'_> {
    Excerpt { text, most: MOST_OF_VALUE }
}

/// The name of a variable, of a table or of a key.
pub(crate) const fn name(text: &str) -> Excerpt<'_> {
    Excerpt { text, most: MOST_OF_NAME }
}

impl Excerpt<'_> {
    /// Whether the whole text is shown.
    pub(crate) fn is_complete(&self) -> bool {
        self.text.len() <= self.most
    }
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in start(self.text, self.most).chars() {
            match c {
                '\'' | '"' | '\\' => f.write_char(c)?,
                _ => write!(f, "{}", c.escape_debug())?,
            }
        }
        if !self.is_complete() {
            write!(f, "… ({} bytes)", self.text.len())?;
        }
        Ok(())
    }
}

/// The beginning of `text`: at most `most` bytes, which end with a whole character.
pub(crate) fn start(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_by_its_beginning_and_on_one_line() {
        assert_eq!(value("1 hour, \"or\" 'so'\\").to_string(), "1 hour, \"or\" 'so'\\");
        assert_eq!(value("a\nb\r\t\0\u{1b}[2J").to_string(), "a\\nb\\r\\t\\0\\u{1b}[2J");
        assert_eq!(name("x\u{202e}\u{2066}\u{2028}\u{200f}y").to_string(), "x\\u{202e}\\u{2066}\\u{2028}\\u{200f}y");
        assert_eq!(value(&"é".repeat(17)).to_string(), format!("{}… (34 bytes)", "é".repeat(16)));
        assert_eq!(value(&format!("x{}", "é".repeat(16))).to_string(), format!("x{}… (33 bytes)", "é".repeat(15)));
        assert_eq!(name("größe é 表").to_string(), "größe é 表");
    }

    #[test]
    fn what_is_written_out_in_logs_and_labels_is_here_too() {
        for c in ('\0'..=char::MAX).filter(|c| crate::config::visible::is_hidden(*c)) {
            assert!(!value(&c.to_string()).to_string().contains(c), "{c:?}");
        }
    }
}
