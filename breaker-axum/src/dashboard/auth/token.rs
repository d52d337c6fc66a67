//! Token: the secret that allows actions, and how one that is given is compared with it.

use std::fmt;
use subtle::{Choice, ConstantTimeEq};

/// The shortest token, in bytes.
const SHORTEST: usize = 16;
/// The longest one.
const LONGEST: usize = 256;

/// A secret. It shows itself nowhere.
pub(crate) struct Token(Padded);

/// A token as long as the longest one, so that a comparison takes the same time for all.
struct Padded {
    bytes: [u8; LONGEST],
    length: u64,
}

/// Why a text cannot be the dashboard's token. It does not show the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// It has less than 16 characters, or more than 256.
    Length(usize),
    /// It has others than visible ASCII characters, which a header could not carry.
    Characters,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => write!(
                f,
                "the dashboard's token has {length} characters, expected {SHORTEST} to {LONGEST} that nobody can guess, for instance from \
                 `openssl rand -hex 32`; without a token (leave the call out) the dashboard shows, and changes nothing"
            ),
            Self::Characters => f.write_str(
                "the dashboard's token has spaces, control characters or others than ASCII, expected visible ASCII characters only, for \
                 instance from `openssl rand -hex 32`",
            ),
        }
    }
}

impl std::error::Error for TokenError {}

impl Token {
    pub(crate) fn new(text: &str) -> Result<Self, TokenError> {
        let padded = Padded::new(text.as_bytes()).filter(|_| text.len() >= SHORTEST);
        match padded {
            _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Err(TokenError::Characters),
            Some(padded) => Ok(Self(padded)),
            None => Err(TokenError::Length(text.len())),
        }
    }

    /// Whether this is the token. The time it takes tells nothing about it.
    pub(crate) fn is(&self, given: &str) -> bool {
        let fits = Choice::from(u8::from(given.len() <= LONGEST));
        let given = Padded::new(given.as_bytes()).unwrap_or(Padded { bytes: [0; LONGEST], length: 0 });
        (given.bytes.ct_eq(&self.0.bytes) & given.length.ct_eq(&self.0.length) & fits).into()
    }
}

impl Padded {
    fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { bytes, length: u64::try_from(text.len()).ok()? })
    }
}

/// Whether both texts are the same, in a time that tells nothing but whether they are of one length.
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
