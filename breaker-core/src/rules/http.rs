//! The rules for `http::StatusCode` and `http::Response`, and how `Retry-After` is read.

use super::http_status;
use crate::classify::Classify;
use crate::clock;
use crate::outcome::Outcome;
use crate::value::HttpStatus;
use http::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use http::{Response, StatusCode};
use std::time::{Duration, SystemTime};

impl Classify for StatusCode {
    fn classify(&self) -> Outcome {
        http_status(&self.as_u16())
    }
}

impl<B> Classify for Response<B> {
    fn classify(&self) -> Outcome {
        with_headers(self.status(), self.headers())
    }
}

impl<B> HttpStatus for Response<B> {
    fn http_status(&self) -> u16 {
        self.status().as_u16()
    }
}

/// The status, with the `Retry-After` of a failure.
pub(super) fn with_headers(status: StatusCode, headers: &HeaderMap) -> Outcome {
    match (status.classify(), retry_after(headers)) {
        (Outcome::Failure { .. }, Some(span)) => Outcome::failure_with_retry_after(span),
        (outcome, _) => outcome,
    }
}

/// In how long the service asks to be called again: the `Retry-After` of `headers`, as described [above](super#http-status-codes).
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let until = httpdate::parse_http_date(text).ok()?;
    // The service's own clock, where it tells it: ours may go wrong.
    let now = date(headers, &DATE).unwrap_or_else(|| clock::wall(clock::now()));
    Some(until.duration_since(now).unwrap_or_default())
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn after(text: &'static str) -> Option<Duration> {
        retry_after(&headers(&[(RETRY_AFTER, text), (DATE, "Sun, 06 Nov 1994 08:49:37 GMT")]))
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(after("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        for unreadable in ["", "soon", "-1", "1.5", "99999999999999999999"] {
            assert_eq!(after(unreadable), None, "{unreadable}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn without_a_date_the_present_is_asked() {
        let far = headers(&[(RETRY_AFTER, "Tue, 31 Dec 2999 23:59:59 GMT")]);
        assert!(retry_after(&far).is_some_and(|span| span > Duration::from_secs(86_400 * 365)));
    }

    #[test]
    fn retry_after_rides_along_with_a_failure_only() {
        let answer = |status| Response::builder().status(status).header(RETRY_AFTER, "7").body(()).unwrap().classify();
        assert_eq!(answer(503), Outcome::failure_with_retry_after(Duration::from_secs(7)));
        assert_eq!(answer(429), Outcome::failure_with_retry_after(Duration::from_secs(7)));
        assert_eq!(answer(404), Outcome::success());
        assert_eq!(Response::builder().status(500).body(()).unwrap().classify(), Outcome::failure());
    }
}
