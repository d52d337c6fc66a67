//! Writes the `match` of an error or a value against lists of matchers.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::{Pat, Type};

use super::context::Context;
use crate::item::return_type;
use crate::spans::mixed;
use crate::validate::classification::matcher::Matcher;

impl Context<'_> {
    // Output: `match __error { MATCHER => SAYS, MATCHER => SAYS, _ => OTHERWISE }`
    // or:     `OTHERWISE`, where there is no matcher
    pub(super) fn first_that_fits<'t>(
        &self,
        of: &str,
        lists: impl IntoIterator<Item = (&'t [Matcher], TokenStream)>,
        otherwise: &TokenStream,
    ) -> TokenStream {
        let of = Ident::new(of, Span::mixed_site());
        let mut arms = TokenStream::new();
        for (tests, says) in lists {
            for test in tests {
                let test = self.test(test, &of);
                arms.extend(quote_spanned!(Span::mixed_site()=> #test => #says,));
            }
        }
        if arms.is_empty() {
            return otherwise.clone();
        }
        quote_spanned!(Span::mixed_site()=> match #of { #arms _ => #otherwise })
    }

    // Output: `match __error { MATCHER => true, _ => false }`
    pub(super) fn names(&self, tests: &[Matcher]) -> TokenStream {
        let error = Ident::new("__error", Span::mixed_site());
        let arms = tests.iter().map(|test| self.test(test, &error));
        quote_spanned!(Span::mixed_site()=> match #error { #(#arms => true,)* _ => false })
    }

    // Output: `_ if K::__rt::is::<T, _, _>(__error)`
    // or:     `_ if K::__rt::ask(__error, PREDICATE)`
    // or:     `PATTERN if GUARD`
    fn test(&self, test: &Matcher, of: &Ident) -> TokenStream {
        match test {
            Matcher::Type(ty) => {
                let (at, rt) = (mixed(ty), self.rt.at(mixed(ty)));
                let is = quote_spanned!(at=> #rt::is::<#ty, _, _>(#of));
                quote_spanned!(Span::mixed_site()=> _ if #is)
            }
            Matcher::Predicate(predicate) => {
                let (at, rt) = (mixed(predicate), self.rt.at(mixed(predicate)));
                let ask = quote_spanned!(at=> #rt::ask(#of, #predicate));
                quote_spanned!(Span::mixed_site()=> _ if #ask)
            }
            Matcher::Pattern(pattern, guard) => {
                let guard = guard.as_ref().map(|guard| {
                    let (keyword, condition) = (guard.keyword.to_token_stream(), &guard.condition);
                    quote_spanned!(Span::mixed_site()=> #keyword #condition)
                });
                let pattern = quote_spanned!(Span::mixed_site()=> #pattern #guard);
                if of == "__error" && self.may_be_of_another(test) { self.within(test, &pattern) } else { pattern }
            }
        }
    }

    // Output: _ if K::__rt::fits(
    //             {
    //                 use K::__rt::{ByChain as _, ByItself as _, ByTarget as _};
    //                 (&&&K::__rt::Within(__error)).__breaker_way()
    //             },
    //             |__error| match __error { PATTERN => true, _ => false },
    //         )
    //
    // rustc infers from the pattern which type `fits` looks for.
    fn within(&self, test: &Matcher, pattern: &TokenStream) -> TokenStream {
        let at = if let Matcher::Pattern(pattern, _) = test { mixed(pattern) } else { Span::mixed_site() };
        let at_rt = self.rt.at(at);
        let way = quote_spanned! {at=>
            {
                use #at_rt::{ByChain as _, ByItself as _, ByTarget as _};
                (&&&#at_rt::Within(__error)).__breaker_way()
            }
        };
        let closure = quote_spanned! {Span::mixed_site()=>
            #[allow(
                unreachable_patterns,
                clippy::match_like_matches_macro,
                clippy::wildcard_enum_match_arm,
                clippy::match_wildcard_for_single_variants
            )]
            |__error| match __error { #pattern => true, _ => false }
        };
        let fits = quote_spanned!(at=> #at_rt::fits(#way, #closure));
        quote_spanned!(Span::mixed_site()=> _ if #fits)
    }

    /// Whether a pattern may be about another error than the function's own. Then it names a type
    /// that is not the error in the written return type.
    fn may_be_of_another(&self, test: &Matcher) -> bool {
        let Matcher::Pattern(pattern, _) = test else { return false };
        let own = self.output().and_then(return_type::error).and_then(|ty| match ty {
            Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            _ => None,
        });
        named(pattern)
            .is_some_and(|names| names.iter().all(|name| name != "Self" && own.as_ref().is_none_or(|own| name != own)))
    }
}

// Input:  `sqlx::Error::RowNotFound`, `A::B(_) | A::C`, `Fault { code: 5, .. }`
// Output: `Error`; `A` and `A`; `Fault`
//
// The names of the types of a pattern, where it has any.
fn named(pattern: &Pat) -> Option<Vec<String>> {
    let path = match pattern {
        Pat::Path(path) => &path.path,
        Pat::Struct(fields) => &fields.path,
        Pat::TupleStruct(fields) => &fields.path,
        Pat::Paren(paren) => return named(&paren.pat),
        Pat::Or(or) => {
            return or.cases.iter().map(named).try_fold(Vec::new(), |all, names| Some([all, names?].concat()));
        }
        _ => return None,
    };
    // A type with a path needs no inference. A constant has no type of its name.
    let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let is_type = |name: &&String| name.trim_start_matches('_').starts_with(char::is_uppercase);
    match &names[..] {
        [.., before, _] if is_type(&before) => Some(vec![before.clone()]),
        [.., last] if is_type(&last) && !matches!(pattern, Pat::Path(_)) => Some(vec![last.clone()]),
        _ => None,
    }
}
