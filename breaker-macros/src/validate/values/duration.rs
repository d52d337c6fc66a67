//! Checks durations: a literal with its unit, or an expression.

use std::time::Duration;

use syn::{Error, Expr, LitStr, Result};

use super::duration_hint;
use super::literal::{fault, lone_word, number, text};
use super::setting::Setting;
use crate::diagnostics::quoted;
use crate::parse::keys::Key;

pub(super) fn length(key: &Key, value: Expr) -> Result<Setting> {
    let name = key.name;
    if let Some(digits) = number(&value) {
        let digits = duration_hint::without_type(&digits);
        let fault_of_it =
            if duration_hint::is_number(digits) { "needs a unit" } else { "takes its value and unit in quotes" };
        let mut hint = hint(name, digits);
        if let Some(count) = digits.parse::<u64>().ok().filter(|count| *count >= 1000) {
            hint = format!("; did you mean \"{count}ms\", or \"{count}s\"?");
        }
        return Err(fault(value, format!("`{name}` {fault_of_it}{hint}")));
    }
    if let Some(word) = lone_word(&value).map(ToString::to_string).filter(|word| means_off(word)) {
        return Err(off_refused(name, &word, &value).unwrap_or_else(|| fault(value, written_off(name))));
    }
    match &value {
        Expr::Lit(_) => match text(&value) {
            Some(text) if text.value() == "off" => off_refused(name, "off", &value).map_or(Ok(Setting::Off), Err),
            Some(text) if means_off(&text.value()) => {
                let off = || fault(text, written_off(name));
                Err(off_refused(name, &text.value(), &value).unwrap_or_else(off))
            }
            Some(text) => written(name, text),
            None => Err(fault(value, format!("`{name}` takes a duration: `{}`", key.example))),
        },
        _ => Ok(Setting::LengthOf(value)),
    }
}

/// True for a word that turns a limit off.
pub(super) fn means_off(word: &str) -> bool {
    const WORDS: [&str; 9] = ["off", "never", "none", "infinite", "infinity", "forever", "disabled", "no", "unlimited"];
    WORDS.contains(&word.to_lowercase().as_str())
}

/// The message for a word like `never`, where `"off"` has a meaning.
fn written_off(name: &str) -> &'static str {
    match name {
        "timeout" => {
            "remove `timeout` to use the time limit of the breaker, or write `timeout = \"off\"` for a function without any"
        }
        "within" => "a step without a time limit is written `within(\"off\", ..)`",
        _ => "to have no limit between two consecutive failures, write `fail_window = \"off\"`",
    }
}

/// The message for `"off"`, where it has no meaning.
fn off_refused(name: &str, word: &str, value: &Expr) -> Option<Error> {
    let fix = match name {
        "recovery_timeout" | "probe_timeout" => "remove the key for its default",
        "on_cancel" => "write `on_cancel = ignore`",
        _ => "remove the key",
    };
    (!matches!(name, "fail_window" | "timeout" | "within"))
        .then(|| fault(value, format!("`{name}` cannot be {}; {fix}", quoted(word))))
}

fn written(name: &str, text: &LitStr) -> Result<Setting> {
    let written = text.value();
    let refused = |what: &str| Err(fault(text, format!("`{name}` {what}")));
    let hint = hint(name, &written);
    if written.trim().is_empty() {
        return refused("is empty; write for instance \"30s\", \"500ms\" or \"1m 30s\"");
    }
    if written.contains("::") {
        return refused(&format!("takes an expression without quotes: `{name} = {written}`"));
    }
    if written.trim().starts_with('-') {
        return refused(&format!("cannot be negative{hint}"));
    }
    let length = humantime::parse_duration(&written);
    if let (Ok(_), Some(unit)) = (&length, duration_hint::unknown_unit(&written)) {
        return refused(&format!("has an unknown unit `{unit}`{hint}"));
    }
    match length {
        Ok(Duration::ZERO) if name != "recovery_timeout" => refused("must be more than zero"),
        Ok(length) => Ok(Setting::Length(length)),
        Err(_) if duration_hint::is_number(&written) => refused(&format!("needs a unit{hint}")),
        Err(humantime::DurationError::NumberOverflow) => {
            refused("is too long for a duration, or finer than a nanosecond")
        }
        Err(humantime::DurationError::UnknownUnit { unit, .. }) if !unit.is_empty() => {
            refused(&format!("has an unknown unit `{unit}`{hint}"))
        }
        Err(_) => refused(&format!("takes a duration{hint}")),
    }
}

/// A suggestion, or else examples of durations.
fn hint(name: &str, written: &str) -> String {
    match duration_hint::suggestion(written) {
        Some(fix) if name == "recovery_timeout" || !is_zero(&fix) => {
            format!("; did you mean {}?", quoted(&fix))
        }
        Some(_) => format!(", and `{name}` must be more than zero"),
        None => "; write for instance \"30s\", \"500ms\" or \"1m 30s\"".to_owned(),
    }
}

fn is_zero(written: &str) -> bool {
    humantime::parse_duration(written).is_ok_and(|length| length.is_zero())
}
