//! Publishes the settings of calls and retries, so that calls read them without a lock.
//!
//! A breaker and a function may both set a key. The higher source wins.

use crate::config::keys::Config;
use crate::config::ranked::{Cell, Rank, Ranked};
use crate::config::types::PerFunction;
use std::time::Duration;

/// The value of each key, with the rank of its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallSettings {
    /// The time limit of a call.
    pub(crate) timeout: Ranked,
    /// [`OFF`], or another number. It decides whether failures are retried.
    #[cfg_attr(not(feature = "retry"), allow(dead_code, reason = "only a `#[retry]` asks"))]
    pub(crate) retry: Ranked,
    #[cfg_attr(not(feature = "retry"), allow(dead_code, reason = "only a `#[retry]` asks"))]
    pub(crate) attempts: Ranked,
    #[cfg_attr(not(feature = "retry"), allow(dead_code, reason = "only a `#[retry]` asks"))]
    pub(crate) min: Ranked,
    #[cfg_attr(not(feature = "retry"), allow(dead_code, reason = "only a `#[retry]` asks"))]
    pub(crate) max: Ranked,
    #[cfg_attr(not(feature = "retry"), allow(dead_code, reason = "only a `#[retry]` asks"))]
    pub(crate) total: Ranked,
}

/// The number for `retry = false`.
pub(crate) const OFF: u64 = 1;
const ON: u64 = 2;

impl CallSettings {
    /// Merges these sources. The first one is the highest.
    pub(crate) fn of(sources: &[(Rank, &Config)]) -> Self {
        let first = |pick: fn(Rank, &Config) -> Option<Ranked>| {
            sources.iter().find_map(|(rank, config)| pick(*rank, config)).unwrap_or_default()
        };
        Self {
            timeout: first(|rank, config| config.timeout.map(|limit| Ranked::span(rank, limit))),
            retry: first(|rank, config| config.retry.map(|on| Ranked::new(rank, if on { ON } else { OFF }))),
            attempts: first(|rank, config| {
                config.retry_attempts.map(|attempts| of_all(attempts, |n| Ranked::new(rank, n.into())))
            }),
            min: first(|rank, config| config.retry_min.map(|span| all_spans(span, rank))),
            max: first(|rank, config| config.retry_max.map(|span| all_spans(span, rank))),
            total: first(|rank, config| config.retry_total.map(|span| all_spans(span, rank))),
        }
    }

    /// The values in force of these settings and `other`.
    #[cfg(feature = "retry")]
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            timeout: self.timeout.max(other.timeout),
            retry: self.retry.max(other.retry),
            attempts: self.attempts.max(other.attempts),
            min: self.min.max(other.min),
            max: self.max.max(other.max),
            total: self.total.max(other.total),
        }
    }
}

/// Sets nothing where each function has its own value.
fn of_all<T>(value: PerFunction<T>, ranked: impl FnOnce(T) -> Ranked) -> Ranked {
    match value {
        PerFunction::Own => Ranked::NOTHING,
        PerFunction::All(value) => ranked(value),
    }
}

fn all_spans(value: PerFunction<Duration>, rank: Rank) -> Ranked {
    of_all(value, |span| Ranked::span(rank, Some(span)))
}

/// The same settings, in a form that can change while calls read them.
#[derive(Debug, Default)]
pub(crate) struct PublishedCallSettings {
    timeout: Cell,
    retry: Cell,
    attempts: Cell,
    min: Cell,
    max: Cell,
    total: Cell,
}

impl PublishedCallSettings {
    pub(crate) fn set(&self, call_settings: CallSettings) {
        self.timeout.set(call_settings.timeout);
        self.retry.set(call_settings.retry);
        self.attempts.set(call_settings.attempts);
        self.min.set(call_settings.min);
        self.max.set(call_settings.max);
        self.total.set(call_settings.total);
    }

    /// The time limit alone, because more calls need it than the other settings.
    pub(crate) fn timeout(&self) -> Ranked {
        self.timeout.get()
    }

    #[cfg(feature = "retry")]
    pub(crate) fn get(&self) -> CallSettings {
        CallSettings {
            timeout: self.timeout.get(),
            retry: self.retry.get(),
            attempts: self.attempts.get(),
            min: self.min.get(),
            max: self.max.get(),
            total: self.total.get(),
        }
    }
}
