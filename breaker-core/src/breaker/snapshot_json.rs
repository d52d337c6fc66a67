//! Serialises snapshots.
//!
//! Durations are whole milliseconds under a key that ends in `_ms`, times are RFC 3339 in UTC.

use crate::breaker::snapshot::{LastError, Snapshot, WindowCounts};
use crate::clock::millis;
use crate::config::json::Json;
use crate::config::keys::Settings;
use crate::config::types::Source;
use crate::machine::state::State;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::time::{Duration, SystemTime};

pub(crate) fn time<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*time))
}

pub(crate) fn maybe_time<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => time(at, serializer),
        None => serializer.serialize_none(),
    }
}

pub(crate) fn maybe_millis<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(millis).serialize(serializer)
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.brief { Brief::serialize(self, serializer) } else { Self::serialize(self, serializer) }
    }
}

/// A snapshot without settings, for a keyed breaker beside its parent.
#[derive(serde::Serialize)]
#[serde(remote = "Snapshot")]
struct Brief {
    name: String,
    label: String,
    state: State,
    healthy: bool,
    enabled: bool,
    failure_count: u64,
    success_count: u64,
    rejected_count: u64,
    busy_count: u64,
    under_way: Option<u32>,
    shadow_rejected_count: u64,
    ignored_count: u64,
    cancelled_count: u64,
    consecutive_failures: u32,
    #[serde(serialize_with = "maybe_time")]
    last_failure_time: Option<SystemTime>,
    last_error: Option<LastError>,
    opened_because: Option<String>,
    #[serde(serialize_with = "time")]
    state_changed_at: SystemTime,
    #[serde(rename = "retry_after_ms", serialize_with = "maybe_millis")]
    retry_after: Option<Duration>,
    window: Option<WindowCounts>,
    ramp_share: Option<f64>,
}

pub(crate) fn settings<S: Serializer>(settings: &Settings, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (key, value) in settings.entries() {
        match value {
            Json::Flag(flag) => map.serialize_entry(key, &flag)?,
            Json::Number(number) => map.serialize_entry(key, &number)?,
            Json::Millis(millis) => map.serialize_entry(&format!("{key}_ms"), &millis)?,
            Json::Text(word) => map.serialize_entry(key, word)?,
            Json::Share(share) => map.serialize_entry(key, &share)?,
            Json::Count(count) => map.serialize_entry(key, &count)?,
            Json::Backoff(backoff) => map.serialize_entry(key, &backoff)?,
        }
    }
    map.end()
}

pub(crate) fn maybe_source<S: Serializer>(source: &Option<Source>, serializer: S) -> Result<S::Ok, S::Error> {
    source.as_ref().map(Source::to_string).serialize(serializer)
}

pub(crate) fn sources<S: Serializer>(sources: &[(&'static str, Source)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(sources.iter().map(|(key, source)| (key, source.to_string())))
}
