//! Which duration was meant by a text that is none, or that spells its unit in a long way.

use std::time::Duration;

/// The next smaller unit, and how many of it there are.
type Smaller = Option<(&'static str, f64)>;

/// The units as they are written, and other spellings of them.
const UNITS: [(&str, Smaller, &[&str]); 8] = [
    ("w", Some(("d", 7.0)), &["week", "weeks", "wk", "wks"]),
    ("d", Some(("h", 24.0)), &["day", "days"]),
    ("h", Some(("m", 60.0)), &["hour", "hours", "hr", "hrs"]),
    ("m", Some(("s", 60.0)), &["min", "mins", "minute", "minutes"]),
    ("s", Some(("ms", 1000.0)), &["sec", "secs", "second", "seconds"]),
    ("ms", Some(("us", 1000.0)), &["msec", "msecs", "milli", "millis", "millisecond", "milliseconds"]),
    ("us", Some(("ns", 1000.0)), &["µs", "usec", "usecs", "micros", "microsecond", "microseconds"]),
    ("ns", None, &["nsec", "nanos", "nanosecond", "nanoseconds"]),
];

/// The first unit that is spelt in another way: `min`, `seconds`, `µs`; or a month or year, which no two people count alike.
pub(super) fn long_unit(written: &str) -> Option<String> {
    let units = written.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let mut long = units.filter(|unit| UNITS.iter().all(|(short, ..)| short != unit));
    long.next().map(str::to_owned)
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

/// A right spelling of the same duration: `30` is `30s`, `5min` is `5m`, `PT1M30S` is `1m 30s`.
pub(super) fn suggestion(written: &str) -> Option<String> {
    let plain = written.trim().trim_start_matches(['-', '+']).to_lowercase().replace(['_', ' '], "");
    let parts = match clock(&plain) {
        Some(parts) => parts,
        None => parts(plain.strip_prefix("pt").unwrap_or(&plain))?,
    };
    let fix = parts.into_iter().map(|(count, unit)| format!("{count}{unit}")).collect::<Vec<_>>().join(" ");
    humantime::parse_duration(&fix).is_ok().then_some(fix)
}

/// `00:01:30`
fn clock(plain: &str) -> Option<Vec<(u64, &'static str)>> {
    let counts: Vec<u64> = plain.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let units = ["h", "m", "s"];
    let parts: Vec<_> = counts.iter().copied().zip(units).filter(|(count, _)| *count > 0).collect();
    (counts.len() == 3 && !parts.is_empty()).then_some(parts)
}

/// `1h30`, `1.5s`: each number with its unit; the last one without a unit has the next smaller one.
fn parts(mut rest: &str) -> Option<Vec<(u64, &'static str)>> {
    let mut parts: Vec<(u64, &'static str)> = Vec::new();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, behind) = rest.split_at(digits);
        let letters = behind.find(|c: char| !c.is_alphabetic()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        let unit = match (unit, parts.last()) {
            ("", None) => "s",
            ("", Some((_, before))) => smaller(before)?.0,
            (unit, _) => known(unit)?,
        };
        parts.push(whole(number.parse().ok()?, unit)?);
        rest = behind;
    }
    (!parts.is_empty()).then_some(parts)
}

fn known(unit: &str) -> Option<&'static str> {
    UNITS.iter().find(|(short, _, long)| *short == unit || long.contains(&unit)).map(|(short, ..)| *short)
}

fn smaller(unit: &str) -> Smaller {
    UNITS.iter().find(|(short, ..)| *short == unit).and_then(|(_, smaller, _)| *smaller)
}

/// A count without a fraction, if need be of a smaller unit.
fn whole(count: f64, unit: &'static str) -> Option<(u64, &'static str)> {
    let near = count.round();
    if (count - near).abs() < 1e-6 {
        return format!("{near}").parse().ok().map(|count| (count, unit));
    }
    let (smaller, times) = smaller(unit)?;
    whole(count * times, smaller)
}

/// The length as the run-time half reads it, and as messages show it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_houses_write_is_understood() {
        for (written, fix) in [
            ("30", "30s"),
            ("5min", "5m"),
            ("5M", "5m"),
            ("-1s", "1s"),
            ("1.5s", "1500ms"),
            ("1.5", "1500ms"),
            ("0.5h", "30m"),
            ("30 seconds", "30s"),
            ("30 Sec", "30s"),
            ("1h30", "1h 30m"),
            ("1 hour 30 minutes", "1h 30m"),
            ("PT1M30S", "1m 30s"),
            ("00:01:30", "1m 30s"),
            ("30_000ms", "30000ms"),
            ("100 millis", "100ms"),
            ("7µs", "7us"),
        ] {
            assert_eq!(suggestion(written).as_deref(), Some(fix), "{written}");
        }
    }

    #[test]
    fn a_guess_is_a_duration_or_none() {
        for written in
            ["", "soon", "1e400", "1:30", "s", "30 blinks", "99999999999999999999s", "1y", "off", "--", "1..2s"]
        {
            assert_eq!(suggestion(written), None, "{written}");
        }
    }

    #[test]
    fn only_short_units_are_not_spelt_out() {
        for written in ["1w 2d", "3h", "4m", "5s 6ms", "7us", "8ns"] {
            assert_eq!(long_unit(written), None, "{written}");
        }
        for (written, unit) in
            [("5min", "min"), ("1m 30secs", "secs"), ("1M", "M"), ("7µs", "µs"), ("2 years", "years")]
        {
            assert_eq!(long_unit(written).as_deref(), Some(unit));
        }
    }
}
