//! Holds the state that all handles of a breaker share: the hot state, read by every call, and the
//! cold state.
//!
//! The cold state of a keyed breaker is initialised when it is first needed.

use crate::breaker::gate::{BesideStreak, Gate};
use crate::breaker::keyed::KeyedBreakers;
use crate::breaker::keyed::keyed_breaker::LazyState;
use crate::breaker::last_error::KeptError;
#[cfg(feature = "metrics")]
use crate::breaker::report::Meter;
use crate::breaker::report::Observer;
use crate::breaker::throttle::CALM;
use crate::breaker::token::Token;
use crate::clock::{self, Tick};
use crate::config::call_settings::{CallSettings, PublishedCallSettings};
use crate::config::layers::Layers;
use crate::machine::Machine;
use crate::machine::output::Published;
use crate::machine::packed::PackedState;
use crate::machine::state::State;
use crate::machine::window::SlidingWindow;
use crate::sync::counter::StripedCounters;
use crate::sync::{self, Arc, AtomicBool, AtomicU64, Mutex, OnceLock, Ordering, Sealed};
use std::ops::Deref;

/// A breaker that is not a keyed breaker. Its address is that of its hot state.
#[repr(C)]
pub(crate) struct Inner {
    hot: HotState,
    base: ResetBaseline,
    /// With the token of each stripe, for the errors of calls by a handle.
    pub(crate) totals: StripedCounters<Arc<Token<Self>>>,
}

/// The hot state, read by every call, and the cold state.
#[repr(C)]
pub(crate) struct HotState {
    pub(crate) gate: Gate,
    cold: ColdSlot,
}

/// The cold state, or what is needed to initialise it.
enum ColdSlot {
    Now(Arc<str>, Sealed<ColdState>),
    /// It is initialised when it is first needed.
    LazyState(LazyState),
}

/// The cold state, read by few calls. Fields that a failure needs come first, at a fixed offset;
/// small fields come last.
#[repr(C)]
pub(crate) struct ColdState {
    pub(crate) beside_streak: BesideStreak,
    pub(crate) machine: Mutex<Machine>,
    /// Its keyed breakers, if it is a parent.
    pub(crate) keyed: OnceLock<Box<KeyedBreakers>>,
    /// The machine's window, for calls that add to it without the lock; set once a rule needs one.
    pub(crate) window: OnceLock<Arc<SlidingWindow>>,
    pub(crate) kept_error: Mutex<KeptError>,
    /// When the first failure of a streak was last kept and reported, in ticks of `streak`.
    pub(crate) noted: AtomicU64,
    /// Shared by all keyed breakers without settings of their own.
    pub(crate) layers: Mutex<Arc<Layers>>,
    rare: OnceLock<Box<Rare>>,
    pub(crate) label: Mutex<Option<Arc<str>>>,
    pub(crate) observers: Mutex<Arc<[Arc<dyn Observer>]>>,
    #[cfg(feature = "metrics")]
    pub(crate) meter: OnceLock<Arc<dyn Meter>>,
    #[cfg(feature = "tracing")]
    pub(crate) logged: OnceLock<Box<Mutex<crate::breaker::log::logged::Logged>>>,
    /// Wakes callers that wait for a call to be admitted.
    #[cfg(feature = "tokio")]
    pub(crate) changed: sync::Notify,
    /// Whether a keyed breaker has settings of its own. Written under the lock of the layers, and
    /// read without it.
    pub(crate) has_own_settings: AtomicBool,
    /// A function with a `key` has it.
    pub(crate) has_key: AtomicBool,
    /// There are observers.
    pub(crate) is_observed: AtomicBool,
    /// One of them observes single calls.
    pub(crate) calls_are_observed: AtomicBool,
    /// A call had a time limit where there is no timer, and that was logged.
    #[cfg(feature = "tokio")]
    pub(crate) without_timer: AtomicBool,
}

impl Deref for Inner {
    type Target = HotState;

    #[inline]
    fn deref(&self) -> &HotState {
        &self.hot
    }
}

/// This initialises the cold state of a keyed breaker. [`HotState::initialized`] does not.
impl Deref for HotState {
    type Target = ColdState;

    fn deref(&self) -> &ColdState {
        match &self.cold {
            ColdSlot::Now(_, cold) => cold,
            ColdSlot::LazyState(lazy) => lazy.cold(self),
        }
    }
}

/// The totals at the last reset. A snapshot subtracts them.
#[derive(Debug, Default)]
pub(crate) struct ResetBaseline {
    successes: AtomicU64,
    rejected: AtomicU64,
}

impl ResetBaseline {
    pub(crate) fn record(&self, successes: u64, rejected: u64) {
        self.successes.store(successes, Ordering::Relaxed);
        self.rejected.store(rejected, Ordering::Relaxed);
    }

    /// How many of `successes` came since.
    pub(crate) fn successes_of(&self, successes: u64) -> u64 {
        successes.saturating_sub(self.successes.load(Ordering::Relaxed))
    }

    /// How many of `rejected` came since.
    pub(crate) fn rejections_of(&self, rejected: u64) -> u64 {
        rejected.saturating_sub(self.rejected.load(Ordering::Relaxed))
    }
}

/// What few breakers need. It is created when it is first written.
#[derive(Debug, Default)]
struct Rare {
    /// The retry settings of its functions, from all sources.
    call_settings: PublishedCallSettings,
    busy: Busy,
}

impl ColdState {
    /// The retry settings of its functions, from all sources.
    #[cfg(feature = "retry")]
    pub(crate) fn call_settings(&self) -> CallSettings {
        self.rare.get().map_or_else(CallSettings::default, |rare| rare.call_settings.get())
    }

    /// Requires the lock of the layers.
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

    /// Counts them from zero again.
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
    /// How many there were at the last reset.
    before: AtomicU64,
    /// How many consecutive ones there are, and when the last one came. Keyed breakers share the
    /// numbers of their parent.
    consecutive: AtomicU64,
    last: AtomicU64,
}

impl Busy {
    pub(crate) fn add(&self) {
        self.all.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of this one among the consecutive ones: 1 for the first. Only one call gets 1.
    pub(crate) fn consecutive_number(&self, now: Tick) -> u64 {
        let last = Tick::from_nanos(self.last.swap(now.as_nanos(), Ordering::Relaxed));
        if last == Tick::ZERO || now.since(last) >= CALM {
            self.consecutive.store(1, Ordering::Relaxed);
            return 1;
        }
        self.consecutive.fetch_add(1, Ordering::Relaxed).saturating_add(1).max(2)
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
        cold.publish(&gate, &mut cold.machine.lock());
        let hot = HotState { gate, cold: ColdSlot::Now(name.into(), Sealed::new(cold)) };
        Self { hot, totals: StripedCounters::default(), base: ResetBaseline::default() }
    }

    pub(crate) fn name(&self) -> &str {
        match &self.hot.cold {
            ColdSlot::Now(name, _) => name,
            ColdSlot::LazyState(_) => "",
        }
    }

    /// The token of this thread's stripe.
    #[inline]
    pub(crate) fn token(self: &Arc<Self>) -> &Arc<Token<Self>> {
        self.totals.value(|| self.make_token())
    }

    /// Makes the tokens of all stripes, so that no rejection has to make one.
    pub(crate) fn make_tokens(self: &Arc<Self>) {
        self.totals.make_values(|| self.make_token());
    }

    #[cold]
    fn make_token(self: &Arc<Self>) -> Arc<Token<Self>> {
        let name = match &self.hot.cold {
            ColdSlot::Now(name, _) => Arc::clone(name),
            ColdSlot::LazyState(_) => Arc::default(),
        };
        Token::new(name, self)
    }

    pub(crate) fn successes(&self) -> u64 {
        self.base.successes_of(self.totals.successes())
    }

    pub(crate) fn rejections(&self) -> u64 {
        self.base.rejections_of(self.totals.rejections())
    }

    pub(crate) fn zero(&self) {
        self.base.record(self.totals.successes(), self.totals.rejections());
    }
}

impl HotState {
    /// A keyed breaker with this gate.
    pub(crate) const fn of_keyed_breaker(gate: Gate, lazy: LazyState) -> Self {
        Self { gate, cold: ColdSlot::LazyState(lazy) }
    }

    /// Removes a call from the calls in flight.
    pub(crate) fn end_under_way(&self, started: Tick) {
        if let Some(window) = self.window.get() {
            window.call_ends(started);
        }
    }

    /// Gives back the place of a call. No lock of the crate may be held, since this wakes waiting
    /// callers.
    pub(crate) fn leave_place(&self) {
        let was_full = self.gate.leave_place();
        self.wake_for_place(was_full);
    }

    /// Wakes callers that wait for a place, if there was none.
    pub(crate) fn wake_for_place(&self, was_full: bool) {
        // A waiting caller has initialised the cold state.
        #[cfg(feature = "tokio")]
        if let Some(cold) = self.initialized().filter(|_| was_full) {
            cold.changed.notify_waiters();
        }
        #[cfg(not(feature = "tokio"))]
        let _ = was_full;
    }

    pub(crate) fn state(&self) -> State {
        let packed = self.gate.packed();
        let lapsed = packed.has(PackedState::REJECTS) && clock::now() >= self.gate.until();
        if lapsed { self.machine.lock().state(clock::now()) } else { packed.state() }
    }

    /// The keyed part of a keyed breaker, whether its cold state is initialised or not.
    pub(crate) fn keyed_breaker(&self) -> Option<&LazyState> {
        match &self.cold {
            ColdSlot::Now(..) => None,
            ColdSlot::LazyState(lazy) => Some(lazy),
        }
    }

    /// The cold state, if it is initialised.
    pub(crate) fn initialized(&self) -> Option<&ColdState> {
        match &self.cold {
            ColdSlot::Now(_, cold) => Some(cold),
            ColdSlot::LazyState(lazy) => lazy.initialized(),
        }
    }

    /// What is needed to initialise the cold state, if that is still to be done.
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
            beside_streak: BesideStreak::default(),
            keyed: OnceLock::new(),
            machine: Mutex::new(machine),
            window,
            kept_error: Mutex::default(),
            noted: AtomicU64::new(0),
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

    /// The meter of its exported metrics, if there is one.
    #[cfg(feature = "metrics")]
    #[inline]
    pub(crate) fn meter(&self) -> Option<&Arc<dyn Meter>> {
        self.meter.get().filter(|meter| meter.counts())
    }

    /// Publishes the machine's state. Requires its lock. Returns whether anything changed.
    pub(crate) fn publish(&self, gate: &Gate, machine: &mut Machine) -> bool {
        if let Some(window) = machine.window() {
            self.window.get_or_init(|| Arc::clone(window));
        }
        let Published { packed, until, streak, rule } = machine.publish();
        let observed = self.observed_flags();
        let places = gate.set_places(machine.settings().max_concurrent);
        self.beside_streak.set_rule(rule);
        let changed = gate.publish(packed.with(observed), until, machine.settings().limits.of_breaker);
        gate.publish_streak(&self.beside_streak, streak);
        changed || places
    }
}

/// Whether one of them observes single calls.
pub(crate) fn observe_calls(observers: &[Arc<dyn Observer>]) -> bool {
    observers.iter().any(|observer| observer.wants_calls())
}
