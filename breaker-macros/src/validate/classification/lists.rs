//! Builds the lists of matchers, and checks the items of each beside those of the others.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{Error, Expr, Generics, Lit, Pat, Result};

use super::matcher::{self, Matcher, code_of};
use crate::diagnostics::Errors;
use crate::parse::matchers::Item;
use crate::parse::suggest;
use crate::validate::stream::Streaming;

/// What decides how a result counts: the lists, in the order in which they apply.
#[derive(Default)]
pub(crate) struct Rules {
    pub(crate) exclude: Vec<Matcher>,
    pub(crate) success: Vec<Matcher>,
    pub(crate) include: Vec<Matcher>,
    pub(crate) otherwise: Option<&'static str>,
    /// `Ok` values that are failures.
    pub(crate) failure_if: Vec<Matcher>,
    pub(crate) classify: Option<Classify>,
    pub(crate) stream: Option<Streaming>,
    /// The items without a guard, as written; each with its list.
    pub(super) written: Vec<(&'static str, TokenStream)>,
}

/// The key `classify`.
pub(crate) enum Classify {
    /// Alone: the error classifies itself.
    Itself(Span),
    /// `classify = path`: a function classifies the full result.
    By(Expr),
}

impl Rules {
    pub(crate) fn add(&mut self, list: &'static str, items: Vec<Item>, generics: &Generics, errors: &mut Errors) {
        self.written.extend(items.iter().filter_map(tokens).map(|item| (list, item)));
        let one = |item| {
            if list == "failure_if" { of_value(item, generics) } else { of_error(item, generics) }
        };
        let tests = items.into_iter().filter_map(|item| errors.take(one(item))).collect();
        match list {
            "failure_if" => self.failure_if = tests,
            "exclude" => self.exclude = tests,
            "success" => self.success = tests,
            _ => self.include = tests,
        }
    }

    /// The guards and predicates: they may use arguments of the function.
    pub(crate) fn code(&self) -> TokenStream {
        let lists = [&self.exclude, &self.success, &self.include, &self.failure_if];
        code_of(lists.into_iter().flatten())
    }

    /// Other code that may use arguments of the function.
    pub(crate) fn other_code(&self) -> TokenStream {
        let classify = if let Some(Classify::By(expr)) = &self.classify { Some(expr) } else { None };
        let limits = self.stream.iter().flat_map(|stream| [&stream.first_item, &stream.item_timeout]).flatten();
        let until = self.stream.as_ref().and_then(|stream| stream.until.as_ref());
        quote!(#classify #until #(#limits)*)
    }

    /// Whether there is a list for errors.
    pub(crate) fn names_errors(&self) -> bool {
        !(self.exclude.is_empty() && self.success.is_empty() && self.include.is_empty())
    }

    /// What an error counts as if no list names it.
    pub(crate) fn otherwise(&self) -> &'static str {
        self.otherwise.unwrap_or(if self.include.is_empty() { "failure" } else { "ignored" })
    }
}

pub(crate) fn otherwise(value: &Expr) -> Result<&'static str> {
    const WORDS: [&str; 3] = ["failure", "ignored", "success"];
    let word = if let Expr::Path(path) = value { path.path.get_ident() } else { None };
    match word {
        Some(word) => suggest::word("otherwise", &word.to_string(), word.span(), &WORDS),
        None => Err(Error::new_spanned(value, not_a_word(value, &WORDS))),
    }
}

/// The message for `"ignored"` and `Outcome::Ignored`.
fn not_a_word(value: &Expr, words: &[&str]) -> String {
    let written = value.to_token_stream().to_string().to_lowercase();
    let word = words.iter().find(|word| written.contains(**word));
    let fix = word
        .map_or_else(|| "`failure`, `ignored` or `success`".to_owned(), |word| format!("a word: `otherwise = {word}`"));
    format!("`otherwise` takes {fix}, without quotes or a path")
}

/// An item of a list about errors. A number or a text is refused, since no error is one.
pub(crate) fn of_error(item: Item, generics: &Generics) -> Result<Matcher> {
    match &item {
        Item::Pattern(Pat::Lit(literal), None) => {
            let fix = match &literal.lit {
                Lit::Str(text) => format!("an item has no quotes: `{}`", text.value()),
                _ => "an error is not a literal; name the variant that holds it: `ApiError::Http(404)`".to_owned(),
            };
            Err(Error::new_spanned(literal, fix))
        }
        Item::Pattern(Pat::Range(range), None) => {
            let fix = "an error is not a number; name the variant that holds it";
            let range = range.to_token_stream();
            let shown = range.to_string().replace(' ', "");
            Err(Error::new_spanned(range, format!("{fix}: `ApiError::Http({shown})`")))
        }
        Item::Pattern(Pat::TupleStruct(result), _) if result.path.is_ident("Err") || result.path.is_ident("Ok") => {
            let fix = if result.path.is_ident("Ok") {
                "values belong in `failure_if(..)`"
            } else {
                "remove the `Err(..)` around it"
            };
            Err(Error::new_spanned(result, format!("an item matches the error itself; {fix}")))
        }
        _ => matcher::matcher(item, generics),
    }
}

/// An item of `failure_if`, which is about values and not about errors.
fn of_value(item: Item, generics: &Generics) -> Result<Matcher> {
    if let Item::Pattern(Pat::Wild(wild), None) = &item {
        let fix = "`_` matches every value; name the values that are failures";
        return Err(Error::new_spanned(wild, fix));
    }
    match matcher::matcher(item, generics)? {
        Matcher::Type(ty) => Err(Error::new_spanned(
            ty,
            "`failure_if` matches the value in the `Ok`, not a type; write a pattern (`Reply::Degraded`, \
             `pat(Degraded { .. })`) or a predicate (`|reply| ..`)",
        )),
        other => Ok(other),
    }
}

/// The item as written; `None` for one with a guard, since two guards cannot be compared.
fn tokens(item: &Item) -> Option<TokenStream> {
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
        let fix = "remove one of the two";
        let message =
            "with `otherwise = failure` each error that no list names is a failure, so `include` has no effect";
        errors.at(otherwise, format!("{message}; {fix}"));
    }
}

/// Refuses items that never apply because of an earlier one.
fn twice(rules: &Rules, errors: &mut Errors) {
    const IN_ORDER: [&str; 3] = ["exclude", "success", "include"];
    let rank = |list: &str| IN_ORDER.iter().position(|name| *name == list);
    for (index, (list, item)) in rules.written.iter().enumerate() {
        let text = item.to_string();
        let same = |(other, earlier): &&(&str, TokenStream)| {
            earlier.to_string() == text && rank(other).is_some() == rank(list).is_some()
        };
        let Some((other, earlier)) = rules.written[..index].iter().find(same) else { continue };
        let shown = text.replace(" :: ", "::");
        if other == list {
            errors.under(item, format!("`{shown}` is written twice; remove one"));
            continue;
        }
        let (first, last, at) = if rank(other) < rank(list) { (other, list, item) } else { (list, other, earlier) };
        errors
            .under(at, format!("`{shown}` is in `{first}` too, which applies before `{last}`; remove one of the two"));
    }
}
