//! Reads from a response's headers when an API asks for the next call.
//!
//! It knows the headers of OpenAI, Hugging Face and LiteLLM, and `Retry-After`.

use std::time::Duration;

use breaker_core::presets;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// A longer wait is a mistake of the API.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// When the API asks for the next call. The first of these headers counts: `retry-after-ms`,
/// `retry-after` (seconds or a date), `llm_provider-retry-after` (LiteLLM repeats its provider's
/// so), `ratelimit: "api";r=0;t=55`.
#[must_use]
pub fn asked(headers: &HeaderMap) -> Option<Duration> {
    let wait = millis(headers)
        .or_else(|| retry_after(headers, RETRY_AFTER.as_str()))
        .or_else(|| retry_after(headers, "llm_provider-retry-after"))
        .or_else(|| rate_limit(text(headers, "ratelimit")?));
    wait.filter(|wait| *wait <= LONGEST)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn millis(headers: &HeaderMap) -> Option<Duration> {
    let millis: f64 = text(headers, "retry-after-ms")?.parse().ok()?;
    Duration::try_from_secs_f64(millis / 1e3).ok()
}

/// `Retry-After` in the standard form, or with a fraction, as OpenAI's clients accept it.
fn retry_after(headers: &HeaderMap, name: &str) -> Option<Duration> {
    let value = headers.get(name)?;
    let mut one = HeaderMap::from_iter([(RETRY_AFTER, value.clone())]);
    one.extend(headers.get(DATE).map(|date| (DATE, date.clone())));
    let fraction = || Duration::try_from_secs_f64(value.to_str().ok()?.trim().parse().ok()?).ok();
    presets::retry_after(&one).or_else(fraction)
}

/// The longest `t` of the exhausted limits (`r=0`).
fn rate_limit(limits: &str) -> Option<Duration> {
    let number = |limit: &str, name: char| -> Option<u64> {
        limit.split(';').find_map(|part| part.trim().strip_prefix(name)?.trim().strip_prefix('=')?.trim().parse().ok())
    };
    let used_up = limits.split(',').filter(|limit| number(limit, 'r').is_none_or(|left| left == 0));
    used_up.filter_map(|limit| number(limit, 't')).max().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::asked;

    fn wait(headers: &[(&'static str, &'static str)]) -> Option<Duration> {
        let header = |(name, value): &(&'static str, &'static str)| {
            (name.parse().expect("it is a name"), value.parse().expect("it is a value"))
        };
        asked(&headers.iter().map(header).collect())
    }

    #[test]
    fn each_form_of_a_wait_is_read() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (headers, millis) in [
            (&[("retry-after", "7")][..], 7_000),
            (&[("retry-after", "1.5")], 1_500),
            (&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), date], 30_000),
            (&[("retry-after-ms", "250"), ("retry-after", "1")], 250),
            (&[("llm_provider-retry-after", "7")], 7_000),
            (&[("ratelimit", r#""api";r=0;t=55"#)], 55_000),
            (&[("ratelimit", r#""api";r=3;t=55, "day";r=0;t=90"#)], 90_000),
        ] {
            assert_eq!(wait(headers), Some(Duration::from_millis(millis)), "{headers:?}");
        }
    }

    #[test]
    fn what_is_no_wait_is_none() {
        for headers in [
            &[][..],
            &[("retry-after", "soon")],
            &[("retry-after", "-1")],
            &[("retry-after", "1e300")],
            &[("retry-after", "NaN")],
            &[("retry-after", "99999999999")],
            &[("ratelimit", r#""api";r=3;t=55"#)],
        ] {
            assert_eq!(wait(headers), None, "{headers:?}");
        }
    }
}
