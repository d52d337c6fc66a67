//! Breaker: the handle that everybody holds, and the shell around the machine. The shell asks the clock, takes the
//! lock, publishes what the machine says, lets go, and tells the listeners.

use crate::breaker::caller::{Caller, Handle, Holder};
use crate::breaker::inner::{Core, Rest, Shared};
use crate::breaker::pending_reports::Turn;
#[cfg(feature = "metrics")]
use crate::breaker::report::Meter;
use crate::breaker::report::{Observer, Report, StateChange, is_quiet, next_sequence, report_to};
use crate::clock::{self, Tick};
#[cfg(feature = "retry")]
use crate::config::call_settings::Stated;
use crate::config::error::ConfigError;
use crate::config::keys::Config;
use crate::config::layers::{Layers, Place};
use crate::machine::Machine;
use crate::machine::output::{Change, Reading};
use crate::machine::state::State;
use crate::sync::{Arc, Ordering, catch_panic};
use std::fmt;

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
                crate::breaker::log::made(&breaker);
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

    /// The breaker's name. The breaker for a value of a `key` is `NAME[VALUE]`.
    ///
    /// Characters of a value that begin a line, steer a terminal or change the direction of writing stand in it as `\u{a}`, so that it can be logged
    /// and shown as it is. Of a value of more than 256 bytes it has the beginning and a hash. What stands for something is written out in the
    /// same way: the value `*` is `NAME[\u{2a}]`, since `NAME[*]` is the breaker that values share.
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
        let changes = change.map(|change| (change, next_sequence())).into_iter().collect();
        (value, Told { changes, wake, moved: false })
    }

    /// The same by a hand, which may move the end of an opening.
    pub(crate) fn steered(&self, f: impl FnOnce(&mut Machine, Tick) -> Option<Change>) -> Told {
        let (moved, told) = self.locked(|machine, now| {
            let before = machine.ends();
            let change = f(machine, now);
            (machine.ends() != before, change)
        });
        told.moved_if(moved)
    }

    /// Wakes those who wait, and tells listeners, when it is the turn of that.
    pub(crate) fn tell_changes(&self, told: Told) {
        if told.is_something() {
            let _turn = Turn::begin();
            self.owe(told);
        }
    }

    pub(crate) fn tell_change(&self, change: &Change, sequence: u64, opened_because: Option<&str>) {
        let event = StateChange {
            breaker: self,
            old: change.old,
            new: change.new,
            generation: change.generation,
            sequence,
            opened_because,
            consecutive_failures: change.consecutive_failures,
            shadow: change.shadow,
            reset: change.reset,
        };
        self.report(Report::StateChange(&event));
    }

    /// Whether somebody beside the ready-made listener hears of anything.
    pub(crate) fn is_heard(&self) -> bool {
        let ears = self.ears();
        ears.is_observed.load(Ordering::Relaxed) || ears.is_told()
    }

    /// Whether somebody hears of every single call.
    pub(crate) fn is_told(&self) -> bool {
        self.ears().is_told()
    }

    /// What all places say of the retries of its functions.
    #[cfg(feature = "retry")]
    pub(crate) fn stated(&self) -> Stated {
        self.ears().stated()
    }

    /// Where its listeners are, and what its retries go by: at the head, for one of its family that was told nothing by itself.
    fn ears(&self) -> &Rest {
        let core: &Core = self.0.later().map_or(&self.0, |later| &later.head().0);
        core
    }

    /// Reports to the metrics, the log and the observers, with no lock held. A panic of one stops at it.
    pub(crate) fn report(&self, report: Report<'_>) {
        // What a listener changes is reported when all have this report.
        let _turn = Turn::begin();
        #[cfg(feature = "metrics")]
        if let Some(meter) = self.meter() {
            report_to(meter, report);
        }
        #[cfg(feature = "tracing")]
        catch_panic(|| crate::breaker::log::log(report));
        self.each_observer(|observer| report_to(observer, report));
    }

    /// Tells observers that an open period ends at another time.
    pub(crate) fn report_moved_end(&self) {
        let _turn = Turn::begin();
        self.each_observer(|observer| {
            catch_panic(|| observer.end_moved(self));
        });
    }

    fn each_observer(&self, f: impl Fn(&dyn Observer)) {
        if self.ears().is_observed.load(Ordering::Relaxed) {
            self.observers().iter().for_each(|observer| f(&**observer));
        }
    }

    /// What its metrics are counted with, if they are exported.
    #[cfg(feature = "metrics")]
    pub(crate) fn meter(&self) -> Option<&dyn Meter> {
        self.ears().meter().map(|meter| &**meter)
    }

    /// The same where nobody else hears of a call.
    #[cfg(feature = "metrics")]
    pub(crate) fn only_meter(&self) -> Option<&dyn Meter> {
        let ears = self.ears();
        let meter = ears.meter().filter(|_| !ears.calls_are_observed.load(Ordering::Relaxed) && is_quiet())?;
        Some(&**meter)
    }

    /// Those of the head, for one of its family that was told nothing by itself.
    pub(crate) fn observers(&self) -> Arc<[Arc<dyn Observer>]> {
        match self.0.later() {
            Some(later) => later.head().observers(),
            None => Arc::clone(&self.0.observers.lock()),
        }
    }
}

/// Changes that listeners have yet to hear of, with their sequence numbers.
#[must_use]
pub(crate) struct Told {
    pub(crate) changes: Vec<(Change, u64)>,
    /// Something is different from before, of which those hear who wait for it.
    pub(crate) wake: bool,
    /// An opening ends at another time than listeners know.
    pub(crate) moved: bool,
}

impl Told {
    pub(crate) const NOTHING: Self = Self { changes: Vec::new(), wake: false, moved: false };

    /// Of one that nobody waits for.
    pub(crate) fn one(change: Change) -> Self {
        Self { changes: vec![(change, next_sequence())], wake: false, moved: false }
    }

    /// The same, with whether an opening ends at another time than listeners know.
    pub(crate) fn moved_if(self, moved: bool) -> Self {
        Self { moved, ..self }
    }

    pub(crate) fn is_something(&self) -> bool {
        self.wake || self.moved || !self.changes.is_empty()
    }

    pub(crate) fn and(mut self, later: Self) -> Self {
        self.changes.extend(later.changes);
        self.wake |= later.wake;
        self.moved |= later.moved;
        self
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
