//! The grammar of `stream`, which stands alone or has named values in parentheses.

use proc_macro2::Ident;
use syn::Result;
use syn::parse::ParseStream;

use super::keys::{Key, Shape, key};
use super::named_values::{self, Named, Names};
use crate::diagnostics::Errors;

pub(super) const KEYS: [Key; 3] = [
    key("first_item", Shape::Value, "first_item = \"20s\""),
    key("item_timeout", Shape::Value, "item_timeout = \"10s\""),
    key("until", Shape::Value, "until = Event::is_last"),
];

/// Words of other libraries, with the name that has that meaning.
const ELSEWHERE: [(&str, &str); 12] = [
    ("first", "first_item"),
    ("first_token", "first_item"),
    ("first_byte", "first_item"),
    ("ttft", "first_item"),
    ("timeout", "item_timeout"),
    ("idle", "item_timeout"),
    ("idle_timeout", "item_timeout"),
    ("read_timeout", "item_timeout"),
    ("gap", "item_timeout"),
    ("interval", "item_timeout"),
    ("done", "until"),
    ("end", "until"),
];

const NAMES: Names = Names { of: "`stream`", keys: &KEYS, elsewhere: &ELSEWHERE };

pub(super) fn parse(input: ParseStream<'_>, errors: &mut Errors, key: &Key, at: &Ident) -> Result<Vec<Named>> {
    named_values::maybe_list(input, errors, &NAMES, key, at)
}

/// The key that a word written outside of the parentheses means.
pub(super) fn meant(word: &str) -> Option<&'static Key> {
    let elsewhere = ELSEWHERE.iter().find(|(name, _)| *name == word).map_or(word, |(_, key)| key);
    KEYS.iter().find(|key| key.name == elsewhere)
}
