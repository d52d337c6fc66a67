//! Writes the attempts of a call as a loop in place, so that each attempt can borrow what it needs.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};

use super::context::Context;
use super::kept_args::KeptArgs;
use crate::item::params::Ownership;
use crate::spans::mixed;
use crate::validate::retry::{Retry, Wait};
use crate::validate::values::{Number, Setting};

impl Context<'_> {
    // Output: let mut __retry = RETRY;
    //         let __fallen = loop {
    //             let __fallen = { ATTEMPT };
    //             if !K::__rt::FailedCall::retries_on(&__fallen, false, |__error| WHEN) { break __fallen; }
    //             let __pause = match RETRY::again(&mut __retry, __fallen) {
    //                 Ok(__pause) => __pause,
    //                 Err(__fallen) => break __fallen,
    //             };
    //             __pause.pause().await;
    //         };
    //         if !K::__rt::FailedCall::is_for(&__fallen, ..) { return __fallen.into_result(); }
    //         SERVED, or `return __fallen.into_result();`
    pub(super) fn retried(&self, retry: &Retry) -> TokenStream {
        let (rt, new, attempt) = (self.rt, self.new_retry(retry), self.attempt());
        let none = KeptArgs { owned: Vec::new(), reborrowed: TokenStream::new(), unique_self: false };
        let mutable = self.mutable_locals();
        let last = match &self.plan.chain {
            None => self.declined(),
            Some(chain) => {
                let (open, on) = (chain.on.open, self.on(chain.on.failure, chain.on.timeout.is_some()));
                let busy = (chain.on.busy && !open)
                    .then(|| quote_spanned!(Span::mixed_site()=> !#rt::FailedCall::is_busy(&__fallen) &&));
                let declined = if self.answers_late(chain) {
                    self.late_answer(chain, &Ident::new("FailedCall", Span::mixed_site()))
                } else {
                    self.declined()
                };
                let served = self.served(chain);
                quote_spanned!(Span::mixed_site()=> if #busy !#rt::FailedCall::is_for(&__fallen, #open, #on) { #declined } #served)
            }
        };
        let (when, made, named) = (self.when(retry), self.converted_once(), self.retry_type());
        let guarded = quote_spanned! {Span::mixed_site()=>
            #made
            #mutable
            let mut __retry = #new;
            let __fallen = loop {
                let __fallen = '__gate: { #attempt };
                #when
                let __pause = match #named::again(&mut __retry, __fallen) {
                    #rt::Ok(__pause) => __pause,
                    #rt::Err(__fallen) => break __fallen,
                };
                __pause.pause().await;
            };
            #last
        };
        self.storing(&TokenStream::new(), &guarded, &none)
    }

    // Output: if !K::__rt::FailedCall::retries_on(&__fallen, false, |__error| NAMES) {
    //             break __fallen;
    //         }
    fn when(&self, retry: &Retry) -> Option<TokenStream> {
        let (at, timeouts) = (self.rt.at(self.at_ret), retry.names_timeouts());
        let names = self.names(retry.when.as_ref()?);
        let allow = quote_spanned!(Span::mixed_site()=>
            #[allow(unreachable_patterns, clippy::match_like_matches_macro, clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]
        );
        let retries_on = quote_spanned!(self.at_ret=> #at::FailedCall::retries_on);
        Some(quote_spanned! {Span::mixed_site()=>
            if !#retries_on(&__fallen, #timeouts, #allow |__error| #names) {
                break __fallen;
            }
        })
    }

    // Output: let __permit = match ENTER {
    //             Ok(__permit) => __permit,
    //             Err(__rejected) => break '__gate REJECTED,
    //         };
    //         let x = K::__rt::repeat(&x);
    //         let __out = RUN;
    //         match SETTLE { Ok(__ret) => return __ret, Err(__fallen) => __fallen }
    fn attempt(&self) -> TokenStream {
        let (rt, result, enter) = (self.rt, &self.result, self.enter());
        let receiver = self.plan.params.first();
        let moves = !receiver.is_some_and(|param| {
            param.names().iter().any(|(name, ownership)| name == "self" && *ownership == Ownership::Unique)
        });
        let (cloned, run, give) = (self.cloned_args(), self.run(moves), self.give());
        let (allow, settle) = (self.allow_implicit_return(moves), self.settle(Some(&self.noting(self.on(true, true)))));
        let timed_out =
            quote_spanned!(Span::mixed_site()=> break '__gate <#rt::FailedCall<#result>>::timed_out(__rejected));
        let out = self.out(&run, &timed_out);
        quote_spanned! {Span::mixed_site()=>
            let __permit = match #enter {
                #rt::Ok(__permit) => __permit,
                #rt::Err(__rejected) => break '__gate <#rt::FailedCall<#result>>::rejected(__rejected),
            };
            #cloned
            #allow
            #out
            match #settle {
                #rt::Ok(__ret) => #give,
                #rt::Err(__fallen) => __fallen,
            }
        }
    }

    // Output: `K::__rt::On { failure: true, timeout: true }`
    fn on(&self, failure: bool, timeout: bool) -> TokenStream {
        let rt = self.rt;
        quote_spanned!(Span::mixed_site()=> #rt::On { failure: #failure, timeout: #timeout })
    }

    // Output: K::__rt::retry_needs_the_feature_retry_of_breaker_core
    //
    // Without the feature the name is missing. rustc reports that at the attribute, once for all
    // its uses, since they are in one place. A method by a dot could be that of a trait of the
    // user.
    pub(super) fn retry_type(&self) -> TokenStream {
        let at = self.plan.function.retries.first().map_or_else(Span::mixed_site, |attr| mixed(attr.path()));
        let rt = self.rt.at(at);
        quote_spanned!(at=> #rt::retry_needs_the_feature_retry_of_breaker_core)
    }

    // Output: RETRY::of(ATTEMPTS, (MIN, MAX, TOTAL), (2f64, 0.1f64), K::__rt::None)
    //
    // Keys that are not written are `K::__rt::None`.
    fn new_retry(&self, retry: &Retry) -> TokenStream {
        let rt = self.rt;
        let attempts = match &retry.attempts {
            Some(Setting::Count(count, _)) => Some(Literal::u32_suffixed(*count).into_token_stream()),
            Some(Setting::CountOf(expr)) => Some(self.typed("attempts", expr)),
            _ => None,
        };
        let attempts = self.maybe(attempts);
        let spans = [&retry.min, &retry.max, &retry.total];
        let [min, max, total] = spans.map(|span| self.maybe(span.as_ref().map(|span| self.span_of(span))));
        let (factor, jitter) = (self.number(retry.factor.as_ref(), 2.0), self.number(retry.jitter.as_ref(), 0.1));
        let wait_budget = match &retry.wait {
            Wait::No => quote_spanned!(Span::mixed_site()=> #rt::None),
            Wait::Max => quote_spanned!(Span::mixed_site()=> #rt::Some(#rt::None)),
            Wait::For(most) => {
                let most = self.span_of(most);
                quote_spanned!(Span::mixed_site()=> #rt::Some(#rt::Some(#most)))
            }
        };
        let named = self.retry_type();
        quote_spanned!(Span::mixed_site()=> #named::of(#attempts, (#min, #max, #total), (#factor, #jitter), #wait_budget))
    }

    fn number(&self, number: Option<&Number>, default: f64) -> TokenStream {
        match number {
            Some(Number::Of(expr)) => self.typed("number", expr),
            Some(Number::Literal(number)) => Literal::f64_suffixed(*number).into_token_stream(),
            None => Literal::f64_suffixed(default).into_token_stream(),
        }
    }
}
