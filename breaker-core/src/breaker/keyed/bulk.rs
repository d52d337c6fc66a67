//! Operations on all breakers of a `key` at once. `keyed_breaker` says how they meet a breaker that
//! gets a state of its own.

use crate::breaker::control::report_all;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::keyed::keyed_breaker::KeyedBreaker;
use crate::breaker::keyed::totals::KeyedTotals;
use crate::breaker::keyed::{EXACT, KeyedBreakers, KeyedIndex};
use crate::breaker::pending_reports::PendingReports;
use crate::clock::{self, Tick};
use crate::config::layers::Layers;
use crate::machine::Machine;
use crate::machine::output::Transition;
use crate::machine::packed::PackedState;
use crate::machine::state::State;
use crate::sync::{Arc, Ordering};

/// What came of a change for all members.
#[derive(Default)]
pub(crate) struct BulkChange {
    /// Of those without a rest.
    pub(crate) told: Vec<(CircuitBreaker, PendingReports)>,
    /// Those that have one, and were not changed.
    pub(crate) others: Vec<CircuitBreaker>,
}

impl KeyedBreakers {
    /// Has `f` steer a machine such as each member would have that has none, and puts in force what
    /// it shows then. Only under the lock of the family.
    fn change_all(
        &self,
        index: &KeyedIndex,
        mut machine: Machine,
        observed: bool,
        f: impl FnOnce(&mut Machine, Tick) -> Option<Transition>,
        each: impl Fn(&KeyedBreaker),
    ) -> BulkChange {
        let now = clock::now();
        let change = f(&mut machine, now);
        let (word, generations) =
            (machine.publish().0.with(if observed { PackedState::OBSERVED } else { 0 }), machine.generation() - 1);
        let (limit, most) = (machine.settings().limits.of_breaker, machine.settings().max_concurrent);
        let mut bulk = BulkChange::default();
        self.each(index, |keyed_breaker| {
            let handle = || CircuitBreaker(Handle::KeyedBreaker(Arc::clone(keyed_breaker), 0));
            let Some(lazy) = keyed_breaker.core.lazy() else { return bulk.others.push(handle()) };
            let generation = keyed_breaker.core.gate.word().generation() + generations;
            each(keyed_breaker);
            keyed_breaker.core.gate.set_places(most);
            keyed_breaker.core.gate.publish(word.in_generation(generation), Tick::ZERO, limit);
            if let Some(change) = change {
                if change.old != change.new {
                    lazy.change_at(now);
                }
                bulk.told.push((handle(), PendingReports::one(Transition { generation, ..change })));
            }
        });
        bulk
    }
}

impl CircuitBreaker {
    /// Shows `f` each member that is unhealthy, and its state; none for a breaker without keys. No
    /// member can leave meanwhile, and none is held, which would keep it from leaving.
    pub(crate) fn each_unhealthy(&self, mut f: impl FnMut(&Arc<KeyedBreaker>, State)) {
        let Some(keyed) = self.keyed() else { return };
        let index = keyed.index.lock();
        keyed.each(&index, |keyed_breaker| {
            let state = keyed_breaker.core.state();
            if !state.is_healthy() {
                f(keyed_breaker, state);
            }
        });
    }

    /// Whether it stands for the values of a `key`, of which at least one has had a call, or was
    /// asked for by [`value`](Self::value).
    #[must_use]
    pub fn is_keyed(&self) -> bool {
        self.keyed().is_some()
    }

    /// The breaker that stands for all values of the `key` to one of which this one belongs.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        Some(self.0.keyed_breaker()?.parent().clone())
    }

    /// What the members have counted, those included that have left.
    pub(crate) fn keyed_totals(&self) -> KeyedTotals {
        let Some(keyed) = self.keyed() else { return KeyedTotals::default() };
        let index = keyed.index.lock();
        let mut keyed_totals = index.left;
        keyed.each(&index, |keyed_breaker| keyed_breaker.add_to(&mut keyed_totals));
        keyed_totals
    }

    /// Zeroes the counts of those too that are not there any more.
    pub(crate) fn reset_members(&self) {
        let bulk = self.change_members(
            |index| index.left = KeyedTotals::default(),
            |machine, now| Some(machine.reset(now)),
            KeyedBreaker::zero,
        );
        report_all(bulk.told);
        bulk.others.iter().for_each(Self::reset);
    }

    /// Lets those hear of it that have no listeners of their own, and gives the others.
    pub(crate) fn update_member_observers(&self) -> Vec<Self> {
        self.change_members(|_| (), |_, _| None, |_| ()).others
    }

    /// Puts the head's settings in force for those that have none of their own.
    pub(crate) fn reconfigure_members(&self) -> BulkChange {
        let Some(keyed) = self.keyed() else { return BulkChange::default() };
        let mut index = keyed.index.lock();
        // Without members there is nothing, or the first one is about to look at the settings.
        let Some(before) = index.common.take() else { return BulkChange::default() };
        let settings = index.common(self).settings.clone();
        keyed.exact.store(settings.max_keys as usize <= EXACT, Ordering::Relaxed);
        let observed = self.calls_are_observed();
        keyed.change_all(
            &index,
            before.machine(0, 1, Tick::ZERO),
            observed,
            |machine, now| machine.reconfigure(settings, now),
            |_| (),
        )
    }

    /// What the layers of a member are that has these so far.
    pub(crate) fn layers_of_member(&self, own: &Layers) -> Arc<Layers> {
        match self.keyed().filter(|_| own.follows()) {
            Some(keyed) => Arc::clone(&keyed.index.lock().common(self).layers),
            None => Arc::new(self.layers().for_member(own)),
        }
    }

    fn change_members(
        &self,
        first: impl FnOnce(&mut KeyedIndex),
        f: impl FnOnce(&mut Machine, Tick) -> Option<Transition>,
        each: impl Fn(&KeyedBreaker),
    ) -> BulkChange {
        let Some(keyed) = self.keyed() else { return BulkChange::default() };
        let mut index = keyed.index.lock();
        first(&mut index);
        let machine = index.common(self).machine(0, 1, Tick::ZERO);
        let observed = self.calls_are_observed();
        keyed.change_all(&index, machine, observed, f, each)
    }
}

impl KeyedBreaker {
    /// Adds what it has counted.
    pub(crate) fn add_to(&self, keyed_totals: &mut KeyedTotals) {
        keyed_totals.successes += self.successes();
        keyed_totals.rejected += self.rejections();
        keyed_totals.under_way += self.core.gate.places_held();
        // One that has no rest has counted nothing else.
        if let Some(cold) = self.core.initialized() {
            keyed_totals.busy += cold.busy_count();
            let counts = cold.machine.lock().counts();
            keyed_totals.failures += counts.failures;
            keyed_totals.ignored += counts.ignored;
            keyed_totals.cancelled += counts.cancelled;
        }
    }
}
