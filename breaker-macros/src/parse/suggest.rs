//! Finds the known word that is nearest to an unknown one, and writes the message about it.

use proc_macro2::Span;
use syn::{Error, Result};

use super::aliases;
use super::keys::{self, Key};

/// The known word that is nearest to `word`, if any is near.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    let word = plain(word);
    let near = |known: &'a str| (strsim::osa_distance(&word, &plain(known)), known);
    let limit = (word.chars().count() / 3).max(1);
    known.into_iter().map(near).filter(|(distance, _)| *distance <= limit).min().map(|(_, known)| known)
}

/// Finds one of a few words, which have no quotes.
pub(crate) fn word(key: &str, written: &str, at: Span, words: &[&'static str]) -> Result<&'static str> {
    if let Some(word) = words.iter().find(|word| **word == written) {
        return Ok(word);
    }
    let all = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let begun = words.iter().copied().find(|word| written.len() > 2 && word.starts_with(written));
    let same = match written {
        "ignore" | "neutral" => "ignored",
        "ignored" => "ignore",
        _ => "",
    };
    let same = words.iter().copied().find(|word| *word == same);
    let hint = begun.or(same).or_else(|| nearest(written, words.iter().copied()));
    let hint = hint.map(|word| format!("did you mean `{word}`?"));
    let hint = hint.unwrap_or_else(|| format!("it takes one of {all}"));
    Err(Error::new(at, format!("`{key}` does not know `{written}`; {hint}")))
}

/// The message for an unknown name in `backoff(..)`, `stream(..)`, `cache(..)` or `#[retry(..)]`.
pub(super) fn no_name(of: &str, word: &str, names: &[Key], aliases: &[(&str, &'static str)]) -> String {
    let alias = aliases.iter().find(|(alias, _)| *alias == word).map(|(_, name)| *name);
    match alias.or_else(|| nearest(word, names.iter().map(|key| key.name))) {
        Some(name) => format!("{of} has no key `{word}`; did you mean `{name}`?"),
        None => format!("{of} has no key `{word}`; its keys are {}", listed(names)),
    }
}

/// The message for a word that is no key of `#[circuit_breaker(..)]`.
pub(super) fn no_key(written: &str) -> String {
    let word = &snake(written);
    let is_it = |(name, _): &&(&str, &str)| name == word;
    if let Some((_, meanings)) = aliases::TWO_MEANINGS.iter().find(is_it) {
        format!("`{written}` means two things; write {meanings}")
    } else if let Some((_, place)) = aliases::OTHER_PLACES.iter().find(|(words, _)| words.contains(&word.as_str())) {
        (*place).to_owned()
    } else if let Some((_, key)) = aliases::CIRCUIT_BREAKER.iter().find(is_it) {
        format!("unknown key `{written}`; did you mean `{key}`?")
    } else if let Some(inside) = name_in_stream(word) {
        in_stream(written, inside)
    } else if let Some(key) = nearest(word, keys::CIRCUIT_BREAKER.iter().chain(&keys::STREAM).map(|key| key.name)) {
        match keys::STREAM.iter().find(|inside| inside.name == key) {
            Some(inside) => in_stream(written, inside),
            None => format!("unknown key `{written}`; did you mean `{key}`?"),
        }
    } else {
        format!("unknown key `{written}`; the keys are {}", listed(&keys::CIRCUIT_BREAKER))
    }
}

/// All names, for a message.
fn listed(keys: &[Key]) -> String {
    keys.iter().map(|key| format!("`{}`", key.name)).collect::<Vec<_>>().join(", ")
}

/// The name inside `stream(..)` that a word outside of it means.
fn name_in_stream(word: &str) -> Option<&'static Key> {
    let name = aliases::STREAM.iter().find(|(alias, _)| *alias == word).map_or(word, |(_, name)| name);
    keys::STREAM.iter().find(|key| key.name == name)
}

/// The message for a name that belongs inside `stream(..)`.
fn in_stream(written: &str, key: &Key) -> String {
    let (name, example) = (key.name, key.example);
    if written == name {
        format!("`{name}` belongs in the parentheses of `stream`: `stream({example})`")
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
        let is_key = |word: &str| keys::CIRCUIT_BREAKER.iter().any(|key| key.name == word);
        for (word, key) in aliases::CIRCUIT_BREAKER {
            assert!(is_key(key), "{word} leads to {key}, which is no key");
            assert!(!is_key(word) && word == snake(word), "{word}");
        }
    }

    #[test]
    fn words_are_found_however_they_are_cased() {
        for word in ["failureRateThreshold", "failure_rate_threshold", "FailureRateThreshold", "FAILURE_RATE_THRESHOLD"]
        {
            assert_eq!(no_key(word), format!("unknown key `{word}`; did you mean `failure_rate`?"));
        }
        assert!(no_key("resetTimeout").contains("two things"));
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
            assert_eq!(no_key(word), format!("unknown key `{word}`; did you mean `stream({key})`?"));
        }
        let inside = "`until` belongs in the parentheses of `stream`: `stream(until = Event::is_last)`";
        assert_eq!(no_key("until"), inside);
        // A word with a meaning outside keeps it.
        assert!(no_key("interval").ends_with("`fail_window`?") && no_key("timeuot").ends_with("`timeout`?"));
    }
}
