//! Changes a breaker: takes its lock, calls the machine, publishes, unlocks, and reports.

use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::inner::{ColdState, HotState};
use crate::breaker::pending_reports::{PendingReports, ReportScope};
#[cfg(feature = "metrics")]
use crate::breaker::report::{Meter, is_quiet};
use crate::breaker::report::{Observer, Report, StateChange, next_sequence, report_to};
use crate::clock::{self, Tick};
#[cfg(feature = "retry")]
use crate::config::call_settings::CallSettings;
use crate::machine::Machine;
use crate::machine::output::Transition;
use crate::machine::packed::PackedState;
use crate::sync::{Arc, Ordering, catch_panic};

impl CircuitBreaker {
    /// Runs `f` on the machine, publishes, unlocks, and reports the change.
    pub(crate) fn change<T>(&self, f: impl FnOnce(&mut Machine, Tick) -> (T, Option<Transition>)) -> T {
        let (value, pending) = self.locked(f);
        self.report_pending(pending);
        value
    }

    /// The same without reporting, for a caller that has something to do in between.
    pub(crate) fn locked<T>(
        &self,
        f: impl FnOnce(&mut Machine, Tick) -> (T, Option<Transition>),
    ) -> (T, PendingReports) {
        let now = clock::now();
        let hot: &HotState = &self.0;
        let cold: &ColdState = hot;
        let mut machine = hot.take_machine();
        let (value, change) = f(&mut machine, now);
        let wake = cold.publish(&hot.gate, &mut machine);
        let changes = change.map(|change| (change, next_sequence())).into_iter().collect();
        (value, PendingReports { changes, wake, moved: false })
    }

    /// The same for a manual change. It may move the end of an open period.
    pub(crate) fn changed_manually(&self, f: impl FnOnce(&mut Machine, Tick) -> Option<Transition>) -> PendingReports {
        let (moved, pending) = self.locked(|machine, now| {
            let before = machine.ends();
            let change = f(machine, now);
            (machine.ends() != before, change)
        });
        pending.moved_if(moved)
    }

    /// Wakes waiting callers, and notifies listeners in the order of the changes.
    pub(crate) fn report_pending(&self, pending: PendingReports) {
        if pending.is_something() {
            let _scope = ReportScope::begin();
            self.enqueue(pending);
        }
    }

    /// Makes what errors hold, once the breaker rejects calls. So rejections allocate nothing, but
    /// for those of other threads that come in between.
    pub(crate) fn expect_rejections(&self) {
        if let Handle::Counted(inner) = &self.0 {
            if inner.gate.packed().has(PackedState::REJECTS | PackedState::ASK) {
                inner.make_tokens();
            }
        }
    }

    pub(crate) fn report_change(&self, change: &Transition, sequence: u64, opened_because: Option<&str>) {
        let event = StateChange {
            breaker: self,
            old: change.old,
            new: change.new,
            generation: change.generation,
            sequence,
            opened_because,
            consecutive_failures: change.consecutive_failures,
            shadow: change.shadow,
            reset: change.reset,
        };
        self.report(Report::StateChange(&event));
    }

    /// Whether anything observes the breaker, apart from the built-in metrics and log.
    pub(crate) fn has_observers(&self) -> bool {
        let observer_state = self.observer_state();
        observer_state.is_observed.load(Ordering::Relaxed) || observer_state.calls_are_observed()
    }

    /// Flags of a packed state that say who observes single calls.
    pub(crate) fn observed_flags(&self) -> u64 {
        self.observer_state().observed_flags()
    }

    /// The retry settings of its functions, from all sources.
    #[cfg(feature = "retry")]
    pub(crate) fn call_settings(&self) -> CallSettings {
        self.observer_state().call_settings()
    }

    /// The state with its observers and retry settings. For a keyed breaker without a cold state,
    /// that of the parent.
    fn observer_state(&self) -> &ColdState {
        let hot: &HotState = self.0.lazy().map_or(&self.0, |lazy| &lazy.parent().0);
        hot
    }

    /// Reports to the metrics, the log and the observers, with no lock held. A panic of one does
    /// not affect the others.
    pub(crate) fn report(&self, report: Report<'_>) {
        // Changes by a listener are reported after all observers have this report.
        let _scope = ReportScope::begin();
        #[cfg(feature = "metrics")]
        if let Some(meter) = self.meter() {
            report_to(meter, report);
        }
        #[cfg(feature = "tracing")]
        catch_panic(|| crate::breaker::log::log(report));
        self.each_observer(|observer| report_to(observer, report));
    }

    /// Notifies observers that an open period ends at another time.
    pub(crate) fn report_moved_end(&self) {
        let _scope = ReportScope::begin();
        self.each_observer(|observer| {
            catch_panic(|| observer.end_moved(self));
        });
    }

    fn each_observer(&self, f: impl Fn(&dyn Observer)) {
        if self.observer_state().is_observed.load(Ordering::Relaxed) {
            self.observers().iter().for_each(|observer| f(&**observer));
        }
    }

    /// The meter of its exported metrics, if there is one.
    #[cfg(feature = "metrics")]
    pub(crate) fn meter(&self) -> Option<&dyn Meter> {
        self.observer_state().meter().map(|meter| &**meter)
    }

    /// The same if there are no other observers of a call.
    #[cfg(feature = "metrics")]
    pub(crate) fn only_meter(&self) -> Option<&dyn Meter> {
        let observer_state = self.observer_state();
        let meter = observer_state
            .meter()
            .filter(|_| !observer_state.calls_are_observed.load(Ordering::Relaxed) && is_quiet())?;
        Some(&**meter)
    }

    /// The parent's observers, for a keyed breaker without a cold state.
    pub(crate) fn observers(&self) -> Arc<[Arc<dyn Observer>]> {
        match self.0.lazy() {
            Some(lazy) => lazy.parent().observers(),
            None => Arc::clone(&self.0.observers.lock()),
        }
    }

    /// Logs its creation, with its settings.
    pub(crate) fn log_created(&self) {
        #[cfg(feature = "tracing")]
        crate::breaker::log::created(self);
    }
}

impl ColdState {
    /// Flags of a packed state that say who observes single calls.
    pub(crate) fn observed_flags(&self) -> u64 {
        #[cfg(feature = "metrics")]
        let meter = if self.meter().is_some() { PackedState::OBSERVED | PackedState::METERED } else { 0 };
        #[cfg(not(feature = "metrics"))]
        let meter = 0;
        if self.calls_are_observed.load(Ordering::Relaxed) { PackedState::OBSERVED } else { meter }
    }
}
