//! Who decides what a result counts as: keys that contradict each other, and items for `Ok` values.

pub(crate) mod lists;
pub(crate) mod matcher;

use proc_macro2::Span;
use syn::{Error, Expr, Generics, Pat, Result, Signature};

use self::matcher::{Classify, Rules, Test};
use crate::diagnostics::Errors;
use crate::item::return_type::has_impl;
use crate::parse::matchers::Item;
use crate::validate::Around;
use crate::validate::shape::Form;

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
    match matcher::test(item, generics)? {
        Test::Type(ty) => Err(Error::new_spanned(
            ty,
            "`failure_if` looks at the value in the `Ok`, whose type is known; write a pattern (`Reply::Degraded`, \
             `pat(Degraded { .. })`) or a predicate (`|reply| ..`)",
        )),
        other => Ok(other),
    }
}

pub(crate) fn check(
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
    if let Some(stream) = &rules.stream {
        stream.check(&at(&["failure_if"]), rules, has_impl(form, &sig.output), (chain, retry), errors);
    }
}
