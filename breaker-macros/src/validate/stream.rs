//! Checks the key `stream`: its values, and what cannot be combined with it.

use proc_macro2::Span;
use syn::Expr;

use super::values::{self, Setting};
use crate::diagnostics::Errors;
use crate::parse::named_values::Named;

/// The values of the key `stream`; `None` is no limit.
pub(crate) struct Streaming {
    /// The place of the key.
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

    /// Refuses an `impl Stream` where the expansion needs a type with a name.
    pub(super) fn check(&self, gives_impl: bool, has_fallback: bool, has_retry: bool, errors: &mut Errors) {
        let ty = "for instance `Result<Pin<Box<dyn Stream<Item = ..> + Send>>, _>`";
        if gives_impl && has_fallback {
            let fix = format!("return a type that a step can return, {ty}");
            errors.at(self.at, format!("`stream` with a `#[fallback]` cannot guard an `impl Stream`; {fix}"));
        } else if gives_impl && has_retry {
            let fix = format!("return a type with a name, {ty}");
            errors.at(self.at, format!("`stream` with a `#[retry]` cannot guard an `impl Stream`; {fix}"));
        }
    }
}
