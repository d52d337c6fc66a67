//! The tokens: a gate, the user's body in place, one `settle`. Everything else is data. Nothing here can fail.
//!
//! Locals carry `mixed_site`, so that the user's code does not see them. Calls that bound the user's types carry the
//! place of what they bound, in *every* token of their path: else rustc underlines the whole attribute.

mod body;
mod cache;
mod call;
mod caller;
mod config;
mod future;
pub(crate) mod judge;
mod keep;
mod names;
mod repeat;
mod retry;
mod steps;
pub(crate) mod types;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote_spanned};
use syn::{Expr, ReturnType};

use self::names::Rt;
use crate::check::Plan;
use crate::check::shape::Form;
use crate::fallback;
use crate::recover::mixed;

/// Shorthands that all parts of one expansion use.
struct Kit<'p> {
    plan: &'p Plan,
    rt: Rt<'p>,
    /// The written return type, or that of the returned future, with `_` for each `impl Trait`.
    ret: TokenStream,
    /// Where the return type stands.
    at_ret: Span,
    is_async: bool,
}

// Input:  `#[inline] pub async fn f(mut x: u32) -> Ret { BODY }`
// Output: `#[inline] pub async fn f(x: u32) -> Ret { GATE RUN SETTLE }`
pub(crate) fn expand(plan: &Plan) -> TokenStream {
    let kit = Kit::new(plan);
    let target = &plan.target;
    let (attrs, vis, defaultness, sig, inner) =
        (&target.attrs, &target.vis, &target.defaultness, &target.sig, &target.inner);
    let guarded = match (&plan.retry, &plan.chain) {
        (Some(retry), _) => kit.retried(retry),
        (None, None) if kit.is_one_call() => kit.one_call(),
        (None, None) => kit.guarded(),
        (None, Some(chain)) => kit.guarded_with_fallback(chain),
    };
    let guarded = match &plan.form {
        Form::Future(future) => kit.in_future(future, &guarded),
        _ => guarded,
    };
    // On a constant, since the function's own tokens would make the way through another macro.
    let traces = target.fallbacks.iter().chain(&target.retries).filter_map(fallback::trace);
    let caller = kit.caller();
    let body = quote_spanned!(Span::mixed_site()=> #inner #(#traces const _: () = ();)* #caller #guarded);
    // In the user's braces the function is the user's, for lints such as `dead_code`, and a missing tail is told at the return type.
    let body = body::braces(body, target.body.span());
    // Each attempt gets a clone, so clippy would say that a reference is enough.
    let by_value =
        plan.retry.as_ref().map(|_| quote_spanned!(Span::mixed_site()=> #[allow(clippy::needless_pass_by_value)]));
    quote_spanned!(Span::mixed_site()=> #(#attrs)* #by_value #vis #defaultness #sig #body)
}

impl<'p> Kit<'p> {
    fn new(plan: &'p Plan) -> Self {
        let sig = &plan.target.sig;
        let rt = Rt::new(plan.krate.as_ref());
        let (ret, at_ret) = match (&plan.form, &sig.output) {
            (_, ReturnType::Default) => (quote_spanned!(Span::mixed_site()=> ()), mixed(&sig.ident)),
            (Form::Future(future), _) => (types::without_impl(&future.output).to_token_stream(), mixed(&future.output)),
            (_, ReturnType::Type(_, ty)) => (types::without_impl(ty).to_token_stream(), mixed(ty)),
        };
        Kit { plan, rt, ret, at_ret, is_async: !matches!(plan.form, Form::Sync) }
    }

    /// Whether an `impl Trait` is in the return type.
    fn gives_impl(&self) -> bool {
        types::has_impl(&self.plan.form, &self.plan.target.sig.output)
    }

    // Output: let __permit = match ENTER {
    //             Ok(__permit) => __permit,
    //             Err(__rejected) => return K::__rt::reject::<_>(__rejected),
    //         };
    //         let __out = RUN;
    //         K::__rt::settle(__permit, __out, JUDGE)
    fn guarded(&self) -> TokenStream {
        let rt = self.rt;
        let (enter, run, reject, settle) = (self.enter(), self.run(true), self.reject(), self.settle(None));
        let quiet = self.quiet_of_tail(true);
        quote_spanned! {Span::mixed_site()=>
            let __permit = match #enter {
                #rt::Ok(__permit) => __permit,
                #rt::Err(__rejected) => #reject,
            };
            #quiet
            let __out = #run;
            return #settle;
        }
    }

    // Output: `return K::__rt::reject::<_>(__rejected)`, at the return type, whose bounds it tells
    fn reject(&self) -> TokenStream {
        let rt = self.rt.at(self.at_ret);
        quote_spanned!(self.at_ret=> return #rt::reject::<_>(__rejected))
    }

    // Output: `K::__rt::site!(enter "api" true written "fail_max=5")`, which declares the `static` of this function and is
    //         `K::__rt::Site::enter(&THE_STATIC)`
    fn site(&self, way: &str, key: Option<&TokenStream>) -> TokenStream {
        let (rt, is_async, way) = (self.rt, self.is_async, Ident::new(way, Span::mixed_site()));
        let (name, settings) = (config::name(self), config::settings(self));
        let site = quote_spanned!(Span::mixed_site()=> #rt::site!(#way #name #is_async #settings #key));
        match config::needs(self) {
            Some(needs) => quote_spanned!(Span::mixed_site()=> { #needs #site }),
            None => site,
        }
    }

    // Output: `K::__rt::site!(enter SITE)`, and `K::__rt::site!(enter_key SITE K::__rt::text(&KEY))` for one breaker per value
    fn enter(&self) -> TokenStream {
        let Some(key) = &self.plan.key else {
            return self.site("enter", None);
        };
        let of_key = self.rt.at(mixed(key));
        let is_generic =
            matches!(key, Expr::Path(path) if path.path.get_ident().is_some_and(|name| self.is_generic(name)));
        let text = Ident::new(if is_generic { "text_of" } else { "text" }, mixed(key));
        let text = quote_spanned!(mixed(key)=> #of_key::#text(&#key));
        self.site("enter_key", Some(&text))
    }
}

/// Gives all tokens one place. A `$crate` keeps what says which crate it means.
pub(crate) fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    let one = |mut tree: TokenTree| {
        match &mut tree {
            TokenTree::Ident(word) if word == "$crate" => {}
            TokenTree::Group(group) => {
                *group = proc_macro2::Group::new(group.delimiter(), respan(group.stream(), span));
                group.set_span(span);
            }
            tree => tree.set_span(span),
        }
        tree
    };
    tokens.into_iter().map(one).collect()
}
