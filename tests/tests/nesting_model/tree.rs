//! Tree: random calls of two breakers within each other, and what becomes of each.

use crate::keys::Keys;
use crate::step::Hand;
use breaker_core::OnCancel;
use proptest::array::{uniform2, uniform16};
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
        let healthy = roots().prop_map(|child| child.healthy());
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
        keys.fail_max = fail_max.map(Some).or(keys.fail_max);
        keys.recovery_timeout = keys.recovery_timeout.or(Some(ms(100)));
        if let Some(growth) = &mut keys.backoff {
            growth.jitter = 0.0;
            growth.max = growth.max.max(ms(100));
        }
        keys
    })
}

fn trees() -> impl Strategy<Value = Tree> {
    let dropped_in = proptest::option::weighted(0.2, (0_u64..40).prop_map(ms));
    (uniform2(any::<u8>()), roots(), dropped_in).prop_map(|([after, span], root, dropped_in)| {
        let span = ms(u64::from(span) / 6);
        let after = pick(after, &[(3, After::Idle), (2, After::Span(span)), (2, After::Open(0)), (1, After::Open(1))]);
        Tree { after, root, dropped_in }
    })
}

/// What a call is made of: numbers, for of choices proptest makes slow work.
type Drawn = [u8; 16];

/// To a depth of 6 calls.
fn roots() -> impl Strategy<Value = Child> {
    let leaf = uniform16(any::<u8>()).prop_map(|drawn| Child::of(drawn, Vec::new()));
    leaf.prop_recursive(5, 32, 3, |inner| {
        (uniform16(any::<u8>()), vec(inner, 1..=4)).prop_map(|(drawn, inside)| Child::of(drawn, inside))
    })
}

/// The choice that a drawn number makes, by weights. Zero chooses the first, the simplest.
fn pick<T: Copy>(drawn: u8, choices: &[(u32, T)]) -> T {
    let whole: u32 = choices.iter().map(|choice| choice.0).sum();
    let mut left = u32::from(drawn) * whole / 256;
    for (weight, choice) in choices {
        match left.checked_sub(*weight) {
            Some(less) => left = less,
            None => return *choice,
        }
    }
    unreachable!("the weights are the whole")
}

impl Child {
    fn of(d: Drawn, children: Vec<Self>) -> Self {
        let hand = (d[4] > 245).then(|| (usize::from(d[4] % 2), hand(d[5], d[6])));
        let call = Call {
            of: pick(d[1], &[(3, 0), (1, 1)]),
            how: how(d[2]),
            judge: pick(d[3], &[(8, Judge::Itself), (2, Judge::Strict), (1, Judge::Nothing)]),
            begins: pause(d[7], d[8]),
            hand,
            plan: plan(d[9]),
            children,
            goes_on: pause(d[10], d[11]),
            end: end(d[12]),
        };
        Self { way: way(d[13], d[14]), call: Arc::new(call) }
    }
}

fn way(drawn: u8, by: u8) -> Way {
    let fallback = Way::Fallback { of: usize::from(by % 2), fails: by > 127 };
    let retried = Way::Retried(2 + by / 128);
    let within = Way::Within(ms(u64::from(by) / 8));
    let ways = [Way::Spawned, Way::Awaited, retried, Way::Replaced, fallback, within, Way::Caught, Way::Once];
    match drawn.checked_sub(128) {
        None => Way::Plain,
        Some(drawn) => ways[usize::from(drawn) / 16],
    }
}

fn how(drawn: u8) -> How {
    let others = [How::Sync, How::Permit, How::Run, How::RunSync, How::Stream];
    match drawn.checked_sub(176) {
        None => How::Async,
        Some(drawn) => others[usize::from(drawn) / 16],
    }
}

fn pause(drawn: u8, by: u8) -> Pause {
    let span = Pause::For(ms(1 + u64::from(by) / 5));
    pick(drawn, &[(6, Pause::None), (1, Pause::Yields), (2, span)])
}

fn plan(drawn: u8) -> Plan {
    let plans = [(3, Plan::Sequence), (2, Plan::All), (2, Plan::Join), (2, Plan::TryJoin), (1, Plan::Select)];
    pick(drawn, &plans)
}

fn end(drawn: u8) -> End {
    let odd = [(1, End::Neutral), (1, End::Fine), (1, End::Panic)];
    let ends = [(6, End::Inside), (2, End::Success), (4, End::Failure), odd[0], odd[1], odd[2]];
    pick(drawn, &ends)
}

fn hand(drawn: u8, by: u8) -> Hand {
    let span = ms(u64::from(by) / 5);
    let ends = [(1, Hand::ForceOpen), (1, Hand::ForceOpenFor(span)), (2, Hand::Disable), (4, Hand::Shadow)];
    let moves = [(2, Hand::Trip), (1, Hand::TripFor(span)), (2, Hand::HalfOpen), (3, Hand::Release), (1, Hand::Reset)];
    pick(drawn, &[&ends[..], &moves].concat())
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
        let at_once = matches!(call.how, How::Sync | How::RunSync);
        let pause = |it| if at_once { Pause::None } else { pause(it) };
        let plan = if call.plan == Plan::Select { Plan::Join } else { call.plan };
        let mut children: Vec<_> = call.children.iter().map(Self::healthy).collect();
        if at_once {
            children.iter_mut().for_each(Self::at_once);
        }
        // To `guard_stream` each error is a failure, a rejection of a task too.
        let how =
            if call.how == How::Stream && children.iter().any(Self::waits_for_tasks) { How::Async } else { call.how };
        let call = Call {
            how,
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

    fn waits_for_tasks(&self) -> bool {
        self.way == Way::Awaited || self.call.children.iter().any(Self::waits_for_tasks)
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
