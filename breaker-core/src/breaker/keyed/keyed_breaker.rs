//! One keyed breaker. As long as it was only closed and counted successes and rejections, it has no
//! machine and no settings of its own: it follows its parent. Its own state is made when it is
//! first needed.
//!
//! Races. The lock of the family is held by whoever makes a rest, and by whoever changes something
//! for all members. So one that has no rest yet is changed by the latter, in its word; the rest is
//! made of what all have at that moment, and whoever finds it made changes it under its own locks,
//! as that of any breaker. Nobody falls between the two, and no change is put in force twice.

use crate::breaker::function::Function;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::inner::{ColdState, HotState, ResetBaseline};
use crate::breaker::keyed::key::Key;
use crate::breaker::keyed::{Common, KeyedBreakers};
use crate::clock::Tick;
use crate::config::layers::Layers;
use crate::machine::Machine;
use crate::machine::packed::PackedState;
use crate::sync::counter::AdaptiveCounters;
use crate::sync::statics::OnceLock as Once;
use crate::sync::{self, Arc, AtomicU64, OnceLock, Ordering, Sealed};

/// What each call looks at comes first, so that it is on few lines.
#[repr(C)]
pub(crate) struct KeyedBreaker {
    pub(crate) tally: AdaptiveCounters,
    key: Key,
    pub(crate) core: HotState,
}

/// What the rest of a member is made of.
pub(crate) struct LazyState {
    parent: &'static CircuitBreaker,
    /// When it came into its state.
    since: AtomicU64,
    cold: OnceLock<Box<Sealed<ColdState>>>,
    more: Once<Box<More>>,
}

/// What few members have come to need.
#[derive(Default)]
struct More {
    name: Once<Box<str>>,
    base: ResetBaseline,
}

impl KeyedBreaker {
    /// Only under the lock of the family, by whoever lets others find it under the same.
    pub(crate) fn new(parent: &'static CircuitBreaker, key: Key, common: &Common, observed: bool, now: Tick) -> Self {
        let lazy =
            LazyState { parent, since: AtomicU64::new(now.as_nanos()), cold: OnceLock::new(), more: Once::new() };
        Self { tally: AdaptiveCounters::default(), key, core: HotState::of_member(common.gate(observed), lazy) }
    }

    #[inline]
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// The head's name with the value.
    pub(crate) fn name(&self) -> &str {
        let Some(lazy) = self.core.keyed_breaker() else { return "" };
        lazy.more().name.get_or_init(|| format!("{}[{}]", lazy.parent.name(), self.key.shown()).into())
    }

    /// How many calls succeeded since the last reset.
    pub(crate) fn successes(&self) -> u64 {
        let all = self.tally.successes();
        self.base().map_or(all, |base| base.successes_of(all))
    }

    /// How many calls were rejected since the last reset.
    pub(crate) fn rejections(&self) -> u64 {
        let all = self.tally.rejections();
        self.base().map_or(all, |base| base.rejections_of(all))
    }

    /// From now on both are counted anew.
    pub(crate) fn zero(&self) {
        if let Some(lazy) = self.core.keyed_breaker() {
            lazy.more().base.note(self.tally.successes(), self.tally.rejections());
        }
    }

    fn base(&self) -> Option<&ResetBaseline> {
        Some(&self.core.keyed_breaker()?.more.get()?.base)
    }
}

impl LazyState {
    pub(crate) const fn parent(&self) -> &'static CircuitBreaker {
        self.parent
    }

    /// The rest, if it was made.
    #[inline]
    pub(crate) fn initialized(&self) -> Option<&ColdState> {
        self.cold.get().map(|cold| &***cold)
    }

    pub(crate) fn cold(&self, core: &HotState) -> &ColdState {
        self.initialized().unwrap_or_else(|| self.make(core))
    }

    #[cold]
    fn make(&self, core: &HotState) -> &ColdState {
        let mut index = self.keyed().index.lock();
        if let Some(cold) = self.initialized() {
            return cold;
        }
        let common = index.common(self.parent);
        let machine = self.machine(core, common, sync::seed());
        let cold = ColdState::new(Arc::clone(&common.layers), machine, self.parent.observers());
        #[cfg(feature = "metrics")]
        if let Some(meter) = self.parent.0.meter.get() {
            cold.meter.get_or_init(|| Arc::clone(meter));
        }
        self.cold.get_or_init(|| Box::new(Sealed::new(cold)))
    }

    /// The machine that it would have. Only under the lock of the family.
    fn machine(&self, core: &HotState, common: &Common, seed: u64) -> Machine {
        let since = Tick::from_nanos(self.since.load(Ordering::Relaxed));
        common.machine(seed, core.gate.word().generation(), since)
    }

    /// Only under the lock of the family.
    pub(crate) fn change_at(&self, now: Tick) {
        self.since.store(now.as_nanos(), Ordering::Relaxed);
    }

    fn more(&self) -> &More {
        self.more.get_or_init(Box::default)
    }

    fn keyed(&self) -> &'static KeyedBreakers {
        self.parent.0.keyed.get_or_init(Box::default)
    }
}

impl CircuitBreaker {
    /// The function whose call this handle was given to.
    pub(crate) fn calling(&self) -> Option<&'static Function> {
        match &self.0 {
            Handle::KeyedBreaker(_, number) => self.caller(*number),
            _ => None,
        }
    }

    /// The function that has this number in the family to which it belongs.
    pub(crate) fn caller(&self, number: u32) -> Option<&'static Function> {
        self.0.keyed_breaker()?.parent.keyed()?.function(number)
    }

    /// Whether a success can be counted and be forgotten: of a member to which nothing else has
    /// happened so far. The word is looked at first, since somebody may make the rest in between.
    pub(crate) fn has_nothing_to_settle(&self) -> bool {
        !self.0.gate.word().has(PackedState::WINDOW) && self.0.lazy().is_some()
    }

    /// The machine that a member would have which has none.
    pub(crate) fn blank(&self) -> Option<Machine> {
        self.without_rest(|lazy, common| lazy.machine(&self.0, common, 0))
    }

    /// What all places say of it.
    pub(crate) fn layers(&self) -> Arc<Layers> {
        let common = self.without_rest(|_, common| Arc::clone(&common.layers));
        common.unwrap_or_else(|| Arc::clone(&self.0.layers.lock()))
    }

    /// Does something with what holds for a member without a rest, which it stays meanwhile;
    /// `None`: it has one.
    fn without_rest<T>(&self, f: impl FnOnce(&LazyState, &Common) -> T) -> Option<T> {
        let lazy = self.0.lazy()?;
        let mut index = lazy.keyed().index.lock();
        // It may have been made while this waited.
        lazy.initialized().is_none().then(|| f(lazy, index.common(lazy.parent)))
    }
}
