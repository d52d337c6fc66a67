//! Reads and shows durations, and suggests the right unit for a wrong one.

use std::time::Duration;

/// The units, and their other spellings.
const UNITS: [(&str, &[&str]); 8] = [
    ("w", &["week", "weeks", "wk", "wks"]),
    ("d", &["day", "days"]),
    ("h", &["hour", "hours", "hr", "hrs"]),
    ("m", &["min", "mins", "minute", "minutes"]),
    ("s", &["sec", "secs", "second", "seconds"]),
    ("ms", &["msec", "msecs", "milli", "millis", "millisecond", "milliseconds"]),
    ("us", &["µs", "μs", "usec", "usecs", "micro", "micros", "microsecond", "microseconds"]),
    ("ns", &["nsec", "nsecs", "nano", "nanos", "nanosecond", "nanoseconds"]),
];

/// Units of no fixed length.
const CALENDAR: [&str; 7] = ["month", "months", "y", "yr", "yrs", "year", "years"];

/// Reads a text such as `"1m 30s"`. `None`: it is no duration, or has other units than
/// `w d h m s ms us ns`.
pub(crate) fn read(text: &str) -> Option<Duration> {
    let mut units = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let known = units.all(|word| UNITS.iter().any(|(unit, _)| *unit == word));
    humantime::parse_duration(text).ok().filter(|_| known)
}

/// Shows a duration in the format that [`read`] takes.
pub(crate) fn show(span: Duration) -> String {
    let (seconds, nanos) = (span.as_secs(), u64::from(span.subsec_nanos()));
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

/// The text with the right units in place of wrong ones: `5M` is `5m`, `max=2 minutes` is
/// `max=2 m`. `None`: no unit is wrong, or one is not known.
pub(crate) fn suggestion(text: &str) -> Option<String> {
    let fixed: Option<String> =
        words(text).map(|(word, is_unit)| if is_unit { unit(word) } else { Some(word) }).collect();
    fixed.filter(|fixed| fixed != text)
}

/// Whether a unit is a month or a year. These have no fixed length.
pub(crate) fn is_of_a_calendar(text: &str) -> bool {
    words(text).any(|(word, is_unit)| is_unit && CALENDAR.contains(&word.to_lowercase().as_str()))
}

fn unit(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    UNITS.iter().find(|(unit, others)| *unit == word || others.contains(&word.as_str())).map(|(unit, _)| *unit)
}

/// Splits a text into words and the parts between them. The flag marks a word behind a number.
fn words(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = text;
    let mut behind_a_number = false;
    std::iter::from_fn(move || {
        let is_word = rest.chars().next()?.is_alphabetic();
        let length = rest.find(|c: char| c.is_alphabetic() != is_word).unwrap_or(rest.len());
        let (word, others) = rest.split_at(length);
        rest = others;
        let is_unit = is_word && behind_a_number;
        behind_a_number = word.trim_end().ends_with(|c: char| c.is_ascii_digit());
        Some((word, is_unit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_units_that_are_documented_are_read() {
        for (text, nanos) in [
            ("1w 2d", 777_600_000_000_000),
            ("3h", 10_800_000_000_000),
            ("4m5s", 245_000_000_000),
            ("6ms 7us 8ns", 6_007_008),
        ] {
            assert_eq!(read(text), Some(Duration::from_nanos(nanos)), "{text}");
        }
        for text in ["5M", "1y", "2months", "5min", "30secs", "1day", "7µs", "3wks", "9nanos", "5parsecs", "", "5"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_wrong_unit_is_reported_with_the_right_one() {
        for (text, fix) in [
            ("5M", "5m"),
            ("30S", "30s"),
            ("5min", "5m"),
            ("1 hour 30 Minutes", "1 h 30 m"),
            ("7µs", "7us"),
            ("factor=2, max=5M", "factor=2, max=5m"),
        ] {
            assert_eq!(suggestion(text).as_deref(), Some(fix), "{text}");
        }
        for text in ["5m", "1y", "soon", "", "5", "on", "5parsecs", "1h 2blinks"] {
            assert_eq!(suggestion(text), None, "{text}");
        }
        assert!(is_of_a_calendar("1y") && is_of_a_calendar("1d 2 Months") && !is_of_a_calendar("5M"));
    }

    #[test]
    fn what_is_shown_is_read_as_the_same() {
        let (mut nanos, mut spans) = (1_u64, vec![Duration::ZERO, Duration::from_secs(90), Duration::MAX]);
        while let Some(more) = nanos.checked_mul(7) {
            spans.push(Duration::from_nanos(nanos));
            nanos = more;
        }
        for span in spans {
            assert_eq!(read(&show(span)), Some(span), "{}", show(span));
        }
        assert_eq!(show(Duration::from_secs(90_061)), "1d 1h 1m 1s");
        assert_eq!(show(Duration::from_secs(400 * 86_400)), "400d");
    }
}
