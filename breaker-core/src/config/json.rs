//! JSON: how snapshots are shaped when serialised. Durations are whole milliseconds under a key that ends in `_ms`, times are
//! RFC 3339 in UTC.

use crate::breaker::snapshot::{LastError, Snapshot, WindowCounts, millis};
use crate::config::keys::{OnCancel, OnPanic, Settings, Source};
use crate::config::types::{Backoff, PerFunction, Window};
use crate::machine::state::State;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::time::{Duration, SystemTime};

/// A setting's value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Flag(bool),
    Number(u32),
    /// `None`: off.
    Millis(Option<u64>),
    Word(&'static str),
    /// `None`: off.
    Share(Option<f64>),
    /// `None`: off.
    Count(Option<u32>),
    /// `None`: off.
    Backoff(Option<Pace>),
}

/// A backoff as it is shown.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct Pace {
    factor: f64,
    max_ms: u64,
    jitter: f64,
}

/// A type that a setting has.
pub(crate) trait Shape {
    fn json(&self) -> Json;
}

impl Shape for u32 {
    fn json(&self) -> Json {
        Json::Number(*self)
    }
}

impl Shape for bool {
    fn json(&self) -> Json {
        Json::Flag(*self)
    }
}

impl Shape for Duration {
    fn json(&self) -> Json {
        Json::Millis(Some(millis(*self)))
    }
}

impl Shape for Option<Duration> {
    fn json(&self) -> Json {
        Json::Millis(self.map(millis))
    }
}

impl Shape for f64 {
    fn json(&self) -> Json {
        Json::Share(Some(*self))
    }
}

impl Shape for Option<f64> {
    fn json(&self) -> Json {
        Json::Share(*self)
    }
}

impl Shape for Option<u32> {
    fn json(&self) -> Json {
        Json::Count(*self)
    }
}

/// Each function's own is null.
impl Shape for PerFunction<u32> {
    fn json(&self) -> Json {
        match self {
            Self::Own => Json::Count(None),
            Self::All(count) => Json::Count(Some(*count)),
        }
    }
}

impl Shape for PerFunction<Duration> {
    fn json(&self) -> Json {
        match self {
            Self::Own => Json::Millis(None),
            Self::All(span) => span.json(),
        }
    }
}

impl Shape for Window {
    fn json(&self) -> Json {
        match self {
            Self::Calls(calls) => Json::Number(*calls),
            Self::Time(span) => span.json(),
        }
    }
}

impl Shape for Option<Backoff> {
    fn json(&self) -> Json {
        Json::Backoff(self.map(|Backoff { factor, max, jitter }| Pace { factor, max_ms: millis(max), jitter }))
    }
}

impl Shape for OnCancel {
    fn json(&self) -> Json {
        match self {
            Self::Ignore => Json::Word("ignore"),
            Self::Failure => Json::Word("failure"),
            Self::After(span) => span.json(),
        }
    }
}

impl Shape for OnPanic {
    fn json(&self) -> Json {
        match self {
            Self::Ignore => Json::Word("ignore"),
            Self::Failure => Json::Word("failure"),
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

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

/// A snapshot without settings, for one of many.
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
            Json::Word(word) => map.serialize_entry(key, word)?,
            Json::Share(share) => map.serialize_entry(key, &share)?,
            Json::Count(count) => map.serialize_entry(key, &count)?,
            Json::Backoff(pace) => map.serialize_entry(key, &pace)?,
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
