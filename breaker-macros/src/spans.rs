//! Places generated tokens, so that rustc reports errors in them at the user's code.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::spanned::Spanned;

/// The span of `tokens` with the name resolution of generated code: the user's code does not see
/// the locals.
pub(crate) fn mixed(tokens: &impl Spanned) -> Span {
    tokens.span().resolved_at(Span::mixed_site())
}

/// Gives all tokens one span. A `$crate` keeps its own, which says which crate it is.
pub(crate) fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    let one = |mut tree: TokenTree| {
        match &mut tree {
            TokenTree::Ident(word) if word == "$crate" => {}
            TokenTree::Group(group) => {
                *group = Group::new(group.delimiter(), respan(group.stream(), span));
                group.set_span(span);
            }
            tree => tree.set_span(span),
        }
        tree
    };
    tokens.into_iter().map(one).collect()
}

/// The block with generated braces. Around it are generated ones too, and rustc would report braces
/// of the user's there as superfluous.
pub(crate) fn generated_braces(block: TokenStream) -> TokenStream {
    let mut trees = block.clone().into_iter();
    match (trees.next(), trees.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::Brace => {
            braces(group.stream(), group.span().resolved_at(Span::mixed_site()))
        }
        _ => block,
    }
}

pub(crate) fn braces(tokens: TokenStream, span: Span) -> TokenStream {
    let mut group = Group::new(Delimiter::Brace, tokens);
    group.set_span(span);
    TokenTree::Group(group).into_token_stream()
}
