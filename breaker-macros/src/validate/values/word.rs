//! Checks counts, flags, and the words of `on_cancel` and `on_panic`.

use syn::{Expr, Ident, Lit, LitStr, Result};

use super::duration;
use super::literal::{fault, lone_word, number, text};
use super::setting::Setting;
use crate::parse::keys::Key;
use crate::parse::suggest;

pub(super) fn count(key: &Key, value: Expr) -> Result<Setting> {
    let (name, example) = (key.name, key.example);
    if let Some(digits) = number(&value) {
        return count_of(name, &digits, &value);
    }
    if name == "fail_max" {
        match text(&value).map(LitStr::value).or_else(|| lone_word(&value).map(ToString::to_string)) {
            Some(off) if off == "off" && text(&value).is_some() => return Ok(Setting::Off),
            Some(off) if duration::means_off(&off) => {
                let message = "to have no limit of consecutive failures, write `fail_max = \"off\"`";
                return Err(fault(value, message));
            }
            _ => {}
        }
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

/// A `window`: a number of calls, or a duration.
pub(super) fn window(key: &Key, value: Expr) -> Result<Setting> {
    if let Some(digits) = number(&value) {
        return count_of(key.name, &digits, &value);
    }
    let written = text(&value).map(|text| text.value().trim().to_lowercase()).unwrap_or_default();
    let digits = written.trim_end_matches("calls").trim_end();
    match digits.parse::<u32>() {
        Ok(calls) if calls > 0 => {
            let fix = "a number of calls is written without quotes, a duration with its unit";
            Err(fault(value, format!("`window` has no unit; did you mean `{calls}`? ({fix})")))
        }
        _ => duration::length(key, value),
    }
}

fn count_of(name: &str, digits: &str, value: &Expr) -> Result<Setting> {
    if digits.starts_with('-') {
        return Err(fault(value, format!("`{name}` must be 1 or more")));
    }
    let Expr::Lit(syn::ExprLit { lit: Lit::Int(int), .. }) = value else {
        let whole = digits.strip_suffix(".0").filter(|whole| whole.parse::<u32>().is_ok_and(|count| count > 0));
        let fix = whole.map(|whole| format!(": `{name} = {whole}`")).unwrap_or_default();
        return Err(fault(value, format!("`{name}` counts calls: it takes an integer{fix}")));
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

pub(super) fn flag(key: &Key, value: Expr) -> Result<Setting> {
    let name = key.name;
    match &value {
        Expr::Lit(lit) if matches!(lit.lit, Lit::Bool(_)) => Ok(Setting::Flag(value)),
        Expr::Lit(_) => {
            let written = text(&value).map(|text| text.value().to_lowercase()).or_else(|| number(&value));
            let yes = !matches!(written.as_deref(), Some("false" | "no" | "off" | "0"));
            let quotes = if text(&value).is_some() { " without quotes" } else { "" };
            Err(fault(value, format!("`{name}` takes `true` or `false`{quotes}: `{name} = {yes}`")))
        }
        _ => Ok(Setting::Flag(value)),
    }
}

pub(super) fn word(key: &Key, value: Expr) -> Result<Setting> {
    const WORDS: [&str; 2] = ["ignore", "failure"];
    let name = key.name;
    let lengths = name == "on_cancel";
    if let Some(word) = text(&value).filter(|text| WORDS.contains(&text.value().as_str())) {
        return Err(fault(&value, format!("`{name}` takes its word without quotes: `{name} = {}`", word.value())));
    }
    let is_const = |word: &Ident| lengths && word.to_string().chars().all(|c| !c.is_lowercase());
    if let Some(word) = lone_word(&value).filter(|word| !is_const(word)) {
        return suggest::word(name, &word.to_string(), word.span(), &WORDS).map(Setting::Word);
    }
    if let Some(word) = of_a_path(&value) {
        return Err(fault(&value, format!("`{name}` takes its word without a path: `{name} = {word}`")));
    }
    let is_no_text = matches!(&value, Expr::Lit(literal) if matches!(literal.lit, Lit::Bool(_) | Lit::Char(_)));
    if lengths && is_no_text {
        return Err(fault(&value, format!("`{name}` takes `ignore`, `failure` or a duration")));
    }
    if lengths {
        return Ok(Setting::After(Box::new(duration::length(key, value)?)));
    }
    Err(fault(value, format!("`{name}` takes `ignore` or `failure`")))
}

/// The word of `OnCancel::Failure`.
fn of_a_path(value: &Expr) -> Option<&'static str> {
    let Expr::Path(path) = value else { return None };
    let last = path.path.segments.last()?.ident.to_string();
    [("Ignore", "ignore"), ("Failure", "failure")].iter().find(|(variant, _)| *variant == last).map(|(_, word)| *word)
}
