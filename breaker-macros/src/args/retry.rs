//! The grammar of `#[retry(..)]`: keys with values, and `wait`, which may stand alone.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Error, Expr, Result, Token};

use super::keys::{self, Key, Shape, key};
use crate::recover::Errors;

pub(crate) const KEYS: [Key; 6] = [
    key("attempts", Shape::Value, "attempts = 3"),
    key("min", Shape::Value, "min = \"2s\""),
    key("max", Shape::Value, "max = \"10s\""),
    key("factor", Shape::Value, "factor = 2.0"),
    key("jitter", Shape::Value, "jitter = 0.1"),
    key("wait", Shape::Value, "wait = \"30s\""),
];

/// Words of other libraries, with the key that has that meaning.
const ELSEWHERE: [(&str, &str); 16] = [
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
];

/// One option of the attribute, as written; `wait` alone has no value.
pub(crate) struct Opt {
    pub(crate) key: &'static Key,
    pub(crate) at: Span,
    pub(crate) value: Option<Expr>,
}

pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Vec<Opt> {
    let mut options = Vec::new();
    let read = |input: ParseStream<'_>| {
        options = super::list(input, errors, option);
        Ok(())
    };
    let whole = read.parse2(tokens);
    errors.take(whole);
    options
}

fn option(input: ParseStream<'_>, _: &mut Errors) -> Result<Opt> {
    let Ok(at) = input.call(Ident::parse_any) else {
        return Err(input.error(format!("expected a key and its value, for instance `{}`", KEYS[0].example)));
    };
    let word = at.unraw().to_string();
    let known = KEYS.iter().find(|key| key.name == word);
    let key = known.ok_or_else(|| Error::new(at.span(), advice(&word)))?;
    let alone = key.name == "wait" && (input.is_empty() || input.peek(Token![,]));
    let value = if alone { None } else { Some(super::value(input, key, &at)?) };
    Ok(Opt { key, at: at.span(), value })
}

fn advice(word: &str) -> String {
    let elsewhere = ELSEWHERE.iter().find(|(name, _)| *name == word).map(|(_, key)| *key);
    match elsewhere.or_else(|| keys::nearest(word, KEYS.iter().map(|key| key.name))) {
        Some(key) => format!("`#[retry]` has no key `{word}`; did you mean `{key}`?"),
        None => {
            let names = KEYS.map(|key| format!("`{}`", key.name)).join(", ");
            format!("`#[retry]` has no key `{word}`; its keys are {names}")
        }
    }
}
