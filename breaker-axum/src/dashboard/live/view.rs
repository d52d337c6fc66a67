//! Shown: a breaker as the page gets it. Names and texts are anybody's: what is too long is cut, and JSON escapes the rest.

use super::health_checks::start;
use super::history::{Past, Source, Transition};
use breaker_core::Snapshot;
use serde::Serialize;
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longer names and texts are cut, in bytes.
pub(crate) const LONGEST: usize = 256;

/// Times that are computed anew with each look differ by the clock's own error; what differs by less is the same.
const SAME_TIME: u64 = 500;

/// `[time, success, failure, rejected, fallback, busy]`: what happened in the step that ended then.
pub(crate) type Point = [u64; 6];

/// A breaker, without its chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Shown {
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
    last_error: Option<ShownError>,
    last_failure_at: Option<u64>,
    counts: Counts,
    consecutive_failures: u32,
    /// `None`: off.
    fail_max: Option<u32>,
    /// How many calls hold a place, of how many; `None`: there is no limit.
    places: Option<(u32, u32)>,
    window: Option<breaker_core::WindowCounts>,
    ramp_share: Option<f64>,
    fallbacks: Vec<Source>,
    failed_fallbacks: Vec<Source>,
    /// Left out where they are as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    transitions: Option<Arc<[Transition]>>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct ShownError {
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

/// A breaker with some of its chart.
#[derive(Debug, Serialize)]
pub(crate) struct Charted<'a> {
    #[serde(flatten)]
    pub(crate) shown: &'a Shown,
    pub(crate) points: Vec<Point>,
}

impl Shown {
    /// `key`: it stands for the values of a key.
    pub(crate) fn new(snapshot: &Snapshot, key: bool, past: &Past, now: SystemTime) -> Self {
        let error = snapshot.last_error.as_ref();
        Self {
            name: wire_name(&snapshot.name).into_owned(),
            label: cut(&snapshot.label),
            shown_as: cut(&snapshot.label),
            state: snapshot.state.as_str(),
            critical: snapshot.config.critical,
            healthy: snapshot.healthy,
            enabled: snapshot.enabled,
            key,
            state_changed_at: millis(snapshot.state_changed_at),
            retry_at: snapshot.retry_after.map(|wait| millis(now).saturating_add(whole_millis(wait))),
            opened_because: snapshot.opened_because.as_deref().map(cut),
            last_error: error
                .map(|error| ShownError { r#type: cut(error.kind), message: error.message.as_deref().map(cut) }),
            last_failure_at: snapshot.last_failure_time.map(millis),
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
            fail_max: snapshot.config.fail_max,
            places: snapshot.under_way.zip(snapshot.config.max_concurrent),
            window: snapshot.window,
            ramp_share: snapshot.ramp_share,
            fallbacks: past.fallbacks.clone(),
            failed_fallbacks: past.failed.clone(),
            transitions: Some(Arc::clone(&past.transitions)),
        }
    }

    /// Takes over the times of what was shown before, where they are the same but for the clock's error.
    pub(crate) fn steady(&mut self, before: &Self) {
        let same = |now: u64, before: u64| if now.abs_diff(before) < SAME_TIME { before } else { now };
        let both =
            |now: Option<u64>, before: Option<u64>| now.map(|now| before.map_or(now, |before| same(now, before)));
        self.state_changed_at = same(self.state_changed_at, before.state_changed_at);
        self.retry_at = both(self.retry_at, before.retry_at);
        // A failure that follows soon is another one.
        if self.counts.failure == before.counts.failure {
            self.last_failure_at = both(self.last_failure_at, before.last_failure_at);
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// How many fallbacks have answered since the start.
    pub(crate) fn served(&self) -> u64 {
        self.fallbacks.iter().map(|one| one.times).sum()
    }

    /// The same without what has not changed since `before`.
    pub(crate) fn since(&self, before: Option<&Self>) -> Self {
        let same = before.is_some_and(|before| before.transitions == self.transitions);
        if same { self.clone().without_transitions() } else { self.clone() }
    }

    pub(crate) fn without_transitions(self) -> Self {
        Self { transitions: None, ..self }
    }
}

/// The name by which the page and the server call a breaker: its name, or the start of a long one with a sign of the whole.
pub(crate) fn wire_name(name: &str) -> Cow<'_, str> {
    if name.len() <= LONGEST {
        return Cow::Borrowed(name);
    }
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    Cow::Owned(format!("{}…#{:016x}", start(name, LONGEST), hasher.finish()))
}

/// A text without what is too long.
pub(crate) fn cut(text: &str) -> String {
    match start(text, LONGEST) {
        whole if whole.len() == text.len() => text.to_owned(),
        start => format!("{start}…"),
    }
}

/// Milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> u64 {
    whole_millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn whole_millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
