//! The keys of `#[circuit_breaker(..)]`: which there are, which come later, and which word people write instead.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;
use syn::{Error, Result};

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
    /// `key`
    Flag,
    /// `key`, or `key(NAME = EXPR, ..)`
    Named,
}

pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// A right use, for messages.
    pub(crate) example: &'static str,
}

pub(super) const fn key(name: &'static str, shape: Shape, example: &'static str) -> Key {
    Key { name, shape, example }
}

pub(crate) const KEYS: [Key; 31] = [
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
    key("classify", Shape::Maybe, "classify = rules::both"),
    key("stream", Shape::Flag, "stream"),
    key("key", Shape::Value, "key = host"),
    key("max_keys", Shape::Value, "max_keys = 10_000"),
    key("failure_rate", Shape::Value, "failure_rate = 0.5"),
    key("slow_call", Shape::Value, "slow_call = \"2s\""),
    key("slow_rate", Shape::Value, "slow_rate = 0.5"),
    key("window", Shape::Value, "window = 100"),
    key("min_calls", Shape::Value, "min_calls = 10"),
    key("backoff", Shape::Named, "backoff(factor = 2.0, max = \"10m\", jitter = 0.1)"),
    key("ramp", Shape::Value, "ramp = \"30s\""),
];

/// Keys that are read and checked, and that breaker-core does not have yet.
pub(crate) const LATER: &[&str] = &["failure_rate", "slow_call", "slow_rate", "window", "min_calls", "backoff", "ramp"];

/// Words of other libraries and of older versions, with the key that has that meaning.
const ELSEWHERE: [(&str, &str); 41] = [
    ("failure_threshold", "fail_max"),
    ("fail_threshold", "fail_max"),
    ("max_failures", "fail_max"),
    ("max_fails", "fail_max"),
    ("failure_count", "fail_max"),
    ("threshold", "fail_max"),
    ("failure_window", "fail_window"),
    ("recovery_time", "recovery_timeout"),
    ("recovery_duration", "recovery_timeout"),
    ("reset_after", "recovery_timeout"),
    ("retry_after", "recovery_timeout"),
    ("retry_timeout", "recovery_timeout"),
    ("open_timeout", "recovery_timeout"),
    ("open_duration", "recovery_timeout"),
    ("wait_duration", "recovery_timeout"),
    ("wait_duration_in_open_state", "recovery_timeout"),
    ("sleep_window", "recovery_timeout"),
    ("break_duration", "recovery_timeout"),
    ("cooldown", "recovery_timeout"),
    ("timeout_seconds", "recovery_timeout"),
    ("half_open_calls", "half_open_max_calls"),
    ("half_open_max", "half_open_max_calls"),
    ("half_open_requests", "half_open_max_calls"),
    ("half_open_max_requests", "half_open_max_calls"),
    ("max_half_open_calls", "half_open_max_calls"),
    ("permitted_calls_in_half_open", "half_open_max_calls"),
    ("success_max", "success_threshold"),
    ("success_count", "success_threshold"),
    ("recovery_threshold", "success_threshold"),
    ("reset_threshold", "success_threshold"),
    ("call_timeout", "timeout"),
    ("time_limit", "timeout"),
    ("ignore", "exclude"),
    ("ignore_errors", "exclude"),
    ("excluded", "exclude"),
    ("skip_on", "exclude"),
    ("fail_on", "include"),
    ("expected_exception", "include"),
    ("record", "include"),
    ("id", "name"),
    ("default", "otherwise"),
];

/// Older keys that are used for two different things; each with both.
const TWO_MEANINGS: [(&str, &str); 2] = [
    (
        "reset_timeout",
        "`recovery_timeout` (how long it stays open before probes are let in) or `fail_window` (after what time \
         without a failure a run of failures is forgotten)",
    ),
    (
        "timeout_duration",
        "`timeout` (the time limit of one call) or `recovery_timeout` (how long it stays open before probes \
         are let in)",
    ),
];

pub(crate) fn find(written: &Ident) -> Result<&'static Key> {
    let word = written.unraw().to_string();
    KEYS.iter().find(|key| key.name == word).ok_or_else(|| Error::new(written.span(), advice(&word)))
}

/// What to write instead of a word that is no key.
fn advice(word: &str) -> String {
    let other = |(name, _): &&(&str, &str)| *name == word;
    if let Some((_, meanings)) = TWO_MEANINGS.iter().find(other) {
        format!("`{word}` means two things; write {meanings}")
    } else if let Some((_, key)) = ELSEWHERE.iter().find(other) {
        format!("unknown key `{word}`; did you mean `{key}`?")
    } else if word == "skip" {
        "`skip` stands alone, on a method whose impl block has `#[circuit_breaker]`".to_owned()
    } else if word == "fallback" {
        "a fallback is an attribute of its own, beside this one: `#[fallback(..)]`".to_owned()
    } else if word == "retry" || word == "retries" {
        "retries are an attribute of their own, beside this one: `#[retry(..)]`".to_owned()
    } else if let Some(key) = nearest(word, KEYS.iter().map(|key| key.name)) {
        format!("unknown key `{word}`; did you mean `{key}`?")
    } else {
        let names = KEYS.map(|key| format!("`{}`", key.name)).join(", ");
        format!("unknown key `{word}`; the keys are {names}")
    }
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
    let hint = nearest(written, words.iter().copied()).map(|word| format!("did you mean `{word}`?"));
    let hint = hint.unwrap_or_else(|| format!("it takes one of {all}"));
    Err(Error::new(at, format!("`{key}` does not know `{written}`; {hint}")))
}
