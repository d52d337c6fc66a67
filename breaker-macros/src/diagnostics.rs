//! Collects the messages of all mistakes, and puts them beside the user's unchanged item.
//!
//! The item stays, so that one mistake causes one message.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::Parser as _;

use crate::attributes::{is_breaker, is_fallback, is_retry, split_attributes, trace};

/// All mistakes found so far.
///
/// The folders below `expand` add to it and go on, so that one build reports everything.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            None => self.0 = Some(error),
            Some(all) => all.combine(error),
        }
    }

    /// Adds a message under one token.
    pub(crate) fn at(&mut self, span: Span, message: impl Into<String>) {
        self.push(syn::Error::new(span, message.into()));
    }

    /// Adds a message under everything from the first to the last of the tokens.
    pub(crate) fn under(&mut self, tokens: impl ToTokens, message: impl Into<String>) {
        self.push(syn::Error::new_spanned(tokens, message.into()));
    }

    /// Keeps the value of a success and the message of a failure.
    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn finish(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

// Input:  error, `#[fallback(..)] #[doc = ".."] fn f() { BODY }`
// Output: `compile_error!{".."} #[doc = ".."] fn f() { BODY }`
//
// `#[fallback]` and `#[retry]` go, since each would add a message of its own. Their traces stay.
pub(crate) fn item_and_message(item: &TokenStream, error: &syn::Error) -> TokenStream {
    let (message, item) = (error.to_compile_error(), without_fallbacks(item));
    if is_expression(&item) { quote!({ #message #item }) } else { quote!(#message #item) }
}

/// Whether this is no item but a closure or a call. A message before it would become a part of it.
fn is_expression(item: &TokenStream) -> bool {
    let mut trees = item.clone().into_iter();
    match (trees.next(), trees.next()) {
        (Some(TokenTree::Punct(first)), _) => first.as_char() == '|',
        (Some(TokenTree::Ident(word)), Some(TokenTree::Group(arguments))) => {
            arguments.delimiter() == Delimiter::Parenthesis && word != "pub"
        }
        (Some(TokenTree::Ident(word)), Some(TokenTree::Punct(bar))) => word == "move" && bar.as_char() == '|',
        _ => false,
    }
}

/// The item without the attributes of this crate, and with the traces of its fallbacks.
pub(crate) fn without_fallbacks(item: &TokenStream) -> TokenStream {
    let Ok((attrs, rest)) = split_attributes.parse2(item.clone()) else {
        return item.clone();
    };
    let (fallbacks, attrs): (Vec<_>, Vec<_>) = attrs.iter().partition(|attr| is_fallback(attr) || is_retry(attr));
    let traces = fallbacks.into_iter().filter_map(trace);
    // A second breaker would repeat the messages of this one.
    let attrs = attrs.into_iter().filter(|attr| !is_breaker(attr));
    quote!(#(#attrs)* #(#traces)* #rest)
}

/// The text as a string literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("{text:?}")
}
