//! Writes the gate: the admission of a call before its body, and its result after it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::Expr;

use super::config;
use super::context::Context;
use crate::spans::{mixed, respan};

impl Context<'_> {
    // Output: let __out = RUN;
    // and:    let __out = match __out {
    //             Ok(__out) => __out,
    //             Err(__timed_out) => { let __rejected = K::__rt::timed_out(__permit, __timed_out); TIMED_OUT }
    //         };
    // and:    let __out = K::__rt::given(__out, __shape);
    //
    // The second one is for async calls, and the third one for functions without a `Result`.
    pub(super) fn out(&self, run: &TokenStream, timed_out: &TokenStream) -> TokenStream {
        let rt = self.rt;
        let ended = self.is_async.then(|| {
            quote_spanned! {Span::mixed_site()=>
                let __out = match __out {
                    #rt::Ok(__out) => __out,
                    #rt::Err(__timed_out) => {
                        let __rejected = #rt::timed_out(__permit, __timed_out);
                        #timed_out
                    }
                };
            }
        });
        let typed =
            self.plan.returns.map(|_| quote_spanned!(Span::mixed_site()=> let __out = #rt::given(__out, __shape);));
        let timed = self.timed();
        quote_spanned!(Span::mixed_site()=> #timed let __out = #run; #ended #typed)
    }

    // Output: let __permit = match ENTER {
    //             Ok(__permit) => __permit,
    //             Err(__rejected) => return K::__rt::reject::<_>(__rejected),
    //         };
    //         let __out = RUN;
    //         K::__rt::settle(__permit, __out, CLASSIFIER)
    pub(super) fn guarded(&self) -> TokenStream {
        let rt = self.rt;
        let (enter, run, reject, settle) = (self.enter(), self.run(true), self.reject(), self.settle(None));
        let (allow, out) = (self.allow_implicit_return(true), self.out(&run, &reject));
        quote_spanned! {Span::mixed_site()=>
            let __permit = match #enter {
                #rt::Ok(__permit) => __permit,
                #rt::Err(__rejected) => #reject,
            };
            #allow
            #out
            return #settle;
        }
    }

    // Output: `return K::__rt::reject::<_>(__rejected)`, at the return type, which it bounds
    // or:     `return K::__rt::reject_with::<Ret, _, _>(__rejected, OPEN)`
    pub(super) fn reject(&self) -> TokenStream {
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

    // Output: `K::__rt::declare_callsite!(enter "api" true written "fail_max=5")`
    //
    // It declares the `static` of this function, and is `K::__rt::Callsite::enter(&THE_STATIC)`.
    pub(super) fn site(&self, way: &str, key: Option<&TokenStream>) -> TokenStream {
        let (rt, is_async, way) = (self.rt, self.is_async, Ident::new(way, Span::mixed_site()));
        let (name, settings) = (config::name(self), config::settings(self));
        let site = quote_spanned!(Span::mixed_site()=> #rt::declare_callsite!(#way #name #is_async #settings #key));
        match config::needs(self) {
            Some(needs) => quote_spanned!(Span::mixed_site()=> { #needs #site }),
            None => site,
        }
    }

    // Output: `K::__rt::declare_callsite!(enter SITE)`
    // or:     `K::__rt::declare_callsite!(enter_key SITE K::__rt::text(&KEY))`, for a keyed breaker
    pub(super) fn enter(&self) -> TokenStream {
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
