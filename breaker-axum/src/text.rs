//! Shortens texts, and writes an error with its sources.

use std::error::Error;

/// How many sources of an error are shown. A chain can be a circle.
const MAX_SOURCES: usize = 8;

/// The text of an error with those of its sources, as far as they say something new.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(error.source(), |&error| error.source()).take(MAX_SOURCES);
    sources
        .map(ToString::to_string)
        .fold(error.to_string(), |text, source| if text.contains(&source) { text } else { format!("{text}: {source}") })
}

/// The longest prefix of `text` that has at most `max` bytes and ends with a whole character.
pub(crate) fn prefix(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

/// `text`, shortened to `max` bytes and `…` if it is longer.
pub(crate) fn shortened(text: &str, max: usize) -> String {
    match prefix(text, max) {
        whole if whole.len() == text.len() => text.to_owned(),
        start => format!("{start}…"),
    }
}
