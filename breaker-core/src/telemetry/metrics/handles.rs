//! Keeps what a recorder provides to count one breaker.

use super::names::{self, describe};
use crate::sync::Mutex;
use ::metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, SharedString, with_recorder};
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Requested once, so that a call looks up nothing.
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
    /// One for each step so far, and what it did. Steps are names in code, so there are few.
    steps: Mutex<Vec<((&'static str, StepDid), Counter)>>,
}

/// What a fallback step did.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum StepDid {
    Served,
    /// The label `cause`.
    Failed(&'static str),
}

/// No code that counts observes what a recorder does in a panic: see
/// [`catch_panic`](crate::sync::catch_panic).
impl UnwindSafe for Handles {}
impl RefUnwindSafe for Handles {}

impl Handles {
    /// What the present recorder provides for the breaker with this label. `None`: there is no
    /// recorder.
    pub(super) fn of_recorder(label: &str) -> Option<Self> {
        with_recorder(|recorder| {
            is_installed(recorder).then(|| Self::of(recorder, SharedString::from(label.to_owned())))
        })
    }

    fn of(recorder: &dyn Recorder, breaker: SharedString) -> Self {
        describe(recorder);
        let key = |name| Key::from_parts(name, vec![Label::new("breaker", breaker.clone())]);
        let gauge = |name| recorder.register_gauge(&key(name), &METADATA);
        let counter = |name| recorder.register_counter(&key(name), &METADATA);
        let calls =
            |outcome: &'static str| counter_beside(recorder, names::CALLS_TOTAL, &breaker, &[("outcome", outcome)]);
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
            steps: Mutex::default(),
            breaker,
        }
    }

    /// Counts what this step did.
    pub(super) fn step(&self, source: &'static str, did: StepDid) {
        let step = (source, did);
        let known = self.steps.lock().iter().find(|(known, _)| *known == step).map(|(_, counter)| counter.clone());
        if let Some(counter) = known.or_else(|| self.new_counter(step)) {
            counter.increment(1);
        }
    }

    #[cold]
    fn new_counter(&self, step: (&'static str, StepDid)) -> Option<Counter> {
        let counter = with_recorder(|recorder| is_installed(recorder).then(|| self.counter_of(recorder, step)))?;
        let mut steps = self.steps.lock();
        if steps.iter().all(|(known, _)| *known != step) {
            steps.push((step, counter.clone()));
        }
        Some(counter)
    }

    fn counter_of(&self, recorder: &dyn Recorder, (source, did): (&'static str, StepDid)) -> Counter {
        let source = ("source", source);
        match did {
            StepDid::Served => counter_beside(recorder, names::FALLBACKS_TOTAL, &self.breaker, &[source]),
            StepDid::Failed(cause) => {
                counter_beside(recorder, names::FALLBACKS_FAILED_TOTAL, &self.breaker, &[source, ("cause", cause)])
            }
        }
    }
}

static METADATA: Metadata<'static> = Metadata::new("breaker_core::metrics", Level::INFO, Some(module_path!()));

fn counter_beside(
    recorder: &dyn Recorder,
    name: &'static str,
    breaker: &SharedString,
    beside: &[(&'static str, &'static str)],
) -> Counter {
    let beside = beside.iter().map(|&(label, value)| Label::from_static_parts(label, value));
    let labels: Vec<_> = std::iter::once(Label::new("breaker", breaker.clone())).chain(beside).collect();
    recorder.register_counter(&Key::from_parts(name, labels), &METADATA)
}

/// The recorder that is used where none is installed has no fields. Nothing else distinguishes it.
fn is_installed(recorder: &dyn Recorder) -> bool {
    size_of_val(recorder) > 0
}
