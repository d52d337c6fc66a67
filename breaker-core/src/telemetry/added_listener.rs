//! Represents a listener that was added to a breaker or a registry, and removes it.

use crate::breaker::handle::CircuitBreaker;
use crate::breaker::report::Observer;
use crate::sync::{Arc, Weak};
use std::fmt;

/// A listener that was added, by which it can be removed. Dropping this changes nothing: the
/// listener remains.
///
/// It keeps neither the listener nor the breaker alive, so a listener may hold its own. Only the
/// breaker of a key remains as long as this is held.
///
/// ```
/// use breaker_core::{CircuitBreaker, Config, Listener, event::StateChange};
///
/// struct Alarm;
///
/// impl Listener for Alarm {
///     fn on_state_change(&self, event: &StateChange<'_>) {
///         eprintln!("{} is {}", event.breaker.name(), event.new);
///     }
/// }
///
/// let breaker = CircuitBreaker::new("search", Config::new())?;
/// let added = breaker.add_listener(Alarm);
/// breaker.force_open();
/// added.remove();
/// breaker.clear_override();
/// # Ok::<(), breaker_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct AddedListener {
    observer: Weak<dyn Observer>,
    /// Removes the listener where it was added.
    detach: Arc<Detach>,
}

type Detach = dyn Fn(&Arc<dyn Observer>) + Send + Sync;

impl AddedListener {
    pub(crate) fn new(
        observer: &Arc<dyn Observer>,
        detach: impl Fn(&Arc<dyn Observer>) + Send + Sync + 'static,
    ) -> Self {
        Self { observer: Arc::downgrade(observer), detach: Arc::new(detach) }
    }

    pub(crate) fn to_breaker(breaker: &CircuitBreaker, observer: &Arc<dyn Observer>) -> Self {
        let held = breaker.0.held();
        Self::new(observer, move |observer| {
            if let Some(handle) = held.handle() {
                CircuitBreaker(handle).remove_observer(observer);
            }
        })
    }

    /// Removes the listener. It observes nothing that begins after this has returned. If another
    /// thread is reporting an event to it at this moment, it receives that event to the end. The
    /// listener is dropped then, unless the caller has it too. A second call does nothing.
    ///
    /// A listener may call this itself, also for others.
    pub fn remove(&self) {
        // Held to the end, so that its destructor, which may run any code, runs with no lock held.
        let Some(observer) = self.observer.upgrade() else { return };
        (self.detach)(&observer);
    }
}

impl fmt::Debug for AddedListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddedListener").finish_non_exhaustive()
    }
}
