//! Writes durations as settings have them, and suggests one for a wrong text.

use std::time::Duration;

/// The units that settings have, each in its one spelling; each is smaller than the one before it.
const UNITS: [&str; 8] = ["w", "d", "h", "m", "s", "ms", "us", "ns"];

/// Spellings that humantime does not know.
const LONG: [(&str, &str); 4] = [("milliseconds", "ms"), ("microseconds", "us"), ("nanoseconds", "ns"), ("µs", "us")];

/// The duration as settings write it: `1m 30s`.
pub(crate) fn shown(length: Duration) -> String {
    let (seconds, nanos) = (length.as_secs(), u64::from(length.subsec_nanos()));
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (nanos / 1_000_000, "ms"),
        (nanos / 1000 % 1000, "us"),
        (nanos % 1000, "ns"),
    ];
    let shown: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if shown.is_empty() { "0s".to_owned() } else { shown.join(" ") }
}

/// The first unit that settings do not have: `min`, `seconds`, `µs`, or a month or year.
pub(super) fn unknown_unit(written: &str) -> Option<&str> {
    words(written).find(|word| !UNITS.contains(word))
}

pub(super) fn is_number(written: &str) -> bool {
    let plain = written.trim().replace('_', "");
    plain.parse::<f64>().is_ok_and(f64::is_finite)
}

/// `30` of `30u64`.
pub(super) fn without_type(digits: &str) -> &str {
    const TYPES: [&str; 8] = ["u32", "u64", "u128", "usize", "i32", "i64", "f32", "f64"];
    TYPES.iter().find_map(|ty| digits.strip_suffix(ty)).unwrap_or(digits).trim_end_matches('_')
}

/// The same duration as settings write it: `30` is `30s`, `5min` is `5m`, `PT1M30S` is `1m 30s`.
pub(super) fn suggestion(written: &str) -> Option<String> {
    let mut plain = written.trim().trim_start_matches(['-', '+']).to_lowercase().replace('_', "");
    if plain.parse::<u64>().is_ok() {
        return Some(format!("{plain}s"));
    }
    if is_number(&plain) {
        return Duration::try_from_secs_f64(plain.parse().ok()?).ok().map(shown);
    }
    for (long, short) in LONG {
        plain = plain.replace(long, short);
    }
    let text = clock(&plain).unwrap_or_else(|| plain.strip_prefix("pt").unwrap_or(&plain).to_owned());
    // A month and a year have no fixed length.
    if words(&text).any(|word| word.starts_with("mo") || word.starts_with('y')) {
        return None;
    }
    let unit = last_unit(&text).unwrap_or_default();
    humantime::parse_duration(&format!("{text}{unit}")).ok().map(shown)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty())
}

/// `00:01:30` as `00h01m30s`.
fn clock(plain: &str) -> Option<String> {
    let counts: Vec<u64> = plain.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    if let [hours, minutes, seconds] = counts[..] { Some(format!("{hours}h{minutes}m{seconds}s")) } else { None }
}

/// The unit that a last number without one has: `m` in `1h30`.
fn last_unit(text: &str) -> Option<&'static str> {
    let last = words(text).last().filter(|_| text.ends_with(|c: char| c.is_ascii_digit()))?;
    let larger = UNITS.iter().position(|unit| *unit == last)?;
    UNITS.get(larger + 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_other_libraries_are_understood() {
        for (written, fix) in [
            ("30", "30s"),
            ("5min", "5m"),
            ("5M", "5m"),
            ("-1s", "1s"),
            ("1.5", "1s 500ms"),
            ("30 seconds", "30s"),
            ("30 Sec", "30s"),
            ("1h30", "1h 30m"),
            ("1 hour 30 minutes", "1h 30m"),
            ("PT1M30S", "1m 30s"),
            ("00:01:30", "1m 30s"),
            ("30_000ms", "30s"),
            ("100 millis", "100ms"),
            ("100 milliseconds", "100ms"),
            ("7µs", "7us"),
        ] {
            assert_eq!(suggestion(written).as_deref(), Some(fix), "{written}");
        }
    }

    #[test]
    fn a_suggestion_is_a_duration_or_none() {
        for written in [
            "",
            "soon",
            "1e400",
            "1:30",
            "s",
            "30 blinks",
            "99999999999999999999s",
            "1y",
            "2 months",
            "off",
            "--",
            "1..2s",
        ] {
            assert_eq!(suggestion(written), None, "{written}");
        }
    }

    #[test]
    fn each_unit_has_one_spelling() {
        for written in ["1w 2d", "3h", "4m", "5s 6ms", "7us", "8ns"] {
            assert_eq!(unknown_unit(written), None, "{written}");
        }
        for (written, unit) in
            [("5min", "min"), ("1m 30secs", "secs"), ("1M", "M"), ("7µs", "µs"), ("2 years", "years")]
        {
            assert_eq!(unknown_unit(written), Some(unit));
        }
    }
}
