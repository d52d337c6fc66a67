//! Changes a running breaker for a person or a program: settings, manual states, observers.

use crate::breaker::handle::CircuitBreaker;
use crate::breaker::inner::observe_calls;
use crate::breaker::pending_reports::{PendingReports, ReportScope};
#[cfg(feature = "metrics")]
use crate::breaker::report::Meter;
use crate::breaker::report::Observer;
use crate::clock::{self, Tick};
use crate::config::error::{ConfigError, ConfigErrors};
use crate::config::keys::{Config, Settings};
use crate::config::layers::{Layers, Precedence};
use crate::config::report::Report;
use crate::config::types::Source;
use crate::machine::Manual;
use crate::machine::state::State;
use crate::sync::{Arc, Ordering};
use std::time::Duration;

impl CircuitBreaker {
    /// Every setting in force.
    #[must_use]
    pub fn settings(&self) -> Settings {
        match self.blank() {
            Some(machine) => machine.settings().clone(),
            None => self.0.machine.lock().settings().clone(),
        }
    }

    /// The source of each setting in force, by key.
    #[must_use]
    pub fn setting_sources(&self) -> Vec<(&'static str, Source)> {
        self.layers().sources()
    }

    /// Changes the keys that `config` sets, above all other layers.
    ///
    /// Other keys keep their values, including those of an earlier `reconfigure`.
    /// `with_str("max_concurrent", "off")` switches a key off that can be off. The state, the
    /// listeners and the counts remain, where the counts still mean the same. A `window` of another
    /// size starts empty. With another `slow_call_duration` no call in the window is slow. The new
    /// settings determine the length of a running open period. An open period or a ramp that is
    /// over stays over.
    ///
    /// The parent of a `key` passes the settings on to all keyed breakers. Settings of one keyed
    /// breaker (`Registry::get("hosts[a]")`) take precedence, in any order of the calls. They also
    /// keep that breaker from being evicted: see `max_keys`.
    ///
    /// # Errors
    /// When a value is out of its range, or contradicts another key. Nothing is changed then.
    pub fn reconfigure(&self, config: Config) -> Result<(), ConfigError> {
        if let Some(problem) = self.problems_of(&config).into_iter().next() {
            return Err(problem);
        }
        report_all(self.relayer(|layers| layers.config_mut(Precedence::Reconfigure).overlay(&config)));
        Ok(())
    }

    /// The settings that would be in force after [`reconfigure`](Self::reconfigure) with `config`.
    /// Nothing is changed.
    ///
    /// # Errors
    /// Every reason for which `reconfigure` would refuse it.
    pub fn preview(&self, config: Config) -> Result<Settings, ConfigErrors> {
        ConfigErrors::check(self.problems_of(&config), Report::default())?;
        let mut layers = Layers::clone(&self.layers());
        layers.config_mut(Precedence::Reconfigure).overlay(&config);
        Ok(layers.settings())
    }

    fn problems_of(&self, config: &Config) -> Vec<ConfigError> {
        let place = format!("reconfigure of circuit breaker `{}`", self.name());
        config.problems_over(&self.layers().in_force().merged(), &place)
    }

    /// Whether it is a keyed breaker with the settings of its parent.
    #[cfg(feature = "serde")]
    pub(crate) fn follows(&self) -> bool {
        let own = || self.0.initialized().is_some_and(|cold| cold.has_own_settings.load(Ordering::Relaxed));
        self.0.keyed_breaker().is_some() && !own()
    }

    /// Changes the layers and applies the resulting settings, to its keyed breakers too. The caller
    /// has to report the changes.
    pub(crate) fn relayer(&self, edit: impl FnOnce(&mut Layers)) -> Vec<(Self, PendingReports)> {
        let mut reports = vec![(self.clone(), self.relayer_alone(|own| edit(Arc::make_mut(own))))];
        let bulk = self.reconfigure_keyed_breakers();
        reports.extend(bulk.reports);
        reports.extend(bulk.others.into_iter().map(|keyed_breaker| {
            let changes = keyed_breaker.relayer_alone(|own| *own = self.layers_of_keyed_breaker(own));
            (keyed_breaker, changes)
        }));
        reports
    }

    fn relayer_alone(&self, edit: impl FnOnce(&mut Arc<Layers>)) -> PendingReports {
        let mut layers = self.0.layers.lock();
        edit(&mut layers);
        self.0.has_own_settings.store(!layers.follows(), Ordering::Relaxed);
        *self.0.label.lock() = layers.label().map(Arc::from);
        let settings = Arc::new(layers.settings());
        self.0.set_call_settings(layers.call_settings());
        let expired = self.locked(|machine, now| ((), machine.expire(now))).1;
        expired.and(self.changed_manually(|machine, now| machine.reconfigure(settings, now)))
    }

    /// The settings of the attribute, or those given when the breaker was created.
    pub(crate) fn declared(&self) -> Config {
        *self.layers().config(Precedence::Attribute)
    }

    /// Opens the breaker as a rule would, with the current open time: it recovers by itself.
    ///
    /// `opened_because` is `None` then. If the breaker is open already, a full open time starts
    /// now. Does nothing while the breaker is forced open or disabled. A parent opens for all of
    /// its keys, and closes for all of them.
    pub fn trip(&self) {
        self.trip_manually(None);
    }

    /// The same for `span`, whatever `recovery_timeout` and `backoff` say.
    pub fn trip_for(&self, span: Duration) {
        self.trip_manually(Some(span));
    }

    fn trip_manually(&self, span: Option<Duration>) {
        self.expire();
        self.report_pending(self.changed_manually(|machine, now| machine.trip_manually(span, now)));
    }

    /// Admits probes now, before the open time is over.
    ///
    /// Use it when the service is known to be back and a `backoff` has grown long. Does nothing
    /// while the breaker is half-open, forced open or disabled.
    pub fn half_open(&self) {
        self.expire();
        self.change(|machine, now| ((), machine.half_open_manually(now)));
    }

    /// Rejects every call until [`clear_override`](Self::clear_override) or [`reset`](Self::reset).
    pub fn force_open(&self) {
        self.set_manual(Some(Manual::ForcedOpen { until: Tick::NEVER }));
    }

    /// Rejects every call for `span`, then closes.
    ///
    /// [`state`](Self::state) reports the end at once. Listeners are notified when the next call
    /// comes, or by [`Registry::watch`](crate::Registry::watch).
    pub fn force_open_for(&self, span: Duration) {
        self.set_manual(Some(Manual::ForcedOpen { until: clock::now().after(span) }));
    }

    /// Lets every call pass straight through, uncounted, until
    /// [`clear_override`](Self::clear_override) or [`reset`](Self::reset).
    ///
    /// A time limit of the calls still applies.
    pub fn disable(&self) {
        self.set_manual(Some(Manual::Disabled));
    }

    /// Lets every call pass, counts it, and reports what the breaker would have done.
    ///
    /// Lasts until [`clear_override`](Self::clear_override) or [`reset`](Self::reset).
    pub fn shadow(&self) {
        self.set_manual(Some(Manual::Shadow));
    }

    /// Ends a manual state and closes. Without a manual state it does nothing. A breaker that its
    /// settings disable (`enabled = false`) stays disabled.
    pub fn clear_override(&self) {
        self.set_manual(None);
    }

    /// Reports the end of a forced open period that is over, before another change.
    fn expire(&self) {
        self.change(|machine, now| ((), machine.expire(now)));
    }

    /// The state of the parent, for a call of a keyed breaker. It ends a forced open period that is
    /// over, as a call of the parent does.
    pub(crate) fn state_of_all(&self) -> State {
        let state = self.state();
        if state != self.0.gate.packed().state() {
            self.expire();
        }
        state
    }

    fn set_manual(&self, manual: Option<Manual>) {
        self.expire();
        self.report_pending(self.changed_manually(|machine, now| machine.set_manual(manual, now)));
    }

    /// Ends a manual state, closes, and zeroes the counts, the consecutive failures and the last
    /// failure of snapshots.
    ///
    /// Calls in flight belong to an earlier generation from then on. They keep their places of a
    /// `max_concurrent`. Exported metrics never decrease. A parent resets all its keyed breakers.
    pub fn reset(&self) {
        self.expire();
        self.change(|machine, now| {
            self.0.zero();
            self.0.zero_busy();
            self.0.clear_kept_error();
            ((), Some(machine.reset(now)))
        });
        self.reset_keyed_breakers();
    }

    pub(crate) fn add_observer(&self, observer: &Arc<dyn Observer>) {
        report_all(self.join_observer(observer));
    }

    /// The same; returns the pending reports to the caller.
    pub(crate) fn join_observer(&self, observer: &Arc<dyn Observer>) -> Vec<(Self, PendingReports)> {
        let mut observers = self.0.observers.lock();
        // A keyed breaker may have it from its parent already.
        if observers.iter().all(|one| !Arc::ptr_eq(one, observer)) {
            *observers = observers.iter().cloned().chain([Arc::clone(observer)]).collect();
        }
        drop(observers);
        self.update_observers(|keyed_breaker| keyed_breaker.join_observer(observer))
    }

    /// Counts its metrics with `meter` from now on, unless a meter counts them already. Returns the
    /// pending reports.
    #[cfg(feature = "metrics")]
    pub(crate) fn set_meter(&self, meter: &Arc<dyn Meter>) -> Vec<(Self, PendingReports)> {
        self.0.meter.get_or_init(|| Arc::clone(meter)).count(true);
        self.update_observers(|keyed_breaker| keyed_breaker.set_meter(meter))
    }

    /// Stops counting its metrics, until [`set_meter`](Self::set_meter).
    #[cfg(feature = "metrics")]
    pub(crate) fn end_meter(&self) -> Vec<(Self, PendingReports)> {
        self.0.meter.get().into_iter().for_each(|meter| meter.count(false));
        self.update_observers(Self::end_meter)
    }

    pub(crate) fn remove_observer(&self, gone: &Arc<dyn Observer>) {
        report_all(self.leave_observer(gone));
    }

    /// The same; returns the pending reports to the caller.
    pub(crate) fn leave_observer(&self, gone: &Arc<dyn Observer>) -> Vec<(Self, PendingReports)> {
        let mut observers = self.0.observers.lock();
        *observers = observers.iter().filter(|one| !Arc::ptr_eq(one, gone)).cloned().collect();
        drop(observers);
        self.update_observers(|keyed_breaker| keyed_breaker.leave_observer(gone))
    }

    /// Applies a new list of observers to this breaker, and with `keyed_breaker` to each of its
    /// keyed breakers that has listeners of its own. Reports nothing yet, since the caller may hold
    /// a lock, and a waker may run any code.
    fn update_observers(
        &self,
        keyed_breaker: impl Fn(&Self) -> Vec<(Self, PendingReports)>,
    ) -> Vec<(Self, PendingReports)> {
        let (is_open, observed) = self.locked(|machine, _| {
            let observers = self.0.observers.lock();
            self.0.is_observed.store(!observers.is_empty(), Ordering::Relaxed);
            self.0.calls_are_observed.store(observe_calls(&observers), Ordering::Relaxed);
            (machine.ends().is_some(), None)
        });
        // A new listener does not know the current open period.
        let mut reports = vec![(self.clone(), observed.moved_if(is_open))];
        reports.extend(self.update_keyed_observers().iter().flat_map(keyed_breaker));
        reports
    }
}

/// Sends the pending reports, before any that listeners cause. No lock may be held.
pub(crate) fn report_all(reports: Vec<(CircuitBreaker, PendingReports)>) {
    let _scope = ReportScope::begin();
    for (breaker, pending) in reports {
        breaker.enqueue(pending);
    }
}
