//! Reads the annotated item: it parses the signature, and the body stays raw tokens.
//!
//! An editor still completes in a body that does not parse, and not parsing it is cheaper.
//!
//! | file | what it does |
//! | --- | --- |
//! | this one | reads a function |
//! | `impl_block` | reads an impl block |
//! | `params` | reads parameters, and declares them as locals of the body |
//! | `return_type` | reads and changes the return type |
//! | `future` | recognises functions that return a future without being `async` |
//! | `locals` | finds the locals before an async block |
//! | `unsupported` | refuses other items |
//!
//! This folder knows no key of an attribute. May use: `attributes`, `identifiers` and `spans`.
//!
//! To add a shape of function, recognise it here (`future` is an example). Name it in
//! `validate::shape`, write it in `expand`, and add a case to `tests/shapes`.

pub(crate) mod future;
pub(crate) mod impl_block;
pub(crate) mod locals;
pub(crate) mod params;
pub(crate) mod return_type;
mod unsupported;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, Error, Result, Signature, Token, Visibility};

use crate::attributes;

pub(crate) struct Function {
    /// Without `#[fallback(..)]` and `#[retry(..)]`.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) fallbacks: Vec<Attribute>,
    pub(crate) retries: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) defaultness: Option<Token![default]>,
    pub(crate) sig: Signature,
    /// The inner attributes (`#![..]`) of the body.
    pub(crate) inner: TokenStream,
    /// The rest of the body, in its braces.
    pub(crate) body: Group,
}

pub(crate) fn parse(item: TokenStream) -> Result<Function> {
    let (head, body) = without_body(ungrouped(item));
    let mut function = function.parse2(head)?;
    if let Some(body) = body {
        (function.inner, function.body) = split_inner(body);
    }
    Ok(function)
}

// Input:  `fn f() { BODY }`
// Output: `fn f() {}` and `{ BODY }`
//
// The parser would copy every token of the body, and read all its groups.
fn without_body(item: TokenStream) -> (TokenStream, Option<Group>) {
    let mut trees: Vec<TokenTree> = item.into_iter().collect();
    match trees.last_mut() {
        Some(TokenTree::Group(last)) if last.delimiter() == Delimiter::Brace => {
            let body = std::mem::replace(last, empty(last.span_open()));
            (trees.into_iter().collect(), Some(body))
        }
        _ => (trees.into_iter().collect(), None),
    }
}

fn empty(span: Span) -> Group {
    let mut braces = Group::new(Delimiter::Brace, TokenStream::new());
    braces.set_span(span);
    braces
}

fn function(input: ParseStream<'_>) -> Result<Function> {
    let attrs = input.call(Attribute::parse_outer)?;
    let (fallbacks, attrs): (_, Vec<_>) = attrs.into_iter().partition(attributes::is_fallback);
    let (retries, attrs): (_, Vec<_>) = attrs.into_iter().partition(attributes::is_retry);
    if let Some(second) = attrs.iter().find(|attr| attributes::is_breaker(attr)) {
        return Err(Error::new_spanned(
            second,
            "`#[circuit_breaker]` is written twice; write all keys into one, or put the second breaker on a function that calls this one",
        ));
    }
    unsupported::refuse(input)?;
    let vis = input.parse()?;
    let defaultness = input.parse()?;
    let sig = input.parse()?;
    let (inner, body) = body(input)?;
    Ok(Function { attrs, fallbacks, retries, vis, defaultness, sig, inner, body })
}

fn body(input: ParseStream<'_>) -> Result<(TokenStream, Group)> {
    if input.peek(Token![;]) {
        let message = "`#[circuit_breaker]` needs a function with a body; put it on the methods of the impl, or on a function that calls this one";
        let semicolon: Token![;] = input.parse()?;
        return Err(Error::new(semicolon.span, message));
    }
    let rest: TokenStream = input.parse()?;
    let span = Span::call_site();
    let mut trees = ungrouped(rest).into_iter();
    match (trees.next(), trees.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::Brace => Ok(split_inner(group)),
        (first, _) => Err(Error::new(first.map_or(span, |tree| tree.span()), "expected the function's body in braces")),
    }
}

/// Takes off the groups without delimiters in which `macro_rules!` passes on what it matched.
fn ungrouped(tokens: TokenStream) -> TokenStream {
    let mut trees = tokens.clone().into_iter();
    match (trees.next(), trees.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::None => ungrouped(group.stream()),
        _ => tokens,
    }
}

// Input:  `{ #![allow(dead_code)] BODY }`
// Output: `#![allow(dead_code)]` and `{ BODY }`
fn split_inner(body: Group) -> (TokenStream, Group) {
    let mut trees = body.stream().into_iter().peekable();
    if !trees.peek().is_some_and(|tree| is_punct(tree, '#')) {
        return (TokenStream::new(), body);
    }
    let mut inner = TokenStream::new();
    let mut rest = TokenStream::new();
    while let Some(pound) = trees.next_if(|tree| is_punct(tree, '#')) {
        let Some(bang) = trees.next_if(|tree| is_punct(tree, '!')) else {
            // An attribute of the first statement.
            rest.extend([pound]);
            break;
        };
        inner.extend([pound, bang]);
        inner.extend(trees.next());
    }
    rest.extend(trees);
    let mut braces = Group::new(Delimiter::Brace, rest);
    braces.set_span(body.span());
    (inner, braces)
}

fn is_punct(tree: &TokenTree, wanted: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn read(item: TokenStream) -> Function {
        parse(item).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_body_that_does_not_parse_survives() {
        let function = read(quote!(async fn f() -> Result<(), E> { let x = ; self. }));
        assert_eq!(function.body.stream().to_string(), "let x = ; self .");
    }

    #[test]
    fn inner_attributes_leave_the_body() {
        let function = read(quote!(
            fn f() -> R {
                #![allow(dead_code)]
                #[cfg(x)]
                g();
            }
        ));
        assert_eq!(function.inner.to_string(), "# ! [allow (dead_code)]");
        assert_eq!(function.body.stream().to_string(), "# [cfg (x)] g () ;");
    }

    #[test]
    fn another_item_is_refused_by_its_name() {
        for (item, name) in [
            (
                quote!(
                    pub struct S;
                ),
                "struct",
            ),
            (
                quote!(
                    pub trait T {}
                ),
                "trait",
            ),
            (
                quote!(
                    const C: u8 = 1;
                ),
                "constant",
            ),
        ] {
            let error = parse(item).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(name), "{error}");
        }
    }
}
