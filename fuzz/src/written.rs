//! Collects the attributes of source files as inputs of the targets.
//!
//! The test suites are a corpus too.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// For each `#[name(ARGS)] ITEM` in `source`, at any depth: `ARGS`, a line break, `ITEM`.
#[must_use]
pub fn inputs(source: &str, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(tokens) = source.parse() {
        search(tokens, name, &mut found);
    }
    found
}

fn search(tokens: TokenStream, name: &str, found: &mut Vec<String>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else { continue };
        let is_attribute = index > 0 && trees[index - 1].to_string() == "#";
        if let Some(args) = arguments(group.stream(), name).filter(|_| is_attribute) {
            let args = args.to_string().replace('\n', " ");
            found.push(format!("{args}\n{}", item(&trees[index + 1..])));
        }
        search(group.stream(), name, found);
    }
}

/// The arguments after `name`, which may have a path before it, in the brackets of an attribute.
fn arguments(attribute: TokenStream, name: &str) -> Option<TokenStream> {
    let mut trees = attribute.into_iter().skip_while(|tree| tree.to_string() != name);
    trees.next()?;
    match trees.next() {
        Some(TokenTree::Group(group)) => Some(group.stream()),
        Some(_) => None,
        None => Some(TokenStream::new()),
    }
}

/// Everything up to the first body, or to a semicolon.
fn item(trees: &[TokenTree]) -> TokenStream {
    let is_end = |tree: &TokenTree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        tree => tree.to_string() == ";",
    };
    let end = trees.iter().position(is_end).map_or(trees.len(), |end| end + 1);
    trees[..end].iter().cloned().collect()
}
