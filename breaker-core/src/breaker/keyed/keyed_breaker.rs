//! Holds one keyed breaker.
//!
//! A keyed breaker starts without a machine and settings of its own, and follows its parent. That
//! suffices while it is closed and counts only successes and rejections. Its cold state is
//! initialised when it is first needed.
//!
//! Races: initialising a cold state requires the lock of the keyed breakers, as does a change of
//! all of them. Without a cold state, a bulk operation changes the packed state of the breaker. The
//! cold state is then initialised from what all have at that moment. With a cold state, a bulk
//! operation changes the breaker under its own locks, like any breaker. So no breaker misses a
//! change, and no change is applied twice.

use crate::breaker::function::Function;
use crate::breaker::gate::Gate;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::inner::{ColdState, HotState};
use crate::breaker::keyed::cache::{Cache, Kept};
use crate::breaker::keyed::in_use::{self, Used};
use crate::breaker::keyed::key::{Key, Value};
use crate::breaker::keyed::{Common, KeyedBreakers};
use crate::clock::Tick;
use crate::config::layers::Layers;
use crate::machine::Machine;
use crate::machine::packed::PackedState;
use crate::sync::statics::{AtomicU32, OnceLock as Once};
use crate::sync::uses::Uses;
use crate::sync::{self, Arc, AtomicU64, OnceLock, Ordering, Sealed, per_thread};

/// Fields that each call uses come first, so that they are on few cache lines.
#[repr(C)]
pub(crate) struct KeyedBreaker {
    pub(crate) uses: Uses,
    /// The stamp of its last use.
    used: AtomicU32,
    hash: u32,
    key: Key,
    pub(crate) hot: HotState,
}

/// What the cold state is initialised from.
pub(crate) struct LazyState {
    parent: &'static CircuitBreaker,
    /// When it entered its state.
    since: AtomicU64,
    cold: OnceLock<Box<Sealed<ColdState>>>,
    more: Once<Box<More>>,
}

/// What few keyed breakers need.
#[derive(Default)]
struct More {
    name: Once<Box<str>>,
    /// The successes before the last reset.
    base: AtomicU64,
    /// The rejections since the last reset that are not in stripes.
    rejected: AtomicU64,
}

impl KeyedBreaker {
    /// Requires the lock of the keyed breakers, under which the caller also inserts it.
    pub(crate) fn new(parent: &'static CircuitBreaker, (key, hash): (Key, u32), gate: Gate, now: Tick) -> Self {
        let lazy =
            LazyState { parent, since: AtomicU64::new(now.as_nanos()), cold: OnceLock::new(), more: Once::new() };
        Self { uses: Uses::default(), used: AtomicU32::new(0), hash, key, hot: HotState::of_keyed_breaker(gate, lazy) }
    }

    #[inline]
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Whether it is the breaker of this key and this parent.
    #[inline]
    pub(crate) fn is(&self, parent: &'static CircuitBreaker, value: Value<'_>) -> bool {
        // Each function has a handle of its own.
        let is_parent = |lazy: &LazyState| std::ptr::eq(lazy.parent, parent) || lazy.is_of(parent);
        self.key.is(value) && self.hot.keyed_breaker().is_some_and(is_parent)
    }

    /// The stamp of its last use.
    pub(crate) fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    /// Records a use. An unchanged stamp is not written, so that threads do not invalidate each
    /// other's cache lines. Returns whether the last use was under the same stamp.
    #[inline]
    pub(crate) fn use_at(&self, stamp: u32) -> bool {
        let recent = self.used() == stamp;
        if !recent {
            self.used.store(stamp, Ordering::Relaxed);
        }
        recent
    }

    /// The parent's name with the key.
    pub(crate) fn name(&self) -> &str {
        let Some(lazy) = self.hot.keyed_breaker() else { return "" };
        lazy.more().name.get_or_init(|| format!("{}[{}]", lazy.parent.name(), self.key.shown()).into())
    }

    /// How many calls succeeded since the last reset.
    pub(crate) fn successes(&self) -> u64 {
        let all = self.uses.successes();
        self.more().map_or(all, |more| all.saturating_sub(more.base.load(Ordering::Relaxed)))
    }

    /// How many calls were rejected since the last reset.
    pub(crate) fn rejections(&self) -> u64 {
        self.uses.rejections() + self.more().map_or(0, |more| more.rejected.load(Ordering::Relaxed))
    }

    /// Counts both from zero again.
    pub(crate) fn zero(&self) {
        if let Some(lazy) = self.hot.keyed_breaker() {
            let more = lazy.more();
            more.base.store(self.uses.successes(), Ordering::Relaxed);
            more.rejected.store(0, Ordering::Relaxed);
            self.uses.forget_rejections();
        }
    }

    /// Counts a rejection.
    pub(crate) fn rejected(&self) {
        if let Some(lazy) = self.hot.keyed_breaker() {
            self.uses.rejected(&lazy.more().rejected);
        }
    }

    fn more(&self) -> Option<&More> {
        self.hot.keyed_breaker()?.more.get().map(|more| &**more)
    }
}

/// A use of a keyed breaker.
pub(crate) type InUse = in_use::InUse<KeyedBreaker>;

per_thread!(static CACHE: Cache<KeyedBreaker> = Cache::new());

/// Takes the breaker of this hash for which `is` holds out of the cache of this thread. Returns
/// whether this begins a new stamp of uses, too.
#[inline]
pub(crate) fn take(hash: u32, is: impl Fn(&KeyedBreaker) -> bool) -> (Option<Arc<KeyedBreaker>>, bool) {
    // A thread that ends has no cache.
    CACHE.try_with(|cache| (cache.take(hash, is), cache.begins_stamp())).unwrap_or((None, false))
}

impl Used for KeyedBreaker {
    #[inline]
    fn uses(&self) -> &Uses {
        &self.uses
    }

    #[inline]
    fn keep(self: Arc<Self>) {
        let mut kept = Some(self);
        // What is left over is dropped here, since listeners may have a `Drop` of their own.
        let _left = CACHE.try_with(|cache| cache.keep(kept.take()));
    }
}

impl Kept for KeyedBreaker {
    #[inline]
    fn hash(&self) -> u32 {
        self.hash
    }

    fn is_evicted(&self) -> bool {
        self.uses.are_closed()
    }

    fn left(&self) {
        self.uses.disown();
    }
}

impl LazyState {
    #[inline(never)]
    fn is_of(&self, parent: &CircuitBreaker) -> bool {
        self.parent.is(parent)
    }

    pub(crate) const fn parent(&self) -> &'static CircuitBreaker {
        self.parent
    }

    /// The cold state, if it is initialised.
    #[inline]
    pub(crate) fn initialized(&self) -> Option<&ColdState> {
        self.cold.get().map(|cold| &***cold)
    }

    pub(crate) fn cold(&self, hot: &HotState) -> &ColdState {
        self.initialized().unwrap_or_else(|| self.initialize(hot))
    }

    #[cold]
    fn initialize(&self, hot: &HotState) -> &ColdState {
        let mut index = self.keyed().index.lock();
        if let Some(cold) = self.initialized() {
            return cold;
        }
        let common = index.common(self.parent);
        let machine = self.machine(hot, common, sync::seed());
        let cold = ColdState::new(Arc::clone(&common.layers), machine, self.parent.observers());
        #[cfg(feature = "metrics")]
        if let Some(meter) = self.parent.0.meter.get() {
            cold.meter.get_or_init(|| Arc::clone(meter));
        }
        self.cold.get_or_init(|| Box::new(Sealed::new(cold)))
    }

    /// The machine that it would have. Requires the lock of the keyed breakers.
    fn machine(&self, hot: &HotState, common: &Common, seed: u64) -> Machine {
        let since = Tick::from_nanos(self.since.load(Ordering::Relaxed));
        common.machine(seed, hot.gate.packed().generation(), since)
    }

    /// Requires the lock of the keyed breakers.
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
    /// The function whose call received this handle.
    pub(crate) fn calling(&self) -> Option<&'static Function> {
        match &self.0 {
            Handle::KeyedBreaker(_, number) => self.caller(*number),
            _ => None,
        }
    }

    /// The function with this number among those that call its parent's keyed breakers.
    pub(crate) fn caller(&self, number: u32) -> Option<&'static Function> {
        self.0.keyed_breaker()?.parent.keyed()?.function(number)
    }

    /// Whether a success needs nothing but a counter increment: for a keyed breaker without a cold
    /// state. The packed state is read first, since another thread may initialise the cold state in
    /// between.
    pub(crate) fn has_nothing_to_settle(&self) -> bool {
        !self.0.gate.packed().has(PackedState::WINDOW) && self.0.lazy().is_some()
    }

    /// The machine that a keyed breaker without a cold state would have.
    pub(crate) fn blank(&self) -> Option<Machine> {
        self.without_cold_state(|lazy, common| lazy.machine(&self.0, common, 0))
    }

    /// Its settings from all sources.
    pub(crate) fn layers(&self) -> Arc<Layers> {
        let common = self.without_cold_state(|_, common| Arc::clone(&common.layers));
        common.unwrap_or_else(|| Arc::clone(&self.0.layers.lock()))
    }

    /// Runs `f` with the parent's data while the breaker has no cold state; `None`: it has one.
    fn without_cold_state<T>(&self, f: impl FnOnce(&LazyState, &Common) -> T) -> Option<T> {
        let lazy = self.0.lazy()?;
        let mut index = lazy.keyed().index.lock();
        // It may have been initialised while this waited.
        lazy.initialized().is_none().then(|| f(lazy, index.common(lazy.parent)))
    }
}
