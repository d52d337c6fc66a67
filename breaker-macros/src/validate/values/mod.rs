//! The values of the keys: what each takes, in which range, and how to write what was meant.

pub(crate) mod duration;
mod duration_hint;
mod float;
mod name;
mod word;

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Error, Expr, Lit, LitStr, Result, UnOp};

pub(crate) use self::float::{Backoff, Number, backoff, factor, jitter};
pub(crate) use self::name::{config, key, name, open, until};
use crate::parse::keys::Key;

/// One value, ready to be written into a `Config`.
pub(crate) enum Setting {
    Count(u32, Span),
    /// A const expression whose value is checked when it is evaluated.
    CountOf(Expr),
    Length(Duration),
    LengthOf(Expr),
    /// `fail_window = "off"`, `fail_max = "off"`, `timeout = "off"`
    Off,
    Flag(Expr),
    /// `on_cancel` and `on_panic`: `ignore` or `failure`.
    Word(&'static str),
    /// `on_cancel = DURATION`
    After(Box<Setting>),
    Text(LitStr),
    /// `failure_rate` and `slow_rate`
    Number(Number),
    Backoff(Box<Backoff>),
}

impl Setting {
    /// As a file or a variable has it: only what the attribute knows, and has thus checked.
    pub(crate) fn written(&self) -> Option<String> {
        match self {
            Self::Count(count, _) => Some(count.to_string()),
            Self::Length(length) => Some(duration::shown(*length)),
            Self::Off => Some("off".to_owned()),
            Self::Flag(Expr::Lit(flag)) => Some(flag.to_token_stream().to_string()),
            Self::Word(word) => Some((*word).to_owned()),
            Self::After(length) => length.written(),
            Self::Text(text) => Some(text.value()),
            Self::Number(number) => number.written(),
            Self::Backoff(backoff) => backoff.written(),
            Self::CountOf(_) | Self::LengthOf(_) | Self::Flag(_) => None,
        }
    }
}

/// A value as it is written, where it is an expression: it may use arguments of the function.
impl ToTokens for Setting {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::CountOf(expr) | Self::LengthOf(expr) | Self::Flag(expr) => expr.to_tokens(tokens),
            Self::After(length) => length.to_tokens(tokens),
            Self::Number(number) => number.to_tokens(tokens),
            Self::Backoff(_) | Self::Count(..) | Self::Length(_) | Self::Off | Self::Text(_) | Self::Word(_) => {}
        }
    }
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
    word::count(key, value)
}

/// The same for a duration.
pub(super) fn constant_length(key: &Key, value: Expr) -> Result<Setting> {
    let value = unwrapped(value);
    no_self(&value, key.name)?;
    duration::length(key, value)
}

fn by_key(key: &Key, value: Expr) -> Result<Setting> {
    match key.name {
        "fail_max"
        | "half_open_max_calls"
        | "success_threshold"
        | "max_keys"
        | "min_calls"
        | "window_fail_max"
        | "probe_window"
        | "max_concurrent"
        | "attempts" => word::count(key, value),
        "window" => word::window(key, value),
        "failure_rate" | "slow_rate" | "probe_failure_rate" => float::share(key, value),
        "critical" | "enabled" => word::flag(key, value),
        "on_cancel" | "on_panic" => word::word(key, value),
        "env" => name::env(&value),
        _ => duration::length(key, value),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::keys;

    fn message(key: &str, value: Expr) -> String {
        let key = keys::CIRCUIT_BREAKER.iter().find(|known| known.name == key).expect("a key");
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
            (syn::parse_quote!(30u64), "\"30s\""),
            (syn::parse_quote!("5min"), "\"5m\""),
        ] {
            assert!(message("recovery_timeout", value).ends_with(&format!("did you mean {fix}?")), "{fix}");
        }
    }

    #[test]
    fn only_the_recovery_timeout_may_be_zero() {
        assert_eq!(message("recovery_timeout", syn::parse_quote!("0s")), "");
        for key in ["fail_window", "probe_timeout", "timeout", "on_cancel"] {
            assert_eq!(message(key, syn::parse_quote!("0s")), format!("`{key}` must be more than zero"));
            assert!(message(key, syn::parse_quote!(0)).ends_with("must be more than zero"));
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
