//! Writes the fallbacks of a call, and its result if all steps decline.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};

use super::context::Context;
use super::kept_args::{KeptArg, KeptArgs};
use crate::identifiers;
use crate::item::params::{Ownership, Param};
use crate::parse::fallback::{Chain, Kind, Step};
use crate::validate::return_value::ends_in_value;

impl Context<'_> {
    // Output: let __entered = ENTER;
    //         let __kept0 = x; let x;
    //         let __fallen = '__gate: { GATE RUN return SETTLE };
    //         SERVED
    //
    // The first one is there where a key may need an argument before its name is that of another
    // local.
    pub(super) fn guarded_with_fallback(&self, chain: &Chain) -> TokenStream {
        let kept = self.kept_args(chain);
        let enter = self.enter();
        let (entered, enter) = if self.plan.key.is_some() && !kept.owned.is_empty() {
            let entered = quote_spanned!(Span::mixed_site()=> __entered);
            (Some(quote_spanned!(Span::mixed_site()=> let #entered = #enter;)), entered)
        } else {
            (None, enter)
        };
        let declare = kept.owned.iter().map(KeptArg::declare);
        let before = quote_spanned!(Span::mixed_site()=> #entered #(#declare)*);
        let restore = kept.owned.iter().filter_map(KeptArg::restore);
        let gate = self.gate(chain, &enter, &kept);
        let served = self.served(chain);
        let guarded = quote_spanned! {Span::mixed_site()=>
            let __fallen = '__gate: { #gate };
            #(#restore)*
            #served
        };
        self.storing(&before, &guarded, &kept)
    }

    // Output: let __rejection = K::__rt::FailedCall::rejection(&__fallen, SHOW);
    //         STEPS
    //         K::__rt::FallbackContext::declined(&__rejection);
    //         return __fallen.into_result();
    pub(super) fn served(&self, chain: &Chain) -> TokenStream {
        let failed_call = self.failed_call(chain);
        let steps = (0..chain.steps.len()).map(|index| self.step(chain, index));
        let last = (!ends_in_value(chain)).then(|| {
            let (rt, declined) = (self.rt, self.declined());
            quote_spanned!(Span::mixed_site()=> #rt::FallbackContext::declined(&__rejection); #declined)
        });
        let rejection = self.rejection(&failed_call);
        quote_spanned! {Span::mixed_site()=>
            #rejection
            #(#steps)*
            #last
        }
    }

    // Output: `return __fallen.into_result(OPEN);`
    pub(super) fn declined(&self) -> TokenStream {
        let open = self.open();
        let result = quote_spanned!(self.at_ret=> __fallen.into_result(#open));
        let leave = self.leave(self.at_ret, &result);
        quote_spanned!(self.at_ret=> #leave;)
    }

    /// Whether a last step `value(..)` also serves rejections and timeouts that `on(..)` does not
    /// name.
    ///
    /// It does so where the function can have no error. The value may use only arguments that the
    /// function has borrowed. A return type with an `impl Trait` cannot be written there.
    pub(super) fn answers_late(&self, chain: &Chain) -> bool {
        let mut taken = self.plan.params.iter().filter(|param| param.ownership != Ownership::Shared);
        let Some(Step { kind: Kind::Value(value), .. }) = chain.steps.last() else { return false };
        let code = value.to_token_stream();
        let is_named = |param: &Param| {
            param.names().iter().any(|(name, _)| identifiers::uses_local(&code, name))
                || param.bindings().iter().any(|binding| identifiers::uses_local(&code, &binding.ident))
        };
        self.plan.open.is_none() && !self.gives_impl() && !taken.any(is_named)
    }

    // Input:  a rejection or a timeout that `on(..)` does not name
    // Output: let __fallen = K::__rt::Refused::<Ret>::timed_out(__rejected);
    //         let __opener = K::__rt::Refused::opener(&__fallen);
    //         let __fallen = match K::__rt::Refused::unless_open(__fallen, |__rejected| {
    //             use K::__rt::{ByFrom as _, ByNothing as _};
    //             (&__opener).__breaker_open(__rejected)
    //         }) {
    //             Ok(__ret) => return __ret,
    //             Err(__fallen) => __fallen,
    //         };
    //         let __rejection = ..;
    //         return VALUE
    pub(super) fn late_answer(&self, chain: &Chain, failed_call: &Ident) -> TokenStream {
        let (rt, at_rt, rejection) = (self.rt, self.rt.at(self.at_ret), self.rejection(failed_call));
        let opener = quote_spanned!(self.at_ret=> #at_rt::#failed_call::opener(&__fallen));
        let open = quote_spanned! {Span::mixed_site()=>
            |__rejected| {
                use #rt::{ByFrom as _, ByNothing as _};
                (&__opener).__breaker_open(__rejected)
            }
        };
        let unless_open = quote_spanned!(self.at_ret=> #at_rt::#failed_call::unless_open(__fallen, #open));
        let give = self.leave(Span::mixed_site(), &quote_spanned!(Span::mixed_site()=> __ret));
        let last = self.step(chain, chain.steps.len() - 1);
        quote_spanned! {Span::mixed_site()=>
            let __opener = #opener;
            let __fallen = match #unless_open {
                #rt::Ok(__ret) => #give,
                #rt::Err(__fallen) => __fallen,
            };
            #rejection
            #last
        }
    }

    // Output: `{ let __fallen = K::__rt::Refused::<Ret>::rejected(__rejected); LATE_ANSWER }`
    fn refused(&self, chain: &Chain, way: &str) -> TokenStream {
        if !self.answers_late(chain) {
            return self.reject();
        }
        let (rt, result, way) = (self.rt, &self.result, Ident::new(way, Span::mixed_site()));
        let answer = self.late_answer(chain, &Ident::new("Refused", Span::mixed_site()));
        let refused = self
            .shaped(Span::mixed_site(), quote_spanned!(Span::mixed_site()=> #rt::Refused::<#result>::#way(__rejected)));
        quote_spanned!(Span::mixed_site()=> { let __fallen = #refused; #answer })
    }

    // Output: `REFUSED`
    // or:     `{ x = __kept0; REFUSED }`, where the key `open` may use the argument
    fn refused_early(&self, chain: &Chain, kept: &KeptArgs) -> TokenStream {
        let refused = self.refused(chain, "rejected");
        if self.plan.open.is_none() || kept.owned.is_empty() {
            return refused;
        }
        let give = kept.owned.iter().map(KeptArg::give);
        quote_spanned!(Span::mixed_site()=> { #(#give)* #refused })
    }

    // Output: `let __rejection = K::__rt::FailedCall::rejection(&__fallen, SHOW);`
    fn rejection(&self, failed_call: &Ident) -> TokenStream {
        let rt = self.rt;
        let at_rt = self.rt.at(self.at_ret);
        let show = quote_spanned! {Span::mixed_site()=>
            use #rt::{ShowError as _, ShowNothing as _};
            (&#rt::AsError(__error)).__breaker_error()
        };
        let rejection = quote_spanned!(self.at_ret=> #at_rt::#failed_call::rejection(&__fallen, |__error| { #show }));
        quote_spanned!(Span::mixed_site()=> let __rejection = #rejection;)
    }

    // Output: let __permit = match ENTER {
    //             Ok(__permit) => __permit,
    //             Err(__rejected) => break '__gate REJECTED,
    //         };
    //         let __out = RUN;
    //         return SETTLE
    fn gate(&self, chain: &Chain, enter: &TokenStream, kept: &KeptArgs) -> TokenStream {
        let (rt, result, failed_call) = (self.rt, &self.result, self.failed_call(chain));
        let (run, allow) = (self.run(!kept.unique_self), self.allow_implicit_return(!kept.unique_self));
        let reborrowed = &kept.reborrowed;
        let give = kept.owned.iter().map(KeptArg::give);
        let copy = kept.owned.iter().map(|kept| kept.copy(self));
        // With `<`, since syn 2 reads the `::` of a path after a label as the colon of the label.
        let falls = quote_spanned!(Span::mixed_site()=> { #(#give)* break '__gate <#rt::#failed_call<#result>>::rejected(__rejected) });
        let rejected = if chain.on.open { falls.clone() } else { self.refused_early(chain, kept) };
        let busy = (chain.on.busy && !chain.on.open)
            .then(|| quote_spanned!(Span::mixed_site()=> #rt::Err(__rejected) if #rt::is_busy(&__rejected) => #falls,));
        let timed_out = if chain.on.after_body() {
            quote_spanned!(Span::mixed_site()=> break '__gate <#rt::#failed_call<#result>>::timed_out(__rejected))
        } else {
            self.refused(chain, "timed_out")
        };
        let out = self.out(&run, &timed_out);
        let settle = self.settle_or_fall(chain);
        quote_spanned! {Span::mixed_site()=>
            let __permit = match #enter {
                #rt::Ok(__permit) => __permit,
                #busy
                #rt::Err(__rejected) => #rejected,
            };
            #(#copy)*
            #reborrowed
            #allow
            #out
            #settle
        }
    }

    // Output: `FailedCall`, or `Refused` where no result of the body waits for the steps
    fn failed_call(&self, chain: &Chain) -> Ident {
        let keeps = chain.on.after_body() || self.plan.retry.is_some() || self.has_cache();
        Ident::new(if keeps { "FailedCall" } else { "Refused" }, Span::mixed_site())
    }

    // Output: return K::__rt::settle(__permit, __out, CLASSIFIER);
    // or:     match K::__rt::settle_or_fall(__permit, __out, CLASSIFIER, K::__rt::On { .. }) {
    //             Ok(__ret) => return __ret,
    //             Err(__fallen) => break '__gate __fallen,
    //         }
    fn settle_or_fall(&self, chain: &Chain) -> TokenStream {
        let rt = self.rt;
        if !chain.on.after_body() && !self.has_cache() {
            let settle = self.settle(None);
            let leave = self.leave(self.at_ret, &settle);
            return quote_spanned!(self.at_ret=> #leave;);
        }
        let (failure, timeout) = (chain.on.failure, chain.on.timeout.is_some());
        let on = quote_spanned!(Span::mixed_site()=> #rt::On { failure: #failure, timeout: #timeout });
        let (settle, give) = (self.settle(Some(&self.noting(on))), self.give());
        let fall = if chain.on.after_body() {
            quote_spanned!(Span::mixed_site()=> break '__gate __fallen)
        } else if self.answers_late(chain) {
            let answer = self.late_answer(chain, &Ident::new("FailedCall", Span::mixed_site()));
            quote_spanned!(Span::mixed_site()=> { #answer })
        } else {
            let declined = self.declined();
            quote_spanned!(Span::mixed_site()=> { #declined })
        };
        quote_spanned! {Span::mixed_site()=>
            match #settle {
                #rt::Ok(__ret) => #give,
                #rt::Err(__fallen) => #fall,
            }
        }
    }
}
