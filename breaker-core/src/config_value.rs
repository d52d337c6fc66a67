//! Values: how the value of a key is read from text, and shown in a message.

use crate::config::{OnCancel, OnPanic};
use std::time::Duration;

/// A value of a key.
pub(crate) trait Value: Copy {
    /// From an environment variable or a file. Ranges are checked by the caller.
    fn read(text: &str) -> Option<Self>;
    fn show(&self) -> String;
}

impl Value for u32 {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for bool {
    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Duration {
    /// `"1m 30s"`, or a bare number of seconds, which may have a fraction.
    fn read(text: &str) -> Option<Self> {
        match text.parse::<f64>() {
            Ok(seconds) => Self::try_from_secs_f64(seconds).ok(),
            Err(_) => humantime::parse_duration(text).ok(),
        }
    }

    fn show(&self) -> String {
        humantime::format_duration(*self).to_string()
    }
}

impl Value for Option<Duration> {
    fn read(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("off") { Some(None) } else { Duration::read(text).map(Some) }
    }

    fn show(&self) -> String {
        self.map_or_else(|| "off".to_owned(), |span| span.show())
    }
}

impl Value for OnCancel {
    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "ignore" => Some(Self::Ignore),
            "failure" => Some(Self::Failure),
            _ => Duration::read(text).map(Self::After),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Ignore => "ignore".to_owned(),
            Self::Failure => "failure".to_owned(),
            Self::After(span) => span.show(),
        }
    }
}

impl Value for OnPanic {
    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "ignore" => Some(Self::Ignore),
            "failure" => Some(Self::Failure),
            _ => None,
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Ignore => "ignore".to_owned(),
            Self::Failure => "failure".to_owned(),
        }
    }
}
