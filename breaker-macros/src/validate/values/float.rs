//! Checks numbers with a fraction: shares of calls, growth, jitter.

use quote::ToTokens as _;
use syn::{Error, Expr, Lit, Result};

use super::duration;
use super::literal::{fault, no_self, number, text, unwrapped};
use super::setting::{Backoff, Number, Setting};
use crate::diagnostics::Errors;
use crate::parse::keys::Key;
use crate::parse::named_values::Named;

pub(crate) fn backoff(values: Vec<Named>, errors: &mut Errors) -> Setting {
    let mut backoff = Backoff::default();
    for Named { key, at, value, .. } in values {
        // Each name of this list has a value.
        let Some(value) = value.map(unwrapped) else { continue };
        if let Err(error) = no_self(&value, "backoff") {
            errors.push(error);
            continue;
        }
        match key.name {
            "factor" => backoff.factor = errors.take(factor(key, value)),
            "jitter" => backoff.jitter = errors.take(jitter(key, value)),
            _ => backoff.max = errors.take(duration::length(key, value)).map(|max| (at, Box::new(max))),
        }
    }
    Setting::Backoff(Box::new(backoff))
}

pub(crate) fn factor(key: &Key, value: Expr) -> Result<Number> {
    let name = key.name;
    read(key, value, |number| if number >= 1.0 { Ok(()) } else { Err(format!("`{name}` must be 1 or more")) })
}

pub(crate) fn jitter(key: &Key, value: Expr) -> Result<Number> {
    let message = format!("`{}` is a share, from 0 to 1{}", key.name, percent(&value));
    read(key, value, |number| if (0.0..=1.0).contains(&number) { Ok(()) } else { Err(message.clone()) })
}

/// A share of the calls: more than 0, at most 1.
pub(super) fn share(key: &Key, value: Expr) -> Result<Setting> {
    let (name, hint) = (key.name, percent(&value));
    let in_range = |number: f64| match number {
        0.0 => Err(format!("`{name}` is a share of the calls, more than 0; to turn this rule off, remove the key")),
        _ if number > 0.0 && number <= 1.0 => Ok(()),
        _ => Err(format!("`{name}` is a share of the calls, more than 0 and at most 1{hint}")),
    };
    read(key, value, in_range).map(Setting::Number)
}

/// A hint for a number above 1, which is most likely in per cent.
fn percent(value: &Expr) -> String {
    let quoted = text(value).map(|text| text.value().trim().trim_end_matches('%').trim().to_owned());
    let digits = quoted.or_else(|| number(value)).unwrap_or_default().replace('_', "");
    match digits.parse::<f64>() {
        Ok(percent) if percent > 1.0 && percent <= 100.0 => format!("; did you mean `{}`?", shown(percent / 100.0)),
        _ => String::new(),
    }
}

/// The number as it is written in Rust.
fn shown(number: f64) -> String {
    format!("{number:?}")
}

fn read(key: &Key, value: Expr, in_range: impl Fn(f64) -> std::result::Result<(), String>) -> Result<Number> {
    let (name, example) = (key.name, key.example);
    if let Some(digits) = number(&value) {
        let digits = digits.replace('_', "");
        return match digits.trim_end_matches("f64").parse::<f64>() {
            Ok(number) if number.is_infinite() => Err(fault(value, format!("`{name}` is too large"))),
            Ok(number) => in_range(number).map(|()| Number::Literal(number)).map_err(|words| fault(value, words)),
            Err(_) => Err(fault(value, format!("`{name}` takes a number without a unit: `{example}`"))),
        };
    }
    match &value {
        Expr::Lit(lit) if !matches!(lit.lit, Lit::Int(_) | Lit::Float(_)) => Err(quoted(key, &value)),
        _ => Ok(Number::Of(value)),
    }
}

/// The message for a text, with the number in it.
fn quoted(key: &Key, value: &Expr) -> Error {
    let name = key.name;
    let text = text(value).map(|text| text.value().trim().to_owned()).unwrap_or_default();
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse::<f64>(),
    };
    let fix = number.map_or_else(|_| key.example.to_owned(), |number| format!("{name} = {}", shown(number)));
    fault(value.to_token_stream(), format!("`{name}` takes a number without quotes: `{fix}`"))
}
