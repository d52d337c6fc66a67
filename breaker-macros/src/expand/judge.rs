//! The judge: a closure that says what an error, or a whole result, counts as, and how it reads; and the `settle` that asks it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{ReturnType, Type};

use super::Kit;
use super::types;
use crate::check::rules::{Classify, Test};
use crate::check::shape::Form;
use crate::recover::mixed;
use crate::uses;

impl Kit<'_> {
    // Output: `K::__rt::settle(__permit, __out, &JUDGE)`; with `failure_if` or `classify = path` it is `settle_whole`, with
    //         `stream` `settle_stream(__permit, __out, &JUDGE, JUDGE)`, and with `on` `.._or_fall(.., ON)`
    pub(super) fn settle(&self, on: Option<&TokenStream>) -> TokenStream {
        let (rules, at) = (&self.plan.rules, self.at_ret);
        let rt = self.rt.at(at);
        let mut way = rt.to_token_stream();
        let whole = !rules.failure_if.is_empty() || matches!(rules.classify, Some(Classify::By(_)));
        let judge = if whole { self.judge_of_whole() } else { self.judge(at) };
        let item = rules.stream.and_then(|_| self.item());
        let items = rules.stream.map(|_| {
            let judge = self.judge_of_items(item.is_some(), &judge);
            quote_spanned!(Span::mixed_site()=> , #judge)
        });
        let name = match items {
            None if whole => "settle_whole",
            None => "settle",
            Some(_) => {
                way = quote_spanned!(at=> #rt::stream_needs_the_feature_stream_of_breaker_core);
                if self.gives_impl() { "settle_stream" } else { "settle_stream_box" }
            }
        };
        let (or_fall, on) = (if on.is_some() { "_or_fall" } else { "" }, on.map(|on| quote_spanned!(at=> , #on)));
        let name = Ident::new(&format!("{name}{or_fall}"), at);
        let types = item.map(|item| quote_spanned!(at=> ::<_, #item, _>));
        quote_spanned!(at=> #way::#name #types (__permit, __out, &#judge #items #on))
    }

    /// The written type of what comes through an `impl Stream`, which rustc learns of the type of its errors too late otherwise.
    fn item(&self) -> Option<Type> {
        let output = match (&self.plan.form, &self.plan.target.sig.output) {
            (Form::Future(future), _) => &future.output,
            (_, ReturnType::Type(_, ty)) => ty,
            (_, ReturnType::Default) => return None,
        };
        types::item(output)
    }

    /// The judge of what comes through a stream. Where the type of its errors is not known, rustc could not choose how to look at one.
    fn judge_of_items(&self, known: bool, judge: &TokenStream) -> TokenStream {
        if known || !self.gives_impl() {
            return judge.clone();
        }
        let (rt, outcome) = (self.rt, self.outcome());
        quote_spanned! {Span::mixed_site()=>
            |__error| {
                let mut __look = #rt::see_text(__error).__breaker_look();
                let __outcome = #outcome;
                (__outcome, __look)
            }
        }
    }

    // Output: |__error| { JUDGED }
    //
    // At `at`: rustc tells a missing bound at the argument that the bound is about.
    pub(super) fn judge(&self, at: Span) -> TokenStream {
        let judged = self.judged();
        quote_spanned!(at=> |__error| { #judged })
    }

    // Output: `K::__rt::see(__error).__breaker_look().judged(K::__rt::Outcome::failure())`, or where there are lists, or `classify`:
    //         let mut __look = K::__rt::see(__error).__breaker_look();
    //         let __outcome = OUTCOME;
    //         (__outcome, __look)
    fn judged(&self) -> TokenStream {
        let rules = &self.plan.rules;
        let look = self.look(&Ident::new("__error", Span::mixed_site()));
        if rules.classify.is_none() && !rules.names_errors() {
            let otherwise = self.constructor(rules.otherwise());
            return quote_spanned!(Span::mixed_site()=> #look.judged(#otherwise));
        }
        let outcome = self.outcome();
        quote_spanned! {Span::mixed_site()=>
            let mut __look = #look;
            let __outcome = #outcome;
            (__outcome, __look)
        }
    }

    // Output: `K::__rt::see(__error).__breaker_look()`
    fn look(&self, of: &Ident) -> TokenStream {
        look(&self.rt, &self.ret, of)
    }

    // Output: |__result| {
    //             match K::__rt::view(__result) {
    //                 K::__rt::Ok(__value) => (OUTCOME, K::__rt::see(__value).__breaker_look()),
    //                 K::__rt::Err(__error) => { JUDGED }
    //             }
    //         }
    fn judge_of_whole(&self) -> TokenStream {
        let rt = self.rt;
        let (value, error) = (Ident::new("__value", Span::mixed_site()), Ident::new("__error", Span::mixed_site()));
        let (of_value, of_error) = match &self.plan.rules.classify {
            Some(Classify::By(function)) => {
                let (at, decide) = (mixed(function), self.rt.at(mixed(function)));
                let outcome = quote_spanned!(at=> #decide::decide(__result, #function));
                let look = self.look(&error);
                (outcome.clone(), quote_spanned!(Span::mixed_site()=> (#outcome, #look)))
            }
            _ => (self.outcome_of_value(), self.judged()),
        };
        let look = self.look(&value);
        let at_rt = self.rt.at(self.at_ret);
        let view = quote_spanned!(self.at_ret=> #at_rt::view(__result));
        quote_spanned! {Span::mixed_site()=>
            |__result| {
                match #view {
                    #rt::Ok(__value) => (#of_value, #look),
                    #rt::Err(__error) => { #of_error }
                }
            }
        }
    }

    // Output: `match __value { TEST => FAILURE, _ => SUCCESS }`
    fn outcome_of_value(&self) -> TokenStream {
        let value = Ident::new("__value", Span::mixed_site());
        self.first_that_fits(&value, &[(&self.plan.rules.failure_if, "failure")], &self.constructor("success"))
    }

    // Output: `__look.__breaker_by_itself(K::__rt::classify(__error))`, told at the key, or `__look.__breaker_otherwise(K::__rt::Outcome::failure())`
    fn otherwise(&self) -> TokenStream {
        match &self.plan.rules.classify {
            Some(Classify::Itself(key)) => {
                let at = key.resolved_at(Span::mixed_site());
                let rt = self.rt.at(at);
                let itself = quote_spanned!(at=> #rt::classify(__error));
                quote_spanned!(Span::mixed_site()=> __look.__breaker_by_itself(#itself))
            }
            _ => {
                let otherwise = self.constructor(self.plan.rules.otherwise());
                quote_spanned!(Span::mixed_site()=> __look.__breaker_otherwise(#otherwise))
            }
        }
    }

    // Output: `match __error { TEST => NEUTRAL, TEST => SUCCESS, TEST => FAILURE, _ => OTHERWISE }`
    fn outcome(&self) -> TokenStream {
        let rules = &self.plan.rules;
        let error = Ident::new("__error", Span::mixed_site());
        let lists = [(&rules.exclude, "neutral"), (&rules.success, "success"), (&rules.include, "failure")];
        self.first_that_fits(&error, &lists.map(|(tests, outcome)| (&**tests, outcome)), &self.otherwise())
    }

    // Output: `match __error { TEST => NEUTRAL, TEST => SUCCESS, _ => OTHERWISE }`, or `OTHERWISE` where there is no test
    fn first_that_fits(&self, of: &Ident, lists: &[(&[Test], &str)], otherwise: &TokenStream) -> TokenStream {
        let arms = lists.iter().flat_map(|(tests, outcome)| {
            let outcome = self.constructor(outcome);
            tests.iter().map(move |test| {
                let test = self.test(test, of);
                quote_spanned!(Span::mixed_site()=> #test => #outcome,)
            })
        });
        let arms: TokenStream = arms.collect();
        if arms.is_empty() {
            return otherwise.clone();
        }
        quote_spanned!(Span::mixed_site()=> match #of { #arms _ => #otherwise })
    }

    // Output: `K::__rt::Outcome::neutral()`
    fn constructor(&self, outcome: &str) -> TokenStream {
        let rt = self.rt;
        let outcome = Ident::new(outcome, Span::mixed_site());
        quote_spanned!(Span::mixed_site()=> #rt::Outcome::#outcome())
    }

    // Output: `_ if K::__rt::is::<T, _, _>(__error)`, `_ if K::__rt::ask(__error, PREDICATE)`, `PATTERN if GUARD`
    fn test(&self, test: &Test, of: &Ident) -> TokenStream {
        match test {
            Test::Type(ty) => {
                let (at, rt) = (mixed(ty), self.rt.at(mixed(ty)));
                let is = quote_spanned!(at=> #rt::is::<#ty, _, _>(#of));
                quote_spanned!(Span::mixed_site()=> _ if #is)
            }
            Test::Predicate(predicate) => {
                let (at, rt) = (mixed(predicate), self.rt.at(mixed(predicate)));
                let ask = quote_spanned!(at=> #rt::ask(#of, #predicate));
                quote_spanned!(Span::mixed_site()=> _ if #ask)
            }
            Test::Pattern(pattern, guard) => {
                let guard = guard.as_ref().map(|guard| {
                    let (keyword, condition) = (guard.keyword.to_token_stream(), &guard.condition);
                    quote_spanned!(Span::mixed_site()=> #keyword #condition)
                });
                quote_spanned!(Span::mixed_site()=> #pattern #guard)
            }
        }
    }
}

// Output: `K::__rt::see(__error).__breaker_look()`; of a `dyn Error` that borrows, which is of no type that can be asked for, it is `see_text`
pub(crate) fn look(rt: &impl ToTokens, ty: &TokenStream, of: &Ident) -> TokenStream {
    look_by(rt, "see", ty, of)
}

/// The same of a field, which may be there only sometimes.
pub(crate) fn look_at_field(rt: &impl ToTokens, ty: &TokenStream, of: &Ident) -> TokenStream {
    look_by(rt, "see_field", ty, of)
}

fn look_by(rt: &impl ToTokens, see: &str, ty: &TokenStream, of: &Ident) -> TokenStream {
    let see = Ident::new(if uses::borrows_error(ty) { "see_text" } else { see }, Span::mixed_site());
    quote_spanned!(Span::mixed_site()=> #rt::#see(#of).__breaker_look())
}
