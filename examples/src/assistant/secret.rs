//! The token of an API: it is sent, and nothing that is shown or logged has it.

use std::fmt;

/// What is shown in place of a token.
const HIDDEN: &str = "(token)";

/// A token of this length is known by its beginning, since an API may repeat it shortened.
const LONG: usize = 16;

/// The most of a text that is held back, in bytes.
const MOST_HELD: usize = 4096;

/// How much of a long token is its beginning.
const BEGINNING: usize = 8;

/// A token that is never printed: its `Debug` shows that there is one, no more.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a token.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it is none that stands in texts by chance.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.0.len() >= LONG
    }

    /// The same text without the token: APIs repeat one that they do not know.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let text = text.replace(&self.0, HIDDEN);
        match self.0.get(..BEGINNING) {
            Some(beginning) if self.is_long() => hide_words(&text, beginning),
            _ => text,
        }
    }
}

impl Secret {
    /// From where on a text that goes on may be the token, or the beginning of it: as much is to be
    /// held back until more is known.
    #[must_use]
    pub fn held_from(&self, text: &str) -> usize {
        let Some(beginning) = self.0.get(..BEGINNING).filter(|_| self.is_long()) else { return text.len() };
        let word = text.rfind(beginning).filter(|at| text[*at..].chars().all(is_of_word));
        let part = || (0..BEGINNING).rev().find(|length| text.ends_with(&beginning[..*length]));
        let held = word.map_or_else(|| part().unwrap_or_default(), |at| text.len() - at);
        // No token is so long.
        if held > MOST_HELD { text.len() } else { text.len() - held }
    }
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '*' | '.')
}

/// Hides what begins with `beginning`, up to the end of the word.
fn hide_words(text: &str, beginning: &str) -> String {
    let (mut hidden, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, word)) = rest.split_once(beginning) {
        hidden.push_str(before);
        hidden.push_str(HIDDEN);
        rest = word.trim_start_matches(is_of_word);
    }
    hidden + rest
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn the_token_is_hidden_whole_and_shortened() {
        let token = Secret::new("hf_AbCdEfGhIjKlMnOp");
        let told = token.hide("hf_AbCdEfGhIjKlMnOp and hf_AbCdEfG***MnOp, but hf_hub");
        assert_eq!(told, "(token) and (token), but hf_hub");
        assert_eq!(Secret::new("short").hide("a short word"), "a (token) word");
    }

    #[test]
    fn what_may_become_the_token_is_held_back() {
        let token = Secret::new("hf_AbCdEfGhIjKlMnOp");
        for (text, shown) in [
            ("You are", "You are"),
            ("You are h", "You are "),
            ("You are hf_AbC", "You are "),
            ("You are hf_AbCdEfGhIj", "You are "),
            ("You are hf_AbCdEfGhIjKlMnOp, no", "You are hf_AbCdEfGhIjKlMnOp, no"),
            ("hf_hub", "hf_hub"),
            ("", ""),
        ] {
            assert_eq!(&text[..token.held_from(text)], shown, "{text}");
        }
        let endless = format!("hf_AbCdE{}", "x".repeat(5000));
        assert_eq!(token.held_from(&endless), endless.len());
        assert_eq!(Secret::new("none").held_from("there is none"), "there is none".len());
    }
}
