//! The rules of `stream`: its values, and what cannot stand beside it.

use proc_macro2::Span;
use syn::Expr;

use super::Around;
use super::classification::matcher::{Classify, Rules};
use super::values::{self, Setting};
use crate::diagnostics::Errors;
use crate::parse::named_values::Named;

/// The key `stream`; what is not written has no limit.
pub(crate) struct Streaming {
    /// Where it stands.
    pub(crate) at: Span,
    pub(crate) first_item: Option<Setting>,
    pub(crate) item_timeout: Option<Setting>,
    /// The item with which the answer is complete.
    pub(crate) until: Option<Expr>,
}

impl Streaming {
    pub(super) fn new(at: Span, values: Vec<Named>, errors: &mut Errors) -> Self {
        let mut read = Self { at, first_item: None, item_timeout: None, until: None };
        for Named { key, value, .. } in values {
            let Some(value) = value else { continue };
            match key.name {
                "first_item" => read.first_item = errors.take(values::in_place(key, value)),
                "item_timeout" => read.item_timeout = errors.take(values::in_place(key, value)),
                _ => read.until = errors.take(values::until(value)),
            }
        }
        read
    }

    /// Whether its items have time limits.
    pub(crate) fn is_limited(&self) -> bool {
        self.first_item.is_some() || self.item_timeout.is_some()
    }

    pub(super) fn check(
        &self,
        failure_if: &[(&str, Span)],
        rules: &Rules,
        gives_impl: bool,
        (chain, retry): Around<'_>,
        errors: &mut Errors,
    ) {
        self.check_judges(failure_if, rules, errors);
        let ty = "for instance `Result<Pin<Box<dyn Stream<Item = ..> + Send>>, _>`";
        if gives_impl && chain.is_some() {
            let fix = format!("return a type that a step can give, {ty}");
            errors.at(self.at, format!("`stream` with a `#[fallback]` cannot guard an `impl Stream`; {fix}"));
        } else if gives_impl && retry.is_some() {
            let fix = format!("return a type with a name, {ty}");
            errors.at(self.at, format!("`stream` with a `#[retry]` cannot guard an `impl Stream`; {fix}"));
        }
    }

    /// What looks at the `Ok` value sees the stream, and nothing that comes through it.
    fn check_judges(&self, failure_if: &[(&str, Span)], rules: &Rules, errors: &mut Errors) {
        if let Some(Classify::By(_)) = rules.classify {
            let fix =
                "write `exclude`, `success` and `include`, or `classify` alone, which are asked of its errors too";
            errors.at(self.at, format!("`classify = ..` would not see what comes through the `stream`; {fix}"));
            return;
        }
        for (_, at) in failure_if {
            let fix = "filter it in the body, or leave one of the two out";
            errors
                .at(*at, format!("`failure_if` would look at the stream itself, not at what comes through it; {fix}"));
        }
    }
}
