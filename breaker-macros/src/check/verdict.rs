//! Who decides what a result counts as: keys that contradict each other, and items for `Ok` values.

use proc_macro2::Span;
use syn::{Error, Expr, Generics, Pat, Result, Signature};

use super::Around;
use super::rules::{self, Classify, Rules, Test};
use super::shape::Form;
use crate::args::items::Item;
use crate::expand::types::has_impl;
use crate::recover::Errors;

/// The function of `classify = path`.
pub(super) fn function(value: Expr) -> Result<Expr> {
    match value {
        Expr::Lit(text) => Err(Error::new_spanned(
            text,
            "`classify` takes a function without quotes: a path to a `fn(&Result<T, E>) -> Outcome`",
        )),
        other => Ok(other),
    }
}

/// An item of `failure_if`, which looks at values and not at errors.
pub(super) fn of_value(item: Item, generics: &Generics) -> Result<Test> {
    if let Item::Pattern(Pat::Wild(wild), None) = &item {
        let fix = "`_` matches every value; name the values that are failures";
        return Err(Error::new_spanned(wild, fix));
    }
    match rules::test(item, generics)? {
        Test::Type(ty) => Err(Error::new_spanned(
            ty,
            "`failure_if` looks at the value in the `Ok`, whose type is known; write a pattern (`Reply::Degraded`, \
             `pat(Degraded { .. })`) or a predicate (`|reply| ..`)",
        )),
        other => Ok(other),
    }
}

pub(super) fn check(
    written: &[(&'static str, Span)],
    rules: &Rules,
    (form, sig): (&Form, &Signature),
    (chain, retry): Around<'_>,
    errors: &mut Errors,
) {
    let at = |names: &[&str]| -> Vec<(&str, Span)> {
        written.iter().filter(|(name, _)| names.contains(name)).copied().collect()
    };
    match rules.classify {
        Some(Classify::By(_)) => {
            for (name, at) in at(&["exclude", "success", "include", "otherwise", "failure_if"]) {
                let fix = "which has the whole decision; leave one of the two out";
                errors.at(at, format!("`{name}` is never asked beside `classify = ..`, {fix}"));
            }
        }
        Some(Classify::Itself(_)) => {
            for (_, at) in at(&["otherwise"]) {
                let fix = "which asks every error that no list names; leave one of the two out";
                errors.at(at, format!("`otherwise` is never asked beside `classify`, {fix}"));
            }
        }
        None => {}
    }
    if let Some(stream) = rules.stream {
        of_stream(stream, &at(&["failure_if"]), rules, errors);
        if has_impl(form, &sig.output) {
            let ty = "for instance `Result<Pin<Box<dyn Stream<Item = ..> + Send>>, _>`";
            if chain.is_some() {
                let fix = format!("return a type that a step can give, {ty}");
                errors.at(stream, format!("`stream` with a `#[fallback]` cannot guard an `impl Stream`; {fix}"));
            } else if retry.is_some() {
                let fix = format!("return a type with a name, {ty}");
                errors.at(stream, format!("`stream` with a `#[retry]` cannot guard an `impl Stream`; {fix}"));
            }
        }
    }
}

/// What looks at the `Ok` value sees the stream, and nothing that comes through it.
fn of_stream(stream: Span, failure_if: &[(&str, Span)], rules: &Rules, errors: &mut Errors) {
    if let Some(Classify::By(_)) = rules.classify {
        let fix = "write `exclude`, `success` and `include`, or `classify` alone, which are asked of its errors too";
        errors.at(stream, format!("`classify = ..` would not see what comes through the `stream`; {fix}"));
        return;
    }
    for (_, at) in failure_if {
        let fix = "filter it in the body, or leave one of the two out";
        errors.at(*at, format!("`failure_if` would look at the stream itself, not at what comes through it; {fix}"));
    }
}
