//! Says by whom a call is made, and to whom a permit or an error belongs.

use crate::breaker::function::Function;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::inner::Shared;
use crate::clock::Tick;
use crate::config::call_settings::Terms;
use crate::config::layers::Layers;
use crate::config::ranked::Ranked;
use crate::machine::packed::Word;
use crate::machine::state::State;
use crate::sync::Arc;
use crate::sync::statics::OnceLock;
use std::fmt;
#[cfg(feature = "tokio")]
use std::time::Duration;

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
            Self::Site(link) | Self::Family(link) => Some(&link.function.name),
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
        self.annotated().map(|function| &*function.name)
    }

    /// The annotated function.
    pub(crate) fn annotated(&self) -> Option<&'static Function> {
        match self {
            Self::Site(link) => Some(&link.function),
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
}

/// A site that has found its breaker.
pub(crate) struct Link {
    pub(crate) breaker: CircuitBreaker,
    /// What a call looks at, without a look at how the breaker is held.
    pub(crate) shared: &'static Shared,
    pub(crate) function: Function,
}

impl Link {
    /// It keeps the breaker for ever, as sites do.
    pub(crate) fn new(breaker: CircuitBreaker, function: String, terms: Arc<Terms>) -> Self {
        let kept: &'static CircuitBreaker = Box::leak(Box::new(breaker.clone()));
        let shared = kept.shared().unwrap_or_else(closed_to_looks);
        Self { breaker, shared, function: Function::new(function, terms) }
    }
}

/// What a call looks at whose breaker is one of a family, which somebody registered under its own name: its word lets nobody in, and is no
/// call's, so that each asks the breaker.
#[cold]
fn closed_to_looks() -> &'static Shared {
    static CLOSED: OnceLock<&Shared> = OnceLock::new();
    CLOSED.get_or_init(|| {
        let shared = Box::leak(Box::new(Shared::new(String::new(), Layers::default())));
        shared.gate.publish(Word::new(State::Closed, 0, Word::ASK | Word::WATCH), Tick::ZERO, Ranked::NOTHING);
        shared
    })
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("breaker", &self.breaker).field("function", &self.function.name).finish()
    }
}

impl Link {
    /// The breaker for this value of the `key`, made if there is none, for a call of this function.
    pub(crate) fn member(&'static self, key: &str) -> CircuitBreaker {
        self.breaker.0.family.get_or_init(Box::default).member(&self.breaker, &self.function, key)
    }
}
