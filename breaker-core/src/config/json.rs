//! Converts settings to their JSON form. Durations are whole milliseconds.

use crate::clock::millis;
use crate::config::types::{Backoff, OnCancel, OnPanic, PerFunction, Window};
use std::time::Duration;

/// The value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Flag(bool),
    Number(u32),
    /// `None`: off.
    Millis(Option<u64>),
    Text(&'static str),
    /// `None`: off.
    Share(Option<f64>),
    /// `None`: off.
    Count(Option<u32>),
    /// `None`: off.
    Backoff(Option<BackoffJson>),
}

/// A backoff in its JSON form.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct BackoffJson {
    factor: f64,
    max_ms: u64,
    jitter: f64,
}

/// A type of setting that has a JSON form.
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

/// `Own` is null.
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
        Json::Backoff(self.map(|Backoff { factor, max, jitter }| BackoffJson { factor, max_ms: millis(max), jitter }))
    }
}

impl Shape for OnCancel {
    fn json(&self) -> Json {
        match self {
            Self::Ignore => Json::Text("ignore"),
            Self::Failure => Json::Text("failure"),
            Self::After(span) => span.json(),
        }
    }
}

impl Shape for OnPanic {
    fn json(&self) -> Json {
        match self {
            Self::Ignore => Json::Text("ignore"),
            Self::Failure => Json::Text("failure"),
        }
    }
}
