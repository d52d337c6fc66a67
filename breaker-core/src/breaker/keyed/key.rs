//! Keeps, compares and shows the key of a keyed breaker.
//!
//! A client may choose the keys. At most 256 bytes of a key are kept, and its name shows no
//! character that could be mistaken for something else. Two keys never have one name: the sequences
//! with a meaning in a name (`\u{..}`, `…#`, `*`) are escaped where a key contains them.

use crate::breaker::keyed::hash::KeyHash;
use crate::config::excerpt;
use crate::config::visible::{is_hidden, write_out};
use std::borrow::Cow;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};

/// A longer key, in bytes, is kept as its beginning and a hash.
const LONGEST: usize = 256;
/// Separates the beginning of a long key from its hash.
const MARK: &str = "…#";
/// How many hexadecimal digits a hash has.
const DIGITS: usize = 16;
/// Begins an escaped character.
const ESCAPE: &str = "\\u{";
/// The name of the overflow breaker, which new keys share when all others are in use.
pub(crate) const OVERFLOW: &str = "*";

/// A key as a caller requests it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'v> {
    Whole(&'v str),
    /// The beginning of a long one, and a hash of all of it.
    Long(&'v str, u64),
}

/// The key of a keyed breaker. A short one is stored inline, so that a look-up compares it without
/// another memory access.
pub(crate) enum Key {
    Short {
        length: u8,
        text: [u8; Self::SHORT],
    },
    Whole(Box<str>),
    Long(Box<str>, u64),
    /// The overflow breaker, for all keys that exceed the limit.
    Overflow,
}

impl<'v> Value<'v> {
    #[inline]
    pub(crate) fn of(text: &'v str) -> Self {
        if text.len() <= LONGEST { Self::Whole(text) } else { Self::long(text) }
    }

    #[cold]
    fn long(text: &'v str) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(text.as_bytes());
        Self::Long(excerpt::start(text, LONGEST - MARK.len() - DIGITS), hasher.finish())
    }

    #[inline]
    pub(crate) fn hash(self, hasher: &KeyHash) -> u64 {
        match self {
            Self::Whole(text) => hasher.of(text),
            Self::Long(begin, sum) => hasher.with(hasher.of(begin), sum),
        }
    }

    /// Has `find` look up the key with this name within the brackets. Otherwise it looks up the key
    /// that equals this text.
    pub(crate) fn named<T>(name: &str, mut find: impl FnMut(Value<'_>) -> Option<T>) -> Option<T> {
        let by_name = match long_name(name) {
            Some((begin, sum)) => find(Value::Long(&read(begin), sum)),
            None => find(Value::of(&read(name))),
        };
        by_name.or_else(|| find(Value::of(name)))
    }
}

impl Key {
    /// Enough for a UUID, and for most names of hosts.
    const SHORT: usize = 38;

    pub(crate) fn new(value: Value<'_>) -> Self {
        let key = match value {
            Value::Whole(key) => key,
            Value::Long(begin, sum) => return Self::Long(begin.into(), sum),
        };
        let mut text = [0; Self::SHORT];
        match (text.get_mut(..key.len()), u8::try_from(key.len())) {
            (Some(room), Ok(length)) => {
                room.copy_from_slice(key.as_bytes());
                Self::Short { length, text }
            }
            _ => Self::Whole(key.into()),
        }
    }

    #[inline]
    pub(crate) fn is(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Short { length, text }, Value::Whole(key)) => {
                text.get(..usize::from(*length)) == Some(key.as_bytes())
            }
            _ => self.is_long(value),
        }
    }

    #[inline(never)]
    fn is_long(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Whole(text), Value::Whole(key)) => **text == *key,
            (Self::Long(begin, sum), Value::Long(other, other_sum)) => *sum == other_sum && **begin == *other,
            _ => false,
        }
    }

    /// The bytes that are kept of the key.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Short { length, text } => text.get(..usize::from(*length)).unwrap_or(text),
            Self::Whole(text) | Self::Long(text, _) => text.as_bytes(),
            Self::Overflow => OVERFLOW.as_bytes(),
        }
    }

    /// The text within the brackets of the breaker's name.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        match self {
            // The bytes are a complete text.
            Self::Short { .. } => show(std::str::from_utf8(self.bytes()).unwrap_or_default()),
            Self::Whole(text) => show(text),
            Self::Long(begin, sum) => Cow::Owned(format!("{}{MARK}{sum:0DIGITS$x}", show(begin))),
            Self::Overflow => Cow::Borrowed(OVERFLOW),
        }
    }
}

/// A key as its name shows it.
fn show(value: &str) -> Cow<'_, str> {
    if !value.contains(is_hidden) && !value.contains(ESCAPE) && !value.contains(MARK) && value != OVERFLOW {
        return Cow::Borrowed(value);
    }
    let mut shown = String::with_capacity(value.len() + 8);
    for (at, c) in value.char_indices() {
        let stands_for_something = |sign: &str| value[at..].starts_with(sign);
        if is_hidden(c) || stands_for_something(ESCAPE) || stands_for_something(MARK) || value == OVERFLOW {
            write_out(&mut shown, c);
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// The key that is shown like this.
fn read(shown: &str) -> Cow<'_, str> {
    if !shown.contains(ESCAPE) {
        return Cow::Borrowed(shown);
    }
    let mut parts = shown.split(ESCAPE);
    let mut value = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.split_once('}').and_then(|(code, rest)| Some((u32::from_str_radix(code, 16).ok()?, rest)));
        match code.and_then(|(code, rest)| Some((char::from_u32(code)?, rest))) {
            Some((c, rest)) => {
                value.push(c);
                value.push_str(rest);
            }
            // No name contains it.
            None => {
                let _ = write!(value, "{ESCAPE}{part}");
            }
        }
    }
    Cow::Owned(value)
}

/// The shown beginning and the hash, in the name of a long key.
fn long_name(name: &str) -> Option<(&str, u64)> {
    let (begin, sum) = name.rsplit_once(MARK)?;
    let sum = Some(sum).filter(|sum| sum.len() == DIGITS && sum.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((begin, u64::from_str_radix(sum, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::new(Value::of(text))
    }

    /// Keys that look like others, and those others.
    fn tricky() -> Vec<String> {
        let long = "x".repeat(300);
        let name_of_long = key(&long).shown().into_owned();
        let signs =
            ["\n", "\\u{a}", "\\u{5c}u{a}", "\\", "u{a}", "*", "\\u{2a}", "…#", "\\u{2026}#", "…", "#", "\u{202e}"];
        let pairs = signs.iter().flat_map(|one| signs.iter().map(move |other| format!("{one}{other}")));
        let mut all: Vec<_> = pairs.chain(signs.map(str::to_owned)).collect();
        all.extend([name_of_long, long.clone(), format!("{long}y"), format!("{long}\n"), format!("{long}*")]);
        all.extend(["\n".repeat(256), "\n".repeat(257), "\u{e4}".repeat(200), String::new(), "\\u{110000}".to_owned()]);
        all.extend(
            ["\\u{}", "\\u{d800}", "\\u{a", "\\u{+a}", "…#0123456789abcdef", "a…#+123456789abcdef"].map(str::to_owned),
        );
        all
    }

    #[test]
    fn two_keys_never_have_one_name_and_each_is_found_by_its_own() {
        let values = tricky();
        for value in &values {
            let shown = key(value).shown().into_owned();
            assert!(!shown.contains(is_hidden) && shown != OVERFLOW, "{shown}");
            let found = Value::named(&shown, |requested| key(value).is(requested).then_some(()));
            assert_eq!(found, Some(()), "{value:?} by {shown:?}");
            for other in values.iter().filter(|other| *other != value) {
                assert_ne!(shown, key(other).shown(), "{value:?} and {other:?}");
                let first =
                    Value::named(&shown, |requested| [value, other].into_iter().find(|one| key(one).is(requested)));
                assert_eq!(first, Some(value), "{shown:?} beside {other:?}");
            }
        }
    }

    #[test]
    fn a_key_is_found_by_its_own_text_too() {
        for value in tricky() {
            assert_eq!(
                Value::named(&value, |requested| key(&value).is(requested).then_some(())),
                Some(()),
                "{value:?}"
            );
        }
    }

    #[test]
    fn of_a_long_key_256_bytes_and_complete_characters_are_kept() {
        for value in ["x".repeat(257), "\u{e4}".repeat(500_000), "\u{1f469}".repeat(100)] {
            let Key::Long(begin, _) = key(&value) else { panic!("it is long") };
            assert!(begin.len() + MARK.len() + DIGITS <= LONGEST && value.starts_with(&*begin));
        }
        assert!(matches!(key(&"x".repeat(256)), Key::Whole(_)));
    }

    #[test]
    fn a_key_takes_no_more_memory_than_a_short_one() {
        assert_eq!(size_of::<Key>(), Key::SHORT + 2, "its kind and its length beside it");
    }

    #[test]
    fn ordinary_keys_are_shown_as_they_are() {
        for value in ["example.org:443", "C:\\users\\new", "\u{5d0}\u{5d1}", "a b", "**", "…", "[::1]", "100%"] {
            assert_eq!(key(value).shown(), value);
        }
    }
}
