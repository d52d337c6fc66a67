//! Describes a breaker for the page, with bounded names and texts.

use super::history::{BreakerHistory, FallbackSource, Transition};
use super::text::{millis, truncated, unix_millis, wire_name};
use breaker_core::Snapshot;
use serde::Serialize;
use std::sync::Arc;
use std::time::SystemTime;

/// Times that differ by less than this are the same, in milliseconds.
///
/// Each snapshot computes them again, with the error of the clocks.
const CLOCK_ERROR: u64 = 500;

/// A point of the chart: `[time, success, failure, rejected, fallback, busy]`.
///
/// It has the counts of the step that ended at that time.
pub(crate) type Point = [u64; 6];

/// A breaker without its chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct BreakerView {
    pub(crate) name: String,
    label: String,
    shown_as: String,
    state: &'static str,
    pub(crate) critical: bool,
    pub(crate) healthy: bool,
    enabled: bool,
    key: bool,
    state_changed_at: u64,
    retry_at: Option<u64>,
    opened_because: Option<String>,
    last_error: Option<ErrorView>,
    last_failure_at: Option<u64>,
    counts: Counts,
    consecutive_failures: u32,
    /// `None` if the rule is off.
    fail_max: Option<u32>,
    /// The slots in use and their maximum (`max_concurrent`); `None` without that limit.
    places: Option<(u32, u32)>,
    window: Option<breaker_core::WindowCounts>,
    ramp_share: Option<f64>,
    fallbacks: Vec<FallbackSource>,
    failed_fallbacks: Vec<FallbackSource>,
    /// `None` if they are as in the event before.
    #[serde(skip_serializing_if = "Option::is_none")]
    transitions: Option<Arc<[Transition]>>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct ErrorView {
    r#type: String,
    message: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Counts {
    pub(crate) success: u64,
    pub(crate) failure: u64,
    pub(crate) rejected: u64,
    pub(crate) busy: u64,
    ignored: u64,
    cancelled: u64,
    shadow_rejected: u64,
}

/// A breaker with points of its chart.
#[derive(Debug, Serialize)]
pub(crate) struct ChartedView<'a> {
    #[serde(flatten)]
    pub(crate) view: &'a BreakerView,
    pub(crate) points: Vec<Point>,
}

impl BreakerView {
    /// `key` says whether this is the parent of keyed breakers.
    pub(crate) fn new(snapshot: &Snapshot, key: bool, history: &BreakerHistory, now: SystemTime) -> Self {
        let error = snapshot.last_error.as_ref();
        Self {
            name: wire_name(&snapshot.name).into_owned(),
            label: truncated(&snapshot.label),
            shown_as: truncated(&snapshot.label),
            state: snapshot.state.as_str(),
            critical: snapshot.settings.critical,
            healthy: snapshot.healthy,
            enabled: snapshot.enabled,
            key,
            state_changed_at: unix_millis(snapshot.state_changed_at),
            retry_at: snapshot.retry_after.map(|wait| unix_millis(now).saturating_add(millis(wait))),
            opened_because: snapshot.opened_because.as_deref().map(truncated),
            last_error: error.map(|error| ErrorView {
                r#type: truncated(error.kind),
                message: error.message.as_deref().map(truncated),
            }),
            last_failure_at: snapshot.last_failure_time.map(unix_millis),
            counts: Counts {
                success: snapshot.success_count,
                failure: snapshot.failure_count,
                rejected: snapshot.rejected_count,
                busy: snapshot.busy_count,
                ignored: snapshot.ignored_count,
                cancelled: snapshot.cancelled_count,
                shadow_rejected: snapshot.shadow_rejected_count,
            },
            consecutive_failures: snapshot.consecutive_failures,
            fail_max: snapshot.settings.fail_max,
            places: snapshot.under_way.zip(snapshot.settings.max_concurrent),
            window: snapshot.window,
            ramp_share: snapshot.ramp_share,
            fallbacks: history.fallbacks.clone(),
            failed_fallbacks: history.failed_fallbacks.clone(),
            transitions: Some(Arc::clone(&history.transitions)),
        }
    }

    /// Keeps the times of `before` that differ by the error of the clocks only.
    pub(crate) fn keep_times(&mut self, before: &Self) {
        let same = |now: u64, before: u64| if now.abs_diff(before) < CLOCK_ERROR { before } else { now };
        let both =
            |now: Option<u64>, before: Option<u64>| now.map(|now| before.map_or(now, |before| same(now, before)));
        self.state_changed_at = same(self.state_changed_at, before.state_changed_at);
        self.retry_at = both(self.retry_at, before.retry_at);
        // Another failure has another time, however soon it follows.
        if self.counts.failure == before.counts.failure {
            self.last_failure_at = both(self.last_failure_at, before.last_failure_at);
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// How many fallbacks have answered since the process started.
    pub(crate) fn fallback_count(&self) -> u64 {
        self.fallbacks.iter().map(|source| source.times).sum()
    }

    /// A copy without the transitions, if they are as in `before`.
    pub(crate) fn without_unchanged(&self, before: Option<&Self>) -> Self {
        let same = before.is_some_and(|before| before.transitions == self.transitions);
        if same { self.clone().without_transitions() } else { self.clone() }
    }

    pub(crate) fn without_transitions(self) -> Self {
        Self { transitions: None, ..self }
    }
}
