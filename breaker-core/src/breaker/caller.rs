//! Identifies the caller of a call, and the owner of a permit.

use crate::breaker::function::Function;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::inner::Inner;
use crate::breaker::keyed::KeyedBreakers;
use crate::breaker::keyed::keyed_breaker::InUse;
use crate::clock::Tick;
use crate::config::call_settings::PublishedCallSettings;
use crate::config::layers::Layers;
use crate::config::ranked::Ranked;
use crate::machine::packed::PackedState;
use crate::machine::state::State;
use crate::sync::Arc;
use crate::sync::statics::OnceLock;
use std::fmt;
#[cfg(feature = "tokio")]
use std::time::Duration;

/// The owner of a permit. A callsite lives forever, so a reference to it needs no count.
#[derive(Clone)]
pub(crate) enum Owner {
    Callsite(&'static Binding),
    Own(CircuitBreaker),
}

/// The caller that requests a call.
#[derive(Clone, Copy)]
pub(crate) enum Caller {
    /// The function that this breaker belongs to.
    Callsite(&'static Binding),
    /// The function that these keyed breakers belong to; the handle identifies it too.
    KeyedBreakers(&'static Binding),
    /// The owner of a handle.
    Handle,
}

impl Caller {
    pub(crate) fn function(self) -> Option<&'static str> {
        match self {
            Self::Callsite(binding) | Self::KeyedBreakers(binding) => Some(&binding.function.name),
            Self::Handle => None,
        }
    }
}

impl Owner {
    #[inline]
    pub(crate) fn breaker(&self) -> &CircuitBreaker {
        match self {
            Self::Callsite(binding) => &binding.breaker,
            Self::Own(breaker) => breaker,
        }
    }

    /// The call of a function that uses keyed breakers.
    #[inline]
    pub(crate) fn of_key(keyed_breaker: InUse, number: u32) -> Self {
        Self::Own(CircuitBreaker(Handle::KeyedBreaker(keyed_breaker, number)))
    }

    /// Counts a success of the call, of which nothing else is asked.
    #[inline]
    pub(crate) fn succeed(&mut self) {
        match self {
            Self::Callsite(binding) => binding.breaker.0.success(),
            Self::Own(breaker) => breaker.0.succeed(),
        }
    }

    pub(crate) fn function(&self) -> Option<&'static str> {
        self.annotated().map(|function| &*function.name)
    }

    /// The annotated function.
    pub(crate) fn annotated(&self) -> Option<&'static Function> {
        match self {
            Self::Callsite(binding) => Some(&binding.function),
            Self::Own(breaker) => breaker.calling(),
        }
    }

    /// The time limit of its call; `None`: there is none.
    #[cfg(feature = "tokio")]
    pub(crate) fn limit(&self) -> Option<Duration> {
        self.breaker().limit_of(self.annotated())
    }
}

impl CircuitBreaker {
    /// The time limit of a call of this function, or of a call without a function. `None`: there is
    /// none.
    #[cfg(feature = "tokio")]
    pub(crate) fn limit_of(&self, function: Option<&Function>) -> Option<Duration> {
        let own = function.map_or(Ranked::NOTHING, |function| function.call_settings.timeout());
        own.max(self.0.gate.limit()).time()
    }

    #[inline]
    pub(crate) fn owner(&self, caller: Caller) -> Owner {
        match caller {
            Caller::Callsite(binding) => Owner::Callsite(binding),
            Caller::KeyedBreakers(_) | Caller::Handle => {
                Owner::Own(self.handle(matches!(caller, Caller::KeyedBreakers(_))))
            }
        }
    }

    /// A handle for the same function, or for no function.
    #[inline]
    fn handle(&self, calls: bool) -> Self {
        Self(match &self.0 {
            Handle::Forever(inner) => Handle::Forever(inner),
            Handle::Counted(inner) => Handle::Counted(Arc::clone(inner)),
            Handle::KeyedBreaker(keyed_breaker, number) => {
                Handle::KeyedBreaker(keyed_breaker.clone(), if calls { *number } else { 0 })
            }
        })
    }
}

/// A callsite with its breaker.
pub(crate) struct Binding {
    pub(crate) breaker: CircuitBreaker,
    /// The state that a call reads, independent of the kind of the handle.
    pub(crate) shared: &'static Inner,
    pub(crate) function: Function,
    /// The keyed breakers of the breaker, once the function has called one.
    keyed: OnceLock<&'static KeyedBreakers>,
}

impl Binding {
    /// Keeps the breaker forever, as callsites do.
    pub(crate) fn new(breaker: CircuitBreaker, function: String, call_settings: Arc<PublishedCallSettings>) -> Self {
        let kept: &'static CircuitBreaker = Box::leak(Box::new(breaker.clone()));
        let shared = kept.shared().unwrap_or_else(without_fast_path);
        Self { breaker, shared, function: Function::new(function, call_settings), keyed: OnceLock::new() }
    }
}

/// The state that a call reads if its breaker is a keyed breaker that user code registered under
/// its own name. Its packed state admits no call and belongs to no call, so each call requests
/// admission from the breaker.
#[cold]
fn without_fast_path() -> &'static Inner {
    static CLOSED: OnceLock<&Inner> = OnceLock::new();
    CLOSED.get_or_init(|| {
        let inner = Box::leak(Box::new(Inner::new(String::new(), Layers::default())));
        inner.gate.publish(
            PackedState::new(State::Closed, 0, PackedState::ASK | PackedState::WATCH),
            Tick::ZERO,
            Ranked::NOTHING,
        );
        inner
    })
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding").field("breaker", &self.breaker).field("function", &self.function.name).finish()
    }
}

impl Binding {
    /// Begins a use of the breaker for this key, created if there is none, by a call of this
    /// function. `number`: that of the function.
    #[inline]
    pub(crate) fn use_key(&'static self, key: &str, number: &mut u32) -> InUse {
        let keyed: &'static KeyedBreakers = self.keyed.get_or_init(|| self.breaker.0.keyed.get_or_init(Box::default));
        *number = keyed.number(&self.function);
        keyed.use_key(&self.breaker, key)
    }

    /// The same as a handle.
    #[cfg(test)]
    pub(crate) fn keyed_breaker(&'static self, key: &str) -> CircuitBreaker {
        let mut number = 0;
        let in_use = self.use_key(key, &mut number);
        CircuitBreaker(Handle::KeyedBreaker(in_use, number))
    }
}
