//! Shortens names and texts for the page, and writes times for it.

use super::super::text::{prefix, shortened};
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many bytes of a name or a text the page gets.
pub(super) const MAX_TEXT: usize = 256;

/// The name of a breaker on the page. A long name is its prefix with a hash of the whole name.
pub(super) fn wire_name(name: &str) -> Cow<'_, str> {
    if name.len() <= MAX_TEXT {
        return Cow::Borrowed(name);
    }
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    Cow::Owned(format!("{}…#{:016x}", prefix(name, MAX_TEXT), hasher.finish()))
}

/// A text, shortened for the page.
pub(super) fn truncated(text: &str) -> String {
    shortened(text, MAX_TEXT)
}

/// Milliseconds since 1970.
pub(super) fn unix_millis(time: SystemTime) -> u64 {
    millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// Whole milliseconds.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Whole seconds, rounded up.
pub(super) fn seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}
