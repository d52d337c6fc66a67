//! Checks the step `cache(..)`: its values, and its keys beside each other.

use std::time::Duration;

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{Error, Expr, Lit, Result};

use super::values::{self, Setting};
use crate::diagnostics::Errors;
use crate::parse::cache::Cache;
use crate::parse::fallback::{Chain, Kind};
use crate::parse::keys::{self, Key};

/// The bounds of the built-in cache of a step.
pub(crate) struct Bounds {
    /// The index of the step in the chain.
    pub(crate) step: usize,
    pub(crate) max: Setting,
    pub(crate) ttl: Setting,
}

/// The defaults of `max` and `ttl`.
const MAX: u32 = 1000;
const TTL: Duration = Duration::from_secs(600);

/// Checks all `cache(..)` steps, and returns the bounds of those with the built-in cache.
pub(super) fn check(chain: Option<&Chain>, stream: Option<Span>, errors: &mut Errors) -> Vec<Bounds> {
    let mut bounds = Vec::new();
    let mut built_in: Vec<String> = Vec::new();
    for (step, cache) in caches(chain) {
        if stream.is_some() {
            let fix = "remove one of the two, or collect it in the body";
            errors.at(cache.at, format!("`cache(..)` cannot store a `stream`, which is read only once; {fix}"));
        }
        errors.take(with(cache));
        if cache.store.is_some() {
            beside_a_store(cache, errors);
            continue;
        }
        let key = cache.key.to_token_stream().to_string();
        if !key.is_empty() && built_in.contains(&key) {
            let fix = "remove it, or give one of the two a `store`";
            errors.at(cache.at, format!("a second built-in cache with the same `key` has the same answers; {fix}"));
        }
        built_in.push(key);
        bounds.extend(bounded(step, cache, errors));
    }
    bounds
}

pub(crate) fn caches(chain: Option<&Chain>) -> impl Iterator<Item = (usize, &Cache)> {
    let steps = chain.into_iter().flat_map(|chain| chain.steps.iter().enumerate());
    steps.filter_map(|(index, step)| if let Kind::Cache(cache) = &step.kind { Some((index, &**cache)) } else { None })
}

fn beside_a_store(cache: &Cache, errors: &mut Errors) {
    for (name, written) in [("max", &cache.max), ("ttl", &cache.ttl)] {
        if let Some((at, _)) = written {
            let fix = "not a `store` of your own; remove one of the two";
            errors.at(*at, format!("`{name}` limits the built-in cache, {fix}"));
        }
    }
}

fn bounded(step: usize, cache: &Cache, errors: &mut Errors) -> Option<Bounds> {
    let value = |written: &Option<(Span, Expr)>, name, read: fn(&Key, Expr) -> Result<Setting>, default| match written {
        None => Ok(default),
        Some((_, value)) => {
            keys::CACHE.iter().find(|key| key.name == name).map_or(Ok(default), |key| read(key, value.clone()))
        }
    };
    let max = errors.take(value(&cache.max, "max", max, Setting::Count(MAX, Span::mixed_site())));
    let ttl = errors.take(value(&cache.ttl, "ttl", values::constant_length, Setting::Length(TTL)));
    Some(Bounds { step, max: max?, ttl: ttl? })
}

fn max(key: &Key, value: Expr) -> Result<Setting> {
    if matches!(&value, Expr::Lit(literal) if matches!(literal.lit, Lit::Float(_))) {
        return Err(Error::new_spanned(value, "`max` counts answers: it takes an integer"));
    }
    values::constant_count(key, value)
}

/// Refuses a closure with another number of arguments: rustc would report the type of the closure.
fn with(cache: &Cache) -> Result<()> {
    match &cache.with {
        Some(Expr::Closure(closure)) if closure.inputs.len() != 2 => {
            let (begin, inputs, end) = (&closure.inputs_begin, &closure.inputs, &closure.inputs_end);
            let fix = "the stored answer and its metadata: `with = |answer, metadata| ..`";
            Err(Error::new_spanned(quote::quote!(#begin #inputs #end), format!("`with` takes two arguments, {fix}")))
        }
        Some(literal @ Expr::Lit(_)) => {
            let fix = "a closure `|answer, metadata| ..`, or the path of such a function";
            Err(Error::new_spanned(
                literal,
                format!("`with` makes the served answer from the stored one: it takes {fix}"),
            ))
        }
        _ => Ok(()),
    }
}
