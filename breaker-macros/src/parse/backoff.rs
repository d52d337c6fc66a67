//! The grammar of `backoff`, which stands alone or has named values in parentheses.

use proc_macro2::Ident;
use syn::Result;
use syn::parse::ParseStream;

use super::keys::{Key, Shape, key};
use super::named_values::{self, Named, Names};
use crate::diagnostics::Errors;

const KEYS: [Key; 3] = [
    key("factor", Shape::Value, "factor = 2.0"),
    key("max", Shape::Value, "max = \"10m\""),
    key("jitter", Shape::Value, "jitter = 0.1"),
];

/// Words of other libraries, with the name that has that meaning.
const ELSEWHERE: [(&str, &str); 10] = [
    ("multiplier", "factor"),
    ("exponent", "factor"),
    ("base", "factor"),
    ("growth", "factor"),
    ("max_delay", "max"),
    ("max_interval", "max"),
    ("cap", "max"),
    ("limit", "max"),
    ("randomization_factor", "jitter"),
    ("random", "jitter"),
];

const NAMES: Names = Names { of: "`backoff`", keys: &KEYS, elsewhere: &ELSEWHERE };

pub(super) fn parse(input: ParseStream<'_>, errors: &mut Errors, key: &Key, at: &Ident) -> Result<Vec<Named>> {
    named_values::maybe_list(input, errors, &NAMES, key, at)
}
