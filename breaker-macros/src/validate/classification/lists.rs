//! The lists together: what an item cannot be, and lists that leave each other nothing to say.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens as _;
use syn::{Error, Expr, Generics, Lit, Pat, Result};

use super::matcher::{self, Rules, Test};
use crate::diagnostics::Errors;
use crate::parse::matchers::Item;
use crate::parse::suggest;

pub(crate) fn otherwise(value: &Expr) -> Result<&'static str> {
    const WORDS: [&str; 3] = ["failure", "neutral", "success"];
    let word = if let Expr::Path(path) = value { path.path.get_ident() } else { None };
    match word {
        Some(word) => suggest::word("otherwise", &word.to_string(), word.span(), &WORDS),
        None => Err(Error::new_spanned(value, not_a_word(value, &WORDS))),
    }
}

/// The message for `"neutral"` and `Outcome::Neutral`.
fn not_a_word(value: &Expr, words: &[&str]) -> String {
    let written = value.to_token_stream().to_string().to_lowercase();
    let meant = words.iter().find(|word| written.contains(**word));
    let fix = meant
        .map_or_else(|| "`failure`, `neutral` or `success`".to_owned(), |word| format!("a word: `otherwise = {word}`"));
    format!("`otherwise` takes {fix}, without quotes or a path")
}

/// An item of a list that looks at errors: none is a number or a text, since neither can hold a rejection.
pub(crate) fn of_error(item: Item, generics: &Generics) -> Result<Test> {
    match &item {
        Item::Pattern(Pat::Lit(literal), None) => {
            let fix = match &literal.lit {
                Lit::Str(text) => format!("an item stands without quotes: `{}`", text.value()),
                _ => "the error itself is no literal; name the variant that holds it: `ApiError::Http(404)`".to_owned(),
            };
            Err(Error::new_spanned(literal, fix))
        }
        Item::Pattern(Pat::Range(range), None) => {
            let fix = "the error itself is no number; name the variant that holds it";
            let range = range.to_token_stream();
            let shown = range.to_string().replace(' ', "");
            Err(Error::new_spanned(range, format!("{fix}: `ApiError::Http({shown})`")))
        }
        Item::Pattern(Pat::TupleStruct(result), _) if result.path.is_ident("Err") || result.path.is_ident("Ok") => {
            let fix = if result.path.is_ident("Ok") {
                "values are the matter of `failure_if(..)`"
            } else {
                "leave the `Err(..)` around it out"
            };
            Err(Error::new_spanned(result, format!("an item looks at the error itself; {fix}")))
        }
        _ => matcher::test(item, generics),
    }
}

/// The item as written; one with a guard has none, since the guards would have to be compared too.
pub(super) fn tokens(item: &Item) -> Option<TokenStream> {
    match item {
        Item::Path(path) => Some(path.to_token_stream()),
        Item::Type(ty) => Some(ty.to_token_stream()),
        Item::Pattern(pattern, None) => Some(pattern.to_token_stream()),
        Item::Pattern(_, Some(_)) => None,
        Item::Predicate(predicate) => Some(predicate.to_token_stream()),
    }
}

/// `written` are all keys of the attribute.
pub(crate) fn check(rules: &Rules, written: &[(&'static str, Span)], errors: &mut Errors) {
    twice(rules, errors);
    let at = |key: &str| written.iter().find(|(name, _)| *name == key).map(|(_, at)| *at);
    let Some(otherwise) = at("otherwise").filter(|_| rules.classify.is_none()) else { return };
    if rules.otherwise == Some("failure") && at("include").is_some() {
        let fix = "leave one of the two out";
        let message =
            "with `otherwise = failure` every error is a failure that no list names, so `include` says nothing";
        errors.at(otherwise, format!("{message}; {fix}"));
    }
}

/// Items that an earlier one has answered for.
fn twice(rules: &Rules, errors: &mut Errors) {
    const ASKED: [&str; 3] = ["exclude", "success", "include"];
    let rank = |list: &str| ASKED.iter().position(|asked| *asked == list);
    for (index, (list, item)) in rules.written.iter().enumerate() {
        let text = item.to_string();
        let same = |(other, earlier): &&(&str, TokenStream)| {
            earlier.to_string() == text && rank(other).is_some() == rank(list).is_some()
        };
        let Some((other, earlier)) = rules.written[..index].iter().find(same) else { continue };
        let shown = text.replace(" :: ", "::");
        if other == list {
            errors.under(item, format!("`{shown}` is written twice; leave one out"));
            continue;
        }
        let (first, last, at) = if rank(other) < rank(list) { (other, list, item) } else { (list, other, earlier) };
        errors.under(
            at,
            format!("`{shown}` is in `{first}` too, which is asked before `{last}`; leave one of the two out"),
        );
    }
}
