//! Writes a plan as tokens: the gate, the user's body in place, and one `settle`. It cannot fail.
//!
//! Generated locals have the span `mixed_site`, so that the user's code does not see them. A call
//! that bounds a type of the user's has the span of that type, in *every* token of its path. Else
//! rustc underlines the whole attribute.
//!
//! | file | what it writes |
//! | --- | --- |
//! | this one | the function around all |
//! | `context`, `paths` | what several parts share |
//! | `call` | the usual async call, as one future |
//! | `gate`, `body`, `settle` | the three parts of any other call |
//! | `held_args` | which arguments a body uses where its block holds them |
//! | `config` | the settings |
//! | `classify`, `matcher` | the closure that classifies a result |
//! | `future`, `stream` | functions that return a future or a stream |
//! | `fallback`, `fallback_steps`, `kept_args`, `cache` | the fallbacks of a call |
//! | `retry`, `cloned_args`, `conversions` | the attempts of a call |
//! | `track_caller` | a warning |
//!
//! Each method has its output as a comment, in which `K` is the crate of the run-time half. Words
//! in capitals are tokens that another method writes.
//!
//! May use: everything but the other attributes. The expansion names nothing but what `K::__rt`
//! exports.
//!
//! To add a part, give it a file, call it here, run `UPDATE_EXPECT=1 cargo test -p breaker-macros`,
//! and review the difference in `tests/snapshots`.

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
mod held_args;
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
    // On a constant: an attribute on the function would send its tokens through another macro.
    let traces = function.fallbacks.iter().chain(&function.retries).filter_map(attributes::trace);
    let caller = context.caller();
    let body = quote_spanned!(Span::mixed_site()=> #inner #(#traces const _: () = ();)* #caller #guarded);
    // With the user's braces, lints such as `dead_code` apply to the function. rustc also reports a
    // missing tail at the return type.
    let body = braces(body, function.body.span());
    // Each attempt gets a clone, so clippy would propose a reference.
    let by_value =
        plan.retry.as_ref().map(|_| quote_spanned!(Span::mixed_site()=> #[allow(clippy::needless_pass_by_value)]));
    quote_spanned!(Span::mixed_site()=> #(#attrs)* #by_value #vis #defaultness #sig #body)
}
