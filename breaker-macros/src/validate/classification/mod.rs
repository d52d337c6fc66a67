//! Checks the keys that decide how a result counts.
//!
//! `matcher` makes a matcher of one item, `lists` builds the lists of them.
//!
//! May use: `parse` and what is below it, and `validate::stream`. To add a form of an item, read it
//! in `parse::matchers`, and make its matcher in `matcher`.

pub(crate) mod lists;
pub(crate) mod matcher;

use proc_macro2::Span;
use syn::{Error, Expr, Result};

use self::lists::{Classify, Rules};
use crate::diagnostics::Errors;

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

/// `written` are all keys of the attribute.
pub(super) fn check(written: &[(&'static str, Span)], rules: &Rules, errors: &mut Errors) {
    let at = |names: &[&str]| -> Vec<(&str, Span)> {
        written.iter().filter(|(name, _)| names.contains(name)).copied().collect()
    };
    match rules.classify {
        Some(Classify::By(_)) => {
            for (name, at) in at(&["exclude", "success", "include", "otherwise", "failure_if"]) {
                let fix = "which classifies every result; remove one of the two";
                errors.at(at, format!("`{name}` has no effect beside `classify = ..`, {fix}"));
            }
        }
        Some(Classify::Itself(_)) => {
            for (_, at) in at(&["otherwise"]) {
                let fix = "which classifies every error that no list names; remove one of the two";
                errors.at(at, format!("`otherwise` has no effect beside `classify`, {fix}"));
            }
        }
        None => {}
    }
    if let Some(stream) = &rules.stream {
        check_stream(stream.at, &at(&["failure_if"]), rules, errors);
    }
}

/// Refuses keys about the `Ok` value: it is the stream, and not an item of it.
fn check_stream(stream: Span, failure_if: &[(&str, Span)], rules: &Rules, errors: &mut Errors) {
    if let Some(Classify::By(_)) = rules.classify {
        let fix = "write `exclude`, `success` and `include`, or `classify` alone, which also apply to errors of items";
        errors.at(stream, format!("`classify = ..` does not see the items of the `stream`; {fix}"));
        return;
    }
    for (_, at) in failure_if {
        let fix = "filter them in the body, or remove one of the two";
        errors.at(*at, format!("`failure_if` checks the stream itself, not its items; {fix}"));
    }
}
