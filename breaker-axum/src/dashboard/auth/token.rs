//! Holds the secret that allows actions, and compares secrets in constant time.

use subtle::ConstantTimeEq;

/// The length of the shortest token, in bytes.
const MIN_LENGTH: usize = 16;
/// The length of the longest token, in bytes.
const MAX_LENGTH: usize = 256;

/// The dashboard's token. It has no `Debug` or `Display`.
pub(crate) struct Token(Box<str>);

/// Why a text cannot be the dashboard's token. It does not contain the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The text has fewer than 16 bytes, or more than 256.
    #[error(
        "the dashboard's token has {0} characters; use {MIN_LENGTH} to {MAX_LENGTH} that cannot be guessed, for instance from \
         `openssl rand -hex 32`; without a token the dashboard is read-only"
    )]
    Length(usize),
    /// The text has other characters than visible ASCII, which a header cannot contain.
    #[error(
        "the dashboard's token has spaces, control characters or non-ASCII characters; use visible ASCII characters only, for instance from `openssl rand -hex 32`"
    )]
    Characters,
}

impl Token {
    pub(crate) fn new(text: &str) -> Result<Self, TokenError> {
        match text.len() {
            _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Err(TokenError::Characters),
            MIN_LENGTH..=MAX_LENGTH => Ok(Self(text.into())),
            length => Err(TokenError::Length(length)),
        }
    }

    /// Whether `text` is the token. The time taken reveals at most the token's length.
    pub(crate) fn is(&self, text: &str) -> bool {
        same(text, &self.0)
    }
}

/// Whether both texts are equal. The time taken reveals at most whether their lengths are.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_can_be_guessed_or_cannot_be_sent_is_refused_without_being_shown() {
        for (text, wrong) in [
            ("", TokenError::Length(0)),
            ("fifteen-letters", TokenError::Length(15)),
            ("sixteen letters!", TokenError::Characters),
            ("sixteen-lettërs", TokenError::Characters),
            ("sixteen-letters\n", TokenError::Characters),
        ] {
            let error = Token::new(text).err().unwrap();
            assert_eq!(error, wrong, "{text}");
            assert!(text.is_empty() || !format!("{error} {error:?}").contains(text.trim()));
        }
        assert_eq!(Token::new(&"x".repeat(257)).err(), Some(TokenError::Length(257)));
        assert!(Token::new(&"x".repeat(256)).is_ok() && Token::new(&"x".repeat(16)).is_ok());
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(token.is("0123456789abcdef"));
        let long = "0123456789abcdef".to_owned() + &"x".repeat(300);
        for wrong in ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdef\0", "0123456789abcdeF", &long] {
            assert!(!token.is(wrong), "{wrong}");
        }
    }
}
