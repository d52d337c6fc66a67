//! Checks the API's text, and removes what a user must not see.

use super::error::OutputError;

/// A longer text comes from a model that does not stop.
pub const MAX_OUTPUT_CHARS: usize = 20_000;

/// Removes the prompt, which the API repeats before its answer unless the request forbids it.
#[must_use]
pub fn strip_prompt<'text>(generated: &'text str, prompt: &str) -> &'text str {
    generated.strip_prefix(prompt).unwrap_or(generated).trim()
}

/// Checks that a user can read the text.
///
/// # Errors
/// It is empty, it has no visible character, or it is far too long.
pub fn validate(text: &str) -> Result<String, OutputError> {
    if text.trim().is_empty() {
        Err(OutputError::Empty)
    } else if !text.chars().any(is_visible) {
        Err(OutputError::Invisible)
    } else if text.chars().count() > MAX_OUTPUT_CHARS {
        Err(OutputError::TooLong(MAX_OUTPUT_CHARS))
    } else {
        Ok(clean(text.trim()))
    }
}

/// The text without control characters, and without those that change the direction of text. Both
/// can disturb a terminal and mislead its reader.
#[must_use]
pub fn clean(text: &str) -> String {
    let is_control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !is_control(*c) && !turns(*c)).collect()
}

/// Whether a character is visible.
#[must_use]
pub fn is_visible(c: char) -> bool {
    // The zero-width characters are neither white space nor control characters, and still
    // invisible.
    !c.is_whitespace()
        && !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::{MAX_OUTPUT_CHARS, OutputError, strip_prompt, validate};

    #[test]
    fn the_echoed_prompt_is_taken_away() {
        assert_eq!(strip_prompt("Why?\nAnswer: because.", "Why?\nAnswer:"), "because.");
        assert_eq!(strip_prompt(" because. ", "Why?\nAnswer:"), "because.");
    }

    #[test]
    fn only_a_readable_text_is_an_answer() {
        assert_eq!(validate(" fi\u{202e}ne\u{7}. "), Ok("fine.".to_owned()));
        assert_eq!(validate(" \n\t "), Err(OutputError::Empty));
        assert_eq!(validate("\u{0}\u{1b}\u{200b}"), Err(OutputError::Invisible));
        assert_eq!(validate(&"x".repeat(MAX_OUTPUT_CHARS + 1)), Err(OutputError::TooLong(MAX_OUTPUT_CHARS)));
    }
}
