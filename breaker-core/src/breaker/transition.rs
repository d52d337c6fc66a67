//! Changes a breaker: takes its lock, asks the machine, publishes, lets go, and reports.

use crate::breaker::handle::CircuitBreaker;
use crate::breaker::inner::{Core, Rest};
use crate::breaker::pending_reports::{Told, Turn};
#[cfg(feature = "metrics")]
use crate::breaker::report::{Meter, is_quiet};
use crate::breaker::report::{Observer, Report, StateChange, next_sequence, report_to};
use crate::clock::{self, Tick};
#[cfg(feature = "retry")]
use crate::config::call_settings::Stated;
use crate::machine::Machine;
use crate::machine::output::Change;
use crate::sync::{Arc, Ordering, catch_panic};

impl CircuitBreaker {
    /// Runs `f` on the machine, publishes, lets go, and tells the change.
    pub(crate) fn change<T>(&self, f: impl FnOnce(&mut Machine, Tick) -> (T, Option<Change>)) -> T {
        let (value, told) = self.locked(f);
        self.tell_changes(told);
        value
    }

    /// The same without the telling, for a caller that has something to do in between.
    pub(crate) fn locked<T>(&self, f: impl FnOnce(&mut Machine, Tick) -> (T, Option<Change>)) -> (T, Told) {
        let now = clock::now();
        let core: &Core = &self.0;
        let rest: &Rest = core;
        let mut machine = rest.machine.lock();
        let (value, change) = f(&mut machine, now);
        let wake = rest.publish(&core.gate, &machine);
        let changes = change.map(|change| (change, next_sequence())).into_iter().collect();
        (value, Told { changes, wake, moved: false })
    }

    /// The same by a hand, which may move the end of an opening.
    pub(crate) fn steered(&self, f: impl FnOnce(&mut Machine, Tick) -> Option<Change>) -> Told {
        let (moved, told) = self.locked(|machine, now| {
            let before = machine.ends();
            let change = f(machine, now);
            (machine.ends() != before, change)
        });
        told.moved_if(moved)
    }

    /// Wakes those who wait, and tells listeners, when it is the turn of that.
    pub(crate) fn tell_changes(&self, told: Told) {
        if told.is_something() {
            let _turn = Turn::begin();
            self.owe(told);
        }
    }

    pub(crate) fn tell_change(&self, change: &Change, sequence: u64, opened_because: Option<&str>) {
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
    pub(crate) fn is_heard(&self) -> bool {
        let ears = self.ears();
        ears.is_observed.load(Ordering::Relaxed) || ears.is_told()
    }

    /// Whether somebody hears of every single call.
    pub(crate) fn is_told(&self) -> bool {
        self.ears().is_told()
    }

    /// What all places say of the retries of its functions.
    #[cfg(feature = "retry")]
    pub(crate) fn stated(&self) -> Stated {
        self.ears().stated()
    }

    /// Where its listeners are, and what its retries go by: at the head, for one of its family that was told nothing by itself.
    fn ears(&self) -> &Rest {
        let core: &Core = self.0.later().map_or(&self.0, |later| &later.head().0);
        core
    }

    /// Reports to the metrics, the log and the observers, with no lock held. A panic of one stops at it.
    pub(crate) fn report(&self, report: Report<'_>) {
        // What a listener changes is reported when all have this report.
        let _turn = Turn::begin();
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
        let _turn = Turn::begin();
        self.each_observer(|observer| {
            catch_panic(|| observer.end_moved(self));
        });
    }

    fn each_observer(&self, f: impl Fn(&dyn Observer)) {
        if self.ears().is_observed.load(Ordering::Relaxed) {
            self.observers().iter().for_each(|observer| f(&**observer));
        }
    }

    /// What its metrics are counted with, if they are exported.
    #[cfg(feature = "metrics")]
    pub(crate) fn meter(&self) -> Option<&dyn Meter> {
        self.ears().meter().map(|meter| &**meter)
    }

    /// The same where nobody else hears of a call.
    #[cfg(feature = "metrics")]
    pub(crate) fn only_meter(&self) -> Option<&dyn Meter> {
        let ears = self.ears();
        let meter = ears.meter().filter(|_| !ears.calls_are_observed.load(Ordering::Relaxed) && is_quiet())?;
        Some(&**meter)
    }

    /// Those of the head, for one of its family that was told nothing by itself.
    pub(crate) fn observers(&self) -> Arc<[Arc<dyn Observer>]> {
        match self.0.later() {
            Some(later) => later.head().observers(),
            None => Arc::clone(&self.0.observers.lock()),
        }
    }

    /// Logs that it was made, with its settings.
    pub(crate) fn log_made(&self) {
        #[cfg(feature = "tracing")]
        crate::breaker::log::made(self);
    }
}
