//! The locals that the statements before an async block leave to it.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::Pat;
use syn::parse::{ParseStream, Parser as _};

use super::params::{Binding, bindings};

/// What the `let`s of these statements bind; of several with one name, the last.
pub(crate) fn lets(statements: &TokenStream) -> Vec<Binding> {
    let trees: Vec<TokenTree> = statements.clone().into_iter().collect();
    let mut found: Vec<Binding> = Vec::new();
    for (at, tree) in trees.iter().enumerate() {
        let begins = at == 0 || ends_a_statement(&trees[at - 1]);
        if begins && matches!(tree, TokenTree::Ident(word) if word == "let") {
            for binding in bound(trees[at + 1..].iter().cloned().collect()) {
                found.retain(|earlier| earlier.ident != binding.ident);
                found.push(binding);
            }
        }
    }
    found
}

fn ends_a_statement(tree: &TokenTree) -> bool {
    match tree {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    }
}

/// What the pattern at the head of these tokens binds; nothing, if it is none, which rustc tells.
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
    use quote::quote;

    use super::*;

    #[test]
    fn the_lets_of_the_outermost_level_are_found() {
        let statements = quote! {
            let a = 1;
            if a { let hidden = 2; }
            let (mut b, Some(c)): (u8, Option<u8>) = if let Some(other) = x { y } else { z };
            let a = b;
            f(|| { let hidden = 3; });
        };
        let names: Vec<String> = lets(&statements).iter().map(|binding| binding.ident.to_string()).collect();
        assert_eq!(names, ["b", "c", "a"]);
    }
}
