//! Reads from the headers of a response in how long a service asks to be called again.

use crate::clock;
use std::time::{Duration, SystemTime};

/// In how long the service asks to be called again.
pub(super) fn asked<'h>(header: impl Fn(&'static str) -> Option<&'h str>) -> Option<Duration> {
    let text = header("retry-after")?.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let until = httpdate::parse_http_date(text).ok()?;
    // The service's own clock, where it tells it: ours may go wrong.
    let date: Option<SystemTime> = header("date").and_then(|date| httpdate::parse_http_date(date).ok());
    Some(until.duration_since(date.unwrap_or_else(|| clock::wall(clock::now()))).unwrap_or_default())
}
