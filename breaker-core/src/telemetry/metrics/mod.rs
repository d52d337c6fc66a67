//! Exports metrics for Prometheus and similar systems, through the facade
//! [`metrics`](https://docs.rs/metrics) (feature `metrics`).
//!
//! [`Registry::export_metrics`](crate::Registry::export_metrics) turns it on, once, at the start of
//! `main`:
//!
//! ```
//! breaker_core::Registry::global().export_metrics();
//! ```
//!
//! The recorder may be installed before or after that. A breaker gets its counters from the
//! recorder once. It does so at its first event or the first
//! [`refresh_metrics`](crate::Registry::refresh_metrics) for which there is a recorder. Code that
//! renders the metrics calls that function before, since states change by themselves as time
//! passes. (The route `/metrics` of `breaker-axum` does.)
//!
//! Every series has the label `breaker`, the breaker's [`label`](CircuitBreaker::label). Keyed
//! breakers are counted under the name of their function's breaker. So there are never more series
//! than names in the code. [`NAMES`] lists all metrics.
//!
//! Counters never go back, not even by [`CircuitBreaker::reset`]. Calls that a disabled breaker
//! lets pass are not counted. A call that a breaker in shadow would have rejected is counted as it
//! ends.
//!
//! # Durations
//!
//! They are measured to the nanosecond, while all rules of a breaker use a clock that may be some
//! milliseconds late. Calls of a millisecond and more are recorded one by one as they end. Shorter
//! calls are collected first, and recorded by `refresh_metrics`. Each is recorded with the mean of
//! those that lie between the same two of [`DURATION_BUCKETS`]. So counts, the sum, and these
//! buckets are exact.

// What is inside: this file turns events into counts and gauges. `names` has the metrics, `handles`
// what a recorder provides for one breaker, and `durations` the short calls.
//
// May use: `breaker` and what is below it. To add a metric, add its name, its description and a row
// of `NAMES` to `names`, and count it by a handle in `handles`.

mod durations;
mod handles;
mod names;

pub use names::{
    CALL_DURATION_SECONDS, CALLS_TOTAL, CRITICAL, DURATION_BUCKETS, FAILURES_TOTAL, FALLBACKS_FAILED_TOTAL,
    FALLBACKS_TOTAL, MEMBERS_UNHEALTHY, NAMES, OPENINGS_TOTAL, OUTAGES_TOTAL, REJECTED_TOTAL, STATE,
};

use crate::breaker::control::report_all;
use crate::breaker::handle::CircuitBreaker;
use crate::breaker::pending_reports::PendingReports;
use crate::breaker::report::{Meter, Observer, Report, StateChange};
use crate::clock::{self, nanos_of};
use crate::config::visible::visible;
use crate::machine::state::State;
use crate::sync::{Arc, AtomicBool, OnceLock, Ordering, catch_panic};
use durations::Durations;
use handles::{Handles, StepDid};
use std::time::Duration;

impl CircuitBreaker {
    /// Exports the metrics of a breaker that is in no registry. See
    /// [`Registry::export_metrics`](crate::Registry::export_metrics).
    pub fn export_metrics(&self) {
        clock::precise();
        report_all(self.meter_on());
    }

    /// Does for one breaker what [`Registry::refresh_metrics`](crate::Registry::refresh_metrics)
    /// does for all. It does nothing where metrics are not exported.
    pub fn refresh_metrics(&self) {
        if let Some(meter) = self.meter() {
            meter.refresh(self);
        }
    }

    /// Returns the pending reports, since a registry calls this under its lock.
    pub(crate) fn meter_on(&self) -> Vec<(Self, PendingReports)> {
        let meter: Arc<dyn Meter> = Arc::new(BreakerMeter::default());
        self.set_meter(&meter)
    }

    /// Clears the gauges of a breaker whose metrics have ended. No lock is held, since a recorder
    /// may be any user code.
    pub(crate) fn clear_gauges(&self) {
        if let Some(meter) = self.0.initialized().and_then(|cold| cold.meter.get()).filter(|meter| !meter.counts()) {
            meter.clear_gauges();
        }
    }

    /// The breaker under whose name this one is counted.
    fn counted_as(&self) -> &Self {
        self.0.keyed_breaker().map_or(self, |lazy| lazy.parent().counted_as())
    }
}

/// Counts the metrics of one breaker, or of keyed breakers.
#[derive(Default)]
pub(crate) struct BreakerMeter {
    /// `None`: there was no recorder so far.
    handles: OnceLock<Box<Handles>>,
    durations: Durations,
    /// The breaker was removed from its registry: nothing is counted.
    ended: AtomicBool,
}

impl BreakerMeter {
    #[inline]
    fn handles(&self, breaker: &CircuitBreaker) -> Option<&Handles> {
        self.handles.get().map(|handles| &**handles).or_else(|| self.resolve(breaker.counted_as()))
    }

    /// Asks the recorder, if there is one. A recorder is user code, so two threads may do so at
    /// once. The first result is kept.
    #[cold]
    fn resolve(&self, parent: &CircuitBreaker) -> Option<&Handles> {
        let initialized = Handles::of_recorder(&visible(&parent.label()))?;
        let handles = self.handles.get_or_init(|| Box::new(initialized));
        set_gauges(parent, handles);
        Some(handles)
    }

    #[inline]
    fn record_duration(&self, handles: &Handles, elapsed: Option<Duration>) {
        if let Some(elapsed) = elapsed {
            self.record_nanos(handles, nanos_of(elapsed));
        }
    }

    #[inline]
    fn record_nanos(&self, handles: &Handles, nanos: u64) {
        if !self.durations.collect(nanos) {
            handles.duration.record(Duration::from_nanos(nanos));
        }
    }
}

impl Meter for BreakerMeter {
    #[inline]
    fn counts(&self) -> bool {
        !self.ended.load(Ordering::Relaxed)
    }

    fn count(&self, counts: bool) {
        self.ended.store(!counts, Ordering::Relaxed);
    }

    fn succeeded(&self, breaker: &CircuitBreaker, nanos: u64) {
        if !self.counts() {
            return;
        }
        catch_panic(|| {
            if let Some(handles) = self.handles(breaker) {
                handles.successes.increment(1);
                self.record_nanos(handles, nanos);
            }
        });
    }

    fn refresh(&self, breaker: &CircuitBreaker) {
        let parent = breaker.counted_as();
        if let Some(handles) = self.handles(parent) {
            set_gauges(parent, handles);
            self.durations.flush_to(&handles.duration);
        }
    }

    /// A recorder keeps the last value that it received, and no alert must remain.
    fn clear_gauges(&self) {
        catch_panic(|| {
            if let Some(handles) = self.handles.get() {
                handles.state.set(CLOSED);
                handles.critical.set(0.0);
                handles.members_unhealthy.set(0.0);
                self.durations.flush_to(&handles.duration);
            }
        });
    }
}

/// Sets the gauges.
fn set_gauges(parent: &CircuitBreaker, handles: &Handles) {
    let (mut unhealthy, mut worst) = (0_u32, CLOSED);
    parent.each_unhealthy(|_, state| {
        unhealthy += 1;
        worst = if worst == OPEN { worst } else { number(state) };
    });
    let own = number(parent.state());
    handles.state.set(if own == CLOSED { worst } else { own });
    handles.critical.set(if parent.settings().critical { 1.0 } else { 0.0 });
    handles.members_unhealthy.set(unhealthy);
}

/// In place of a step where every one declined.
const ALL_STEPS: &str = "all";
const CLOSED: f64 = 0.0;
const OPEN: f64 = 1.0;
const HALF_OPEN: f64 = 2.0;

const fn number(state: State) -> f64 {
    match state {
        State::Closed | State::Disabled | State::Shadow => CLOSED,
        State::Open | State::ForcedOpen => OPEN,
        State::HalfOpen => HALF_OPEN,
    }
}

impl Observer for BreakerMeter {
    fn wants_calls(&self) -> bool {
        true
    }

    fn report(&self, report: Report<'_>) {
        match report {
            Report::Success(event) => {
                if let Some(handles) = self.handles(event.breaker) {
                    handles.successes.increment(1);
                    self.record_duration(handles, event.elapsed);
                }
            }
            Report::Failure(event) => {
                if let Some(handles) = self.handles(event.breaker) {
                    handles.failed.increment(1);
                    handles.failures.increment(1);
                    self.record_duration(handles, event.elapsed);
                }
            }
            Report::Ignored(event) => {
                if let Some(handles) = self.handles(event.breaker) {
                    handles.ignored.increment(1);
                    self.record_duration(handles, event.elapsed);
                }
            }
            Report::Cancelled(event) => {
                if let Some(handles) = self.handles(event.breaker) {
                    handles.cancelled.increment(1);
                }
            }
            Report::Rejected(event) => {
                if let Some(handles) = self.handles(event.breaker).filter(|_| !event.shadow) {
                    handles.rejected.increment(1);
                    handles.rejections.increment(1);
                }
            }
            Report::Busy(event) => {
                if let Some(handles) = self.handles(event.breaker) {
                    handles.busy.increment(1);
                }
            }
            Report::FallbackServed(event) => {
                if let Some(handles) = self.handles(event.breaker) {
                    handles.step(event.source, StepDid::Served);
                }
            }
            Report::FallbackTimedOut(event) => {
                if let Some(handles) = self.handles(event.breaker) {
                    handles.step(event.source, StepDid::Failed("cut_off"));
                }
            }
            Report::FallbackFailed(event) => {
                if let Some(handles) = self.handles(event.breaker) {
                    let (source, cause) = event.source.map_or((ALL_STEPS, "declined"), |source| (source, "error"));
                    handles.step(source, StepDid::Failed(cause));
                }
            }
            Report::StateChange(event) => self.changed(event),
            Report::BeforeCall(_)
            | Report::PassedOn(_)
            | Report::ProbeFailed(_)
            | Report::Retrying(_)
            | Report::StoreFailure(_) => {}
        }
    }
}

impl BreakerMeter {
    fn changed(&self, event: &StateChange<'_>) {
        let Some(handles) = self.handles(event.breaker) else { return };
        let opens = number(event.new) == OPEN && number(event.old) != OPEN;
        if opens && !event.shadow {
            handles.openings.increment(1);
            if (event.old, event.new) == (State::Closed, State::Open) {
                handles.outages.increment(1);
            }
        }
        match event.breaker.0.keyed_breaker() {
            None => set_gauges(event.breaker, handles),
            // All the others are read when the metrics are refreshed.
            Some(_) if opens && !event.shadow => handles.state.set(OPEN),
            Some(_) => {}
        }
    }
}
