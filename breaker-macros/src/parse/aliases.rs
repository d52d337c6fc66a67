//! Words that are no keys: which key other libraries and older versions mean by them, or where else it is said.

use super::keys::{KEYS, Key, nearest};
use super::stream;

/// Each with the key that has that meaning.
const ELSEWHERE: [(&str, &str); 101] = [
    ("failure_threshold", "fail_max"),
    ("fail_threshold", "fail_max"),
    ("max_failures", "fail_max"),
    ("max_fails", "fail_max"),
    ("failure_count", "fail_max"),
    ("threshold", "fail_max"),
    ("failures", "fail_max"),
    ("max_errors", "fail_max"),
    ("error_threshold", "fail_max"),
    ("consecutive_failures", "fail_max"),
    ("exceptions_allowed_before_breaking", "fail_max"),
    ("failure_policy", "fail_max"),
    ("ready_to_trip", "fail_max"),
    ("failure_window", "fail_window"),
    ("interval", "fail_window"),
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
    ("sleep_window_in_milliseconds", "recovery_timeout"),
    ("break_duration", "recovery_timeout"),
    ("duration_of_break", "recovery_timeout"),
    ("cooldown", "recovery_timeout"),
    ("cool_down", "recovery_timeout"),
    ("timeout_seconds", "recovery_timeout"),
    ("half_open_calls", "half_open_max_calls"),
    ("half_open_max", "half_open_max_calls"),
    ("half_open_requests", "half_open_max_calls"),
    ("half_open_max_requests", "half_open_max_calls"),
    ("max_half_open_calls", "half_open_max_calls"),
    ("permitted_calls_in_half_open", "half_open_max_calls"),
    ("permitted_number_of_calls_in_half_open_state", "half_open_max_calls"),
    ("max_requests", "half_open_max_calls"),
    ("success_max", "success_threshold"),
    ("success_count", "success_threshold"),
    ("recovery_threshold", "success_threshold"),
    ("reset_threshold", "success_threshold"),
    ("call_timeout", "timeout"),
    ("time_limit", "timeout"),
    ("execution_timeout", "timeout"),
    ("deadline", "timeout"),
    ("ignore", "exclude"),
    ("ignore_errors", "exclude"),
    ("ignore_exceptions", "exclude"),
    ("excluded", "exclude"),
    ("excludes", "exclude"),
    ("skip_on", "exclude"),
    ("fail_on", "include"),
    ("expected_exception", "include"),
    ("record", "include"),
    ("record_exceptions", "include"),
    ("should_handle", "include"),
    ("is_failure", "include"),
    ("is_successful", "classify"),
    ("classifier", "classify"),
    ("failure_rate_threshold", "failure_rate"),
    ("error_threshold_percentage", "failure_rate"),
    ("failure_ratio", "failure_rate"),
    ("error_rate", "failure_rate"),
    ("rate", "failure_rate"),
    ("slow_call_duration_threshold", "slow_call"),
    ("slow_call_duration", "slow_call"),
    ("slow_threshold", "slow_call"),
    ("slow_call_rate_threshold", "slow_rate"),
    ("slow_call_rate", "slow_rate"),
    ("sliding_window", "window"),
    ("sliding_window_size", "window"),
    ("window_size", "window"),
    ("sampling_duration", "window"),
    ("rolling_window", "window"),
    ("rolling_count_timeout", "window"),
    ("stat_interval", "window"),
    ("minimum_number_of_calls", "min_calls"),
    ("minimum_calls", "min_calls"),
    ("minimum_throughput", "min_calls"),
    ("request_volume_threshold", "min_calls"),
    ("volume_threshold", "min_calls"),
    ("min_requests", "min_calls"),
    ("min_request_amount", "min_calls"),
    ("max_concurrent_calls", "max_concurrent"),
    ("max_concurrency", "max_concurrent"),
    ("concurrency", "max_concurrent"),
    ("concurrency_limit", "max_concurrent"),
    ("max_in_flight", "max_concurrent"),
    ("bulkhead", "max_concurrent"),
    ("exponential_backoff", "backoff"),
    ("backoff_multiplier", "backoff"),
    ("slow_start", "ramp"),
    ("warmup", "ramp"),
    ("id", "name"),
    ("command_key", "name"),
    ("circuit_name", "name"),
    ("default", "otherwise"),
    ("by", "key"),
    ("per", "key"),
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

/// What is said in another place than this attribute.
const TOLD: [(&[&str], &str); 6] = [
    (&["skip"], "`skip` stands alone, on a method whose impl block has `#[circuit_breaker]`"),
    (
        &["fallback", "fallback_method", "fallback_fn", "on_fallback"],
        "a fallback is an attribute of its own, beside this one: `#[fallback(..)]`",
    ),
    (
        &["retry", "retries", "max_retries", "max_attempts", "attempts"],
        "retries are an attribute of their own, beside this one: `#[retry(..)]`",
    ),
    (
        &["listener", "listeners", "on_open", "on_close", "on_break", "on_reset", "on_half_open", "on_state_change"],
        "who listens is said at run time: `Registry::global().add_listener(..)`",
    ),
    (&["sliding_window_type"], "`window` says it by its value: `window = 100` are calls, `window = \"60s\"` is a time"),
    (
        &["automatic_transition_from_open_to_half_open_enabled", "auto_transition"],
        "a breaker is always half-open when its `recovery_timeout` is over; leave this out",
    ),
];

/// What to write instead of a word that is no key.
pub(super) fn advice(written: &str) -> String {
    let word = &snake(written);
    let other = |(name, _): &&(&str, &str)| name == word;
    if let Some((_, meanings)) = TWO_MEANINGS.iter().find(other) {
        format!("`{written}` means two things; write {meanings}")
    } else if let Some((_, place)) = TOLD.iter().find(|(words, _)| words.contains(&word.as_str())) {
        (*place).to_owned()
    } else if let Some((_, key)) = ELSEWHERE.iter().find(other) {
        format!("unknown key `{written}`; did you mean `{key}`?")
    } else if let Some(key) = stream::meant(word) {
        of_stream(written, key)
    } else if let Some(key) = nearest(word, KEYS.iter().chain(&stream::KEYS).map(|key| key.name)) {
        match stream::KEYS.iter().find(|inside| inside.name == key) {
            Some(inside) => of_stream(written, inside),
            None => format!("unknown key `{written}`; did you mean `{key}`?"),
        }
    } else {
        let names = KEYS.map(|key| format!("`{}`", key.name)).join(", ");
        format!("unknown key `{written}`; the keys are {names}")
    }
}

/// What belongs inside `stream(..)`.
fn of_stream(written: &str, key: &Key) -> String {
    let (name, example) = (key.name, key.example);
    if written == name {
        format!("`{name}` stands in the parentheses of `stream`: `stream({example})`")
    } else {
        format!("unknown key `{written}`; did you mean `stream({example})`?")
    }
}

/// `slidingWindowSize` as `sliding_window_size`.
fn snake(written: &str) -> String {
    let mut snake = String::new();
    let mut was_lower = false;
    for letter in written.chars() {
        if letter.is_uppercase() && was_lower {
            snake.push('_');
        }
        was_lower = letter.is_lowercase();
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_leads_to_a_key_and_is_none() {
        let is_key = |word: &str| KEYS.iter().any(|key| key.name == word);
        for (word, key) in ELSEWHERE {
            assert!(is_key(key), "{word} leads to {key}, which is no key");
            assert!(!is_key(word) && word == snake(word), "{word}");
        }
    }

    #[test]
    fn words_are_found_however_they_are_cased() {
        for word in ["failureRateThreshold", "failure_rate_threshold", "FailureRateThreshold", "FAILURE_RATE_THRESHOLD"]
        {
            assert_eq!(advice(word), format!("unknown key `{word}`; did you mean `failure_rate`?"));
        }
        assert!(advice("resetTimeout").contains("two things"));
    }

    #[test]
    fn keys_of_a_stream_lead_into_its_parentheses() {
        for (word, key) in [
            ("firstItem", "first_item = \"20s\""),
            ("first_itm", "first_item = \"20s\""),
            ("ttft", "first_item = \"20s\""),
            ("idle_timeout", "item_timeout = \"10s\""),
            ("item_timout", "item_timeout = \"10s\""),
            ("untill", "until = Event::is_last"),
        ] {
            assert_eq!(advice(word), format!("unknown key `{word}`; did you mean `stream({key})`?"));
        }
        let inside = "`until` stands in the parentheses of `stream`: `stream(until = Event::is_last)`";
        assert_eq!(advice("until"), inside);
        // What has a meaning outside keeps it.
        assert!(advice("interval").ends_with("`fail_window`?") && advice("timeuot").ends_with("`timeout`?"));
    }
}
