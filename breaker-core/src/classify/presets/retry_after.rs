//! Reads from the headers of a response after what time a service requests to be called again.

use crate::clock;
use std::time::{Duration, SystemTime};

/// After what time the service requests to be called again.
pub(super) fn requested<'h>(header: impl Fn(&'static str) -> Option<&'h str>) -> Option<Duration> {
    let text = header("retry-after")?.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let until = httpdate::parse_http_date(text).ok()?;
    // The service's own clock, where the response has it: this machine's clock may be wrong.
    let date: Option<SystemTime> = header("date").and_then(|date| httpdate::parse_http_date(date).ok());
    Some(until.duration_since(date.unwrap_or_else(|| clock::wall(clock::now()))).unwrap_or_default())
}
