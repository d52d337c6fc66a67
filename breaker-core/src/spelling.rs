//! Spelling: how keys are written outside of an attribute, and what a misspelt one may have meant.

use crate::config::KEYS;

/// What the end of a variable's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Key(&'static str),
    /// The key that an older spelling was taken for.
    Older(&'static str),
    /// The name that logs and metrics show.
    Label,
    /// `TIMEOUT`: the call's time limit, or the recovery timeout?
    BareTimeout,
    Unknown,
}

const OLDER: &[(&str, &str)] = &[
    ("FAIL_THRESHOLD", "fail_max"),
    ("FAILURE_THRESHOLD", "fail_max"),
    ("TIMEOUT_SECONDS", "recovery_timeout"),
    ("RESET_TIMEOUT", "fail_window"),
    ("HALF_OPEN_CALLS", "half_open_max_calls"),
];

/// How `key` is written in a variable.
pub(crate) fn variable(key: &str) -> String {
    if key == "timeout" { "CALL_TIMEOUT".to_owned() } else { key.to_uppercase() }
}

/// What `spelling`, the end of a variable's name, stands for.
pub(crate) fn meaning(spelling: &str) -> Meaning {
    let older = || OLDER.iter().find(|(old, _)| *old == spelling).map(|(_, key)| Meaning::Older(key));
    match spelling {
        "NAME" => Meaning::Label,
        "TIMEOUT" => Meaning::BareTimeout,
        _ => match KEYS.iter().find(|key| variable(key) == spelling) {
            Some(key) => Meaning::Key(key),
            None => older().unwrap_or(Meaning::Unknown),
        },
    }
}

/// What is expected outside of an attribute, where a duration may be a bare number.
pub(crate) fn outside(expected: &str) -> String {
    // A bare number of a window is one of calls, as its own words say.
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

/// The one of `known` that `word` may have meant.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .map(|(_, candidate)| candidate)
}

/// "; did you mean `x`?", or the list of what there is.
pub(crate) fn hint<'k>(word: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> String {
    match nearest(word, known.clone()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => {
            let all: Vec<_> = known.into_iter().map(|key| format!("`{key}`")).collect();
            format!("there are {}", all.join(", "))
        }
    }
}

/// The same for the end of a variable's name.
pub(crate) fn variable_hint(spelling: &str) -> String {
    let all: Vec<_> = KEYS.iter().map(|key| variable(key)).chain(["NAME".to_owned()]).collect();
    hint(spelling, all.iter().map(String::as_str))
}
