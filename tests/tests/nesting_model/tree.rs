//! Tree: random calls of two breakers within each other, and what becomes of each.

use crate::keys::Keys;
use crate::step::Hand;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What two breakers go through.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) keys: [Keys; 2],
    pub(crate) heard: bool,
    pub(crate) trees: Vec<Tree>,
    /// The calls that a healthy service is tried with at the end.
    pub(crate) healthy: Child,
}

/// A call that is made at the top.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) after: After,
    pub(crate) root: Child,
    /// Whether it is dropped then.
    pub(crate) dropped_in: Option<Duration>,
}

/// When a tree begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum After {
    /// So long after the one before has begun.
    Span(Duration),
    /// When all others are over.
    Idle,
    /// When this breaker lets calls in.
    Open(usize),
}

/// A call, and what the code around it does with it.
#[derive(Clone)]
pub(crate) struct Child {
    pub(crate) way: Way,
    pub(crate) call: Arc<Call>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    Plain,
    /// A task that is not waited for.
    Spawned,
    /// A task whose result is waited for.
    Awaited,
    /// At most this number of attempts, until one is no error.
    Retried(u8),
    /// An error is made a success.
    Replaced,
    /// An error is answered by another call.
    Fallback {
        of: usize,
        fails: bool,
    },
    /// A time limit of the user's own.
    Within(Duration),
    /// A panic is made an error.
    Caught,
    /// It is polled once, and dropped.
    Once,
}

#[derive(Clone)]
pub(crate) struct Call {
    /// Which of the breakers.
    pub(crate) of: usize,
    pub(crate) how: How,
    pub(crate) judge: Judge,
    pub(crate) begins: Pause,
    pub(crate) hand: Option<(usize, Hand)>,
    pub(crate) plan: Plan,
    pub(crate) children: Vec<Child>,
    pub(crate) goes_on: Pause,
    pub(crate) end: End,
}

/// The body waits: not at all, until it is polled again, or for a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pause {
    None,
    Yields,
    For(Duration),
}

/// How the call is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum How {
    Async,
    /// The body is polled once, on the spot.
    Sync,
    /// A permit that is settled by hand.
    Permit,
    /// A permit that runs the body.
    Run,
    /// The same with a body that is polled once.
    RunSync,
    /// A stream whose items are the calls inside.
    Stream,
}

/// What a result counts as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Judge {
    /// What it says of itself. A rejection proves nothing.
    Itself,
    /// Each error is a failure.
    Strict,
    /// Everything is a failure.
    Nothing,
}

/// How the calls inside are run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Plan {
    /// One after another, until one fails.
    Sequence,
    /// One after another; the last one says how it went.
    All,
    Join,
    TryJoin,
    Select,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// As the calls inside.
    Inside,
    Success,
    Failure,
    Ignored,
    /// An error that counts as a success.
    Fine,
    Panic,
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.way != Way::Plain {
            write!(f, "{:?} ", self.way)?;
        }
        self.call.fmt(f)
    }
}

/// What is out of the ordinary.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, how, judge, begins, hand, plan, children, goes_on, end } = self;
        write!(f, "{how:?}({of}")?;
        if *judge != Judge::Itself {
            write!(f, ", {judge:?}")?;
        }
        if *begins != Pause::None {
            write!(f, ", {begins:?}")?;
        }
        if let Some((of, hand)) = hand {
            write!(f, ", {hand:?} {of}")?;
        }
        if !children.is_empty() {
            write!(f, ", {plan:?} {children:?}")?;
        }
        if *goes_on != Pause::None {
            write!(f, ", {goes_on:?}")?;
        }
        write!(f, ", {end:?})")
    }
}
