//! Checks the time limits of fallback steps, and which arguments steps and a `key` may use.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::spanned::Spanned as _;
use syn::{Expr, Result};

use super::shape::Form;
use super::values::{self, Setting};
use crate::diagnostics::Errors;
use crate::identifiers;
use crate::item::Function;
use crate::item::params::{self, Ownership};
use crate::parse::fallback::{Chain, Kind, Step};
use crate::parse::keys::{Key, Shape, key};

/// The key of the time limit in `within(LIMIT, STEP)`, for messages.
const WITHIN: Key = key("within", Shape::Value, "within(\"500ms\", Self::cached)");

/// The step's own time limit.
pub(crate) fn limit(step: &Step) -> Option<Result<Setting>> {
    step.limit.clone().map(|limit| values::in_place(&WITHIN, *limit))
}

/// Refuses wrong time limits, and those of a function that is not async.
pub(super) fn limits(form: &Form, chain: Option<&Chain>, errors: &mut Errors) {
    for step in chain.iter().flat_map(|chain| &chain.steps) {
        if let (Form::Sync, Some(limit)) = (form, &step.limit) {
            errors.under(limit, "a step of a function that is not async cannot time out; remove `within(..)`");
        } else {
            limit(step).map(|limit| errors.take(limit));
        }
    }
}

/// Refuses a step that needs an argument that the user's own future has, or has used up.
pub(super) fn check(function: &Function, form: &Form, chain: Option<&Chain>, has_retry: bool, errors: &mut Errors) {
    let (Form::Future(future), Some(chain)) = (form, chain) else {
        return;
    };
    let params = params::leave(&mut function.sig.clone(), false);
    let names: Vec<_> = params.iter().flat_map(params::Param::names).collect();
    for step in &chain.steps {
        let taken = names.iter().find(|(name, ownership)| {
            let is_gone = if future.tail.is_none() {
                *ownership != Ownership::Shared
            } else {
                // The attempts of a `#[retry]` only borrow it.
                let later = chain.on.after_body() || stores_in(step, name);
                *ownership == Ownership::Unique && name == "self" && later && !has_retry
            };
            is_gone && uses_it(step, name)
        });
        if let Some((name, _)) = taken {
            let leave = if stores_in(step, name) { "" } else { ", or remove `on(..)`" };
            errors.at(span(step), refusal(&name.to_string(), future.tail.is_some(), leave));
        }
    }
}

/// The same for a `key`, which is evaluated when the future is polled.
pub(super) fn check_key(key: &Expr, function: &Function, form: &Form, errors: &mut Errors) {
    let Form::Future(future) = form else {
        return;
    };
    let params = params::leave(&mut function.sig.clone(), false);
    let names: Vec<_> = params.iter().flat_map(params::Param::names).collect();
    let tokens = key.to_token_stream();
    let taken =
        names.iter().find(|(name, ownership)| *ownership != Ownership::Shared && identifiers::mentions(&tokens, name));
    if let (None, Some((name, _))) = (&future.tail, taken) {
        let fix = "write an `async fn`, or write nothing in the body but `async move { .. }` or `Box::pin(async move { .. })`";
        let what = format!("`key` needs `{name}`, but the function uses it up before the future is polled");
        errors.under(key, format!("{what}; {fix}"));
    }
}

fn refusal(name: &str, after_body: bool, leave: &str) -> String {
    if after_body {
        format!("this step needs `{name}`, but the future still holds it; write an `async fn`{leave}")
    } else {
        let fix = "write an `async fn`, or write nothing in the body but `async move { .. }` or `Box::pin(async move { .. })`";
        format!("this step needs `{name}`, but the function uses it up before the future is polled; {fix}")
    }
}

pub(super) fn uses_it(step: &Step, name: &proc_macro2::Ident) -> bool {
    match &step.kind {
        Kind::Path(_) => true,
        Kind::Closure(closure) => identifiers::uses_local(&closure.body.to_token_stream(), name),
        Kind::Value(value) => identifiers::uses_local(&value.to_token_stream(), name),
        Kind::Cache(cache) => {
            let parts = [Some(&cache.key), cache.store.as_ref(), cache.with.as_ref()];
            parts.into_iter().flatten().any(|part| identifiers::uses_local(&part.to_token_stream(), name))
        }
    }
}

/// True for a `store` that uses the argument: it is evaluated after the body.
fn stores_in(step: &Step, name: &proc_macro2::Ident) -> bool {
    match &step.kind {
        Kind::Cache(cache) => {
            cache.store.as_ref().is_some_and(|store| identifiers::uses_local(&store.to_token_stream(), name))
        }
        _ => false,
    }
}

fn span(step: &Step) -> Span {
    match &step.kind {
        Kind::Path(path) => path.span(),
        Kind::Closure(closure) => closure.span(),
        Kind::Value(value) => value.span(),
        Kind::Cache(cache) => cache.at,
    }
}
