//! Escapes characters that make a text look like another one in a log, in a label or on a page.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character begins a line, controls a terminal, or changes the direction of the text
/// around it.
pub(crate) fn is_hidden(c: char) -> bool {
    // Lines end at U+2028 and U+2029 too. The others are those of Unicode's Bidi_Control.
    c.is_control()
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{200e}' | '\u{200f}')
}

/// Adds a character to `text` as an escape such as `\u{2028}`.
pub(crate) fn write_out(text: &mut String, c: char) {
    // Writing to a `String` cannot fail.
    let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
}

/// The text with its hidden characters escaped. A visible text stays as it is, so that a second
/// call changes nothing.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(is_hidden) else { return Cow::Borrowed(text) };
    let (before, rest) = text.split_at(first);
    let mut shown = before.to_owned();
    rest.chars().for_each(|c| if is_hidden(c) { write_out(&mut shown, c) } else { shown.push(c) });
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_mislead_are_escaped_and_others_stay() {
        for (text, shown) in [
            ("line\nERROR forged", "line\\u{a}ERROR forged"),
            ("\u{1b}[31m\u{7f}\u{85}", "\\u{1b}[31m\\u{7f}\\u{85}"),
            ("a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c"),
            ("[\u{202e}evil", "[\\u{202e}evil"),
            (
                "\u{61c}\u{200e}\u{200f}\u{202a}\u{2066}\u{2069}",
                "\\u{61c}\\u{200e}\\u{200f}\\u{202a}\\u{2066}\\u{2069}",
            ),
            (
                "C:\\new \u{e4} \u{5d0} \u{1f469}\u{200d}\u{1f52c} \\u{a}",
                "C:\\new \u{e4} \u{5d0} \u{1f469}\u{200d}\u{1f52c} \\u{a}",
            ),
        ] {
            assert_eq!(visible(text), shown);
            assert_eq!(visible(&visible(text)), shown);
        }
    }
}
