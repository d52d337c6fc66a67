//! Added: a listener that was added to a breaker or a registry, and how it is taken off again.

use crate::breaker::caller::Held;
use crate::breaker::handle::CircuitBreaker;
use crate::registry::inner::Directory;
use crate::registry::registry;
use crate::sync::{Arc, Mutex, Weak};
use crate::telemetry::event::Listener;
use std::fmt;

/// A listener that was added, by which it can be taken off again. Dropping it changes nothing: the listener stays.
///
/// It keeps neither the listener nor the breaker alive, so a listener may hold its own; only the breaker for a value of a `key` stays
/// as long as it is held.
///
/// ```
/// use breaker_core::{CircuitBreaker, Config, Listener, event::StateChange};
///
/// struct Alarm;
///
/// impl Listener for Alarm {
///     fn state_change(&self, event: &StateChange<'_>) {
///         eprintln!("{} is {}", event.breaker.name(), event.new);
///     }
/// }
///
/// let breaker = CircuitBreaker::new("search", Config::new())?;
/// let added = breaker.add_listener(Alarm);
/// breaker.force_open();
/// added.remove();
/// breaker.release();
/// # Ok::<(), breaker_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct AddedListener {
    listener: Weak<dyn Listener>,
    place: Place,
}

/// Where it was added.
#[derive(Clone)]
enum Place {
    Breaker(Held),
    Registry(Weak<Mutex<Directory>>),
}

impl AddedListener {
    pub(crate) fn to_breaker(breaker: &CircuitBreaker, listener: &Arc<dyn Listener>) -> Self {
        Self { listener: Arc::downgrade(listener), place: Place::Breaker(breaker.0.held()) }
    }

    pub(crate) fn to_registry(directory: &Arc<Mutex<Directory>>, listener: &Arc<dyn Listener>) -> Self {
        Self { listener: Arc::downgrade(listener), place: Place::Registry(Arc::downgrade(directory)) }
    }

    /// Takes the listener off. It hears nothing that begins after this has returned; what another thread is telling it at this moment it
    /// hears to the end. It is dropped then, unless the caller has it too. Once is enough, and more does nothing.
    ///
    /// A listener may do this itself, also for others.
    pub fn remove(&self) {
        // Held to the end, so that its destructor, which may run any code, runs with no lock held.
        let Some(listener) = self.listener.upgrade() else { return };
        match &self.place {
            Place::Breaker(held) => {
                if let Some(handle) = held.handle() {
                    CircuitBreaker(handle).remove_listener(&listener);
                }
            }
            Place::Registry(directory) => {
                if let Some(directory) = directory.upgrade() {
                    directory.lock().unlisten(&listener);
                    registry::tell(&directory);
                }
            }
        }
    }
}

impl fmt::Debug for AddedListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddedListener").finish_non_exhaustive()
    }
}
