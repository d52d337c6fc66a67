//! The tokens: a gate, the user's body in place, one `settle`. Everything else is data. Nothing here can fail.
//!
//! Locals carry `mixed_site`, so that the user's code does not see them. Calls that bound the user's types carry the
//! place of what they bound, in *every* token of their path: else rustc underlines the whole attribute.

mod body;
mod cache;
mod call;
pub(crate) mod classify;
mod cloned_args;
mod config;
mod context;
mod conversions;
mod fallback;
mod fallback_steps;
mod future;
mod gate;
mod kept_args;
mod matcher;
mod paths;
mod retry;
mod settle;
mod stream;
mod track_caller;

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use self::context::Context;
use crate::attributes;
use crate::spans::braces;
use crate::validate::Plan;
use crate::validate::shape::Form;

// Input:  `#[inline] pub async fn f(mut x: u32) -> Ret { BODY }`
// Output: `#[inline] pub async fn f(x: u32) -> Ret { GATE RUN SETTLE }`
pub(crate) fn expand(plan: &Plan) -> TokenStream {
    let context = Context::new(plan);
    let function = &plan.function;
    let (attrs, vis, defaultness, sig, inner) =
        (&function.attrs, &function.vis, &function.defaultness, &function.sig, &function.inner);
    let guarded = match (&plan.retry, &plan.chain) {
        (Some(retry), _) => context.retried(retry),
        (None, None) if context.is_one_call() => context.one_call(),
        (None, None) => context.guarded(),
        (None, Some(chain)) => context.guarded_with_fallback(chain),
    };
    let shape = context.shape();
    let guarded = quote_spanned!(Span::mixed_site()=> #shape #guarded);
    let guarded = match &plan.form {
        Form::Future(future) => context.in_future(future, &guarded),
        _ => guarded,
    };
    // On a constant, since the function's own tokens would make the way through another macro.
    let traces = function.fallbacks.iter().chain(&function.retries).filter_map(attributes::trace);
    let caller = context.caller();
    let body = quote_spanned!(Span::mixed_site()=> #inner #(#traces const _: () = ();)* #caller #guarded);
    // In the user's braces the function is the user's, for lints such as `dead_code`, and a missing tail is told at the return type.
    let body = braces(body, function.body.span());
    // Each attempt gets a clone, so clippy would say that a reference is enough.
    let by_value =
        plan.retry.as_ref().map(|_| quote_spanned!(Span::mixed_site()=> #[allow(clippy::needless_pass_by_value)]));
    quote_spanned!(Span::mixed_site()=> #(#attrs)* #by_value #vis #defaultness #sig #body)
}
