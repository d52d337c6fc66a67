//! Says by whom a call is made, and to whom a permit or an error belongs.

use crate::breaker::function::Function;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::inner::Inner;
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

/// Who a permit or an error belongs to. A site lives for ever, so it is held for nothing.
#[derive(Clone)]
pub(crate) enum Owner {
    Site(&'static Binding),
    Own(CircuitBreaker),
}

/// Who asks for a call.
#[derive(Clone, Copy)]
pub(crate) enum Caller {
    /// The function whose breaker this is.
    Site(&'static Binding),
    /// The function to whose family this belongs, as its handle says too.
    KeyedBreakers(&'static Binding),
    /// Somebody who has a handle.
    Handle,
}

impl Caller {
    pub(crate) fn function(self) -> Option<&'static str> {
        match self {
            Self::Site(binding) | Self::KeyedBreakers(binding) => Some(&binding.function.name),
            Self::Handle => None,
        }
    }
}

impl Owner {
    #[inline]
    pub(crate) fn breaker(&self) -> &CircuitBreaker {
        match self {
            Self::Site(binding) => &binding.breaker,
            Self::Own(breaker) => breaker,
        }
    }

    pub(crate) fn function(&self) -> Option<&'static str> {
        self.annotated().map(|function| &*function.name)
    }

    /// The annotated function.
    pub(crate) fn annotated(&self) -> Option<&'static Function> {
        match self {
            Self::Site(binding) => Some(&binding.function),
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
    #[inline]
    pub(crate) fn owner(&self, caller: Caller) -> Owner {
        match caller {
            Caller::Site(binding) => Owner::Site(binding),
            Caller::KeyedBreakers(_) | Caller::Handle => {
                Owner::Own(self.handle(matches!(caller, Caller::KeyedBreakers(_))))
            }
        }
    }

    /// A handle that is the same function's, or nobody's.
    #[inline]
    fn handle(&self, calls: bool) -> Self {
        Self(match &self.0 {
            Handle::Forever(shared) => Handle::Forever(shared),
            Handle::Counted(shared) => Handle::Counted(Arc::clone(shared)),
            Handle::KeyedBreaker(keyed_breaker, number) => {
                Handle::KeyedBreaker(Arc::clone(keyed_breaker), if calls { *number } else { 0 })
            }
        })
    }
}

/// A site that has found its breaker.
pub(crate) struct Binding {
    pub(crate) breaker: CircuitBreaker,
    /// What a call looks at, without a look at how the breaker is held.
    pub(crate) shared: &'static Inner,
    pub(crate) function: Function,
}

impl Binding {
    /// It keeps the breaker for ever, as sites do.
    pub(crate) fn new(breaker: CircuitBreaker, function: String, call_settings: Arc<PublishedCallSettings>) -> Self {
        let kept: &'static CircuitBreaker = Box::leak(Box::new(breaker.clone()));
        let shared = kept.shared().unwrap_or_else(closed_to_looks);
        Self { breaker, shared, function: Function::new(function, call_settings) }
    }
}

/// What a call looks at whose breaker is one of a family, which somebody registered under its own
/// name: its word lets nobody in, and is no call's, so that each asks the breaker.
#[cold]
fn closed_to_looks() -> &'static Inner {
    static CLOSED: OnceLock<&Inner> = OnceLock::new();
    CLOSED.get_or_init(|| {
        let shared = Box::leak(Box::new(Inner::new(String::new(), Layers::default())));
        shared.gate.publish(
            PackedState::new(State::Closed, 0, PackedState::ASK | PackedState::WATCH),
            Tick::ZERO,
            Ranked::NOTHING,
        );
        shared
    })
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("breaker", &self.breaker).field("function", &self.function.name).finish()
    }
}

impl Binding {
    /// The breaker for this value of the `key`, made if there is none, for a call of this function.
    pub(crate) fn keyed_breaker(&'static self, key: &str) -> CircuitBreaker {
        self.breaker.0.keyed.get_or_init(Box::default).keyed_breaker(&self.breaker, &self.function, key)
    }
}
