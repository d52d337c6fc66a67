//! The keys of `#[circuit_breaker(..)]`: which there are, and which come later.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;
use syn::{Error, Result};

use super::aliases;

/// What is written after a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `key = EXPR`
    Value,
    /// `key(ITEM, ..)`
    List,
    /// `key = PATH`
    Crate,
    /// `key`, or `key = EXPR`
    Maybe,
    /// `key`, or `key(NAME = EXPR, ..)`
    Named,
}

pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// A right use, for messages.
    pub(crate) example: &'static str,
}

pub(crate) const fn key(name: &'static str, shape: Shape, example: &'static str) -> Key {
    Key { name, shape, example }
}

pub(crate) const KEYS: [Key; 36] = [
    key("name", Shape::Value, "name = \"payments\""),
    key("fail_max", Shape::Value, "fail_max = 5"),
    key("fail_window", Shape::Value, "fail_window = \"60s\""),
    key("recovery_timeout", Shape::Value, "recovery_timeout = \"30s\""),
    key("half_open_max_calls", Shape::Value, "half_open_max_calls = 1"),
    key("success_threshold", Shape::Value, "success_threshold = 1"),
    key("probe_timeout", Shape::Value, "probe_timeout = \"30s\""),
    key("timeout", Shape::Value, "timeout = \"5s\""),
    key("critical", Shape::Value, "critical = true"),
    key("enabled", Shape::Value, "enabled = false"),
    key("on_cancel", Shape::Value, "on_cancel = failure"),
    key("on_panic", Shape::Value, "on_panic = ignore"),
    key("config", Shape::Value, "config = SHARED"),
    key("env", Shape::Value, "env = \"PAYMENTS\""),
    key("crate", Shape::Crate, "crate = my_crate::breaker_core"),
    key("exclude", Shape::List, "exclude(ValidationError)"),
    key("success", Shape::List, "success(ApiError::NotFound)"),
    key("include", Shape::List, "include(ApiError::Http { status: 500..=599, .. })"),
    key("otherwise", Shape::Value, "otherwise = neutral"),
    key("failure_if", Shape::List, "failure_if(is_degraded)"),
    key("classify", Shape::Maybe, "classify = presets::both"),
    key("stream", Shape::Named, "stream(first_item = \"20s\", item_timeout = \"10s\", until = Event::is_last)"),
    key("key", Shape::Value, "key = host"),
    key("max_keys", Shape::Value, "max_keys = 10_000"),
    key("failure_rate", Shape::Value, "failure_rate = 0.5"),
    key("slow_call", Shape::Value, "slow_call = \"2s\""),
    key("slow_rate", Shape::Value, "slow_rate = 0.5"),
    key("window", Shape::Value, "window = 100"),
    key("min_calls", Shape::Value, "min_calls = 10"),
    key("backoff", Shape::Named, "backoff(factor = 2.0, max = \"10m\", jitter = 0.1)"),
    key("ramp", Shape::Value, "ramp = \"30s\""),
    key("window_fail_max", Shape::Value, "window_fail_max = 5"),
    key("probe_window", Shape::Value, "probe_window = 3"),
    key("probe_failure_rate", Shape::Value, "probe_failure_rate = 0.5"),
    key("max_concurrent", Shape::Value, "max_concurrent = 256"),
    key("open", Shape::Value, "open = not_called"),
];

pub(crate) fn find(written: &Ident) -> Result<&'static Key> {
    let word = written.unraw().to_string();
    KEYS.iter().find(|key| key.name == word).ok_or_else(|| Error::new(written.span(), aliases::advice(&word)))
}

/// The known word that `word` most likely stands for, if any is near.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    let word = plain(word);
    let near = |known: &'a str| (strsim::osa_distance(&word, &plain(known)), known);
    let limit = (word.len() / 3).max(1);
    known.into_iter().map(near).filter(|(distance, _)| *distance <= limit).min().map(|(_, known)| known)
}

/// Finds one of a few words, which stand without quotes.
pub(crate) fn word(key: &str, written: &str, at: Span, words: &[&'static str]) -> Result<&'static str> {
    if let Some(word) = words.iter().find(|word| **word == written) {
        return Ok(word);
    }
    let all = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let begun = words.iter().copied().find(|word| written.len() > 2 && word.starts_with(written));
    let same = match written {
        "ignore" | "ignored" => "neutral",
        "neutral" => "ignore",
        _ => "",
    };
    let same = words.iter().copied().find(|word| *word == same);
    let hint = begun.or(same).or_else(|| nearest(written, words.iter().copied()));
    let hint = hint.map(|word| format!("did you mean `{word}`?"));
    let hint = hint.unwrap_or_else(|| format!("it takes one of {all}"));
    Err(Error::new(at, format!("`{key}` does not know `{written}`; {hint}")))
}
