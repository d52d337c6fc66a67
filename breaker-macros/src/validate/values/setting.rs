//! Holds the value of a key, ready to be written into a `Config`.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Expr, LitStr};

use super::duration_hint;

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
    /// `failure_rate` and `slow_call_rate`
    Number(Number),
    Backoff(Box<Backoff>),
}

impl Setting {
    /// The value as a file or a variable has it; `None` for an expression, which rustc evaluates.
    pub(crate) fn written(&self) -> Option<String> {
        match self {
            Self::Count(count, _) => Some(count.to_string()),
            Self::Length(length) => Some(duration_hint::shown(*length)),
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

/// Writes the expressions of a value, which may use arguments of the function.
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

/// A number with a fraction.
pub(crate) enum Number {
    Literal(f64),
    /// An expression whose value is checked when it is evaluated.
    Of(Expr),
}

impl ToTokens for Number {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        if let Self::Of(expr) = self {
            expr.to_tokens(tokens);
        }
    }
}

impl Number {
    pub(super) fn written(&self) -> Option<String> {
        match self {
            Self::Literal(number) => Some(number.to_string()),
            Self::Of(_) => None,
        }
    }
}

/// The values of `backoff(..)`; `None` is the default.
#[derive(Default)]
pub(crate) struct Backoff {
    pub(crate) factor: Option<Number>,
    /// The value, with the place of its name.
    pub(crate) max: Option<(Span, Box<Setting>)>,
    pub(crate) jitter: Option<Number>,
}

impl Backoff {
    /// `factor=2, max=10m`, or `on` where nothing else is said.
    pub(super) fn written(&self) -> Option<String> {
        let number = |number: &Option<Number>| number.as_ref().map(Number::written);
        let max = self.max.as_ref().map(|(_, max)| max.written());
        let parts = [("factor", number(&self.factor)), ("max", max), ("jitter", number(&self.jitter))];
        let written = parts.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let parts: Option<Vec<_>> = written.map(|(name, value)| value.map(|value| format!("{name}={value}"))).collect();
        parts.map(|parts| if parts.is_empty() { "on".to_owned() } else { parts.join(", ") })
    }
}
