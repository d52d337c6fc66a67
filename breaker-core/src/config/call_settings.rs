//! The settings of calls and retries, which calls read without a lock. Of what a breaker and a
//! function say, the higher source is in force.

use crate::config::keys::Config;
use crate::config::ranked::{Cell, Rank, Ranked};
use crate::config::types::PerFunction;
use std::time::Duration;

/// What is said of each key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallSettings {
    /// The time limit of a call.
    pub(crate) timeout: Ranked,
    /// [`OFF`], or another number: whether failures are tried again.
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

/// That of a `retry` that is `false`.
pub(crate) const OFF: u64 = 1;
const ON: u64 = 2;

impl CallSettings {
    /// What these places say together, of which the first one is the highest.
    pub(crate) fn of(places: &[(Rank, &Config)]) -> Self {
        let first = |pick: fn(Rank, &Config) -> Option<Ranked>| {
            places.iter().find_map(|(rank, config)| pick(*rank, config)).unwrap_or_default()
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

    /// What is in force of this and `other`.
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

/// Where each function has its own, nothing is said for all.
fn of_all<T>(value: PerFunction<T>, ranked: impl FnOnce(T) -> Ranked) -> Ranked {
    match value {
        PerFunction::Own => Ranked::NOTHING,
        PerFunction::All(value) => ranked(value),
    }
}

fn all_spans(value: PerFunction<Duration>, rank: Rank) -> Ranked {
    of_all(value, |span| Ranked::span(rank, Some(span)))
}

/// The same where it can change while calls read it.
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

    /// The time limit alone, which more calls need than the rest.
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
