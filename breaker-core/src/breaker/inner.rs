//! What all handles of a breaker share. The part that every call reads comes first. The rest of a
//! keyed breaker is made when it is first needed.

use crate::breaker::gate::Gate;
use crate::breaker::keyed::KeyedBreakers;
use crate::breaker::keyed::keyed_breaker::LazyState;
use crate::breaker::last_error::KeptError;
#[cfg(feature = "metrics")]
use crate::breaker::report::Meter;
use crate::breaker::report::Observer;
use crate::breaker::throttle::CALM;
use crate::clock::{self, Tick};
use crate::config::call_settings::{CallSettings, PublishedCallSettings};
use crate::config::layers::Layers;
use crate::machine::Machine;
use crate::machine::packed::PackedState;
use crate::machine::state::State;
use crate::machine::window::SlidingWindow;
use crate::sync::counter::StripedCounters;
use crate::sync::{self, Arc, AtomicBool, AtomicU64, Mutex, OnceLock, Ordering, Sealed};
use std::ops::Deref;

/// A breaker by itself, not one of a family. Its address is that of what every call looks at.
#[repr(C)]
pub(crate) struct Inner {
    core: HotState,
    base: ResetBaseline,
    pub(crate) totals: StripedCounters,
}

/// What every call looks at, and the rest.
#[repr(C)]
pub(crate) struct HotState {
    pub(crate) gate: Gate,
    kept: ColdSlot,
}

/// Where the rest is.
enum ColdSlot {
    Now(Box<str>, Sealed<ColdState>),
    /// It is made when it is first needed.
    LazyState(LazyState),
}

/// What few calls look at. What a failure needs comes first, so that it is found without a step
/// more; what is small comes last.
#[repr(C)]
pub(crate) struct ColdState {
    pub(crate) machine: Mutex<Machine>,
    /// Its members, if it is the head of a family.
    pub(crate) keyed: OnceLock<Box<KeyedBreakers>>,
    /// The machine's window, for calls that add to it without the lock; set once a rule needs one.
    pub(crate) window: OnceLock<Arc<SlidingWindow>>,
    pub(crate) notes: Mutex<KeptError>,
    /// Shared by all of a family that were told nothing by themselves.
    pub(crate) layers: Mutex<Arc<Layers>>,
    rare: OnceLock<Box<Rare>>,
    pub(crate) label: Mutex<Option<Arc<str>>>,
    pub(crate) observers: Mutex<Arc<[Arc<dyn Observer>]>>,
    #[cfg(feature = "metrics")]
    pub(crate) meter: OnceLock<Arc<dyn Meter>>,
    #[cfg(feature = "tracing")]
    pub(crate) logged: OnceLock<Box<Mutex<crate::breaker::log::logged::Logged>>>,
    /// Wakes those who wait for a call to be admitted.
    #[cfg(feature = "tokio")]
    pub(crate) changed: sync::Notify,
    /// Somebody has told a member settings by itself. Written under the lock of the layers, and
    /// read without it.
    pub(crate) has_own_settings: AtomicBool,
    /// A function with a `key` has it.
    pub(crate) has_key: AtomicBool,
    /// There are observers.
    pub(crate) is_observed: AtomicBool,
    /// One of them observes single calls.
    pub(crate) calls_are_observed: AtomicBool,
    /// A time limit was met where there is no timer, and that was said.
    #[cfg(feature = "tokio")]
    pub(crate) without_timer: AtomicBool,
}

impl Deref for Inner {
    type Target = HotState;

    #[inline]
    fn deref(&self) -> &HotState {
        &self.core
    }
}

/// Whoever asks a member for its rest has it made. [`HotState::initialized`] does not.
impl Deref for HotState {
    type Target = ColdState;

    fn deref(&self) -> &ColdState {
        match &self.kept {
            ColdSlot::Now(_, cold) => cold,
            ColdSlot::LazyState(lazy) => lazy.cold(self),
        }
    }
}

/// The totals at the last reset, which a snapshot leaves out.
#[derive(Debug, Default)]
pub(crate) struct ResetBaseline {
    successes: AtomicU64,
    rejected: AtomicU64,
}

impl ResetBaseline {
    pub(crate) fn note(&self, successes: u64, rejected: u64) {
        self.successes.store(successes, Ordering::Relaxed);
        self.rejected.store(rejected, Ordering::Relaxed);
    }

    /// How many of so many successes came since.
    pub(crate) fn successes_of(&self, successes: u64) -> u64 {
        successes.saturating_sub(self.successes.load(Ordering::Relaxed))
    }

    /// How many of so many rejections came since.
    pub(crate) fn rejections_of(&self, rejected: u64) -> u64 {
        rejected.saturating_sub(self.rejected.load(Ordering::Relaxed))
    }
}

/// What few breakers need. It is made when it is first written.
#[derive(Debug, Default)]
struct Rare {
    /// What all places say of the retries of its functions.
    call_settings: PublishedCallSettings,
    busy: Busy,
}

impl ColdState {
    /// What all places say of the retries of its functions.
    #[cfg(feature = "retry")]
    pub(crate) fn call_settings(&self) -> CallSettings {
        self.rare.get().map_or_else(CallSettings::default, |rare| rare.call_settings.get())
    }

    /// Only under the lock of the layers.
    pub(crate) fn set_call_settings(&self, call_settings: CallSettings) {
        if self.rare.get().is_some() || call_settings != CallSettings::default() {
            self.rare.get_or_init(Box::default).call_settings.set(call_settings);
        }
    }

    /// For a call that finds no place.
    pub(crate) fn busy(&self) -> &Busy {
        &self.rare.get_or_init(Box::default).busy
    }

    /// How many calls found no place since the last reset.
    pub(crate) fn busy_count(&self) -> u64 {
        self.rare.get().map_or(0, |rare| rare.busy.count())
    }

    /// From now on they are counted anew.
    pub(crate) fn zero_busy(&self) {
        if let Some(rare) = self.rare.get() {
            rare.busy.zero();
        }
    }
}

/// How many calls found no place.
#[derive(Debug, Default)]
pub(crate) struct Busy {
    all: AtomicU64,
    /// How many they were at the last reset.
    before: AtomicU64,
    /// How many there are in the present row, and when the last one came: of a breaker by itself,
    /// or of all values of its `key`.
    row: AtomicU64,
    last: AtomicU64,
}

impl Busy {
    pub(crate) fn add(&self) {
        self.all.fetch_add(1, Ordering::Relaxed);
    }

    /// The place of one that comes now in its row: 1 for the first, which no two are.
    pub(crate) fn place_in_row(&self, now: Tick) -> u64 {
        let last = Tick::from_nanos(self.last.swap(now.as_nanos(), Ordering::Relaxed));
        if last == Tick::ZERO || now.since(last) >= CALM {
            self.row.store(1, Ordering::Relaxed);
            return 1;
        }
        self.row.fetch_add(1, Ordering::Relaxed).saturating_add(1).max(2)
    }

    fn count(&self) -> u64 {
        self.all.load(Ordering::Relaxed).saturating_sub(self.before.load(Ordering::Relaxed))
    }

    fn zero(&self) {
        self.before.store(self.all.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Inner {
    pub(crate) fn new(name: String, layers: Layers) -> Self {
        let machine = Machine::new(Arc::new(layers.settings()), sync::seed(), clock::now());
        let gate = Gate::new();
        let cold = ColdState::new(Arc::new(layers), machine, Arc::new([]));
        cold.publish(&gate, &cold.machine.lock());
        let core = HotState { gate, kept: ColdSlot::Now(name.into(), Sealed::new(cold)) };
        Self { core, totals: StripedCounters::default(), base: ResetBaseline::default() }
    }

    pub(crate) fn name(&self) -> &str {
        match &self.core.kept {
            ColdSlot::Now(name, _) => name,
            ColdSlot::LazyState(_) => "",
        }
    }

    pub(crate) fn successes(&self) -> u64 {
        self.base.successes_of(self.totals.successes())
    }

    pub(crate) fn rejections(&self) -> u64 {
        self.base.rejections_of(self.totals.rejections())
    }

    pub(crate) fn zero(&self) {
        self.base.note(self.totals.successes(), self.totals.rejections());
    }
}

impl HotState {
    /// One of a family, under this word.
    pub(crate) const fn of_member(gate: Gate, lazy: LazyState) -> Self {
        Self { gate, kept: ColdSlot::LazyState(lazy) }
    }

    /// Counts a failure of a call that was let in under `word`, if all it does is to make a run
    /// longer. `false`: it is more than that.
    pub(crate) fn failed_again(&self, word: PackedState) -> bool {
        if !word.has_only_a_streak() {
            return false;
        }
        let now = clock::now();
        let mut machine = self.machine.lock();
        // Nobody publishes another word meanwhile.
        self.gate.load_relaxed() == word && machine.failed_again(now)
    }

    /// A call that is counted among those under way is so no more.
    pub(crate) fn end_under_way(&self, started: Tick) {
        if let Some(window) = self.window.get() {
            window.call_ends(started);
        }
    }

    /// Gives back the place of a call. Not under a lock of ours, since it wakes those who wait for
    /// one.
    pub(crate) fn leave_place(&self) {
        let was_full = self.gate.leave_place();
        self.wake_for_place(was_full);
    }

    /// Wakes those who wait for a place, if there was none.
    pub(crate) fn wake_for_place(&self, was_full: bool) {
        // Whoever waits has had the rest made.
        #[cfg(feature = "tokio")]
        if let Some(cold) = self.initialized().filter(|_| was_full) {
            cold.changed.notify_waiters();
        }
        #[cfg(not(feature = "tokio"))]
        let _ = was_full;
    }

    pub(crate) fn state(&self) -> State {
        let word = self.gate.word();
        let lapsed = word.has(PackedState::SHUT) && clock::now() >= self.gate.until();
        if lapsed { self.machine.lock().state(clock::now()) } else { word.state() }
    }

    /// What a member has, whether its rest was made or not.
    pub(crate) fn keyed_breaker(&self) -> Option<&LazyState> {
        match &self.kept {
            ColdSlot::Now(..) => None,
            ColdSlot::LazyState(lazy) => Some(lazy),
        }
    }

    /// The rest, if there was a need for it.
    pub(crate) fn initialized(&self) -> Option<&ColdState> {
        match &self.kept {
            ColdSlot::Now(_, cold) => Some(cold),
            ColdSlot::LazyState(lazy) => lazy.initialized(),
        }
    }

    /// What the rest can be made of, if that was not done.
    pub(crate) fn lazy(&self) -> Option<&LazyState> {
        self.keyed_breaker().filter(|lazy| lazy.initialized().is_none())
    }
}

impl ColdState {
    pub(crate) fn new(layers: Arc<Layers>, machine: Machine, observers: Arc<[Arc<dyn Observer>]>) -> Self {
        let (label, window) = (layers.label().map(Arc::from), OnceLock::new());
        if let Some(initialized) = machine.window() {
            window.get_or_init(|| Arc::clone(initialized));
        }
        let call_settings = layers.call_settings();
        let cold = Self {
            keyed: OnceLock::new(),
            machine: Mutex::new(machine),
            window,
            notes: Mutex::default(),
            rare: OnceLock::new(),
            label: Mutex::new(label),
            layers: Mutex::new(layers),
            has_own_settings: AtomicBool::new(false),
            has_key: AtomicBool::new(false),
            is_observed: AtomicBool::new(!observers.is_empty()),
            calls_are_observed: AtomicBool::new(observe_calls(&observers)),
            observers: Mutex::new(observers),
            #[cfg(feature = "metrics")]
            meter: OnceLock::new(),
            #[cfg(feature = "tracing")]
            logged: OnceLock::new(),
            #[cfg(feature = "tokio")]
            changed: sync::Notify::default(),
            #[cfg(feature = "tokio")]
            without_timer: AtomicBool::new(false),
        };
        cold.set_call_settings(call_settings);
        cold
    }

    /// Whether single calls are observed.
    pub(crate) fn calls_are_observed(&self) -> bool {
        #[cfg(feature = "metrics")]
        if self.meter().is_some() {
            return true;
        }
        self.calls_are_observed.load(Ordering::Relaxed)
    }

    /// What its metrics are counted with, if they are exported.
    #[cfg(feature = "metrics")]
    #[inline]
    pub(crate) fn meter(&self) -> Option<&Arc<dyn Meter>> {
        self.meter.get().filter(|meter| meter.counts())
    }

    /// Publishes what the machine says. Only under its lock. Gives whether anything is different
    /// from before.
    pub(crate) fn publish(&self, gate: &Gate, machine: &Machine) -> bool {
        if let Some(window) = machine.window() {
            self.window.get_or_init(|| Arc::clone(window));
        }
        let (word, until) = machine.publish();
        let observed = if self.calls_are_observed() { PackedState::OBSERVED } else { 0 };
        let places = gate.set_places(machine.settings().max_concurrent);
        gate.publish(word.with(observed), until, machine.settings().limits.of_breaker) || places
    }
}

/// Whether one of them observes single calls.
pub(crate) fn observe_calls(observers: &[Arc<dyn Observer>]) -> bool {
    observers.iter().any(|observer| observer.wants_calls())
}
