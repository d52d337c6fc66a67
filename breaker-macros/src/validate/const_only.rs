//! Refuses arguments of a call in values that belong to the function.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::Expr;

use super::plan::Options;
use super::values::{Number, Setting};
use crate::diagnostics::Errors;
use crate::item::{Function, params};

pub(super) fn check(options: &Options, function: &Function, errors: &mut Errors) {
    let settings = options.settings.iter().flat_map(|(key, _, setting)| values(setting).map(|value| (key.name, value)));
    let name = options.name.iter().filter(|name| !matches!(name, Expr::Lit(_)));
    let name = name.map(|name| ("name", name.to_token_stream()));
    let config = options.config.iter().map(|config| ("config", config.to_token_stream()));
    let values: Vec<(&str, TokenStream)> = settings.chain(name).chain(config).collect();
    if values.is_empty() {
        return;
    }
    let params = params::leave(&mut function.sig.clone(), false);
    let names: Vec<Ident> = params.iter().flat_map(params::Param::names).map(|(name, _)| name).collect();
    for (key, value) in values {
        if let Some((word, at)) = argument(value, &names) {
            let what = if word == "self" {
                "`self` exists only in a call".to_owned()
            } else {
                format!("`{word}` is an argument of one call")
            };
            let fix = "write a literal, or the name of a const";
            errors.at(at, format!("`{key}` belongs to the function, but {what}; {fix}"));
        }
    }
}

/// The expressions of a value.
fn values(setting: &Setting) -> impl Iterator<Item = TokenStream> + '_ {
    let expr = match setting {
        Setting::CountOf(expr) | Setting::LengthOf(expr) | Setting::Flag(expr) | Setting::Number(Number::Of(expr)) => {
            Some(expr.to_token_stream())
        }
        Setting::After(after) => match &**after {
            Setting::LengthOf(expr) => Some(expr.to_token_stream()),
            _ => None,
        },
        _ => None,
    };
    expr.into_iter()
}

/// The first word that is an argument. Parts of paths, fields and methods are none.
fn argument(tokens: TokenStream, names: &[Ident]) -> Option<(String, Span)> {
    let mut before = None;
    let mut trees = tokens.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let is_free =
            !matches!(before, Some('.' | ':')) && !is_punct(trees.peek(), ':') && !is_punct(trees.peek(), '!');
        match &tree {
            TokenTree::Ident(word) if is_free && names.contains(word) => return Some((word.to_string(), word.span())),
            TokenTree::Group(group) => {
                if let Some(found) = argument(group.stream(), names) {
                    return Some(found);
                }
            }
            _ => {}
        }
        before = if let TokenTree::Punct(punct) = &tree { Some(punct.as_char()) } else { None };
    }
    None
}

fn is_punct(tree: Option<&TokenTree>, wanted: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}
