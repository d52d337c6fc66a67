//! Durations: a literal with its unit, or an expression.

use std::time::Duration;

use syn::{Error, Expr, LitStr, Result};

use super::{Setting, fault, lone_word, number, text};
use crate::args::keys::Key;
use crate::args::quoted;

pub(super) fn length(key: &Key, value: Expr) -> Result<Setting> {
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
