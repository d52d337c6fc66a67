//! Which names a closure's tokens mention, in nested groups and in format strings too.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use syn::ext::IdentExt as _;

pub(crate) fn mentions(tokens: &TokenStream, name: &Ident) -> bool {
    let name = name.unraw().to_string();
    any(tokens.clone(), &name)
}

fn any(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Ident(word) => word.unraw() == name,
        TokenTree::Group(group) => any(group.stream(), name),
        // `"{name}"` and `"{name:?}"`; a chance hit costs no more than a copy.
        TokenTree::Literal(literal) => literal.to_string().contains(&format!("{{{name}")),
        TokenTree::Punct(_) => false,
    })
}

/// True where code may hold a `?`, `return` or `.await`; a macro may hide one.
pub(crate) fn may_leave(tokens: &TokenStream) -> bool {
    let mut after_bang = false;
    tokens.clone().into_iter().any(|tree| match tree {
        TokenTree::Ident(word) => {
            after_bang = false;
            word == "return" || word == "await"
        }
        TokenTree::Punct(punct) => {
            after_bang = punct.as_char() == '!';
            punct.as_char() == '?'
        }
        TokenTree::Group(group) => std::mem::take(&mut after_bang) || may_leave(&group.stream()),
        TokenTree::Literal(_) => false,
    })
}

// Input:  `self.cached(&self.key)`, `self`, `__this`
// Output: `__this.cached(&__this.key)`
pub(crate) fn replace(tokens: TokenStream, name: &str, by: &Ident) -> TokenStream {
    let one = |tree| match tree {
        TokenTree::Ident(word) if word == name => TokenTree::Ident(by.clone()),
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), replace(group.stream(), name, by));
            inner.set_span(group.span());
            TokenTree::Group(inner)
        }
        other => other,
    };
    tokens.into_iter().map(one).collect()
}
