//! What identifies a breaker: `name`, `key`, `config`, `env`.

use quote::ToTokens as _;
use syn::{Expr, LitStr, Result};

use super::{Setting, fault, no_self, number, text, unwrapped};
use crate::args::quoted;

pub(crate) fn name(value: Expr) -> Result<Expr> {
    let value = unwrapped(value);
    no_self(&value, "name")?;
    match text(&value).map(LitStr::value) {
        Some(name) if name.trim().is_empty() => {
            Err(fault(value, "`name` is empty; leave the key out for the default name, module::Type::function"))
        }
        Some(name) if name.contains(char::is_control) => {
            Err(fault(value, "`name` has a control character in it; logs and metrics show names as they are"))
        }
        None if matches!(value, Expr::Lit(_)) || number(&value).is_some() => {
            let written = value.to_token_stream().to_string();
            Err(fault(value, format!("`name` takes a string: `name = {}`", quoted(&written))))
        }
        _ => Ok(value),
    }
}

/// An expression of the function's arguments; the same text for every call would be a part of the name.
pub(crate) fn key(value: Expr) -> Result<Expr> {
    match unwrapped(value) {
        literal @ Expr::Lit(_) => {
            let fix = "`key` is evaluated for each call and tells its breaker from others: give an argument, or what is made of one";
            Err(fault(literal, fix))
        }
        value => Ok(value),
    }
}

pub(crate) fn config(value: Expr) -> Result<Expr> {
    let value = unwrapped(value);
    no_self(&value, "config")?;
    match &value {
        Expr::Lit(_) => Err(fault(value, "`config` takes the path of a const `Config`: `config = SHARED`")),
        _ => Ok(value),
    }
}

pub(super) fn env(value: &Expr) -> Result<Setting> {
    let Some(prefix) = text(value) else {
        return Err(fault(value, "`env` takes a string literal: `env = \"PAYMENTS\"`"));
    };
    let in_names = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let text = prefix.value();
    if text.is_empty() {
        return Err(fault(value, "`env` is empty; leave the key out for the default prefix, the name in upper case"));
    }
    if !text.chars().all(in_names) {
        return Err(fault(value, "`env` is a prefix of environment variables: letters, digits and `_` only"));
    }
    Ok(Setting::Text(prefix.clone()))
}
