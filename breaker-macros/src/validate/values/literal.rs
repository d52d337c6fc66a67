//! Recognises literals and lone words among expressions.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Error, Expr, Lit, LitStr, Result, UnOp};

/// Takes off parentheses and the invisible groups of `macro_rules!`.
pub(super) fn unwrapped(value: Expr) -> Expr {
    match value {
        Expr::Group(group) => unwrapped(*group.expr),
        Expr::Paren(paren) => unwrapped(*paren.expr),
        other => other,
    }
}

/// Refuses `Self` in a value: all types that share the function have one breaker.
pub(super) fn no_self(value: &Expr, key: &str) -> Result<()> {
    fn find(tokens: TokenStream) -> Option<Span> {
        tokens.into_iter().find_map(|tree| match tree {
            TokenTree::Ident(word) if word == "Self" => Some(word.span()),
            TokenTree::Group(group) => find(group.stream()),
            _ => None,
        })
    }
    let fault = |span| {
        Err(Error::new(
            span,
            format!("`{key}` belongs to the function, so it cannot use `Self`; write the type's name, or a literal"),
        ))
    };
    find(value.to_token_stream()).map_or(Ok(()), fault)
}

pub(super) fn fault(at: impl ToTokens, message: impl Into<String>) -> Error {
    Error::new_spanned(at, message.into())
}

/// The digits of a number, as written: `30`, `1.5`, `30s`, `-1`.
pub(crate) fn number(value: &Expr) -> Option<String> {
    match value {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Int(int) => Some(int.to_string()),
            Lit::Float(float) => Some(float.to_string()),
            _ => None,
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
            number(&unary.expr).map(|digits| format!("-{digits}"))
        }
        _ => None,
    }
}

pub(super) fn text(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Str(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn lone_word(value: &Expr) -> Option<&Ident> {
    match value {
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    }
}
