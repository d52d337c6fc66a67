//! Checks names, and values that are paths or closures.

use quote::ToTokens as _;
use syn::{Expr, Ident, LitStr, Result};

use super::literal::{fault, no_self, number, text, unwrapped};
use super::setting::Setting;
use crate::diagnostics::quoted;

/// The longest name, in bytes.
const LONGEST: usize = 200;

pub(crate) fn name(value: Expr) -> Result<Expr> {
    let value = unwrapped(value);
    no_self(&value, "name")?;
    match text(&value).map(LitStr::value) {
        Some(name) if name.trim().is_empty() => {
            Err(fault(value, "`name` is empty; remove the key for the default name, module::Type::function"))
        }
        Some(name) if name.contains(char::is_control) => {
            Err(fault(value, "`name` has a control character; remove it, since logs and metrics show names unchanged"))
        }
        Some(name) if name.trim() != name => {
            Err(fault(value, format!("`name` has a space at its end; did you mean {}?", quoted(name.trim()))))
        }
        Some(name) if name.len() > 2 && name.starts_with('"') && name.ends_with('"') => {
            let fix = quoted(name.trim_matches('"'));
            Err(fault(value, format!("`name` has quotes within its quotes; did you mean {fix}?")))
        }
        Some(name) if name.len() > LONGEST => {
            let fix = "logs, metrics and environment variables show it whole";
            Err(fault(value, format!("`name` has {} bytes; make it {LONGEST} or less, since {fix}", name.len())))
        }
        None if makes_a_string(&value) => Err(fault(
            value,
            "`name` must be a constant; write a string literal, the name of a const, or `concat!(..)`",
        )),
        None if matches!(value, Expr::Lit(_)) || number(&value).is_some() => {
            let written = value.to_token_stream().to_string();
            Err(fault(value, format!("`name` takes a string: `name = {}`", quoted(&written))))
        }
        _ => Ok(value),
    }
}

/// `format!(..)`, `String::from(..)`, `x.to_string()`: made at run time.
fn makes_a_string(value: &Expr) -> bool {
    match value {
        Expr::Macro(call) => call.mac.path.is_ident("format"),
        Expr::Call(call) => {
            let function = call.func.to_token_stream().to_string().replace(' ', "");
            matches!(function.as_str(), "String::from" | "std::string::String::from" | "Some")
        }
        Expr::MethodCall(call) => ["to_string", "to_owned", "into", "clone"].iter().any(|method| call.method == method),
        _ => false,
    }
}

/// An expression of the function's arguments. A literal, the same for every call, is refused.
pub(crate) fn key(value: Expr) -> Result<Expr> {
    match unwrapped(value) {
        literal @ Expr::Lit(_) => {
            let what = "`key` is an expression, which selects the breaker of each call";
            let written = text(&literal).map(LitStr::value).unwrap_or_default();
            let fix = if syn::parse_str::<Ident>(&written).is_ok() {
                format!("write the argument without quotes: `key = {written}`")
            } else if written.contains('{') {
                format!("write `key = format!({})`", quoted(&written))
            } else {
                "write an argument, or an expression that uses one".to_owned()
            };
            Err(fault(literal, format!("{what}; {fix}")))
        }
        value => Ok(value),
    }
}

/// The key `open`: a function of the rejection, as a path or a closure.
pub(crate) fn open(value: Expr) -> Result<Expr> {
    let what = "`open` takes a path or a closure that makes the function's error from a rejection";
    function(value, what, ("open", "not_called", "rejection"))
}

/// The name `until` of the key `stream`.
pub(crate) fn until(value: Expr) -> Result<Expr> {
    let what = "`until` takes a path or a closure that says whether an item completes the answer";
    function(value, what, ("until", "Event::is_last", "item"))
}

/// A function of one argument, by its path or as a closure.
fn function(value: Expr, what: &str, (key, path, argument): (&str, &str, &str)) -> Result<Expr> {
    match unwrapped(value) {
        Expr::Closure(closure) if closure.inputs.len() != 1 => {
            Err(fault(closure, format!("{what}, which is its one argument: `{key} = |{argument}| ..`")))
        }
        Expr::Closure(closure) if closure.asyncness.is_some() => {
            Err(fault(closure, format!("{what}, without waiting; remove the `async`")))
        }
        Expr::Call(call) => {
            let function = call.func.to_token_stream().to_string().replace(' ', "");
            let fix = format!("did you mean `{key} = {function}`, or `{key} = |{argument}| {function}({argument})`?");
            Err(fault(call, format!("{what}; {fix}")))
        }
        literal @ (Expr::Lit(_) | Expr::Struct(_) | Expr::Macro(_)) => {
            Err(fault(literal, format!("{what}: `{key} = {path}`, `{key} = |{argument}| ..`")))
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
        return Err(fault(value, "`env_prefix` takes a string literal: `env_prefix = \"PAYMENTS\"`"));
    };
    let in_names = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let text = prefix.value();
    if text.is_empty() {
        return Err(fault(
            value,
            "`env_prefix` is empty; remove the key for the default prefix, the name in upper case",
        ));
    }
    if !text.chars().all(in_names) {
        let fix: String = text.chars().map(|c| if in_names(c) { c.to_ascii_uppercase() } else { '_' }).collect();
        let message = "`env_prefix` is a prefix of environment variables: letters, digits and `_` only";
        return Err(fault(value, format!("{message}; did you mean {}?", quoted(&fix))));
    }
    Ok(Setting::Text(prefix.clone()))
}
