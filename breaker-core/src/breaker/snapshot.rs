//! Shows a breaker and a whole process: snapshots and health.

use crate::breaker::handle::CircuitBreaker;
use crate::breaker::inner::ColdState;
use crate::breaker::keyed::worst::Worst;
#[cfg(feature = "serde")]
use crate::breaker::snapshot_json;
use crate::clock;
use crate::config::keys::Settings;
use crate::config::types::Source;
use crate::machine::state::State;
use crate::machine::trip::WindowTotals;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// A breaker at one moment. Counts are totals since the start or the last `reset`; those of a
/// function with `key = ..` are the totals of all keys.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(remote = "Self"))]
#[non_exhaustive]
pub struct Snapshot {
    /// The breaker's name.
    pub name: String,
    /// The name that logs and metrics show.
    pub label: String,
    /// Its state.
    pub state: State,
    /// `false` while open, forced open or half-open.
    pub healthy: bool,
    /// `false` while disabled.
    pub enabled: bool,
    /// Calls that counted as failures, including late ones, panics and timeouts.
    pub failure_count: u64,
    /// Calls that proved that the service answers.
    pub success_count: u64,
    /// Calls that were rejected.
    pub rejected_count: u64,
    /// Calls that were rejected for lack of a place (`max_concurrent`). `rejected_count` does not
    /// include them.
    pub busy_count: u64,
    /// How many calls in flight hold a place; `None` without a `max_concurrent`.
    pub under_way: Option<u32>,
    /// Calls that would have been rejected if the breaker had not been in shadow.
    pub shadow_rejected_count: u64,
    /// Calls whose result proved nothing.
    pub ignored_count: u64,
    /// Calls that were dropped before they had a result, and did not count as failures.
    pub cancelled_count: u64,
    /// The current number of consecutive failures.
    pub consecutive_failures: u32,
    /// When a call last counted against the service.
    #[cfg_attr(feature = "serde", serde(serialize_with = "snapshot_json::maybe_time"))]
    pub last_failure_time: Option<SystemTime>,
    /// The first error of the last consecutive failures, or the one that opened the breaker. Where
    /// a rule evaluates a window, and for a trial of several probes, it is the last error. Of runs
    /// of failures that begin within 4 ms, the first one has its error shown.
    pub last_error: Option<LastError>,
    /// Which rule opened it, with its numbers; `None` while it is closed, and when it was opened
    /// manually.
    pub opened_because: Option<String>,
    /// When it entered its state.
    #[cfg_attr(feature = "serde", serde(serialize_with = "snapshot_json::time"))]
    pub state_changed_at: SystemTime,
    /// The time after which a call may be admitted again, where that is known.
    #[cfg_attr(feature = "serde", serde(rename = "retry_after_ms", serialize_with = "snapshot_json::maybe_millis"))]
    pub retry_after: Option<Duration>,
    /// The calls in the window, while a rule evaluates one. For an open breaker, the calls at the
    /// moment when it opened.
    pub window: Option<WindowCounts>,
    /// The share of calls that is admitted during a `ramp`, from 0 to 1; `None` when there is none.
    pub ramp_share: Option<f64>,
    /// The settings in force.
    #[cfg_attr(feature = "serde", serde(serialize_with = "snapshot_json::settings", rename = "config"))]
    pub settings: Settings,
    /// The source of each setting, by key.
    #[cfg_attr(feature = "serde", serde(serialize_with = "snapshot_json::sources", rename = "config_sources"))]
    pub setting_sources: Vec<(&'static str, Source)>,
    /// Omits the two fields above from JSON, where a parent shown beside it has the same.
    #[cfg(feature = "serde")]
    #[serde(skip)]
    pub(crate) brief: bool,
}

/// The calls in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct WindowCounts {
    /// The number of calls. Ignored calls are not included. Dropped ones are included only if they
    /// were slow.
    pub calls: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Those of them that were slow.
    pub slow: u64,
}

/// The last error of a breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LastError {
    /// Its type; `timeout`, `panic` or `cancelled` where there was no error value.
    #[cfg_attr(feature = "serde", serde(rename = "type"))]
    pub kind: &'static str,
    /// The first 256 bytes of its text, where it has one, with the texts of the errors behind it
    /// that it does not contain.
    pub message: Option<String>,
}

/// All breakers of a registry at one moment.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Health {
    /// Whether every critical breaker is healthy, including those that are left out.
    pub status: Status,
    /// When this was read.
    #[cfg_attr(feature = "serde", serde(serialize_with = "snapshot_json::time"))]
    pub timestamp: SystemTime,
    /// Those of `circuit_breakers` that are critical, and open, forced open or half-open.
    pub critical_circuits_open: Vec<String>,
    /// The breakers by name. Of keyed breakers it has only the worst unhealthy ones: critical ones
    /// first, then open ones before half-open ones. Within these it prefers those with the most
    /// rejected calls. [`Registry::health`](crate::Registry::health) has 100 of them, or fewer
    /// where their names and errors have more than 1 KiB each.
    ///
    /// In JSON a keyed breaker has no `config` and `config_sources` where these are those of its
    /// parent.
    pub circuit_breakers: BTreeMap<String, Snapshot>,
    /// How many more keyed breakers are unhealthy. The field's name is that of the JSON.
    pub values_left_out: usize,
}

/// The health of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Status {
    /// Every critical breaker is healthy.
    Healthy,
    /// A critical breaker is open, forced open or half-open.
    Degraded,
}

impl CircuitBreaker {
    /// The [snapshot](Self::snapshot) of a keyed breaker that is shown beside its parent.
    fn brief_snapshot(&self) -> Snapshot {
        Snapshot {
            #[cfg(feature = "serde")]
            brief: self.follows(),
            ..self.snapshot()
        }
    }

    /// What the breaker shows of itself now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let reading = self.read();
        let last_error = self.0.initialized().and_then(|cold| cold.kept_error.lock().last_error());
        let keyed_totals = self.keyed_totals();
        Snapshot {
            name: self.name().to_owned(),
            label: self.label(),
            state: reading.state,
            healthy: reading.state.is_healthy(),
            enabled: reading.state != State::Disabled,
            failure_count: reading.counts.failures + keyed_totals.failures,
            success_count: self.successes() + keyed_totals.successes,
            rejected_count: self.rejections() + keyed_totals.rejected,
            busy_count: self.0.initialized().map_or(0, ColdState::busy_count) + keyed_totals.busy,
            under_way: reading.settings.max_concurrent.map(|_| self.0.gate.places_held() + keyed_totals.under_way),
            shadow_rejected_count: reading.counts.shadow_rejected,
            ignored_count: reading.counts.ignored + keyed_totals.ignored,
            cancelled_count: reading.counts.cancelled + keyed_totals.cancelled,
            consecutive_failures: reading.consecutive_failures,
            last_failure_time: reading.last_failure.map(clock::wall),
            last_error: last_error.map(|(kind, message)| LastError { kind, message }),
            opened_because: reading.trip.map(|trip| self.0.kept_error.lock().because(trip)),
            state_changed_at: clock::wall(reading.since),
            retry_after: reading.retry_after,
            window: reading.window.map(|WindowTotals { calls, failed, slow }| WindowCounts {
                calls,
                failures: failed,
                slow,
            }),
            ramp_share: reading.ramp_share,
            settings: reading.settings,
            setting_sources: self.setting_sources(),
            #[cfg(feature = "serde")]
            brief: false,
        }
    }
}

impl Health {
    /// With at most `values` keyed breakers.
    pub(crate) fn of(breakers: &[CircuitBreaker], values: usize) -> Self {
        let mut worst = Worst::new(values);
        breakers.iter().for_each(|breaker| worst.add(breaker));
        let (unhealthy, critical) = (worst.count(), worst.critical());
        let values = worst_snapshots(worst, values);
        let values_left_out = unhealthy - values.len();
        let parents = breakers.iter().map(CircuitBreaker::snapshot);
        let circuit_breakers: BTreeMap<_, _> =
            parents.chain(values).map(|snapshot| (snapshot.name.clone(), snapshot)).collect();
        let open = |snapshot: &&Snapshot| snapshot.settings.critical && !snapshot.healthy;
        let critical_circuits_open: Vec<_> =
            circuit_breakers.values().filter(open).map(|snapshot| snapshot.name.clone()).collect();
        let degraded = !critical_circuits_open.is_empty() || critical > 0;
        let status = if degraded { Status::Degraded } else { Status::Healthy };
        Self { status, timestamp: SystemTime::now(), critical_circuits_open, circuit_breakers, values_left_out }
    }
}

/// As many of the keyed breakers as fit into `most` KiB of text, the worst first.
fn worst_snapshots(worst: Worst, most: usize) -> Vec<Snapshot> {
    let mut capacity = most.saturating_mul(1024);
    let mut fits = |snapshot: &Snapshot| {
        let left = capacity.checked_sub(snapshot.texts());
        capacity = left.unwrap_or(0);
        left.is_some()
    };
    worst.breakers().map(|value| value.brief_snapshot()).take_while(|one| fits(one)).collect()
}

impl Snapshot {
    /// How many bytes its texts have in the JSON of health. The name appears there as a key, as
    /// `name`, as `label`, and once more if it is critical.
    fn texts(&self) -> usize {
        let json = |text: &str| text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        let message = self.last_error.as_ref().and_then(|error| error.message.as_deref());
        4 * json(&self.name)
            + json(message.unwrap_or_default())
            + json(self.opened_because.as_deref().unwrap_or_default())
    }
}
