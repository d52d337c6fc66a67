//! Changes a breaker: takes its lock, asks the machine, publishes, lets go, and reports.

use crate::breaker::handle::CircuitBreaker;
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
use crate::sync::{Arc, Ordering, catch_panic};

impl CircuitBreaker {
    /// Runs `f` on the machine, publishes, lets go, and tells the change.
    pub(crate) fn change<T>(&self, f: impl FnOnce(&mut Machine, Tick) -> (T, Option<Transition>)) -> T {
        let (value, told) = self.locked(f);
        self.report_pending(told);
        value
    }

    /// The same without the telling, for a caller that has something to do in between.
    pub(crate) fn locked<T>(
        &self,
        f: impl FnOnce(&mut Machine, Tick) -> (T, Option<Transition>),
    ) -> (T, PendingReports) {
        let now = clock::now();
        let core: &HotState = &self.0;
        let cold: &ColdState = core;
        let mut machine = cold.machine.lock();
        let (value, change) = f(&mut machine, now);
        let wake = cold.publish(&core.gate, &machine);
        let changes = change.map(|change| (change, next_sequence())).into_iter().collect();
        (value, PendingReports { changes, wake, moved: false })
    }

    /// The same by a hand, which may move the end of an opening.
    pub(crate) fn changed_manually(&self, f: impl FnOnce(&mut Machine, Tick) -> Option<Transition>) -> PendingReports {
        let (moved, told) = self.locked(|machine, now| {
            let before = machine.ends();
            let change = f(machine, now);
            (machine.ends() != before, change)
        });
        told.moved_if(moved)
    }

    /// Wakes those who wait, and tells listeners, when it is the turn of that.
    pub(crate) fn report_pending(&self, told: PendingReports) {
        if told.is_something() {
            let _turn = ReportScope::begin();
            self.enqueue(told);
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

    /// Whether somebody beside the ready-made listener hears of anything.
    pub(crate) fn has_observers(&self) -> bool {
        let observer_state = self.observer_state();
        observer_state.is_observed.load(Ordering::Relaxed) || observer_state.calls_are_observed()
    }

    /// Whether somebody hears of every single call.
    pub(crate) fn calls_are_observed(&self) -> bool {
        self.observer_state().calls_are_observed()
    }

    /// What all places say of the retries of its functions.
    #[cfg(feature = "retry")]
    pub(crate) fn call_settings(&self) -> CallSettings {
        self.observer_state().call_settings()
    }

    /// Where its listeners are, and what its retries go by: at the head, for one of its family that
    /// was told nothing by itself.
    fn observer_state(&self) -> &ColdState {
        let core: &HotState = self.0.lazy().map_or(&self.0, |lazy| &lazy.parent().0);
        core
    }

    /// Reports to the metrics, the log and the observers, with no lock held. A panic of one stops
    /// at it.
    pub(crate) fn report(&self, report: Report<'_>) {
        // What a listener changes is reported when all have this report.
        let _turn = ReportScope::begin();
        #[cfg(feature = "metrics")]
        if let Some(meter) = self.meter() {
            report_to(meter, report);
        }
        #[cfg(feature = "tracing")]
        catch_panic(|| crate::breaker::log::log(report));
        self.each_observer(|observer| report_to(observer, report));
    }

    /// Tells observers that an open period ends at another time.
    pub(crate) fn report_moved_end(&self) {
        let _turn = ReportScope::begin();
        self.each_observer(|observer| {
            catch_panic(|| observer.end_moved(self));
        });
    }

    fn each_observer(&self, f: impl Fn(&dyn Observer)) {
        if self.observer_state().is_observed.load(Ordering::Relaxed) {
            self.observers().iter().for_each(|observer| f(&**observer));
        }
    }

    /// What its metrics are counted with, if they are exported.
    #[cfg(feature = "metrics")]
    pub(crate) fn meter(&self) -> Option<&dyn Meter> {
        self.observer_state().meter().map(|meter| &**meter)
    }

    /// The same where nobody else hears of a call.
    #[cfg(feature = "metrics")]
    pub(crate) fn only_meter(&self) -> Option<&dyn Meter> {
        let observer_state = self.observer_state();
        let meter = observer_state
            .meter()
            .filter(|_| !observer_state.calls_are_observed.load(Ordering::Relaxed) && is_quiet())?;
        Some(&**meter)
    }

    /// Those of the head, for one of its family that was told nothing by itself.
    pub(crate) fn observers(&self) -> Arc<[Arc<dyn Observer>]> {
        match self.0.lazy() {
            Some(lazy) => lazy.parent().observers(),
            None => Arc::clone(&self.0.observers.lock()),
        }
    }

    /// Logs that it was made, with its settings.
    pub(crate) fn log_created(&self) {
        #[cfg(feature = "tracing")]
        crate::breaker::log::created(self);
    }
}
