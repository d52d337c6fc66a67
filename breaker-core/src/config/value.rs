//! Reads the value of a key from text, and shows it in a message.

use crate::config::duration;
use crate::config::types::{Backoff, OnCancel, OnPanic, PerFunction, Window};
use std::time::Duration;

/// A value of a key.
pub(crate) trait Value: Copy {
    /// Reads an environment variable or a value of a file. The caller checks ranges.
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
            Err(_) => duration::read(text),
        }
    }

    fn show(&self) -> String {
        duration::show(*self)
    }
}

impl Value for f64 {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// Reads `off` as `None`.
impl<T: Value> Value for Option<T> {
    fn read(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("off") { Some(None) } else { T::read(text).map(Some) }
    }

    fn show(&self) -> String {
        self.map_or_else(|| "off".to_owned(), |value| value.show())
    }
}

/// Reads `own` as each function's own value.
impl<T: Value> Value for PerFunction<T> {
    fn read(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("own") { Some(Self::Own) } else { T::read(text).map(Self::All) }
    }

    fn show(&self) -> String {
        match self {
            Self::Own => "own".to_owned(),
            Self::All(value) => value.show(),
        }
    }
}

impl Value for Window {
    /// A bare number is a number of calls. The word may follow: `"100 calls"`.
    fn read(text: &str) -> Option<Self> {
        match text.strip_suffix("calls").or(text.strip_suffix("call")).unwrap_or(text).trim_end().parse::<u32>() {
            Ok(calls) => Some(Self::Calls(calls)),
            Err(_) => duration::read(text).map(Self::Time),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Calls(1) => "1 call".to_owned(),
            Self::Calls(calls) => format!("{calls} calls"),
            Self::Time(span) => span.show(),
        }
    }
}

impl Value for Backoff {
    /// `"on"`, or the values that differ from the defaults: `"factor=1.5, max=5m"`.
    fn read(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("on") {
            return Some(Self::new());
        }
        let mut names = Vec::new();
        text.split(',').try_fold(Self::new(), |backoff, part| {
            let (name, value) = part.split_once('=')?;
            let (name, value) = (name.trim(), value.trim());
            if names.contains(&name) {
                return None;
            }
            names.push(name);
            match name {
                "factor" => f64::read(value).map(|factor| backoff.factor(factor)),
                "max" => Duration::read(value).map(|max| backoff.max(max)),
                "jitter" => f64::read(value).map(|jitter| backoff.jitter(jitter)),
                _ => None,
            }
        })
    }

    fn show(&self) -> String {
        format!("factor={}, max={}, jitter={}", self.factor, self.max.show(), self.jitter)
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
