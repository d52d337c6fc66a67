//! Operations on all breakers of a `key` at once. `member` says how they meet a breaker that gets a
//! state of its own.

use crate::breaker::control::tell_all;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::keyed::member::Member;
use crate::breaker::keyed::sums::Sums;
use crate::breaker::keyed::{EXACT, Family, Members};
use crate::breaker::pending_reports::Told;
use crate::clock::{self, Tick};
use crate::config::layers::Layers;
use crate::machine::Machine;
use crate::machine::output::Change;
use crate::machine::packed::Word;
use crate::machine::state::State;
use crate::sync::{Arc, Ordering};

/// What came of a change for all members.
#[derive(Default)]
pub(crate) struct Swept {
    /// Of those without a rest.
    pub(crate) told: Vec<(CircuitBreaker, Told)>,
    /// Those that have one, and were not changed.
    pub(crate) others: Vec<CircuitBreaker>,
}

impl Family {
    /// Has `f` steer a machine such as each member would have that has none, and puts in force what it shows then. Only under the lock of the
    /// family.
    fn sweep(
        &self,
        members: &Members,
        mut machine: Machine,
        heard: bool,
        f: impl FnOnce(&mut Machine, Tick) -> Option<Change>,
        each: impl Fn(&Member),
    ) -> Swept {
        let now = clock::now();
        let change = f(&mut machine, now);
        let (word, generations) =
            (machine.publish().0.with(if heard { Word::HEARD } else { 0 }), machine.generation() - 1);
        let (limit, most) = (machine.settings().limits.of_breaker, machine.settings().max_concurrent);
        let mut swept = Swept::default();
        self.each(members, |member| {
            let handle = || CircuitBreaker(Handle::Member(Arc::clone(member), 0));
            let Some(later) = member.core.later() else { return swept.others.push(handle()) };
            let generation = member.core.gate.word().generation() + generations;
            each(member);
            member.core.gate.set_places(most);
            member.core.gate.publish(word.in_generation(generation), Tick::ZERO, limit);
            if let Some(change) = change {
                if change.old != change.new {
                    later.change_at(now);
                }
                swept.told.push((handle(), Told::one(Change { generation, ..change })));
            }
        });
        swept
    }
}

impl CircuitBreaker {
    /// Shows `f` each member that is unhealthy, and its state; none for a breaker without keys. No member can leave meanwhile, and none is held,
    /// which would keep it from leaving.
    pub(crate) fn each_unhealthy(&self, mut f: impl FnMut(&Arc<Member>, State)) {
        let Some(family) = self.family() else { return };
        let members = family.members.lock();
        family.each(&members, |member| {
            let state = member.core.state();
            if !state.is_healthy() {
                f(member, state);
            }
        });
    }

    /// Whether it stands for the values of a `key`, of which at least one has had a call, or was asked for by [`value`](Self::value).
    #[must_use]
    pub fn has_values(&self) -> bool {
        self.family().is_some()
    }

    /// The breaker that stands for all values of the `key` to one of which this one belongs.
    #[must_use]
    pub fn head(&self) -> Option<Self> {
        Some(self.0.member()?.head().clone())
    }

    /// What the members have counted, those included that have left.
    pub(crate) fn sums(&self) -> Sums {
        let Some(family) = self.family() else { return Sums::default() };
        let members = family.members.lock();
        let mut sums = members.left;
        family.each(&members, |member| member.add_to(&mut sums));
        sums
    }

    /// Zeroes the counts of those too that are not there any more.
    pub(crate) fn reset_members(&self) {
        let swept = self.sweep_members(
            |members| members.left = Sums::default(),
            |machine, now| Some(machine.reset(now)),
            Member::zero,
        );
        tell_all(swept.told);
        swept.others.iter().for_each(Self::reset);
    }

    /// Lets those hear of it that have no listeners of their own, and gives the others.
    pub(crate) fn hear_members(&self) -> Vec<Self> {
        self.sweep_members(|_| (), |_, _| None, |_| ()).others
    }

    /// Puts the head's settings in force for those that have none of their own.
    pub(crate) fn reconfigure_members(&self) -> Swept {
        let Some(family) = self.family() else { return Swept::default() };
        let mut members = family.members.lock();
        // Without members there is nothing, or the first one is about to look at the settings.
        let Some(before) = members.common.take() else { return Swept::default() };
        let settings = members.common(self).settings.clone();
        family.exact.store(settings.max_keys as usize <= EXACT, Ordering::Relaxed);
        let heard = self.is_told();
        family.sweep(
            &members,
            before.machine(0, 1, Tick::ZERO),
            heard,
            |machine, now| machine.reconfigure(settings, now),
            |_| (),
        )
    }

    /// What the layers of a member are that has these so far.
    pub(crate) fn layers_of_member(&self, own: &Layers) -> Arc<Layers> {
        match self.family().filter(|_| own.follows()) {
            Some(family) => Arc::clone(&family.members.lock().common(self).layers),
            None => Arc::new(self.layers().for_member(own)),
        }
    }

    fn sweep_members(
        &self,
        first: impl FnOnce(&mut Members),
        f: impl FnOnce(&mut Machine, Tick) -> Option<Change>,
        each: impl Fn(&Member),
    ) -> Swept {
        let Some(family) = self.family() else { return Swept::default() };
        let mut members = family.members.lock();
        first(&mut members);
        let machine = members.common(self).machine(0, 1, Tick::ZERO);
        let heard = self.is_told();
        family.sweep(&members, machine, heard, f, each)
    }
}

impl Member {
    /// Adds what it has counted.
    pub(crate) fn add_to(&self, sums: &mut Sums) {
        sums.successes += self.successes();
        sums.rejected += self.rejections();
        sums.under_way += self.core.gate.places_held();
        // One that has no rest has counted nothing else.
        if let Some(rest) = self.core.made() {
            sums.busy += rest.busy_count();
            let counts = rest.machine.lock().counts();
            sums.failures += counts.failures;
            sums.ignored += counts.ignored;
            sums.cancelled += counts.cancelled;
        }
    }
}
