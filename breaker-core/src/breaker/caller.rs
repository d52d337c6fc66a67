//! Handle: how a breaker is held, by whom a call is made, and to whom a permit or an error belongs.

use crate::breaker::handle::CircuitBreaker;
use crate::breaker::inner::{Core, Shared};
use crate::breaker::keyed::member::Member;
use crate::clock::Tick;
use crate::config::call_settings::Terms;
use crate::config::layers::Layers;
use crate::config::ranked::Ranked;
use crate::machine::packed::Word;
use crate::machine::state::State;
use crate::sync::statics::{AtomicUsize, OnceLock};
use crate::sync::{Arc, Ordering, Weak};
use std::fmt;
use std::ops::Deref;
#[cfg(feature = "tokio")]
use std::time::Duration;

/// Breakers of annotated functions live as long as the process, so that a call needs no reference count.
#[derive(Clone)]
pub(crate) enum Handle {
    Forever(&'static Shared),
    Counted(Arc<Shared>),
    /// One of a family, and the number that the function has there which calls it; 0: nobody's call. The number has room here anyway,
    /// and a permit of every call holds one of these.
    Member(Arc<Member>, u32),
}

/// A breaker that is known and may go. One of a family stays: its place is given to another value only where nobody holds it in any way.
#[derive(Clone)]
pub(crate) enum Held {
    Forever(&'static Shared),
    Counted(Weak<Shared>),
    Member(Arc<Member>),
}

impl Held {
    pub(crate) fn handle(&self) -> Option<Handle> {
        Some(match self {
            Held::Forever(shared) => Handle::Forever(shared),
            Held::Counted(shared) => Handle::Counted(shared.upgrade()?),
            Held::Member(member) => Handle::Member(Arc::clone(member), 0),
        })
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
    pub(crate) fn held(&self) -> Held {
        match self {
            Handle::Forever(shared) => Held::Forever(shared),
            Handle::Counted(shared) => Held::Counted(Arc::downgrade(shared)),
            Handle::Member(member, _) => Held::Member(Arc::clone(member)),
        }
    }

    /// Counts a success.
    #[inline]
    pub(crate) fn success(&self) {
        match self {
            Handle::Forever(shared) => shared.totals.success(),
            Handle::Counted(shared) => shared.totals.success(),
            Handle::Member(member, _) => member.tally.success(),
        }
    }

    /// The same for a call that was on the stack: its thread has a stripe.
    #[inline]
    pub(crate) fn success_in_turn(&self) {
        let totals = match self {
            Handle::Forever(shared) => &shared.totals,
            Handle::Counted(shared) => &shared.totals,
            Handle::Member(member, _) => return member.tally.success(),
        };
        totals.success_in_turn();
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
    pub(crate) fn successes(&self) -> u64 {
        match self {
            Handle::Forever(shared) => shared.successes(),
            Handle::Counted(shared) => shared.successes(),
            Handle::Member(member, _) => member.successes(),
        }
    }

    /// How many calls were rejected since the last reset.
    pub(crate) fn rejections(&self) -> u64 {
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
        self.link().map(|link| &*link.function)
    }

    /// The annotated function.
    pub(crate) fn link(&self) -> Option<&'static Link> {
        match self {
            Self::Site(link) => Some(link),
            Self::Own(breaker) => breaker.calling(),
        }
    }

    /// The time limit of its call; `None`: there is none.
    #[cfg(feature = "tokio")]
    pub(crate) fn limit(&self) -> Option<Duration> {
        self.breaker().limit_of(self.link())
    }
}

/// A site that has found its breaker.
pub(crate) struct Link {
    pub(crate) breaker: CircuitBreaker,
    /// What a call looks at, without a look at how the breaker is held.
    pub(crate) shared: &'static Shared,
    /// `module::Type::function`.
    pub(crate) function: Box<str>,
    /// What is said of this function alone.
    #[cfg_attr(not(feature = "tokio"), allow(dead_code, reason = "nothing can cut a call off then"))]
    pub(crate) terms: Arc<Terms>,
    /// Its number among the functions that call the family of the breaker; 0: it has not called it.
    number: AtomicUsize,
}

impl Link {
    /// It keeps the breaker for ever, as sites do.
    pub(crate) fn new(breaker: CircuitBreaker, function: String, terms: Arc<Terms>) -> Self {
        let kept: &'static CircuitBreaker = Box::leak(Box::new(breaker.clone()));
        let shared = kept.shared().unwrap_or_else(closed_to_looks);
        Self { breaker, shared, function: function.into(), terms, number: AtomicUsize::new(0) }
    }

    /// Its number in the family of its breaker, which `add` gives it.
    #[inline]
    pub(crate) fn number(&'static self, add: impl FnOnce(&'static Self) -> usize) -> usize {
        match self.number.load(Ordering::Relaxed) {
            0 => {
                let number = add(self);
                self.number.store(number, Ordering::Relaxed);
                number
            }
            number => number,
        }
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
        f.debug_struct("Link").field("breaker", &self.breaker).field("function", &self.function).finish()
    }
}
