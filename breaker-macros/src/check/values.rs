//! The values of the keys: what each takes, in which range, and how to write what was meant.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Error, Expr, Lit, LitStr, Result, UnOp};

use crate::args::keys::{self, Key};
use crate::args::quoted;

/// One value, ready to be written into a `Config`.
pub(crate) enum Setting {
    Count(u32, Span),
    /// A const expression whose value is checked when it is evaluated.
    CountOf(Expr),
    Length(Duration),
    LengthOf(Expr),
    /// `fail_window = "off"`
    Off,
    Flag(Expr),
    /// `on_cancel` and `on_panic`: `ignore` or `failure`.
    Word(&'static str),
    /// `on_cancel = DURATION`
    After(Box<Setting>),
    Text(LitStr),
}

pub(crate) fn setting(key: &Key, value: Expr) -> Result<Setting> {
    let value = unwrapped(value);
    no_self(&value, key.name)?;
    by_key(key, value)
}

/// The same for a value that is evaluated in the function, and may thus be one of `Self`.
pub(super) fn in_place(key: &Key, value: Expr) -> Result<Setting> {
    by_key(key, unwrapped(value))
}

/// A count that belongs to the function, whatever its key is called.
pub(super) fn constant_count(key: &Key, value: Expr) -> Result<Setting> {
    let value = unwrapped(value);
    no_self(&value, key.name)?;
    count(key, value)
}

/// The same for a duration.
pub(super) fn constant_length(key: &Key, value: Expr) -> Result<Setting> {
    let value = unwrapped(value);
    no_self(&value, key.name)?;
    length(key, value)
}

fn by_key(key: &Key, value: Expr) -> Result<Setting> {
    match key.name {
        "fail_max" | "half_open_max_calls" | "success_threshold" | "max_keys" | "attempts" => count(key, value),
        "critical" | "enabled" => flag(key, value),
        "on_cancel" | "on_panic" => word(key, value),
        "env" => env(&value),
        _ => length(key, value),
    }
}

/// Takes off parentheses and the invisible groups of `macro_rules!`.
fn unwrapped(value: Expr) -> Expr {
    match value {
        Expr::Group(group) => unwrapped(*group.expr),
        Expr::Paren(paren) => unwrapped(*paren.expr),
        other => other,
    }
}

/// One breaker stands for all types that share the function, so nothing of it can come from `Self`.
fn no_self(value: &Expr, key: &str) -> Result<()> {
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
            format!("`{key}` belongs to the function, not to a type or value: write the type's name, or a literal"),
        ))
    };
    find(value.to_token_stream()).map_or(Ok(()), fault)
}

fn fault(at: impl ToTokens, message: impl Into<String>) -> Error {
    Error::new_spanned(at, message.into())
}

/// The digits of a number, as written: `30`, `1.5`, `30s`; negative ones with their sign.
pub(super) fn number(value: &Expr) -> Option<String> {
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

fn text(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Str(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn lone_word(value: &Expr) -> Option<&Ident> {
    match value {
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    }
}

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

fn env(value: &Expr) -> Result<Setting> {
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

fn count(key: &Key, value: Expr) -> Result<Setting> {
    let (name, example) = (key.name, key.example);
    if let Some(digits) = number(&value) {
        return count_of(name, &digits, &value);
    }
    match &value {
        Expr::Lit(_) => {
            let inner = text(&value).and_then(|text| text.value().trim().parse::<u32>().ok());
            let fix = inner.map_or_else(|| example.to_owned(), |count| format!("{name} = {count}"));
            Err(fault(value, format!("`{name}` takes an integer: `{fix}`")))
        }
        _ => Ok(Setting::CountOf(value)),
    }
}

fn count_of(name: &str, digits: &str, value: &Expr) -> Result<Setting> {
    if digits.starts_with('-') {
        return Err(fault(value, format!("`{name}` must be 1 or more")));
    }
    let Expr::Lit(syn::ExprLit { lit: Lit::Int(int), .. }) = value else {
        return Err(fault(value, format!("`{name}` counts calls: it takes an integer")));
    };
    if !matches!(int.suffix(), "" | "u32") {
        return Err(fault(value, format!("`{name}` is a u32; write `{name} = {}`", int.base10_digits())));
    }
    match int.base10_parse::<u32>() {
        Ok(0) => Err(fault(value, format!("`{name}` must be 1 or more"))),
        Ok(count) => Ok(Setting::Count(count, int.span())),
        Err(_) => Err(fault(value, format!("`{name}` must be at most {} (u32::MAX)", u32::MAX))),
    }
}

fn flag(key: &Key, value: Expr) -> Result<Setting> {
    let name = key.name;
    match &value {
        Expr::Lit(lit) if matches!(lit.lit, Lit::Bool(_)) => Ok(Setting::Flag(value)),
        Expr::Lit(_) => {
            let yes = text(&value).is_none_or(|text| text.value() != "false");
            Err(fault(value, format!("`{name}` takes `true` or `false` without quotes: `{name} = {yes}`")))
        }
        _ => Ok(Setting::Flag(value)),
    }
}

fn word(key: &Key, value: Expr) -> Result<Setting> {
    const WORDS: [&str; 2] = ["ignore", "failure"];
    let name = key.name;
    let lengths = name == "on_cancel";
    if let Some(word) = text(&value).filter(|text| WORDS.contains(&text.value().as_str())) {
        return Err(fault(&value, format!("`{name}` takes its word without quotes: `{name} = {}`", word.value())));
    }
    let is_const = |word: &Ident| lengths && word.to_string().chars().all(|c| !c.is_lowercase());
    if let Some(word) = lone_word(&value).filter(|word| !is_const(word)) {
        return keys::word(name, &word.to_string(), word.span(), &WORDS).map(Setting::Word);
    }
    if lengths {
        return Ok(Setting::After(Box::new(length(key, value)?)));
    }
    Err(fault(value, format!("`{name}` takes `ignore` or `failure`")))
}

fn length(key: &Key, value: Expr) -> Result<Setting> {
    let name = key.name;
    if let Some(digits) = number(&value) {
        return Err(fault(value, format!("`{name}` needs a unit: write `{name} = {}`", quoted(&with_unit(&digits)))));
    }
    if lone_word(&value).is_some_and(|word| word == "off") {
        return Err(off_refused(name, &value)
            .unwrap_or_else(|| fault(value, format!("`off` stands in quotes: `{name} = \"off\"`"))));
    }
    match &value {
        Expr::Lit(_) => match text(&value) {
            Some(text) if text.value() == "off" => off_refused(name, &value).map_or(Ok(Setting::Off), Err),
            Some(text) => written_length(name, text),
            None => Err(fault(value, format!("`{name}` takes a duration: `{}`", key.example))),
        },
        _ => Ok(Setting::LengthOf(value)),
    }
}

/// The message for `"off"`, except where it has a meaning.
fn off_refused(name: &str, value: &Expr) -> Option<Error> {
    (name != "fail_window")
        .then(|| fault(value, format!("`{name}` cannot be \"off\"; leave the key out for its default")))
}

/// What was most likely meant by a number: seconds, unless a unit is glued to it.
fn with_unit(digits: &str) -> String {
    let digits = digits.trim_start_matches('-').replace('_', "");
    if digits.ends_with(char::is_alphabetic) {
        return humantime::parse_duration(&digits).map_or_else(|_| "30s".to_owned(), |_| digits);
    }
    match digits.parse::<f64>() {
        Ok(seconds) if seconds.fract() != 0.0 => format!("{}ms", (seconds * 1000.0).round()),
        Ok(0.0) => "30s".to_owned(),
        _ => format!("{digits}s"),
    }
}

fn written_length(name: &str, text: &LitStr) -> Result<Setting> {
    let written = text.value();
    let is_number = written.trim().trim_start_matches('-').parse::<f64>().is_ok();
    if written.trim().starts_with('-') {
        return Err(fault(text, format!("`{name}` cannot be negative")));
    }
    match humantime::parse_duration(&written) {
        Ok(Duration::ZERO) if name != "recovery_timeout" => {
            Err(fault(text, format!("`{name}` must be more than zero")))
        }
        Ok(length) => Ok(Setting::Length(length)),
        Err(_) if is_number => {
            Err(fault(text, format!("`{name}` needs a unit: write `{name} = {}`", quoted(&with_unit(written.trim())))))
        }
        Err(humantime::DurationError::NumberOverflow) => {
            Err(fault(text, format!("`{name}` is too long, or finer than a nanosecond")))
        }
        Err(humantime::DurationError::UnknownUnit { unit, .. }) => Err(fault(
            text,
            format!("`{name}` has an unknown unit `{unit}`; write for instance \"30s\", \"500ms\" or \"1m 30s\""),
        )),
        Err(_) => Err(fault(text, format!("`{name}` takes a duration such as \"30s\", \"500ms\" or \"1m 30s\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(key: &str, value: Expr) -> String {
        let key = keys::KEYS.iter().find(|known| known.name == key).expect("a key");
        setting(key, value).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_number_is_refused_with_the_duration_to_write() {
        for (value, fix) in [
            (syn::parse_quote!(30), "\"30s\""),
            (syn::parse_quote!("30"), "\"30s\""),
            (syn::parse_quote!(500ms), "\"500ms\""),
            (syn::parse_quote!(0.25), "\"250ms\""),
            (syn::parse_quote!(-1_000), "\"1000s\""),
        ] {
            assert!(message("recovery_timeout", value).ends_with(&format!("`recovery_timeout = {fix}`")), "{fix}");
        }
    }

    #[test]
    fn only_the_recovery_timeout_may_be_zero() {
        assert_eq!(message("recovery_timeout", syn::parse_quote!("0s")), "");
        for key in ["fail_window", "probe_timeout", "timeout", "on_cancel"] {
            assert_eq!(message(key, syn::parse_quote!("0s")), format!("`{key}` must be more than zero"));
        }
    }

    #[test]
    fn the_edges_of_a_count() {
        for (value, right) in [("0", false), ("1", true), ("4294967295", true), ("4294967296", false)] {
            let value = syn::parse_str(value).expect("a number");
            assert_eq!(message("fail_max", value).is_empty(), right);
        }
    }
}
