//! The judge: a closure that says what an error, or a whole result, counts as, and how it reads; and the `settle` that asks it.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt as _;
use syn::{Pat, Type};

use super::context::Kit;
use crate::identifiers;
use crate::identifiers::ends_in;
use crate::item::return_type;
use crate::spans::mixed;
use crate::validate::classification::lists::Classify;
use crate::validate::classification::matcher::Test;

impl Kit<'_> {
    // Output: `K::__rt::settle(__permit, __out, &JUDGE)`; with `failure_if` or `classify = path` it is `settle_whole`, and with `on`
    //         `.._or_fall(.., ON)`
    pub(super) fn settle(&self, on: Option<&TokenStream>) -> TokenStream {
        let (rules, at) = (&self.plan.rules, self.at_ret);
        if let Some(stream_rules) = self.stream_rules() {
            return self.settle_stream(&stream_rules, on);
        }
        let rt = self.rt.at(at);
        let whole = !rules.failure_if.is_empty()
            || matches!(rules.classify, Some(Classify::By(_)))
            || self.of_value().is_some();
        let judge = if whole { self.judge_of_whole() } else { self.judge(at) };
        let (or_fall, on) = or_fall(on, at);
        let name = Ident::new(&format!("{}{or_fall}", if whole { "settle_whole" } else { "settle" }), at);
        quote_spanned!(at=> #rt::#name (__permit, __out, &#judge #on))
    }

    // Output: `WAY::settle_stream(__permit, __out, &JUDGE, JUDGE, RULES)`, of a box `settle_stream_box`, and with `on` `.._or_fall(.., ON)`;
    //         where the call waits for the first item `AWAITED(WAY::begin_stream_box(.., CARRY, OPEN))`
    fn settle_stream(&self, rules: &TokenStream, on: Option<&TokenStream>) -> TokenStream {
        let at = self.at_ret;
        let (way, judge, item) = (self.stream_rt(at), self.judge(at), self.item());
        let items = self.judge_of_items(item.is_some(), &judge);
        let name = match (self.gives_impl(), self.begins()) {
            (true, _) => "settle_stream",
            (false, false) => "settle_stream_box",
            (false, true) => "begin_stream_box",
        };
        let (or_fall, on) = or_fall(on, at);
        let name = Ident::new(&format!("{name}{or_fall}"), at);
        let types = item.map(|item| quote_spanned!(at=> ::<_, #item, _>));
        if !self.begins() {
            return quote_spanned!(at=> #way::#name #types (__permit, __out, &#judge, #items, #rules #on));
        }
        let (carry, open) = (self.carry(), self.open());
        self.awaited(&quote_spanned!(at=> #way::#name (__permit, __out, &#judge, #items, #rules #on, #carry, #open)))
    }

    /// The written type of what comes through an `impl Stream`, which rustc learns of the type of its errors too late otherwise.
    pub(super) fn item(&self) -> Option<Type> {
        self.output().and_then(return_type::item)
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

    // Output: `K::__rt::see(__error).__breaker_look().judged(K::__rt::Outcome::failure())`, where there are lists
    //         `K::__rt::see(__error).__breaker_look().listed(LISTED)`, or with `classify`:
    //         let mut __look = K::__rt::see(__error).__breaker_look();
    //         let __outcome = OUTCOME;
    //         (__outcome, __look)
    fn judged(&self) -> TokenStream {
        let rules = &self.plan.rules;
        let look = self.look(&Ident::new("__error", Span::mixed_site()));
        if rules.classify.is_some() {
            let outcome = self.outcome();
            return quote_spanned! {Span::mixed_site()=>
                let mut __look = #look;
                let __outcome = #outcome;
                (__outcome, __look)
            };
        }
        if rules.names_errors() {
            let listed = self.listed();
            return quote_spanned!(Span::mixed_site()=> #look.listed(#listed));
        }
        let otherwise = self.constructor(rules.otherwise());
        quote_spanned!(Span::mixed_site()=> #look.judged(#otherwise))
    }

    // Output: `match __error { TEST => K::__rt::Listed::Neutral, _ => K::__rt::Listed::OrFailure }`
    fn listed(&self) -> TokenStream {
        let rt = self.rt;
        let word = |word: &str| {
            let word = Ident::new(word, Span::mixed_site());
            quote_spanned!(Span::mixed_site()=> #rt::Listed::#word)
        };
        let otherwise = match self.plan.rules.otherwise() {
            "neutral" => word("OrNeutral"),
            "success" => word("OrSuccess"),
            _ => word("OrFailure"),
        };
        self.first_that_fits("__error", self.lists(["Neutral", "Success", "Failure"].map(word)), &otherwise)
    }

    /// The lists of errors, and what each says.
    fn lists(&self, [neutral, success, failure]: [TokenStream; 3]) -> [(&[Test], TokenStream); 3] {
        let rules = &self.plan.rules;
        [(&*rules.exclude, neutral), (&*rules.success, success), (&*rules.include, failure)]
    }

    // Output: `K::__rt::see(__error).__breaker_look()`
    fn look(&self, of: &Ident) -> TokenStream {
        look(&self.rt, &self.ret, of)
    }

    // Output: `LOOK.or_status({ use K::__rt::{ByNoStatus as _, ByStatus as _}; (&K::__rt::Valued(__value)).__breaker_status() })`
    fn look_at_value(&self, value: &Ident) -> TokenStream {
        let (rt, look) = (self.rt, self.look(value));
        quote_spanned! {Span::mixed_site()=>
            #look.or_status({
                use #rt::{ByNoStatus as _, ByStatus as _};
                (&#rt::Valued(#value)).__breaker_status()
            })
        }
    }

    // Output: |__result| {
    //             match K::__rt::view(__result) {
    //                 K::__rt::Ok(__value) => (OUTCOME, LOOK_AT_VALUE),
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
            _ => match self.of_value().filter(|_| self.plan.rules.failure_if.is_empty()) {
                Some(of_value) => return self.judge_of_both(&of_value),
                None => (self.outcome_of_value(), self.judged()),
            },
        };
        let look = self.look_at_value(&value);
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

    // Output: |__result| {
    //             match K::__rt::view(__result) {
    //                 K::__rt::Ok(__value) => { OF_VALUE }
    //                 K::__rt::Err(__error) => { JUDGED }
    //             }
    //         }
    fn judge_of_both(&self, of_value: &TokenStream) -> TokenStream {
        let (rt, judged) = (self.rt, self.judged());
        let at_rt = self.rt.at(self.at_ret);
        let view = quote_spanned!(self.at_ret=> #at_rt::view(__result));
        quote_spanned! {Span::mixed_site()=>
            |__result| {
                match #view {
                    #rt::Ok(__value) => { #of_value }
                    #rt::Err(__error) => { #judged }
                }
            }
        }
    }

    // Output: `match __value { TEST => FAILURE, _ => SUCCESS }`
    fn outcome_of_value(&self) -> TokenStream {
        let otherwise = match self.plan.rules.classify {
            Some(Classify::Itself(_)) => self.by_itself(),
            _ => self.constructor("success"),
        };
        let tests = [(&*self.plan.rules.failure_if, self.constructor("failure"))];
        self.first_that_fits("__value", tests, &otherwise)
    }

    // Output: `{ use K::__rt::{ByOk as _, BySelf as _}; (&K::__rt::Valued(__value)).__breaker_outcome() }`
    fn by_itself(&self) -> TokenStream {
        let rt = self.rt;
        quote_spanned! {Span::mixed_site()=>
            {
                use #rt::{ByOk as _, BySelf as _};
                (&#rt::Valued(__value)).__breaker_outcome()
            }
        }
    }

    // Output: `(BY_ITSELF, LOOK_AT_VALUE)`, under `classify` alone; or of a response, of which nothing is said:
    //         static __ADVICE: K::__rt::Advice = K::__rt::Advice::new(K::__rt::concat!(K::__rt::module_path!(), "::", "f"));
    //         use K::__rt::{ByNoStatus as _, ByStatus as _};
    //         __ADVICE.of((&K::__rt::Valued(__value)).__breaker_status())
    pub(super) fn of_value(&self) -> Option<TokenStream> {
        let (rt, rules) = (self.rt, &self.plan.rules);
        match rules.classify {
            Some(Classify::Itself(_)) => {
                let value = Ident::new("__value", Span::mixed_site());
                let (outcome, look) = (self.by_itself(), self.look_at_value(&value));
                Some(quote_spanned!(Span::mixed_site()=> (#outcome, #look)))
            }
            None if rules.failure_if.is_empty() && rules.stream.is_none() && self.gives_response() => {
                let name = Literal::string(&self.plan.target.sig.ident.unraw().to_string());
                Some(quote_spanned! {Span::mixed_site()=>
                    static __ADVICE: #rt::Advice = #rt::Advice::new(#rt::concat!(#rt::module_path!(), "::", #name));
                    use #rt::{ByNoStatus as _, ByStatus as _};
                    __ADVICE.of((&#rt::Valued(__value)).__breaker_status())
                })
            }
            _ => None,
        }
    }

    /// Whether the written type of the value in the `Ok` may be an HTTP response, by its name.
    fn gives_response(&self) -> bool {
        self.output()
            .and_then(return_type::value)
            .is_some_and(|value| matches!(value, Type::Path(path) if ends_in(&path.path, "Response")))
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
        let outcomes = ["neutral", "success", "failure"].map(|outcome| self.constructor(outcome));
        self.first_that_fits("__error", self.lists(outcomes), &self.otherwise())
    }

    // Output: `match __error { TEST => SAYS, TEST => SAYS, _ => OTHERWISE }`, or `OTHERWISE` where there is no test
    fn first_that_fits<'t>(
        &self,
        of: &str,
        lists: impl IntoIterator<Item = (&'t [Test], TokenStream)>,
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

    // Output: `match __error { TEST => true, _ => false }`
    pub(super) fn names(&self, tests: &[Test]) -> TokenStream {
        let error = Ident::new("__error", Span::mixed_site());
        let arms = tests.iter().map(|test| self.test(test, &error));
        quote_spanned!(Span::mixed_site()=> match #error { #(#arms => true,)* _ => false })
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
                let pattern = quote_spanned!(Span::mixed_site()=> #pattern #guard);
                if of == "__error" && self.may_be_of_another(test) { self.within(test, &pattern) } else { pattern }
            }
        }
    }

    // Output: _ if K::__rt::fits(
    //             { use K::__rt::{ByChain as _, ByItself as _, ByTarget as _}; (&&&K::__rt::Within(__error)).__breaker_way() },
    //             |__error| match __error { PATTERN => true, _ => false },
    //         )
    //
    // rustc learns of the pattern which type is looked for.
    fn within(&self, test: &Test, pattern: &TokenStream) -> TokenStream {
        let at = if let Test::Pattern(pattern, _) = test { mixed(pattern) } else { Span::mixed_site() };
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

    /// Whether a pattern may be one of another error's than the function's own: it names its type, and that is not the one in the
    /// written return type.
    fn may_be_of_another(&self, test: &Test) -> bool {
        let Test::Pattern(pattern, _) = test else { return false };
        let own = self.output().and_then(return_type::error).and_then(|ty| match ty {
            Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            _ => None,
        });
        named(pattern)
            .is_some_and(|names| names.iter().all(|name| name != "Self" && own.as_ref().is_none_or(|own| name != own)))
    }
}

// Output: `_or_fall` and `, ON`
fn or_fall(on: Option<&TokenStream>, at: Span) -> (&'static str, Option<TokenStream>) {
    (if on.is_some() { "_or_fall" } else { "" }, on.map(|on| quote_spanned!(at=> , #on)))
}

// Input:  `sqlx::Error::RowNotFound`, `A::B(_) | A::C`, `Fault { code: 5, .. }`
// Output: `Error`; `A` and `A`; `Fault`
//
// The names of the types that a pattern is of, where it has any.
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
    // Where the type is written out, rustc need not guess; a constant has no type of its name.
    let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let is_type = |name: &&String| name.trim_start_matches('_').starts_with(char::is_uppercase);
    match &names[..] {
        [.., before, _] if is_type(&before) => Some(vec![before.clone()]),
        [.., last] if is_type(&last) && !matches!(pattern, Pat::Path(_)) => Some(vec![last.clone()]),
        _ => None,
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
    let see = Ident::new(if identifiers::borrows_error(ty) { "see_text" } else { see }, Span::mixed_site());
    quote_spanned!(Span::mixed_site()=> #rt::#see(#of).__breaker_look())
}
