//! Handles: what a recorder gives to count one breaker with.

use super::names::{self, describe};
use crate::sync::Mutex;
use ::metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, SharedString, with_recorder};
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Asked for once, so that a call looks up nothing.
pub(super) struct Handles {
    pub(super) state: Gauge,
    pub(super) critical: Gauge,
    pub(super) members_unhealthy: Gauge,
    pub(super) successes: Counter,
    pub(super) failed: Counter,
    pub(super) ignored: Counter,
    pub(super) cancelled: Counter,
    pub(super) rejected: Counter,
    pub(super) busy: Counter,
    pub(super) failures: Counter,
    pub(super) rejections: Counter,
    pub(super) openings: Counter,
    pub(super) outages: Counter,
    pub(super) duration: Histogram,
    breaker: SharedString,
    /// One for each source so far; these are names in code, so there are few.
    fallbacks: Mutex<Vec<(&'static str, Counter)>>,
}

/// What a recorder does in a panic is told to nobody who counts: see [`survive`](crate::sync::survive).
impl UnwindSafe for Handles {}
impl RefUnwindSafe for Handles {}

impl Handles {
    /// What the recorder of this moment gives for the breaker with this label. `None`: there is none.
    pub(super) fn of_recorder(label: &str) -> Option<Self> {
        with_recorder(|recorder| is_one(recorder).then(|| Self::of(recorder, SharedString::from(label.to_owned()))))
    }

    fn of(recorder: &dyn Recorder, breaker: SharedString) -> Self {
        describe(recorder);
        let key = |name| Key::from_parts(name, vec![Label::new("breaker", breaker.clone())]);
        let gauge = |name| recorder.register_gauge(&key(name), &METADATA);
        let counter = |name| recorder.register_counter(&key(name), &METADATA);
        let calls = |outcome: &'static str| counter_beside(recorder, names::CALLS_TOTAL, &breaker, "outcome", outcome);
        Self {
            state: gauge(names::STATE),
            critical: gauge(names::CRITICAL),
            members_unhealthy: gauge(names::MEMBERS_UNHEALTHY),
            successes: calls("success"),
            failed: calls("failure"),
            ignored: calls("ignored"),
            cancelled: calls("cancelled"),
            rejected: calls("rejected"),
            busy: calls("busy"),
            failures: counter(names::FAILURES_TOTAL),
            rejections: counter(names::REJECTED_TOTAL),
            openings: counter(names::OPENINGS_TOTAL),
            outages: counter(names::OUTAGES_TOTAL),
            duration: recorder.register_histogram(&key(names::CALL_DURATION_SECONDS), &METADATA),
            fallbacks: Mutex::default(),
            breaker,
        }
    }

    /// Counts an answer of this step.
    pub(super) fn fallback(&self, source: &'static str) {
        let known =
            self.fallbacks.lock().iter().find(|(known, _)| *known == source).map(|(_, counter)| counter.clone());
        if let Some(counter) = known.or_else(|| self.meet(source)) {
            counter.increment(1);
        }
    }

    #[cold]
    fn meet(&self, source: &'static str) -> Option<Counter> {
        let counter = with_recorder(|recorder| {
            is_one(recorder).then(|| counter_beside(recorder, names::FALLBACKS_TOTAL, &self.breaker, "source", source))
        })?;
        let mut fallbacks = self.fallbacks.lock();
        if fallbacks.iter().all(|(known, _)| *known != source) {
            fallbacks.push((source, counter.clone()));
        }
        Some(counter)
    }
}

static METADATA: Metadata<'static> = Metadata::new("breaker_core::metrics", Level::INFO, Some(module_path!()));

fn counter_beside(
    recorder: &dyn Recorder,
    name: &'static str,
    breaker: &SharedString,
    label: &'static str,
    value: &'static str,
) -> Counter {
    let labels = vec![Label::new("breaker", breaker.clone()), Label::from_static_parts(label, value)];
    recorder.register_counter(&Key::from_parts(name, labels), &METADATA)
}

/// The recorder that stands where none is installed has nothing in it, and cannot be told otherwise.
fn is_one(recorder: &dyn Recorder) -> bool {
    size_of_val(recorder) > 0
}
