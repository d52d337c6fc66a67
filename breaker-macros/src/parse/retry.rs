//! The grammar of `#[retry(..)]`: keys with values, `wait`, which may stand alone, and `when(..)`, which has items.

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser as _};

use super::keys::{Key, Shape, key};
pub(crate) use super::named_values::Named as Opt;
use super::named_values::{self, Names};
use crate::diagnostics::Errors;

pub(crate) const KEYS: [Key; 8] = [
    key("attempts", Shape::Value, "attempts = 3"),
    key("min", Shape::Value, "min = \"2s\""),
    key("max", Shape::Value, "max = \"10s\""),
    key("factor", Shape::Value, "factor = 2.0"),
    key("jitter", Shape::Value, "jitter = 0.1"),
    key("wait", Shape::Maybe, "wait = \"30s\""),
    key("total", Shape::Value, "total = \"30s\""),
    key("when", Shape::List, "when(ApiError::Http { status: 503, .. })"),
];

/// Words of other libraries, with the key that has that meaning.
const ELSEWHERE: [(&str, &str); 30] = [
    ("times", "attempts"),
    ("tries", "attempts"),
    ("retries", "attempts"),
    ("max_attempts", "attempts"),
    ("max_retries", "attempts"),
    ("max_times", "attempts"),
    ("delay", "min"),
    ("min_delay", "min"),
    ("initial_delay", "min"),
    ("initial", "min"),
    ("base", "min"),
    ("max_delay", "max"),
    ("multiplier", "factor"),
    ("backoff", "factor"),
    ("exponent", "factor"),
    ("wait_for_breaker", "wait"),
    ("timeout", "total"),
    ("deadline", "total"),
    ("max_duration", "total"),
    ("max_elapsed", "total"),
    ("max_elapsed_time", "total"),
    ("total_delay", "total"),
    ("overall_timeout", "total"),
    ("retry_on", "when"),
    ("retry_if", "when"),
    ("retry_exceptions", "when"),
    ("retryable", "when"),
    ("on", "when"),
    ("only", "when"),
    ("include", "when"),
];

const NAMES: Names = Names { of: "`#[retry]`", keys: &KEYS, elsewhere: &ELSEWHERE };

pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Vec<Opt> {
    let mut options = Vec::new();
    let read = |input: ParseStream<'_>| {
        options = named_values::list(input, errors, &NAMES);
        Ok(())
    };
    let whole = read.parse2(tokens);
    errors.take(whole);
    options
}
