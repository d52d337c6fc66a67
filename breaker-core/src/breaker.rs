//! Breaker: the handle that everybody holds, and the shell around the machine. The shell asks the clock, takes the
//! lock, publishes what the machine says, lets go, and tells the listeners.

use crate::answers::{Change, Reading};
use crate::clock::{self, Tick};
use crate::config::Config;
use crate::config_error::ConfigError;
use crate::event::{self, Listener, StateChange};
use crate::family::Family;
use crate::gate::{Gate, Word};
use crate::layers::{Layers, Place};
use crate::machine::Machine;
use crate::member::{Later, Member};
use crate::note::Notes;
use crate::site::Link;
use crate::state::State;
use crate::sync::{self, Arc, AtomicBool, AtomicU64, Mutex, OnceLock, Ordering, Sealed, Totals};
use crate::window::SlidingWindow;
use std::fmt;
use std::ops::Deref;

/// A circuit breaker. The value is a handle: clones share one breaker, and cloning is cheap.
///
/// Annotated functions and [`Registry::breaker`](crate::Registry::breaker) make breakers that the whole process knows by
/// name; [`CircuitBreaker::new`] makes one that only its owner knows.
///
/// ```
/// use breaker_core::{CallError, CircuitBreaker, Config, State};
///
/// let breaker = CircuitBreaker::new("search", Config::new().fail_max(1))?;
/// let failed = breaker.call_sync(|| Err::<(), _>("no route"));
/// assert!(matches!(failed, Err(CallError::Inner("no route"))));
/// assert_eq!(breaker.state(), State::Open);
/// let rejected = breaker.call_sync(|| Ok::<_, &str>(1));
/// assert!(matches!(rejected, Err(CallError::Rejected(_))));
/// # Ok::<(), breaker_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct CircuitBreaker(pub(crate) Handle);

/// Breakers of the global registry live as long as the process, so that a call needs no reference count.
#[derive(Clone)]
pub(crate) enum Handle {
    Forever(&'static Shared),
    Counted(Arc<Shared>),
    /// One of a family, and the number that the function has there which calls it; 0: nobody's call. The number has room here anyway,
    /// and a permit of every call holds one of these.
    Member(Arc<Member>, u32),
}

/// Who a permit or an error belongs to. A site lives for ever, so it is held for nothing.
#[derive(Clone)]
pub(crate) enum Holder {
    Site(&'static Link),
    Own(CircuitBreaker),
}

/// Who asks for a call.
#[derive(Clone, Copy)]
pub(crate) enum Caller {
    /// The function whose breaker this is.
    Site(&'static Link),
    /// The function to whose family this belongs, as its handle says too.
    Family(&'static Link),
    /// Somebody who has a handle.
    Handle,
}

impl Caller {
    pub(crate) fn function(self) -> Option<&'static str> {
        match self {
            Self::Site(link) | Self::Family(link) => Some(&link.function),
            Self::Handle => None,
        }
    }
}

impl Holder {
    #[inline]
    pub(crate) fn breaker(&self) -> &CircuitBreaker {
        match self {
            Self::Site(link) => &link.breaker,
            Self::Own(breaker) => breaker,
        }
    }

    pub(crate) fn function(&self) -> Option<&'static str> {
        match self {
            Self::Site(link) => Some(&link.function),
            Self::Own(breaker) => breaker.calling(),
        }
    }
}

/// A breaker by itself, not one of a family.
pub(crate) struct Shared {
    core: Core,
    pub(crate) totals: Totals,
    base: Base,
}

/// What every call looks at, and the rest.
#[repr(C)]
pub(crate) struct Core {
    pub(crate) gate: Gate,
    kept: Kept,
}

/// Where the rest is.
enum Kept {
    Now(Box<str>, Sealed<Rest>),
    /// It is made when it is first needed.
    Later(Later),
}

/// What few calls look at.
pub(crate) struct Rest {
    /// Its members, if it is the head of a family.
    pub(crate) family: OnceLock<Box<Family>>,
    pub(crate) machine: Mutex<Machine>,
    /// The machine's window, for calls that add to it without the lock; set once a rule needs one.
    pub(crate) window: OnceLock<Arc<SlidingWindow>>,
    pub(crate) notes: Mutex<Notes>,
    /// Shared by all of a family that were told nothing by themselves.
    pub(crate) layers: Mutex<Arc<Layers>>,
    pub(crate) label: Mutex<Option<Arc<str>>>,
    pub(crate) listeners: Mutex<Arc<[Arc<dyn Listener>]>>,
    pub(crate) heard: AtomicBool,
    #[cfg(feature = "tracing")]
    pub(crate) logged: Mutex<crate::log::Logged>,
    /// Wakes those who wait for a call to be admitted.
    #[cfg(feature = "tokio")]
    pub(crate) changed: sync::Notify,
    /// A time limit was met where there is no timer, and that was said.
    #[cfg(feature = "tokio")]
    pub(crate) without_timer: AtomicBool,
}

impl Deref for Shared {
    type Target = Core;

    #[inline]
    fn deref(&self) -> &Core {
        &self.core
    }
}

/// Whoever asks a member for its rest has it made. [`Core::made`] does not.
impl Deref for Core {
    type Target = Rest;

    fn deref(&self) -> &Rest {
        match &self.kept {
            Kept::Now(_, rest) => rest,
            Kept::Later(later) => later.rest(self),
        }
    }
}

/// The totals at the last reset, which a snapshot leaves out.
#[derive(Debug, Default)]
pub(crate) struct Base {
    successes: AtomicU64,
    rejected: AtomicU64,
}

impl Base {
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

impl Deref for Handle {
    type Target = Core;

    #[inline]
    fn deref(&self) -> &Core {
        match self {
            Handle::Forever(shared) => shared,
            Handle::Counted(shared) => shared,
            Handle::Member(member, _) => &member.core,
        }
    }
}

impl Handle {
    /// Counts a success.
    #[inline]
    pub(crate) fn success(&self) {
        match self {
            Handle::Forever(shared) => shared.totals.success(),
            Handle::Counted(shared) => shared.totals.success(),
            Handle::Member(member, _) => member.tally.success(),
        }
    }

    /// Counts a rejection.
    #[inline]
    pub(crate) fn rejected(&self) {
        match self {
            Handle::Forever(shared) => shared.totals.rejected(),
            Handle::Counted(shared) => shared.totals.rejected(),
            Handle::Member(member, _) => member.tally.rejected(),
        }
    }

    /// How many calls succeeded since the last reset.
    fn successes(&self) -> u64 {
        match self {
            Handle::Forever(shared) => shared.successes(),
            Handle::Counted(shared) => shared.successes(),
            Handle::Member(member, _) => member.successes(),
        }
    }

    /// How many calls were rejected since the last reset.
    fn rejections(&self) -> u64 {
        match self {
            Handle::Forever(shared) => shared.rejections(),
            Handle::Counted(shared) => shared.rejections(),
            Handle::Member(member, _) => member.rejections(),
        }
    }

    /// From now on both are counted anew.
    pub(crate) fn zero(&self) {
        match self {
            Handle::Forever(shared) => shared.zero(),
            Handle::Counted(shared) => shared.zero(),
            Handle::Member(member, _) => member.zero(),
        }
    }
}

impl CircuitBreaker {
    /// A breaker that is in no registry: neither the environment nor health knows it.
    ///
    /// # Errors
    /// When a value of `config` is out of its range, or the name is empty.
    pub fn new(name: impl Into<String>, config: Config) -> Result<Self, ConfigError> {
        let name = name.into();
        let place = format!("circuit breaker `{name}`");
        if name.is_empty() {
            return Err(ConfigError::nameless("CircuitBreaker::new"));
        }
        match config.problems_of_whole(&place).into_iter().next() {
            Some(problem) => Err(problem),
            None => {
                let mut layers = Layers::default();
                layers.set(Place::Attribute, config.into());
                let breaker = Self::with_layers(name, layers, false);
                #[cfg(feature = "tracing")]
                crate::log::made(&breaker.label(), &breaker.config().to_string());
                Ok(breaker)
            }
        }
    }

    /// A breaker for a registry; `forever`: for as long as the process runs.
    pub(crate) fn with_layers(name: String, layers: Layers, forever: bool) -> Self {
        let shared = Shared::new(name, layers);
        Self(if forever { Handle::Forever(Box::leak(Box::new(shared))) } else { Handle::Counted(Arc::new(shared)) })
    }

    /// Whether both are handles of one breaker.
    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::eq::<Core>(&*self.0, &*other.0)
    }

    #[inline]
    pub(crate) fn holder(&self, caller: Caller) -> Holder {
        match caller {
            Caller::Site(link) => Holder::Site(link),
            Caller::Family(_) | Caller::Handle => Holder::Own(self.handle(matches!(caller, Caller::Family(_)))),
        }
    }

    /// A handle that is the same function's, or nobody's.
    #[inline]
    fn handle(&self, calls: bool) -> Self {
        Self(match &self.0 {
            Handle::Forever(shared) => Handle::Forever(shared),
            Handle::Counted(shared) => Handle::Counted(Arc::clone(shared)),
            Handle::Member(member, number) => Handle::Member(Arc::clone(member), if calls { *number } else { 0 }),
        })
    }

    /// The breaker by itself that a site can look at without asking how it is held; `None` for one of a family.
    pub(crate) fn shared(&self) -> Option<&Shared> {
        match &self.0 {
            Handle::Forever(shared) => Some(shared),
            Handle::Counted(shared) => Some(shared),
            Handle::Member(..) => None,
        }
    }

    /// The breaker's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.0 {
            Handle::Forever(shared) => shared.name(),
            Handle::Counted(shared) => shared.name(),
            Handle::Member(member, _) => member.name(),
        }
    }

    /// The name that logs and metrics show: the environment's `NAME` for this breaker, else its name.
    #[must_use]
    pub fn label(&self) -> String {
        let label = self.0.made().and_then(|rest| rest.label.lock().clone());
        label.as_deref().unwrap_or_else(|| self.name()).to_owned()
    }

    /// The present state. Reading it changes nothing; once the recovery timeout of an open breaker is over it says
    /// half-open.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// Which rule opened it, with its numbers; `None` while it is closed, and when it was opened by hand.
    pub(crate) fn opened_because(&self) -> Option<String> {
        let rest = self.0.made()?;
        let trip = rest.machine.lock().trip()?;
        Some(rest.notes.lock().because(trip))
    }

    /// How many calls succeeded since the last reset.
    pub(crate) fn successes(&self) -> u64 {
        self.0.successes()
    }

    /// How many calls were rejected since the last reset.
    pub(crate) fn rejections(&self) -> u64 {
        self.0.rejections()
    }

    pub(crate) fn read(&self) -> Reading {
        let blank = self.blank();
        blank.map_or_else(|| self.0.machine.lock().read(clock::now()), |machine| machine.read(clock::now()))
    }

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
        (value, Told { changes: change.map(|change| (change, event::next_sequence())).into_iter().collect(), wake })
    }

    /// Wakes those who wait, and tells listeners: both may run anybody's code, so no lock of ours is held here.
    pub(crate) fn tell_changes(&self, told: Told) {
        #[cfg(feature = "tokio")]
        if told.wake {
            self.0.changed.notify_waiters();
        }
        for (change, sequence) in told.changes {
            self.tell_change(&change, sequence);
        }
    }

    fn tell_change(&self, change: &Change, sequence: u64) {
        let because = change.trip.map(|trip| self.0.notes.lock().because(trip));
        let event = StateChange {
            breaker: self,
            old: change.old,
            new: change.new,
            generation: change.generation,
            sequence,
            opened_because: because.as_deref(),
            consecutive_failures: change.consecutive_failures,
            shadow: change.shadow,
            reset: change.reset,
        };
        self.tell(&|listener| listener.state_change(&event));
    }

    /// Whether there are listeners beside the ready-made one.
    pub(crate) fn is_heard(&self) -> bool {
        self.0.gate.word().has(Word::HEARD)
    }

    pub(crate) fn tell(&self, event: &dyn Fn(&dyn Listener)) {
        event::tell(&self.listeners(), event);
    }

    /// Those of the head, for one of its family that was told nothing by itself.
    pub(crate) fn listeners(&self) -> Arc<[Arc<dyn Listener>]> {
        match self.0.later() {
            Some(later) => later.head().listeners(),
            None => Arc::clone(&self.0.listeners.lock()),
        }
    }
}

/// Changes that listeners have yet to hear of, with their sequence numbers.
#[must_use]
pub(crate) struct Told {
    changes: Vec<(Change, u64)>,
    /// Something is different from before, of which those hear who wait for it.
    wake: bool,
}

impl Told {
    pub(crate) const NOTHING: Self = Self { changes: Vec::new(), wake: false };

    /// Of one that nobody waits for.
    pub(crate) fn one(change: Change) -> Self {
        Self { changes: vec![(change, event::next_sequence())], wake: false }
    }

    pub(crate) fn and(mut self, later: Self) -> Self {
        self.changes.extend(later.changes);
        self.wake |= later.wake;
        self
    }
}

impl Shared {
    pub(crate) fn new(name: String, layers: Layers) -> Self {
        let machine = Machine::new(layers.settings(), sync::seed(), clock::now());
        let gate = Gate::new();
        let rest = Rest::new(Arc::new(layers), machine, Arc::new([]));
        rest.publish(&gate, &rest.machine.lock());
        let core = Core { gate, kept: Kept::Now(name.into(), Sealed::new(rest)) };
        Self { core, totals: Totals::default(), base: Base::default() }
    }

    fn name(&self) -> &str {
        match &self.core.kept {
            Kept::Now(name, _) => name,
            Kept::Later(_) => "",
        }
    }

    fn successes(&self) -> u64 {
        self.base.successes_of(self.totals.successes())
    }

    fn rejections(&self) -> u64 {
        self.base.rejections_of(self.totals.rejections())
    }

    fn zero(&self) {
        self.base.note(self.totals.successes(), self.totals.rejections());
    }
}

impl Core {
    /// One of a family, under this word.
    pub(crate) const fn of_member(gate: Gate, later: Later) -> Self {
        Self { gate, kept: Kept::Later(later) }
    }

    pub(crate) fn state(&self) -> State {
        let word = self.gate.word();
        let lapsed = word.has(Word::SHUT) && clock::now() >= self.gate.until();
        if lapsed { self.machine.lock().state(clock::now()) } else { word.state() }
    }

    /// What a member has, whether its rest was made or not.
    pub(crate) fn member(&self) -> Option<&Later> {
        match &self.kept {
            Kept::Now(..) => None,
            Kept::Later(later) => Some(later),
        }
    }

    /// The rest, if there was a need for it.
    pub(crate) fn made(&self) -> Option<&Rest> {
        match &self.kept {
            Kept::Now(_, rest) => Some(rest),
            Kept::Later(later) => later.made(),
        }
    }

    /// What the rest can be made of, if that was not done.
    pub(crate) fn later(&self) -> Option<&Later> {
        self.member().filter(|later| later.made().is_none())
    }
}

impl Rest {
    pub(crate) fn new(layers: Arc<Layers>, machine: Machine, listeners: Arc<[Arc<dyn Listener>]>) -> Self {
        let (label, window) = (layers.label().map(Arc::from), OnceLock::new());
        if let Some(made) = machine.window() {
            window.get_or_init(|| Arc::clone(made));
        }
        Self {
            family: OnceLock::new(),
            machine: Mutex::new(machine),
            window,
            notes: Mutex::default(),
            label: Mutex::new(label),
            layers: Mutex::new(layers),
            heard: AtomicBool::new(!listeners.is_empty()),
            listeners: Mutex::new(listeners),
            #[cfg(feature = "tracing")]
            logged: Mutex::default(),
            #[cfg(feature = "tokio")]
            changed: sync::Notify::default(),
            #[cfg(feature = "tokio")]
            without_timer: AtomicBool::new(false),
        }
    }

    /// Publishes what the machine says. Only under its lock. Gives whether anything is different from before.
    pub(crate) fn publish(&self, gate: &Gate, machine: &Machine) -> bool {
        if let Some(window) = machine.window() {
            self.window.get_or_init(|| Arc::clone(window));
        }
        let (word, until) = machine.publish();
        let heard = if self.heard.load(Ordering::Relaxed) { Word::HEARD } else { 0 };
        gate.publish(word.with(heard), until, machine.settings().timeout.unwrap_or_default())
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("name", &self.name())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
