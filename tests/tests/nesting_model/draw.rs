//! Draw: random trees, as numbers of which each makes one choice.

use crate::keys::Keys;
use crate::step::Hand;
use crate::tree::{After, Call, Case, Child, End, How, Judge, Pause, Plan, Tree, Way};
use breaker_core::OnCancel;
use proptest::array::{uniform2, uniform14};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

impl Case {
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        let healthy = roots().prop_map(|child| child.healthy());
        let cases = (keys(), keys(), any::<bool>(), vec(trees(), 1..5), healthy);
        cases.prop_map(|(a, b, heard, trees, healthy)| Self { keys: [a, b], heard, trees, healthy })
    }
}

/// Without jitter, of which a reference can only judge what is shown.
fn keys() -> impl Strategy<Value = Keys> {
    let on_cancel =
        prop_oneof![Just(OnCancel::Ignore), Just(OnCancel::Failure), (1_u64..60).prop_map(|n| OnCancel::After(ms(n)))];
    let few = proptest::option::weighted(0.7, 1_u32..4);
    (Keys::whole(), on_cancel, few).prop_map(|(mut keys, on_cancel, fail_max)| {
        keys.on_cancel = Some(on_cancel);
        // Always given too: what follows from a rate in code does not follow from `reconfigure`.
        keys.fail_max = fail_max.map(Some).or(keys.fail_max).or(Some(keys.fail_max(&keys)));
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
type Drawn = [u8; 14];

/// To a depth of 6 calls.
fn roots() -> impl Strategy<Value = Child> {
    let leaf = uniform14(any::<u8>()).prop_map(|drawn| Child::of(drawn, Vec::new()));
    leaf.prop_recursive(5, 32, 3, |inner| {
        (uniform14(any::<u8>()), vec(inner, 1..=4)).prop_map(|(drawn, inside)| Child::of(drawn, inside))
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
    fn of(drawn: Drawn, children: Vec<Self>) -> Self {
        let [of, how, judge, hands, hand, span, begins, at_first, plan, goes_on, at_last, end, way, by] = drawn;
        let call = Call {
            of: pick(of, &[(3, 0), (1, 1)]),
            how: self::how(how),
            judge: pick(judge, &[(8, Judge::Itself), (2, Judge::Strict), (1, Judge::Nothing)]),
            begins: pause(begins, at_first),
            hand: (hands > 245).then(|| (usize::from(hands % 2), self::hand(hand, span))),
            plan: self::plan(plan),
            children,
            goes_on: pause(goes_on, at_last),
            end: self::end(end),
        };
        Self { way: self::way(way, by), call: Arc::new(call) }
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
    let odd = [(1, End::Ignored), (1, End::Fine), (1, End::Panic)];
    let ends = [(6, End::Inside), (2, End::Success), (4, End::Failure), odd[0], odd[1], odd[2]];
    pick(drawn, &ends)
}

fn hand(drawn: u8, by: u8) -> Hand {
    let span = ms(u64::from(by) / 5);
    let ends = [(1, Hand::ForceOpen), (1, Hand::ForceOpenFor(span)), (2, Hand::Disable), (4, Hand::Shadow)];
    let moves = [(2, Hand::Trip), (1, Hand::TripFor(span)), (2, Hand::HalfOpen), (3, Hand::Release), (1, Hand::Reset)];
    pick(drawn, &[&ends[..], &moves].concat())
}
