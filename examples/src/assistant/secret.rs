//! Holds an API's token, and keeps it out of logs and replies.

use std::fmt;

/// The text in place of a token.
const HIDDEN: &str = "(token)";

/// A token of this length is recognised by its beginning, since an API may repeat it shortened.
const LONG: usize = 16;

/// The most bytes of a text that are held back.
const MOST_HELD: usize = 4096;

/// The length of a long token's beginning.
const BEGINNING: usize = 8;

/// A token that is never printed: its `Debug` shows that there is one, and no more.
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

    /// Whether it is too long to occur in texts by chance.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.0.len() >= LONG
    }

    /// The text without the token: APIs repeat one that they do not know.
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
    /// The offset from which an unfinished text may be the token or its beginning. The caller holds
    /// that part back until more arrives.
    #[must_use]
    pub fn held_from(&self, text: &str) -> usize {
        let Some(beginning) = self.0.get(..BEGINNING).filter(|_| self.is_long()) else { return text.len() };
        let word = text.rfind(beginning).filter(|at| text[*at..].chars().all(is_of_word));
        let part = || (0..BEGINNING).rev().find(|length| text.ends_with(&beginning[..*length]));
        let held = word.map_or_else(|| part().unwrap_or_default(), |at| text.len() - at);
        // No token is that long.
        if held > MOST_HELD { text.len() } else { text.len() - held }
    }
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '*' | '.')
}

/// Hides every word that starts with `beginning`.
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
