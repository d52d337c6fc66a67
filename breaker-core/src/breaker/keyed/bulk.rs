//! Changes and reads all breakers of a `key` at once.
//!
//! `keyed_breaker` describes how they interact with a breaker whose cold state is being
//! initialised.

use crate::breaker::control::report_all;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::keyed::keyed_breaker::{InUse, KeyedBreaker};
use crate::breaker::keyed::totals::KeyedTotals;
use crate::breaker::keyed::{KeyedBreakers, KeyedIndex};
use crate::breaker::pending_reports::PendingReports;
use crate::clock::{self, Tick};
use crate::config::layers::Layers;
use crate::machine::Machine;
use crate::machine::output::Transition;
use crate::machine::state::State;
use crate::sync::Arc;

/// The result of a change for all keyed breakers.
#[derive(Default)]
pub(crate) struct BulkChange {
    /// The reports of those without a cold state.
    pub(crate) reports: Vec<(CircuitBreaker, PendingReports)>,
    /// Those with a cold state; they were not changed.
    pub(crate) others: Vec<CircuitBreaker>,
}

impl KeyedBreakers {
    /// Has `f` change a machine such as each keyed breaker without a cold state would have, and
    /// publishes the result. Requires the lock of the keyed breakers.
    fn change_all(
        &self,
        index: &KeyedIndex,
        mut machine: Machine,
        observed: u64,
        f: impl FnOnce(&mut Machine, Tick) -> Option<Transition>,
        each: impl Fn(&KeyedBreaker),
    ) -> BulkChange {
        let now = clock::now();
        let change = f(&mut machine, now);
        let (packed, generations) = (machine.publish().packed.with(observed), machine.generation() - 1);
        let (limit, most) = (machine.settings().limits.of_breaker, machine.settings().max_concurrent);
        let mut bulk = BulkChange::default();
        self.each(index, |keyed_breaker| {
            let handle = || CircuitBreaker(Handle::KeyedBreaker(InUse::of_known(keyed_breaker), 0));
            let Some(lazy) = keyed_breaker.hot.lazy() else { return bulk.others.push(handle()) };
            let generation = keyed_breaker.hot.gate.packed().generation() + generations;
            each(keyed_breaker);
            keyed_breaker.hot.gate.set_places(most);
            keyed_breaker.hot.gate.publish(packed.in_generation(generation), Tick::ZERO, limit);
            if let Some(change) = change {
                if change.old != change.new {
                    lazy.change_at(now);
                }
                bulk.reports.push((handle(), PendingReports::one(Transition { generation, ..change })));
            }
        });
        bulk
    }
}

impl CircuitBreaker {
    /// Passes each unhealthy keyed breaker, and its state, to `f`; none for a breaker without keys.
    /// No keyed breaker can be evicted meanwhile, and no handle is kept, since that would prevent
    /// an eviction.
    pub(crate) fn each_unhealthy(&self, mut f: impl FnMut(&Arc<KeyedBreaker>, State)) {
        let Some(keyed) = self.keyed() else { return };
        let index = keyed.index.lock();
        keyed.each(&index, |keyed_breaker| {
            let state = keyed_breaker.hot.state();
            if !state.is_healthy() {
                f(keyed_breaker, state);
            }
        });
    }

    /// Whether it is the parent of keyed breakers, of which at least one has had a call or was
    /// requested by [`for_key`](Self::for_key).
    #[must_use]
    pub fn is_keyed(&self) -> bool {
        self.keyed().is_some()
    }

    /// The parent of this keyed breaker; `None` if it is not keyed.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        Some(self.0.keyed_breaker()?.parent().clone())
    }

    /// The totals of the keyed breakers, including evicted ones.
    pub(crate) fn keyed_totals(&self) -> KeyedTotals {
        let Some(keyed) = self.keyed() else { return KeyedTotals::default() };
        let index = keyed.index.lock();
        let mut keyed_totals = index.evicted;
        keyed.each(&index, |keyed_breaker| keyed_breaker.add_to(&mut keyed_totals));
        keyed_totals
    }

    /// Zeroes the counts of evicted ones too.
    pub(crate) fn reset_keyed_breakers(&self) {
        let bulk = self.change_keyed_breakers(
            |index| index.evicted = KeyedTotals::default(),
            |machine, now| Some(machine.reset(now)),
            KeyedBreaker::zero,
        );
        report_all(bulk.reports);
        bulk.others.iter().for_each(Self::reset);
    }

    /// Applies the parent's observers to those without a cold state, and returns the others.
    pub(crate) fn update_keyed_observers(&self) -> Vec<Self> {
        self.change_keyed_breakers(|_| (), |_, _| None, |_| ()).others
    }

    /// Applies the parent's settings to those without settings of their own.
    pub(crate) fn reconfigure_keyed_breakers(&self) -> BulkChange {
        let Some(keyed) = self.keyed() else { return BulkChange::default() };
        let mut index = keyed.index.lock();
        // Without keyed breakers there is nothing to do, or the first one is about to read the
        // settings.
        let Some(before) = index.common.take() else { return BulkChange::default() };
        let settings = index.common(self).settings.clone();
        let observed = self.observed_flags();
        keyed.change_all(
            &index,
            before.machine(0, 1, Tick::ZERO),
            observed,
            |machine, now| machine.reconfigure(settings, now),
            |_| (),
        )
    }

    /// The layers of a keyed breaker that has had `own` so far.
    pub(crate) fn layers_of_keyed_breaker(&self, own: &Layers) -> Arc<Layers> {
        match self.keyed().filter(|_| own.follows()) {
            Some(keyed) => Arc::clone(&keyed.index.lock().common(self).layers),
            None => Arc::new(self.layers().for_member(own)),
        }
    }

    fn change_keyed_breakers(
        &self,
        first: impl FnOnce(&mut KeyedIndex),
        f: impl FnOnce(&mut Machine, Tick) -> Option<Transition>,
        each: impl Fn(&KeyedBreaker),
    ) -> BulkChange {
        let Some(keyed) = self.keyed() else { return BulkChange::default() };
        let mut index = keyed.index.lock();
        first(&mut index);
        let machine = index.common(self).machine(0, 1, Tick::ZERO);
        let observed = self.observed_flags();
        keyed.change_all(&index, machine, observed, f, each)
    }
}

impl KeyedBreaker {
    /// Adds its counts.
    pub(crate) fn add_to(&self, keyed_totals: &mut KeyedTotals) {
        keyed_totals.successes += self.successes();
        keyed_totals.rejected += self.rejections();
        keyed_totals.under_way += self.hot.gate.places_held();
        // One without a cold state has counted nothing else.
        if let Some(cold) = self.hot.initialized() {
            keyed_totals.busy += cold.busy_count();
            let counts = self.hot.read_machine().counts();
            keyed_totals.failures += counts.failures;
            keyed_totals.ignored += counts.ignored;
            keyed_totals.cancelled += counts.cancelled;
        }
    }
}
