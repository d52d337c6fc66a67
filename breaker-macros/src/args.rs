//! The grammar of `#[circuit_breaker(..)]`: tokens in, options with their spans out; no rule is checked here.
//!
//! After a mistake the reading goes on at the next comma, so that all mistakes of an attribute are told at once.

mod backoff;
pub(crate) mod items;
pub(crate) mod keys;
pub(crate) mod named;
pub(crate) mod retry;
pub(crate) mod steps;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Error, Expr, Lit, Path, Result, Token, parenthesized, token};

use self::items::Item;
use self::keys::{Key, Shape};
use self::named::Named;
use crate::recover::Errors;

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
        match element(input, errors) {
            Ok(element) => elements.push(element),
            Err(error) => {
                errors.push(error);
                skip_to_comma(input);
            }
        }
        if !input.is_empty() && input.parse::<Token![,]>().is_err() {
            errors.at(input.span(), "expected `,` before this");
            skip_to_comma(input);
            let _: Option<Token![,]> = input.parse().unwrap_or_default();
        }
    }
    elements
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        // A token tree is there, since the input is not empty.
        let _ = input.parse::<TokenTree>();
    }
}

fn option(input: ParseStream<'_>, errors: &mut Errors) -> Result<Opt> {
    if let Ok(text) = input.fork().parse::<syn::LitStr>() {
        let fix = format!("the name is given by its key: `name = {}`", quoted(&text.value()));
        return Err(Error::new(text.span(), fix));
    }
    let Ok(at) = input.call(Ident::parse_any) else {
        return Err(input.error(format!("expected a key and its value, for instance `{}`", keys::KEYS[1].example)));
    };
    let key = keys::find(&at)?;
    let value = match key.shape {
        Shape::Value => Value::Expr(value(input, key, &at)?),
        Shape::Crate => Value::Path(krate(input, key, &at)?),
        Shape::List => Value::Items(items(input, errors, key, &at)?),
        Shape::Named => Value::Named(backoff::parse(input, errors, key, &at)?),
        Shape::Maybe | Shape::Flag if input.is_empty() || input.peek(Token![,]) => Value::Alone,
        Shape::Maybe => Value::Expr(value(input, key, &at)?),
        Shape::Flag => return Err(input.error(format!("`{}` takes no value; write it alone", key.name))),
    };
    Ok(Opt { key, at, value })
}

fn value(input: ParseStream<'_>, key: &Key, at: &Ident) -> Result<Expr> {
    equals(input, key, at)?;
    if let Some((percent, sign)) = percent(input) {
        let share = percent / 100.0;
        return Err(Error::new(sign, format!("`{}` is not written in per cent; did you mean `{share:?}`?", key.name)));
    }
    input.parse()
}

/// `50%`, which is no expression.
fn percent(input: ParseStream<'_>) -> Option<(f64, Span)> {
    let ahead = input.fork();
    let number = match ahead.parse::<Lit>().ok()? {
        Lit::Int(int) => int.base10_parse().ok()?,
        Lit::Float(float) => float.base10_parse().ok()?,
        _ => return None,
    };
    let sign: Token![%] = ahead.parse().ok()?;
    (ahead.is_empty() || ahead.peek(Token![,])).then(|| (number, sign.span()))
}

/// Reads the `=` of `key = VALUE` and sees to it that a value follows.
fn equals(input: ParseStream<'_>, key: &Key, at: &Ident) -> Result<()> {
    let (name, example) = (key.name, key.example);
    if input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new(at.span(), format!("`{name}` needs a value, for instance `{example}`")));
    }
    if !input.peek(Token![=]) || input.peek(Token![==]) {
        return Err(input.error(format!("`{name}` takes its value after `=`, for instance `{example}`")));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new(at.span(), format!("`{name}` needs a value, for instance `{example}`")));
    }
    Ok(())
}

fn krate(input: ParseStream<'_>, key: &Key, at: &Ident) -> Result<Path> {
    equals(input, key, at)?;
    if let Ok(text) = input.fork().parse::<syn::LitStr>() {
        let fix = format!("`crate` takes a path without quotes: `crate = {}`", text.value());
        return Err(Error::new(text.span(), fix));
    }
    input.call(Path::parse_mod_style)
}

fn items(input: ParseStream<'_>, errors: &mut Errors, key: &Key, at: &Ident) -> Result<Vec<Item>> {
    let (name, example) = (key.name, key.example);
    if !input.peek(token::Paren) {
        let found = if input.is_empty() { at.span() } else { input.span() };
        return Err(Error::new(found, format!("`{name}` takes a list in parentheses, for instance `{example}`")));
    }
    let content;
    parenthesized!(content in input);
    if content.is_empty() {
        return Err(Error::new(
            at.span(),
            format!("`{name}()` is empty: name what it matches, for instance `{example}`"),
        ));
    }
    Ok(list(&content, errors, |input, _| items::item(input)))
}

/// The text as a string literal of the user's code.
pub(crate) fn quoted(text: &str) -> String {
    format!("{text:?}")
}
