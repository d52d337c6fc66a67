//! Writes the closure that classifies an error or a full result.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Expr;
use syn::ext::IdentExt as _;

use super::context::Context;
use crate::identifiers;
use crate::item::return_type;
use crate::spans::mixed;
use crate::validate::classification::lists::Classify;
use crate::validate::classification::matcher::Matcher;

impl Context<'_> {
    // Output: |__error| { CLASSIFIED }
    //
    // At `at`, where rustc reports a missing bound.
    pub(super) fn classifier(&self, at: Span) -> TokenStream {
        let classified = self.classified();
        quote_spanned!(at=> |__error| { #classified })
    }

    // Output: K::__rt::inspect(__error).__breaker_view().classified(K::__rt::Outcome::failure())
    // or:     K::__rt::inspect(__error).__breaker_view().listed(LISTED)
    // or:     let mut __view = K::__rt::inspect(__error).__breaker_view();
    //         let __outcome = OUTCOME;
    //         (__outcome, __view)
    //
    // The second one is for lists, and the third one for `classify`.
    fn classified(&self) -> TokenStream {
        let rules = &self.plan.rules;
        let view = self.view(&Ident::new("__error", Span::mixed_site()));
        if rules.classify.is_some() {
            let outcome = self.outcome();
            return quote_spanned! {Span::mixed_site()=>
                let mut __view = #view;
                let __outcome = #outcome;
                (__outcome, __view)
            };
        }
        if rules.names_errors() {
            let listed = self.listed();
            return quote_spanned!(Span::mixed_site()=> #view.listed(#listed));
        }
        let otherwise = self.constructor(rules.otherwise());
        quote_spanned!(Span::mixed_site()=> #view.classified(#otherwise))
    }

    // Output: match __error {
    //             MATCHER => K::__rt::Listed::Ignored, _ => K::__rt::Listed::OrFailure
    //         }
    fn listed(&self) -> TokenStream {
        let rt = self.rt;
        let word = |word: &str| {
            let word = Ident::new(word, Span::mixed_site());
            quote_spanned!(Span::mixed_site()=> #rt::Listed::#word)
        };
        let otherwise = match self.plan.rules.otherwise() {
            "ignored" => word("OrIgnored"),
            "success" => word("OrSuccess"),
            _ => word("OrFailure"),
        };
        self.first_that_fits("__error", self.lists(["Ignored", "Success", "Failure"].map(word)), &otherwise)
    }

    /// The lists about errors, each with its outcome.
    fn lists(&self, [ignored, success, failure]: [TokenStream; 3]) -> [(&[Matcher], TokenStream); 3] {
        let rules = &self.plan.rules;
        [(&*rules.exclude, ignored), (&*rules.success, success), (&*rules.include, failure)]
    }

    // Output: `K::__rt::inspect(__error).__breaker_view()`
    fn view(&self, of: &Ident) -> TokenStream {
        view(&self.rt, &self.ret, of)
    }

    // Output: `LOOK.or_status(STATUS)`
    fn view_of_value(&self, value: &Ident) -> TokenStream {
        let (view, status) = (self.view(value), self.status(value));
        quote_spanned!(Span::mixed_site()=> #view.or_status(#status))
    }

    // Output: {
    //             use K::__rt::{ByNoStatus as _, ByStatus as _};
    //             (&K::__rt::Valued(__value)).__breaker_status()
    //         }
    fn status(&self, value: &Ident) -> TokenStream {
        let rt = self.rt;
        quote_spanned! {Span::mixed_site()=>
            {
                use #rt::{ByNoStatus as _, ByStatus as _};
                (&#rt::Valued(#value)).__breaker_status()
            }
        }
    }

    // Output: |__result| {
    //             match K::__rt::view(__result) {
    //                 K::__rt::Ok(__value) => (OUTCOME, LOOK_AT_VALUE),
    //                 K::__rt::Err(__error) => { CLASSIFIED }
    //             }
    //         }
    pub(super) fn classifier_of_result(&self) -> TokenStream {
        let rt = self.rt;
        let (value, error) = (Ident::new("__value", Span::mixed_site()), Ident::new("__error", Span::mixed_site()));
        let (of_value, of_error) = match &self.plan.rules.classify {
            Some(Classify::By(function)) => {
                let [of_value, of_error] = self.decided(function);
                let view = self.view(&error);
                (of_value, quote_spanned!(Span::mixed_site()=> (#of_error, #view)))
            }
            _ => match self.of_value().filter(|_| self.plan.rules.failure_if.is_empty()) {
                Some(of_value) => return self.classifier_of_both(&of_value),
                None => (self.outcome_of_value(), self.classified()),
            },
        };
        let shown = self.view_of_value(&value);
        let at_rt = self.rt.at(self.at_ret);
        let view = quote_spanned!(self.at_ret=> #at_rt::view(__result));
        quote_spanned! {Span::mixed_site()=>
            |__result| {
                match #view {
                    #rt::Ok(__value) => (#of_value, #shown),
                    #rt::Err(__error) => { #of_error }
                }
            }
        }
    }

    // Output: `K::__rt::decide(__result, FUNCTION)`, for both sides
    // or:     `K::__rt::decide_response(__result, FUNCTION).of_status(STATUS, &__ADVICE)`, and
    //         `K::__rt::decide_response(__result, FUNCTION).outcome()` for an error
    // or:     `K::__rt::decide_by_preset(__result, FUNCTION, || K::__rt::Some(BY_ITSELF))`, and
    //         `K::__rt::decide_by_preset(__result, FUNCTION, || K::__rt::None)` for an error
    //
    // The second one is for a response, and the third one for a function of `presets`. rustc
    // reports a problem of the function once, since both sides have the same call.
    fn decided(&self, function: &Expr) -> [TokenStream; 2] {
        let (at, rt) = (mixed(function), self.rt.at(mixed(function)));
        if !is_preset(function) && self.gives_response() {
            let decided = quote_spanned!(at=> #rt::decide_response(__result, #function));
            let (advice, status) = (self.advice(), self.status(&Ident::new("__value", Span::mixed_site())));
            let of_value = quote_spanned!(Span::mixed_site()=> { #advice #decided.of_status(#status, &__ADVICE) });
            return [of_value, quote_spanned!(Span::mixed_site()=> #decided.outcome())];
        }
        if !is_preset(function) {
            return [(); 2].map(|()| quote_spanned!(at=> #rt::decide(__result, #function)));
        }
        let value = self.by_itself();
        [Some(value), None].map(|asked| {
            let asked = self.maybe(asked);
            quote_spanned!(at=> #rt::decide_by_preset(__result, #function, || #asked))
        })
    }

    // Output: |__result| {
    //             match K::__rt::view(__result) {
    //                 K::__rt::Ok(__value) => { OF_VALUE }
    //                 K::__rt::Err(__error) => { CLASSIFIED }
    //             }
    //         }
    fn classifier_of_both(&self, of_value: &TokenStream) -> TokenStream {
        let (rt, classified) = (self.rt, self.classified());
        let at_rt = self.rt.at(self.at_ret);
        let view = quote_spanned!(self.at_ret=> #at_rt::view(__result));
        quote_spanned! {Span::mixed_site()=>
            |__result| {
                match #view {
                    #rt::Ok(__value) => { #of_value }
                    #rt::Err(__error) => { #classified }
                }
            }
        }
    }

    // Output: `match __value { MATCHER => FAILURE, _ => SUCCESS }`
    fn outcome_of_value(&self) -> TokenStream {
        let otherwise = match self.plan.rules.classify {
            Some(Classify::Itself(_)) => self.by_itself(),
            _ => self.constructor("success"),
        };
        let tests = [(&*self.plan.rules.failure_if, self.constructor("failure"))];
        self.first_that_fits("__value", tests, &otherwise)
    }

    // Output: {
    //             use K::__rt::{ByOk as _, BySelf as _};
    //             (&K::__rt::Valued(__value)).__breaker_outcome()
    //         }
    // or:     {
    //             ADVICE
    //             use K::__rt::{ByOk as _, BySelf as _};
    //             (&K::__rt::Valued(__value)).__breaker_outcome_or_advice(&__ADVICE)
    //         }
    //
    // The second one is for a response that no list is about.
    fn by_itself(&self) -> TokenStream {
        let rt = self.rt;
        let (advice, asked) = if self.plan.rules.failure_if.is_empty() && self.gives_response() {
            let asked = quote_spanned!(Span::mixed_site()=> __breaker_outcome_or_advice(&__ADVICE));
            (Some(self.advice()), asked)
        } else {
            (None, quote_spanned!(Span::mixed_site()=> __breaker_outcome()))
        };
        quote_spanned! {Span::mixed_site()=>
            {
                #advice
                use #rt::{ByOk as _, BySelf as _};
                (&#rt::Valued(__value)).#asked
            }
        }
    }

    // Output: `static __ADVICE: K::__rt::Advice = K::__rt::Advice::new(NAME);`
    fn advice(&self) -> TokenStream {
        let rt = self.rt;
        let name = Literal::string(&self.plan.function.sig.ident.unraw().to_string());
        quote_spanned! {Span::mixed_site()=>
            static __ADVICE: #rt::Advice = #rt::Advice::new(#rt::concat!(#rt::module_path!(), "::", #name));
        }
    }

    // Output: (BY_ITSELF, LOOK_AT_VALUE)
    // or:     ADVICE
    //         use K::__rt::{ByNoStatus as _, ByStatus as _};
    //         (&K::__rt::Valued(__value)).__breaker_advise(&__ADVICE)
    //
    // The first one is for `classify` alone, and the second one for a response that no key is
    // about.
    pub(super) fn of_value(&self) -> Option<TokenStream> {
        let (rt, rules) = (self.rt, &self.plan.rules);
        match rules.classify {
            Some(Classify::Itself(_)) => {
                let value = Ident::new("__value", Span::mixed_site());
                let (outcome, view) = (self.by_itself(), self.view_of_value(&value));
                Some(quote_spanned!(Span::mixed_site()=> (#outcome, #view)))
            }
            None if rules.failure_if.is_empty() && rules.stream.is_none() && self.gives_response() => {
                let advice = self.advice();
                Some(quote_spanned! {Span::mixed_site()=>
                    #advice
                    use #rt::{ByNoStatus as _, ByStatus as _};
                    (&#rt::Valued(__value)).__breaker_advise(&__ADVICE)
                })
            }
            _ => None,
        }
    }

    /// Whether the written type of the value in the `Ok` may be, or hold, an HTTP response, by its
    /// name.
    fn gives_response(&self) -> bool {
        let name = Ident::new("Response", Span::call_site());
        let value = self.output().and_then(return_type::value);
        value.is_some_and(|value| identifiers::mentions(&value.to_token_stream(), &name))
    }

    // Output: `__view.__breaker_by_itself(K::__rt::classify(__error))`, at the key
    // or:     `__view.__breaker_otherwise(K::__rt::Outcome::failure())`
    fn otherwise(&self) -> TokenStream {
        match &self.plan.rules.classify {
            Some(Classify::Itself(key)) => {
                let at = key.resolved_at(Span::mixed_site());
                let rt = self.rt.at(at);
                let itself = quote_spanned!(at=> #rt::classify(__error));
                quote_spanned!(Span::mixed_site()=> __view.__breaker_by_itself(#itself))
            }
            _ => {
                let otherwise = self.constructor(self.plan.rules.otherwise());
                quote_spanned!(Span::mixed_site()=> __view.__breaker_otherwise(#otherwise))
            }
        }
    }

    // Output: match __error {
    //             MATCHER => IGNORED, MATCHER => SUCCESS, MATCHER => FAILURE, _ => OTHERWISE
    //         }
    pub(super) fn outcome(&self) -> TokenStream {
        let outcomes = ["ignored", "success", "failure"].map(|outcome| self.constructor(outcome));
        self.first_that_fits("__error", self.lists(outcomes), &self.otherwise())
    }

    // Output: `K::__rt::Outcome::ignored()`
    fn constructor(&self, outcome: &str) -> TokenStream {
        let rt = self.rt;
        let outcome = Ident::new(outcome, Span::mixed_site());
        quote_spanned!(Span::mixed_site()=> #rt::Outcome::#outcome())
    }
}

/// Whether the function of `classify = path` is one of `presets`, by its path.
fn is_preset(function: &Expr) -> bool {
    let Expr::Path(path) = function else { return false };
    path.path.segments.iter().rev().nth(1).is_some_and(|module| module.ident == "presets")
}

// Output: `K::__rt::inspect(__error).__breaker_view()`
// or:     `K::__rt::inspect_text(__error).__breaker_view()`, for a `dyn Error` that borrows
//
// A borrowed error has no type that could be looked for.
pub(crate) fn view(rt: &impl ToTokens, ty: &TokenStream, of: &Ident) -> TokenStream {
    view_by(rt, "inspect", ty, of)
}

/// The same for a field, which may be an `Option`.
pub(crate) fn view_of_field(rt: &impl ToTokens, ty: &TokenStream, of: &Ident) -> TokenStream {
    view_by(rt, "inspect_field", ty, of)
}

fn view_by(rt: &impl ToTokens, inspect: &str, ty: &TokenStream, of: &Ident) -> TokenStream {
    let inspect = Ident::new(if identifiers::borrows_error(ty) { "inspect_text" } else { inspect }, Span::mixed_site());
    quote_spanned!(Span::mixed_site()=> #rt::#inspect(#of).__breaker_view())
}
