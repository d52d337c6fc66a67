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
}

/// Who a permit or an error belongs to. A site lives for ever, so it is held for nothing.
#[derive(Clone)]
pub(crate) enum Holder {
    Site(&'static Link),
    Family(Arc<Called>),
    Own(CircuitBreaker),
}

/// One of a family, as one function calls it. Behind one pointer, since a permit of every call has room for it.
pub(crate) struct Called {
    pub(crate) breaker: CircuitBreaker,
    pub(crate) by: &'static Link,
}

/// Who asks for a call.
#[derive(Clone, Copy)]
pub(crate) enum Caller<'a> {
    /// The function whose breaker this is.
    Site(&'static Link),
    /// The function to whose family this belongs.
    Family(&'a Arc<Called>),
    /// Somebody who has a handle.
    Handle,
}

impl Caller<'_> {
    pub(crate) fn function(self) -> Option<&'static str> {
        match self {
            Self::Site(link) => Some(&link.function),
            Self::Family(called) => Some(&called.by.function),
            Self::Handle => None,
        }
    }
}

impl Holder {
    #[inline]
    pub(crate) fn breaker(&self) -> &CircuitBreaker {
        match self {
            Self::Site(link) => &link.breaker,
            Self::Family(called) => &called.breaker,
            Self::Own(breaker) => breaker,
        }
    }

    pub(crate) fn function(&self) -> Option<&'static str> {
        match self {
            Self::Site(link) => Some(&link.function),
            Self::Family(called) => Some(&called.by.function),
            Self::Own(_) => None,
        }
    }
}

/// What every call looks at, and the rest.
pub(crate) struct Shared {
    pub(crate) gate: Gate,
    pub(crate) totals: Totals,
    rest: Sealed<Rest>,
}

/// What few calls look at.
pub(crate) struct Rest {
    name: Box<str>,
    /// Its members, if it is the head of a family.
    pub(crate) family: OnceLock<Family>,
    /// The totals at the last reset, which a snapshot leaves out.
    pub(crate) base: Base,
    pub(crate) machine: Mutex<Machine>,
    /// The machine's window, for calls that add to it without the lock; set once a rule needs one.
    pub(crate) window: OnceLock<Arc<SlidingWindow>>,
    pub(crate) notes: Mutex<Notes>,
    pub(crate) layers: Mutex<Layers>,
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
    type Target = Rest;

    fn deref(&self) -> &Rest {
        &self.rest
    }
}

#[derive(Debug, Default)]
pub(crate) struct Base {
    pub(crate) successes: AtomicU64,
    pub(crate) rejected: AtomicU64,
}

impl Deref for Handle {
    type Target = Shared;

    #[inline]
    fn deref(&self) -> &Shared {
        match self {
            Handle::Forever(shared) => shared,
            Handle::Counted(shared) => shared,
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

    /// Whether there are no more handles than these, so that nobody can be surprised when the breaker goes.
    pub(crate) fn has_handles(&self, count: usize) -> bool {
        matches!(&self.0, Handle::Counted(shared) if Arc::strong_count(shared) == count)
    }

    /// Whether both are handles of one breaker.
    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::eq::<Shared>(&*self.0, &*other.0)
    }

    #[inline]
    pub(crate) fn holder(&self, caller: Caller<'_>) -> Holder {
        match caller {
            Caller::Site(link) => Holder::Site(link),
            Caller::Family(called) => Holder::Family(Arc::clone(called)),
            Caller::Handle => Holder::Own(self.clone()),
        }
    }

    /// The breaker's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The name that logs and metrics show: the environment's `NAME` for this breaker, else its name.
    #[must_use]
    pub fn label(&self) -> String {
        self.0.label.lock().as_deref().unwrap_or(&self.0.name).to_owned()
    }

    /// The present state. Reading it changes nothing; once the recovery timeout of an open breaker is over it says
    /// half-open.
    #[must_use]
    pub fn state(&self) -> State {
        let word = self.0.gate.word();
        let lapsed = word.has(Word::SHUT) && clock::now() >= self.0.gate.until();
        if lapsed { self.0.machine.lock().state(clock::now()) } else { word.state() }
    }

    /// Which rule opened it, with its numbers; `None` while it is closed, and when it was opened by hand.
    pub(crate) fn opened_because(&self) -> Option<String> {
        let trip = self.0.machine.lock().trip()?;
        Some(self.0.notes.lock().because(trip))
    }

    /// How many calls succeeded since the last reset.
    pub(crate) fn successes(&self) -> u64 {
        self.0.totals.successes().saturating_sub(self.0.base.successes.load(Ordering::Relaxed))
    }

    /// How many calls were rejected since the last reset.
    pub(crate) fn rejections(&self) -> u64 {
        self.0.totals.rejections().saturating_sub(self.0.base.rejected.load(Ordering::Relaxed))
    }

    pub(crate) fn read(&self) -> Reading {
        self.0.machine.lock().read(clock::now())
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
        let mut machine = self.0.machine.lock();
        let (value, change) = f(&mut machine, now);
        let wake = self.0.publish(&machine);
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
        self.0.heard.load(Ordering::Relaxed)
    }

    pub(crate) fn tell(&self, event: &dyn Fn(&dyn Listener)) {
        let listeners = Arc::clone(&self.0.listeners.lock());
        event::tell(&listeners, event);
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
    pub(crate) fn and(mut self, later: Self) -> Self {
        self.changes.extend(later.changes);
        self.wake |= later.wake;
        self
    }
}

impl Shared {
    fn new(name: String, layers: Layers) -> Self {
        let machine = Machine::new(layers.settings(), sync::seed(), clock::now());
        let rest = Rest {
            name: name.into(),
            family: OnceLock::new(),
            base: Base::default(),
            machine: Mutex::new(machine),
            window: OnceLock::new(),
            notes: Mutex::default(),
            label: Mutex::new(layers.label().map(Arc::from)),
            layers: Mutex::new(layers),
            listeners: Mutex::new(Arc::new([])),
            heard: AtomicBool::new(false),
            #[cfg(feature = "tracing")]
            logged: Mutex::default(),
            #[cfg(feature = "tokio")]
            changed: sync::Notify::default(),
            #[cfg(feature = "tokio")]
            without_timer: AtomicBool::new(false),
        };
        let shared = Self { gate: Gate::new(), totals: Totals::default(), rest: Sealed::new(rest) };
        shared.publish(&shared.machine.lock());
        shared
    }

    /// Counts a failure of which nobody has to hear, and which changes nothing that the gate shows. `false`: it is more than that.
    pub(crate) fn failed_again(&self, word: Word) -> bool {
        if self.gate.glance().has(Word::HEARD) || !event::quiet() {
            return false;
        }
        let now = clock::now();
        self.machine.lock().failed_again(word, now)
    }

    /// Publishes what the machine says. Only under its lock. Gives whether anything is different from before.
    fn publish(&self, machine: &Machine) -> bool {
        if let Some(window) = machine.window() {
            self.window.get_or_init(|| Arc::clone(window));
        }
        let (word, until) = machine.publish();
        let heard = if self.heard.load(Ordering::Relaxed) { Word::HEARD } else { 0 };
        self.gate.publish(word.with(heard), until, machine.settings().timeout.unwrap_or_default())
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
