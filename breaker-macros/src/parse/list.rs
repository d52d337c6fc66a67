//! Reads elements between commas, and goes on at the next comma after a mistake.

use proc_macro2::{Ident, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Error, Result, Token, parenthesized, token};

use super::keys::Key;
use super::matchers::{self, Item};
use super::value::{self, at_an_end};
use crate::diagnostics::Errors;

/// Reads `ELEMENT, ELEMENT, ..` to its end, and reports each element that cannot be read.
pub(super) fn list<T>(
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
            // What follows may belong to this element, unless it begins like the next one.
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

/// Reads the items of `key(ITEM, ..)`.
pub(super) fn items(input: ParseStream<'_>, errors: &mut Errors, key: &Key, at: &Ident) -> Result<Vec<Item>> {
    let (name, example) = (key.name, key.example);
    if !input.peek(token::Paren) {
        let found = if input.is_empty() { at.span() } else { input.span() };
        let fix = value::suggestion(input).map(|items| format!(": `{name}({items})`"));
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
