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
mod conversions;
mod fallback;
mod future;
mod kept_args;
mod paths;
mod retry;
mod stream;
mod track_caller;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::{Expr, ReturnType};

use self::paths::Rt;
use crate::attributes;
use crate::item::return_type;
use crate::spans::{mixed, respan};
use crate::validate::Plan;
use crate::validate::return_value::Given;
use crate::validate::shape::Form;

/// Shorthands that all parts of one expansion use.
struct Kit<'p> {
    plan: &'p Plan,
    rt: Rt<'p>,
    /// The written return type, or that of the returned future, with `_` for each `impl Trait`.
    ret: TokenStream,
    /// What the expansion makes of it: the same, or where it may be no `Result`, one without an error.
    result: TokenStream,
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
    let shape = kit.shape();
    let guarded = quote_spanned!(Span::mixed_site()=> #shape #guarded);
    let guarded = match &plan.form {
        Form::Future(future) => kit.in_future(future, &guarded),
        _ => guarded,
    };
    // On a constant, since the function's own tokens would make the way through another macro.
    let traces = target.fallbacks.iter().chain(&target.retries).filter_map(attributes::trace);
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
            (Form::Future(future), _) => {
                (return_type::without_impl(&future.output).to_token_stream(), mixed(&future.output))
            }
            (_, ReturnType::Type(_, ty)) => (return_type::without_impl(ty).to_token_stream(), mixed(ty)),
        };
        let result = match plan.given {
            None => ret.clone(),
            Some(Given::Value) => quote_spanned!(Span::mixed_site()=> #rt::Given<#ret, #rt::OfValue>),
            Some(Given::Unknown) => quote_spanned!(Span::mixed_site()=> #rt::Given<#ret, _>),
        };
        Kit { plan, rt, ret, result, at_ret, is_async: !matches!(plan.form, Form::Sync) }
    }

    // Output: `return VALUE`, and `return K::__rt::Given::value(VALUE)` where the function returns no `Result`
    fn leave(&self, at: Span, value: &TokenStream) -> TokenStream {
        let rt = self.rt.at(at);
        match self.plan.given {
            None => quote_spanned!(at=> return #value),
            Some(_) => quote_spanned!(at=> return #rt::Given::value(#value)),
        }
    }

    // Output: `K::__rt::from_rejection`, at the return type, whose bound it tells; or what the key `open` says
    fn open(&self) -> TokenStream {
        match &self.plan.open {
            Some(open) => open.to_token_stream(),
            None => {
                let rt = self.rt.at(self.at_ret);
                quote_spanned!(self.at_ret=> #rt::from_rejection)
            }
        }
    }

    // Output: let __shape = { use K::__rt::Answers as _; K::__rt::Probe::<Ret>::new().__breaker_shape() };
    fn shape(&self) -> Option<TokenStream> {
        let (rt, ret) = (self.rt, &self.ret);
        self.plan.given.map(|_| {
            quote_spanned! {Span::mixed_site()=>
                let __shape = {
                    use #rt::Answers as _;
                    #rt::Probe::<#ret>::new().__breaker_shape()
                };
            }
        })
    }

    // Output: `K::__rt::shaped(__shape, VALUE)`, where the type of what the function gives is known by that alone
    fn shaped(&self, at: Span, value: TokenStream) -> TokenStream {
        let rt = self.rt.at(at);
        match self.plan.given {
            Some(Given::Unknown) => quote_spanned!(at=> #rt::shaped(__shape, #value)),
            _ => value,
        }
    }

    // Output: let __out = RUN;
    // or:     let __out = RUN;
    //         let __out = match __out {
    //             Ok(__out) => __out,
    //             Err(__cut) => { let __rejected = K::__rt::cut_off(__permit, __cut); CUT }
    //         };
    // and:    let __out = K::__rt::given(__out, __shape);
    fn out(&self, run: &TokenStream, cut: &TokenStream) -> TokenStream {
        let rt = self.rt;
        let whole = self.is_async.then(|| {
            quote_spanned! {Span::mixed_site()=>
                let __out = match __out {
                    #rt::Ok(__out) => __out,
                    #rt::Err(__cut) => {
                        let __rejected = #rt::cut_off(__permit, __cut);
                        #cut
                    }
                };
            }
        });
        let given =
            self.plan.given.map(|_| quote_spanned!(Span::mixed_site()=> let __out = #rt::given(__out, __shape);));
        let timed = self.timed();
        quote_spanned!(Span::mixed_site()=> #timed let __out = #run; #whole #given)
    }

    /// Whether an `impl Trait` is in the return type.
    fn gives_impl(&self) -> bool {
        return_type::has_impl(&self.plan.form, &self.plan.target.sig.output)
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
        let (quiet, out) = (self.quiet_of_tail(true), self.out(&run, &reject));
        quote_spanned! {Span::mixed_site()=>
            let __permit = match #enter {
                #rt::Ok(__permit) => __permit,
                #rt::Err(__rejected) => #reject,
            };
            #quiet
            #out
            return #settle;
        }
    }

    // Output: `return K::__rt::reject::<_>(__rejected)`, at the return type, whose bounds it tells; or
    //         `return K::__rt::reject_with::<_>(__rejected, OPEN)`
    fn reject(&self) -> TokenStream {
        let rt = self.rt.at(self.at_ret);
        let error = match &self.plan.open {
            None => quote_spanned!(self.at_ret=> #rt::reject::<_>(__rejected)),
            Some(open) => {
                let ret = respan(self.ret.clone(), self.at_ret);
                quote_spanned!(self.at_ret=> #rt::reject_with::<#ret, _, _>(__rejected, #open))
            }
        };
        self.leave(self.at_ret, &error)
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
