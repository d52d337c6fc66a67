//! Says where rustc shows what it has to say about generated tokens.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use syn::spanned::Spanned;

/// The place of `tokens` with the name resolution of generated code: locals stay invisible to the user's code.
pub(crate) fn mixed(tokens: &impl Spanned) -> Span {
    tokens.span().resolved_at(Span::mixed_site())
}

/// Gives all tokens one place. A `$crate` keeps what says which crate it means.
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
