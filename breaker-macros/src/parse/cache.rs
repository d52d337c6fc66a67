//! Reads the step `cache(KEY = VALUE, ..)`, which is a call to syn.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Error, Expr, ExprCall, Result};

use super::aliases;
use super::keys::{self, Key};
use super::suggest;
use crate::diagnostics::Errors;

/// A `cache(..)` as written.
pub(crate) struct Cache {
    /// The place of the word `cache`.
    pub(crate) at: Span,
    /// Empty where it is missing, which `cache` has reported.
    pub(crate) key: Expr,
    /// `None`: the built-in one.
    pub(crate) store: Option<Expr>,
    pub(crate) max: Option<(Span, Expr)>,
    pub(crate) ttl: Option<(Span, Expr)>,
    /// The function that makes the served value of the stored one.
    pub(crate) with: Option<Expr>,
}

/// Reads a step. One with mistakes is read too, so that mistakes in its values are reported as
/// well.
pub(super) fn cache(call: ExprCall, errors: &mut Errors) -> Cache {
    let at = call.func.span();
    let mut flawless = true;
    let mut read: Vec<(&str, Span, Expr)> = Vec::new();
    for argument in call.args {
        let pair = pair(argument).and_then(|(key, at, value)| match read.iter().any(|(earlier, ..)| *earlier == key) {
            true => Err(Error::new(at, format!("`{key}` is written twice; remove one"))),
            false => Ok((key, at, value)),
        });
        flawless &= pair.is_ok();
        read.extend(errors.take(pair));
    }
    let mut take = |name| {
        let index = read.iter().position(|(key, ..)| *key == name)?;
        let (_, at, value) = read.swap_remove(index);
        Some((at, value))
    };
    let key = take("key").map(|(_, key)| key);
    // After another mistake the misspelt name may have been `key`.
    if key.is_none() && flawless {
        let fix = "that identifies an answer, for instance `cache(key = query)`";
        errors.at(at, format!("`cache(..)` needs a `key` {fix}"));
    }
    let key = key.unwrap_or_else(|| Expr::Verbatim(TokenStream::new()));
    let (store, with) = (take("store").map(|(_, store)| store), take("with").map(|(_, with)| with));
    Cache { at, key, store, max: take("max"), ttl: take("ttl"), with }
}

/// Reads one `KEY = VALUE`.
fn pair(argument: Expr) -> Result<(&'static str, Span, Expr)> {
    let assign = match argument {
        Expr::Assign(assign) => assign,
        Expr::Group(group) => return pair(*group.expr),
        other => {
            let fix = "for instance `cache(key = query)` or `cache(store = self.answers, key = (user, query))`";
            return Err(Error::new_spanned(other, format!("`cache(..)` takes keys with values, {fix}")));
        }
    };
    let name = match &*assign.left {
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    };
    let Some(name) = name else {
        return Err(Error::new_spanned(assign.left, "a key of `cache(..)` is one word, for instance `key = query`"));
    };
    Ok((known(name)?.name, name.span(), *assign.right))
}

fn known(name: &Ident) -> Result<&'static Key> {
    let word = name.unraw().to_string();
    let known = keys::CACHE.iter().find(|key| key.name == word);
    known.ok_or_else(|| Error::new(name.span(), suggest::no_name("`cache(..)`", &word, &keys::CACHE, &aliases::CACHE)))
}
