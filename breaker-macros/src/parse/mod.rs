//! The grammar of `#[circuit_breaker(..)]`: tokens in, options with their spans out; no rule is checked here.
//!
//! After a mistake the reading goes on at the next comma, so that all mistakes of an attribute are told at once.

mod aliases;
mod backoff;
pub(crate) mod cache;
pub(crate) mod fallback;
mod fallback_hints;
pub(crate) mod keys;
pub(crate) mod matchers;
pub(crate) mod named_values;
pub(crate) mod retry;
mod stream;
mod value;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Error, Expr, Path, Result, Token, parenthesized, token};

use self::keys::{Key, Shape};
use self::matchers::Item;
use self::named_values::Named;
use crate::diagnostics::Errors;

/// One option of the attribute, as written.
pub(crate) struct Opt {
    pub(crate) key: &'static Key,
    pub(crate) at: Ident,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    /// `key = EXPR`
    Expr(Expr),
    /// `crate = PATH`
    Path(Path),
    /// `key(ITEM, ..)`
    Items(Vec<Item>),
    /// `key`, or `key(NAME = EXPR, ..)`
    Named(Vec<Named>),
    /// `key`
    Alone,
}

pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Vec<Opt> {
    let mut options = Vec::new();
    let read = |input: ParseStream<'_>| {
        options = list(input, errors, option);
        Ok(())
    };
    let whole = read.parse2(tokens);
    errors.take(whole);
    options
}

/// Reads `ELEMENT, ELEMENT, ..` to its end; an element that cannot be read becomes a message.
fn list<T>(
    input: ParseStream<'_>,
    errors: &mut Errors,
    element: impl Fn(ParseStream<'_>, &mut Errors) -> Result<T>,
) -> Vec<T> {
    let mut elements = Vec::new();
    while !input.is_empty() {
        if input.peek(Token![,]) {
            errors.at(input.span(), "there is a comma too many here");
            skip_commas(input);
            continue;
        }
        match element(input, errors) {
            Ok(element) if at_an_end(input) => elements.push(element),
            // What follows may belong to this one, unless it begins as the next one does.
            Ok(element) => {
                let is_semicolon = input.peek(Token![;]);
                errors.at(input.span(), if is_semicolon { "expected `,` here" } else { "expected `,` before this" });
                let _: Option<Token![;]> = input.parse().unwrap_or_default();
                if is_semicolon || is_option(input) {
                    elements.push(element);
                    continue;
                }
            }
            Err(error) => errors.push(error),
        }
        skip_to_comma(input);
        let _: Option<Token![,]> = input.parse().unwrap_or_default();
    }
    elements
}

/// True where nothing follows that could still be meant for the element before.
fn at_an_end(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,])
}

/// True before `KEY = ..`, which begins an element of its own.
fn is_option(input: ParseStream<'_>) -> bool {
    input.peek(Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==])
}

fn skip_commas(input: ParseStream<'_>) {
    while input.parse::<Option<Token![,]>>().is_ok_and(|comma| comma.is_some()) {}
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        // A token tree is there, since the input is not empty.
        let _ = input.parse::<TokenTree>();
    }
}

fn option(input: ParseStream<'_>, errors: &mut Errors) -> Result<Opt> {
    if let Ok(text) = input.fork().parse::<syn::LitStr>() {
        return Err(Error::new(text.span(), lone_text(&text, input)));
    }
    let Ok(at) = input.call(Ident::parse_any) else {
        return Err(input.error(format!("expected a key and its value, for instance `{}`", keys::KEYS[1].example)));
    };
    value::is_key(input, &at)?;
    let key = keys::find(&at)?;
    let value = match key.shape {
        Shape::Value => Value::Expr(value::value(input, key, &at)?),
        Shape::Crate => Value::Path(value::krate(input, key, &at)?),
        Shape::List => Value::Items(items(input, errors, key, &at)?),
        Shape::Named if key.name == "stream" => Value::Named(stream::parse(input, errors, key, &at)?),
        Shape::Named => Value::Named(backoff::parse(input, errors, key, &at)?),
        Shape::Maybe if at_an_end(input) => Value::Alone,
        Shape::Maybe => Value::Expr(value::value(input, key, &at)?),
    };
    Ok(Opt { key, at, value })
}

/// A text where a key should stand: the name, or a key in quotes.
fn lone_text(text: &syn::LitStr, input: ParseStream<'_>) -> String {
    if input.peek2(Token![=]) || input.peek2(Token![:]) {
        return format!("a key stands without quotes: `{} = ..`", text.value());
    }
    if text.value().contains('=') {
        return format!("a key and its value stand outside of quotes: `{}`", text.value());
    }
    format!("the name is given by its key: `name = {}`", quoted(&text.value()))
}

fn items(input: ParseStream<'_>, errors: &mut Errors, key: &Key, at: &Ident) -> Result<Vec<Item>> {
    let (name, example) = (key.name, key.example);
    if !input.peek(token::Paren) {
        let found = if input.is_empty() { at.span() } else { input.span() };
        let fix = value::meant(input).map(|items| format!(": `{name}({items})`"));
        let fix = fix.unwrap_or_else(|| format!(", for instance `{example}`"));
        return Err(Error::new(found, format!("`{name}` takes a list in parentheses{fix}")));
    }
    let content;
    parenthesized!(content in input);
    if content.is_empty() {
        return Err(Error::new(
            at.span(),
            format!("`{name}()` is empty: name what it matches, for instance `{example}`"),
        ));
    }
    Ok(list(&content, errors, |input, _| matchers::item(input)))
}

/// The text as a string literal of the user's code.
pub(crate) fn quoted(text: &str) -> String {
    format!("{text:?}")
}
