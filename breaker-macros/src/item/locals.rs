//! Finds the locals that the statements before an async block declare.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, Pat};

use super::params::{Binding, bindings};

/// A local, and the `#[cfg(..)]` of its statement.
pub(crate) struct Let {
    pub(crate) cfg: Vec<Attribute>,
    pub(crate) binding: Binding,
}

/// What the `let`s of these statements bind. Of several with one name it is the last.
pub(crate) fn lets(statements: &TokenStream) -> Vec<Let> {
    let trees: Vec<TokenTree> = statements.clone().into_iter().collect();
    let mut found: Vec<Let> = Vec::new();
    for (at, tree) in trees.iter().enumerate() {
        let (before, cfg) = attributes(&trees[..at]);
        let begins = before.last().is_none_or(ends_a_statement);
        if begins && matches!(tree, TokenTree::Ident(word) if word == "let") {
            for binding in bound(trees[at + 1..].iter().cloned().collect()) {
                // A `cfg` may choose one of two locals, so both stay.
                found.retain(|earlier| earlier.binding.ident != binding.ident || !cfg.is_empty());
                found.push(Let { cfg: cfg.clone(), binding });
            }
        }
    }
    found
}

/// Takes the attributes off the end, and returns those that are a `cfg`.
fn attributes(mut trees: &[TokenTree]) -> (&[TokenTree], Vec<Attribute>) {
    let mut cfg = Vec::new();
    while let [before @ .., TokenTree::Punct(pound), TokenTree::Group(group)] = trees {
        if pound.as_char() != '#' || group.delimiter() != Delimiter::Bracket {
            break;
        }
        let read = Attribute::parse_outer.parse2(quote!(#pound #group)).unwrap_or_default();
        cfg.extend(read.into_iter().filter(|attr| attr.path().is_ident("cfg")));
        trees = before;
    }
    (trees, cfg)
}

fn ends_a_statement(tree: &TokenTree) -> bool {
    match tree {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    }
}

/// What the pattern at the start of these tokens binds. rustc reports tokens that are no pattern.
fn bound(tokens: TokenStream) -> Vec<Binding> {
    let pattern = |input: ParseStream<'_>| {
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        input.parse::<TokenStream>()?;
        Ok(pattern)
    };
    pattern.parse2(tokens).map(|mut pattern| bindings(&mut pattern)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lets_of_the_outermost_level_are_found() {
        let statements = quote! {
            let a = 1;
            if a { let hidden = 2; }
            let (mut b, Some(c)): (u8, Option<u8>) = if let Some(other) = x { y } else { z };
            #[cfg(x)]
            #[allow(unused)]
            let a = b;
            f(|| { let hidden = 3; });
        };
        let names: Vec<String> =
            lets(&statements).iter().map(|one| format!("{} {}", one.binding.ident, one.cfg.len())).collect();
        assert_eq!(names, ["a 0", "b 0", "c 0", "a 1"]);
    }
}
