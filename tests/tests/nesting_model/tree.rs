//! Tree: random calls of two breakers within each other, and what becomes of each.

use crate::keys::Keys;
use crate::step::Hand;
use breaker_core::OnCancel;
use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

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
    /// A task that nobody waits for.
    Spawned,
    /// A task whose result is waited for.
    Awaited,
    /// So many attempts until one is no error.
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
    Neutral,
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

impl Case {
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        let healthy = children().prop_map(|child| child.healthy());
        let cases = (keys(), keys(), any::<bool>(), vec(trees(), 1..5), healthy);
        cases.prop_map(|(a, b, heard, trees, healthy)| Self { keys: [a, b], heard, trees, healthy })
    }
}

/// Without jitter, of which a reference can only judge what is shown. `on_cancel` is always given.
fn keys() -> impl Strategy<Value = Keys> {
    let on_cancel =
        prop_oneof![Just(OnCancel::Ignore), Just(OnCancel::Failure), (1_u64..60).prop_map(|n| OnCancel::After(ms(n)))];
    let few = proptest::option::weighted(0.7, 1_u32..4);
    (Keys::whole(), on_cancel, few).prop_map(|(mut keys, on_cancel, fail_max)| {
        keys.on_cancel = Some(on_cancel);
        keys.fail_max = fail_max.or(keys.fail_max);
        keys.recovery_timeout = keys.recovery_timeout.or(Some(ms(100)));
        if let Some(growth) = &mut keys.backoff {
            growth.jitter = 0.0;
            growth.max = growth.max.max(ms(100));
        }
        keys
    })
}

fn trees() -> impl Strategy<Value = Tree> {
    let after = prop_oneof![
        2 => (0_u64..40).prop_map(|n| After::Span(ms(n))),
        3 => Just(After::Idle),
        3 => (0_usize..2).prop_map(After::Open),
    ];
    let dropped_in = proptest::option::weighted(0.2, (0_u64..40).prop_map(ms));
    (after, children(), dropped_in).prop_map(|(after, root, dropped_in)| Tree { after, root, dropped_in })
}

fn children() -> impl Strategy<Value = Child> {
    let leaf = (ways(), calls(Just(Vec::new()))).prop_map(child);
    leaf.prop_recursive(5, 24, 4, |inner| (ways(), calls(vec(inner, 1..=4))).prop_map(child))
}

fn child((way, call): (Way, Call)) -> Child {
    Child { way, call: Arc::new(call) }
}

fn calls(inside: impl Strategy<Value = Vec<Child>>) -> impl Strategy<Value = Call> {
    let of = prop_oneof![3 => Just(0_usize), 1 => Just(1)];
    let how = prop_oneof![6 => Just(How::Async), 1 => Just(How::Sync), 1 => Just(How::Permit), 1 => Just(How::Stream)];
    let judge = prop_oneof![8 => Just(Judge::Itself), 2 => Just(Judge::Strict), 1 => Just(Judge::Nothing)];
    let hand = proptest::option::weighted(0.04, (0_usize..2, hands()));
    let body = (pauses(), hand, plans(), inside, pauses(), ends());
    (of, how, judge, body).prop_map(|(of, how, judge, (begins, hand, plan, children, goes_on, end))| Call {
        of,
        how,
        judge,
        begins,
        hand,
        plan,
        children,
        goes_on,
        end,
    })
}

fn ways() -> impl Strategy<Value = Way> {
    prop_oneof![
        10 => Just(Way::Plain),
        1 => Just(Way::Spawned),
        1 => Just(Way::Awaited),
        1 => (2_u8..4).prop_map(Way::Retried),
        1 => Just(Way::Replaced),
        1 => (0_usize..2, any::<bool>()).prop_map(|(of, fails)| Way::Fallback { of, fails }),
        1 => (0_u64..30).prop_map(|n| Way::Within(ms(n))),
        1 => Just(Way::Caught),
        1 => Just(Way::Once),
    ]
}

fn pauses() -> impl Strategy<Value = Pause> {
    prop_oneof![
        6 => Just(Pause::None),
        1 => Just(Pause::Yields),
        2 => (1_u64..60).prop_map(|n| Pause::For(ms(n))),
    ]
}

fn plans() -> impl Strategy<Value = Plan> {
    prop_oneof![
        3 => Just(Plan::Sequence),
        2 => Just(Plan::All),
        2 => Just(Plan::Join),
        2 => Just(Plan::TryJoin),
        1 => Just(Plan::Select),
    ]
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        6 => Just(End::Inside),
        2 => Just(End::Success),
        4 => Just(End::Failure),
        1 => Just(End::Neutral),
        1 => Just(End::Fine),
        1 => Just(End::Panic),
    ]
}

fn hands() -> impl Strategy<Value = Hand> {
    prop_oneof![
        1 => Just(Hand::ForceOpen),
        1 => (0_u64..50).prop_map(|span| Hand::ForceOpenFor(ms(span))),
        2 => Just(Hand::Disable),
        4 => Just(Hand::Shadow),
        3 => Just(Hand::Release),
        1 => Just(Hand::Reset),
        2 => Just(Hand::Trip),
        1 => (0_u64..50).prop_map(|span| Hand::TripFor(ms(span))),
        2 => Just(Hand::HalfOpen),
    ]
}

impl Child {
    /// The same calls of a service that is well, which takes no time.
    pub(crate) fn healthy(&self) -> Self {
        let way = match self.way {
            Way::Within(_) | Way::Once => Way::Plain,
            Way::Fallback { of, .. } => Way::Fallback { of, fails: false },
            way => way,
        };
        let call = &*self.call;
        let pause = |pause| if pause == Pause::None { pause } else { Pause::Yields };
        // A sync call cannot wait.
        let pause = |it| if call.how == How::Sync { Pause::None } else { pause(it) };
        let plan = if call.plan == Plan::Select { Plan::Join } else { call.plan };
        let mut children: Vec<_> = call.children.iter().map(Self::healthy).collect();
        if call.how == How::Sync {
            children.iter_mut().for_each(Self::at_once);
        }
        let call = Call {
            judge: Judge::Itself,
            begins: pause(call.begins),
            hand: None,
            plan,
            children,
            goes_on: pause(call.goes_on),
            end: End::Inside,
            ..*call
        };
        Self { way, call: Arc::new(call) }
    }

    /// Nothing in it waits.
    fn at_once(&mut self) {
        if self.way == Way::Awaited {
            self.way = Way::Spawned;
        }
        let call = Arc::make_mut(&mut self.call);
        (call.begins, call.goes_on) = (Pause::None, Pause::None);
        call.children.iter_mut().for_each(Self::at_once);
    }

    /// Whether a call of this breaker is made in it.
    pub(crate) fn calls(&self, of: usize) -> bool {
        self.call.of == of || self.call.children.iter().any(|child| child.calls(of))
    }

    /// Where a drop is a failure, a healthy service has none.
    pub(crate) fn without_drops(&mut self) {
        let call = Arc::make_mut(&mut self.call);
        if call.plan == Plan::TryJoin {
            call.plan = Plan::Join;
        }
        call.children.iter_mut().for_each(Self::without_drops);
    }
}
