//! Defines the handle of a breaker, and the kinds of ownership behind it.

use crate::breaker::inner::{HotState, Inner};
use crate::breaker::keyed::keyed_breaker::InUse;
use crate::clock;
use crate::config::error::ConfigError;
use crate::config::keys::Config;
use crate::config::layers::{Layers, Precedence};
use crate::machine::output::Reading;
use crate::machine::state::State;
use crate::sync::{Arc, Weak};
use std::fmt;
use std::ops::Deref;

/// A circuit breaker. The value is a handle: clones share one breaker, and cloning is cheap.
///
/// Annotated functions and [`Registry::breaker`](crate::Registry::breaker) create breakers that the
/// whole process knows by name. [`CircuitBreaker::new`] creates one that only its owner knows.
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
    /// Creates a breaker that is in no registry: neither the environment nor health knows it.
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
                layers.set(Precedence::Attribute, config.into());
                let breaker = Self::with_layers(name, layers, false);
                breaker.log_created();
                Ok(breaker)
            }
        }
    }

    /// A breaker for a registry; `forever`: for as long as the process runs.
    pub(crate) fn with_layers(name: String, layers: Layers, forever: bool) -> Self {
        let inner = Inner::new(name, layers);
        Self(if forever { Handle::Forever(Box::leak(Box::new(inner))) } else { Handle::Counted(Arc::new(inner)) })
    }

    /// Whether both are handles of one breaker.
    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::eq::<HotState>(&*self.0, &*other.0)
    }

    /// The state that a callsite reads, independent of the kind of the handle; `None` for a keyed
    /// breaker.
    pub(crate) fn shared(&self) -> Option<&Inner> {
        match &self.0 {
            Handle::Forever(inner) => Some(inner),
            Handle::Counted(inner) => Some(inner),
            Handle::KeyedBreaker(..) => None,
        }
    }

    /// The breaker's name. The breaker for a key is `NAME[KEY]`.
    ///
    /// Some characters of a key would begin a line, control a terminal or change the direction of
    /// writing. They are escaped as `\u{a}`, so that the name can be logged and shown as it is. For
    /// a key of more than 256 bytes, the name has its beginning and a hash. Characters with a
    /// meaning in a name are escaped too: the key `*` is `NAME[\u{2a}]`, since `NAME[*]` is the
    /// overflow breaker that keys share.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.0 {
            Handle::Forever(inner) => inner.name(),
            Handle::Counted(inner) => inner.name(),
            Handle::KeyedBreaker(keyed_breaker, _) => keyed_breaker.name(),
        }
    }

    /// The name that logs and metrics show: the environment's `NAME` for this breaker, otherwise
    /// its name.
    #[must_use]
    pub fn label(&self) -> String {
        let label = self.0.initialized().and_then(|cold| cold.label.lock().clone());
        label.as_deref().unwrap_or_else(|| self.name()).to_owned()
    }

    /// The current state. Reading it changes nothing. Once the recovery timeout of an open breaker
    /// is over it is half-open.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// Which rule opened it, with its numbers; `None` while it is closed, and when it was opened
    /// manually.
    pub(crate) fn opened_because(&self) -> Option<String> {
        let cold = self.0.initialized()?;
        let trip = cold.machine.lock().trip()?;
        Some(cold.kept_error.lock().because(trip))
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
        blank.map_or_else(|| self.0.read_machine().read(clock::now()), |machine| machine.read(clock::now()))
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

/// Breakers of annotated functions live as long as the process, so that a call needs no reference
/// count.
#[derive(Clone)]
pub(crate) enum Handle {
    Forever(&'static Inner),
    Counted(Arc<Inner>),
    /// A keyed breaker, and the number of the function that calls it; 0: no function's call. The
    /// number needs no additional memory here, and a permit of every call holds one of these.
    KeyedBreaker(InUse, u32),
}

/// A breaker that is known and may be dropped. A keyed breaker remains: it is evicted only when it
/// has no owner of any kind.
#[derive(Clone)]
pub(crate) enum Held {
    Forever(&'static Inner),
    Counted(Weak<Inner>),
    KeyedBreaker(InUse),
}

impl Held {
    pub(crate) fn handle(&self) -> Option<Handle> {
        Some(match self {
            Held::Forever(inner) => Handle::Forever(inner),
            Held::Counted(inner) => Handle::Counted(inner.upgrade()?),
            Held::KeyedBreaker(keyed_breaker) => Handle::KeyedBreaker(keyed_breaker.clone(), 0),
        })
    }
}

impl Deref for Handle {
    type Target = HotState;

    #[inline]
    fn deref(&self) -> &HotState {
        match self {
            Handle::Forever(inner) => inner,
            Handle::Counted(inner) => inner,
            Handle::KeyedBreaker(keyed_breaker, _) => &keyed_breaker.hot,
        }
    }
}

impl Handle {
    pub(crate) fn held(&self) -> Held {
        match self {
            Handle::Forever(inner) => Held::Forever(inner),
            Handle::Counted(inner) => Held::Counted(Arc::downgrade(inner)),
            Handle::KeyedBreaker(keyed_breaker, _) => Held::KeyedBreaker(keyed_breaker.clone()),
        }
    }

    /// Counts a success.
    #[inline]
    pub(crate) fn success(&self) {
        match self {
            Handle::Forever(inner) => inner.totals.success(),
            Handle::Counted(inner) => inner.totals.success(),
            Handle::KeyedBreaker(keyed_breaker, _) => keyed_breaker.uses.success(),
        }
    }

    /// The same, and the end of the handle, which belongs to the call.
    #[inline]
    pub(crate) fn succeed(&mut self) {
        match self {
            Handle::KeyedBreaker(keyed_breaker, _) => keyed_breaker.succeed(),
            _ => self.success(),
        }
    }

    /// The same for a call that was on the stack: its thread has a stripe.
    #[inline]
    pub(crate) fn success_on_stripe(&self) {
        let totals = match self {
            Handle::Forever(inner) => &inner.totals,
            Handle::Counted(inner) => &inner.totals,
            Handle::KeyedBreaker(keyed_breaker, _) => return keyed_breaker.uses.success(),
        };
        totals.success_on_stripe();
    }

    /// Counts a rejection.
    #[inline]
    pub(crate) fn rejected(&self) {
        match self {
            Handle::Forever(inner) => inner.totals.rejected(),
            Handle::Counted(inner) => inner.totals.rejected(),
            Handle::KeyedBreaker(keyed_breaker, _) => keyed_breaker.rejected(),
        }
    }

    /// How many calls succeeded since the last reset.
    pub(crate) fn successes(&self) -> u64 {
        match self {
            Handle::Forever(inner) => inner.successes(),
            Handle::Counted(inner) => inner.successes(),
            Handle::KeyedBreaker(keyed_breaker, _) => keyed_breaker.successes(),
        }
    }

    /// How many calls were rejected since the last reset.
    pub(crate) fn rejections(&self) -> u64 {
        match self {
            Handle::Forever(inner) => inner.rejections(),
            Handle::Counted(inner) => inner.rejections(),
            Handle::KeyedBreaker(keyed_breaker, _) => keyed_breaker.rejections(),
        }
    }

    /// Counts both from zero again.
    pub(crate) fn zero(&self) {
        match self {
            Handle::Forever(inner) => inner.zero(),
            Handle::Counted(inner) => inner.zero(),
            Handle::KeyedBreaker(keyed_breaker, _) => keyed_breaker.zero(),
        }
    }
}
