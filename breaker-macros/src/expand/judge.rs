//! The judge: a closure that says what an error counts as, and how it reads.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};

use super::Kit;
use crate::check::rules::Test;
use crate::recover::mixed;

impl Kit<'_> {
    // Output: |__error| {
    //             use K::__rt::{ShowNothing as _, ShowText as _};
    //             K::__rt::judged(OUTCOME, (&K::__rt::Seen(__error)).text())
    //         }
    pub(super) fn judge(&self) -> TokenStream {
        let rt = &self.rt;
        let outcome = self.outcome();
        quote_spanned! {Span::mixed_site()=>
            |__error| {
                use #rt::{ShowNothing as _, ShowText as _};
                #rt::judged(#outcome, (&#rt::Seen(__error)).text())
            }
        }
    }

    // Output: `if TEST || TEST { NEUTRAL } else if TEST { SUCCESS } else { FAILURE }`
    fn outcome(&self) -> TokenStream {
        let rules = &self.plan.rules;
        let otherwise = self.constructor(rules.otherwise());
        if rules.is_empty() {
            return otherwise;
        }
        let lists = [(&rules.exclude, "neutral"), (&rules.success, "success"), (&rules.include, "failure")];
        let branches = lists.iter().filter(|(tests, _)| !tests.is_empty()).map(|(tests, outcome)| {
            let tests = tests.iter().map(|test| self.test(test));
            let outcome = self.constructor(outcome);
            quote_spanned!(Span::mixed_site()=> if #(#tests)||* { #outcome } else)
        });
        quote_spanned!(Span::mixed_site()=> #(#branches)* { #otherwise })
    }

    // Output: `K::__rt::Outcome::neutral()`
    fn constructor(&self, outcome: &str) -> TokenStream {
        let rt = &self.rt;
        let outcome = Ident::new(outcome, Span::mixed_site());
        quote_spanned!(Span::mixed_site()=> #rt::Outcome::#outcome())
    }

    // Output: `K::__rt::is::<T, _, _>(__error)`, `K::__rt::ask(__error, PREDICATE)`,
    //         `match __error { PATTERN if GUARD => true, _ => false }`
    fn test(&self, test: &Test) -> TokenStream {
        let error = Ident::new("__error", Span::mixed_site());
        match test {
            Test::Type(ty) => {
                let at = mixed(ty);
                let rt = self.rt_at(at);
                quote_spanned!(at=> #rt::is::<#ty, _, _>(#error))
            }
            Test::Predicate(predicate) => {
                let at = mixed(predicate);
                let rt = self.rt_at(at);
                quote_spanned!(at=> #rt::ask(#error, #predicate))
            }
            Test::Pattern(pattern, guard) => {
                let guard = guard.as_ref().map(|guard| {
                    let (keyword, condition) = (guard.keyword.to_token_stream(), &guard.condition);
                    quote_spanned!(Span::mixed_site()=> #keyword #condition)
                });
                quote_spanned!(Span::mixed_site()=> match #error { #pattern #guard => true, _ => false })
            }
        }
    }
}
