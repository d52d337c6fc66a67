//! Reads the spelling of keys in variables, and suggests a key for a misspelt one.

use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::keys::{Config, KEYS};
use crate::config::{duration, excerpt};

/// The keys that can be set for one function alone.
const OF_FUNCTIONS: [&str; 6] = ["timeout", "retry", "retry_attempts", "retry_min", "retry_max", "retry_total"];

pub(crate) fn is_of_function(key: &str) -> bool {
    OF_FUNCTIONS.contains(&key)
}

/// The message for another key among the settings of a function.
pub(crate) fn no_key_of_function(key: &str) -> String {
    let all = OF_FUNCTIONS.map(|key| format!("`{key}`")).join(", ");
    format!("`{key}` is set for a breaker, not for one function. The keys of a function: {all}")
}

/// The meaning of the end of a variable's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Key(&'static str),
    /// The key of an older spelling.
    Older(&'static str),
    /// The name that logs and metrics show.
    Label,
    /// `TIMEOUT`, which may mean the call's time limit or the recovery timeout.
    BareTimeout,
    Unknown,
}

const OLDER: &[(&str, &str)] = &[
    ("FAIL_THRESHOLD", "fail_max"),
    ("FAILURE_THRESHOLD", "fail_max"),
    ("TIMEOUT_SECONDS", "recovery_timeout"),
    ("RESET_TIMEOUT", "fail_window"),
    ("HALF_OPEN_CALLS", "half_open_max_calls"),
    ("SLOW_CALL", "slow_call_duration"),
    ("SLOW_RATE", "slow_call_rate"),
    ("PROBE_WINDOW", "probe_count"),
];

/// The spelling of `key` in a variable.
pub(crate) fn variable(key: &str) -> String {
    if key == "timeout" { "CALL_TIMEOUT".to_owned() } else { key.to_uppercase() }
}

/// Whether `spelling` is that of `key` in a variable. There can be many variables, so this
/// allocates nothing.
fn is_variable(key: &str, spelling: &str) -> bool {
    match key {
        "timeout" => spelling == "CALL_TIMEOUT",
        _ => key.len() == spelling.len() && key.bytes().map(|byte| byte.to_ascii_uppercase()).eq(spelling.bytes()),
    }
}

/// The meaning of `spelling`, the end of a variable's name.
pub(crate) fn meaning(spelling: &str) -> Meaning {
    let older = || OLDER.iter().find(|(old, _)| *old == spelling).map(|(_, key)| Meaning::Older(key));
    match spelling {
        "NAME" => Meaning::Label,
        "TIMEOUT" => Meaning::BareTimeout,
        _ => match KEYS.iter().find(|key| is_variable(key, spelling)) {
            Some(key) => Meaning::Key(key),
            None => older().unwrap_or(Meaning::Unknown),
        },
    }
}

/// The expected value outside of an attribute, where a duration may be a bare number.
pub(crate) fn outside(expected: &str) -> String {
    // A bare number for a window is a number of calls. Its own text says so.
    let seconds = if expected.contains("duration") && !expected.contains("number of calls") {
        " (a bare number is seconds)"
    } else {
        ""
    };
    format!("{expected}{seconds}")
}

/// The prefix of a breaker's variables: its name in upper case, other characters as `_`.
pub(crate) fn prefix(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// The one of `known` that is nearest to `word`, if one is near.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let characters = word.chars().count();
    if characters > LONGEST {
        return None;
    }
    known
        .into_iter()
        // The distance is at least the difference of the lengths, and its cost is their product.
        .filter(|candidate| candidate.chars().count().abs_diff(characters) <= farthest(candidate))
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= farthest(candidate))
        .map(|(_, candidate)| candidate)
}

/// A longer word, in characters, gets no suggestion.
const LONGEST: usize = 200;

/// How many names of one kind are reported individually.
const MAX_REPORTED: usize = 100;
/// How many pairs of names the hints of consecutive messages compare. That takes some milliseconds.
const MAX_COMPARED: usize = 100_000;

/// The errors for names that are not among `known`. The first ones are reported with the nearest
/// known name, and a last error counts the others.
pub(crate) fn report_each<N>(
    unknown: impl Iterator<Item = N>,
    known: usize,
    report: impl Fn(N, bool) -> ConfigError,
    others: impl FnOnce(usize) -> ConfigError,
) -> Vec<ConfigError> {
    let hints = MAX_COMPARED / known.max(1);
    first_of(unknown.enumerate(), |(at, name)| report(name, at < hints), others)
}

/// The errors for the first ones, and one error that counts the others.
pub(crate) fn first_of<N>(
    mut all: impl Iterator<Item = N>,
    report: impl Fn(N) -> ConfigError,
    others: impl FnOnce(usize) -> ConfigError,
) -> Vec<ConfigError> {
    let mut errors: Vec<_> = all.by_ref().take(MAX_REPORTED).map(report).collect();
    let more = all.count();
    errors.extend((more > 0).then(|| others(more)));
    errors
}

/// The largest distance of a misspelling of `candidate`.
fn farthest(candidate: &str) -> usize {
    candidate.chars().count().max(3) / 3
}

/// A text such as "did you mean `x`?", or the list of known names.
pub(crate) fn hint<'k>(word: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> String {
    match nearest(word, known.clone()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => {
            let all: Vec<_> = known.into_iter().map(|key| format!("`{key}`")).collect();
            format!("there are {}", all.join(", "))
        }
    }
}

/// The same for a variable, whose name is `start` and `spelling`. It suggests the whole name.
pub(crate) fn variable_hint(start: &str, spelling: &str) -> String {
    let all: Vec<_> = KEYS.iter().map(|key| variable(key)).chain(["NAME".to_owned()]).collect();
    let all = all.iter().map(String::as_str);
    match nearest(spelling, all.clone()) {
        Some(candidate) => format!("did you mean `{start}{candidate}`?"),
        None => hint(spelling, all),
    }
}

impl Config {
    /// Sets one key from text in the format of variables and files: `"5"`, `"1m 30s"`, `"off"`. The
    /// units of durations are `w d h m s ms us ns`. A bare number is seconds.
    ///
    /// ```
    /// # use breaker_core::Config;
    /// let config = Config::new().with_str("recovery_timeout", "1m 30s")?;
    /// assert_eq!(config, Config::new().recovery_timeout(std::time::Duration::from_secs(90)));
    /// let wrong = Config::new().with_str("fail_max", "none").unwrap_err();
    /// assert_eq!(wrong.message(), "is `none`, expected a whole number of 1 or more, or \"off\"");
    /// # Ok::<(), breaker_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such key, or the text is no value of it. The location of the error is the
    /// key.
    pub fn with_str(mut self, key: &str, text: &str) -> Result<Self, ConfigError> {
        match self.read(key, text.trim()) {
            Some(Ok(())) => Ok(self),
            Some(Err(expected)) => Err(ConfigError::new(ConfigErrorKind::Value, key, refused(key, text, expected))),
            None => {
                let message = format!("there is no key `{}`; {}", excerpt::name(key), key_hint(key));
                Err(ConfigError::new(ConfigErrorKind::UnknownKey, key, message))
            }
        }
    }
}

/// What to write instead of an unknown key: the key that a variable of this spelling sets, else the
/// nearest key. `reset_timeout` means the first of two keys to users of other libraries.
pub(crate) fn key_hint(key: &str) -> String {
    match meaning(&key.to_uppercase()) {
        Meaning::Older("fail_window") => {
            "write `recovery_timeout` (how long the breaker stays open) or `fail_window` (the longest time between \
             two consecutive failures)"
                .to_owned()
        }
        Meaning::Key(known) | Meaning::Older(known) => format!("write `{known}`"),
        _ => hint(key, KEYS.iter().copied()),
    }
}

/// The message for a text that is no value of `key`. It has the expected value and a suggestion for
/// a wrong unit. A text that is too long to be shown gets no suggestion.
pub(crate) fn refused(key: &str, text: &str, expected: &str) -> String {
    let shown = excerpt::value(text);
    let complete = Some(text).filter(|_| shown.is_complete());
    let reads = |suggestion: &String| matches!(Config::new().read(key, suggestion.trim()), Some(Ok(())));
    let hint = match complete.and_then(suggestion).filter(reads) {
        Some(suggestion) => format!("; did you mean `{suggestion}`?"),
        None if complete.is_some_and(duration::is_of_a_calendar) => {
            "; months and years are written in days, such as \"30d\"".to_owned()
        }
        None => String::new(),
    };
    format!("is `{shown}`, expected {}{hint}", outside(expected))
}

/// What may have been meant by `text`: another word, or a duration with another unit.
fn suggestion(text: &str) -> Option<String> {
    if text.trim().eq_ignore_ascii_case("ignored") { Some("ignore".to_owned()) } else { duration::suggestion(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_is_answered_with_ignore_where_that_is_a_value() {
        for key in ["on_cancel", "on_panic"] {
            let wrong = Config::new().with_str(key, "Ignored").unwrap_err();
            assert!(wrong.message().ends_with("; did you mean `ignore`?"), "{wrong}");
        }
        let wrong = Config::new().with_str("critical", "ignored").unwrap_err();
        assert!(!wrong.message().contains("did you mean"), "{wrong}");
    }

    #[test]
    fn a_near_name_differs_in_a_third_of_its_characters_at_most() {
        let known = ["payments", "日本語の検索"];
        assert_eq!(nearest("paymnets", known), Some("payments"));
        assert_eq!(nearest("日本話の検索", known), Some("日本語の検索"));
        assert_eq!(nearest("search", known), None, "six bytes of eighteen would be near");
    }
}
