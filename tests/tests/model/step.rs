//! Step: what may happen to a breaker.

use crate::keys::Keys;
use crate::reference::Ending;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use std::time::Duration;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A call that takes so long.
    Call(Duration, Ending),
    /// This number of calls alike.
    Calls(u8, Ending),
    /// The service is down until this number of calls has failed, each made as soon as one is let
    /// in.
    Outage(u8),
    /// A body that panics.
    Panic,
    /// A call begins; how it ends comes later, if ever.
    Begin,
    /// Of those that have begun, this one ends.
    End(Index, Ending),
    /// The permit of one that has begun is lost.
    Lose(Index),
    Wait(Wait),
    Hand(Hand),
    Reconfigure(Box<Keys>),
}

#[derive(Clone, Debug)]
pub(crate) enum Wait {
    For(Duration),
    /// Until one of the times at which something ends, and this number of nanoseconds more.
    Edge(Index, i64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Hand {
    ForceOpen,
    ForceOpenFor(Duration),
    Disable,
    Shadow,
    Release,
    Reset,
    Trip,
    TripFor(Duration),
    HalfOpen,
}

impl Step {
    pub(crate) fn some() -> impl Strategy<Value = Vec<Self>> {
        vec(Self::any(), 1..32)
    }

    fn any() -> impl Strategy<Value = Self> {
        let took = prop_oneof![5 => Just(ms(0)), 1 => (0_u64..100).prop_map(ms)];
        prop_oneof![
            12 => (took, endings()).prop_map(|(took, ending)| Self::Call(took, ending)),
            1 => (2_u8..40, endings()).prop_map(|(calls, ending)| Self::Calls(calls, ending)),
            1 => (1_u8..8).prop_map(Self::Outage),
            1 => Just(Self::Panic),
            5 => Just(Self::Begin),
            5 => (any::<Index>(), endings()).prop_map(|(which, ending)| Self::End(which, ending)),
            1 => any::<Index>().prop_map(Self::Lose),
            8 => waits().prop_map(Self::Wait),
            2 => hands().prop_map(Self::Hand),
            1 => Keys::any().prop_map(|keys| Self::Reconfigure(Box::new(keys))),
        ]
    }
}

fn endings() -> impl Strategy<Value = Ending> {
    prop_oneof![
        8 => Just(Ending::Success),
        1 => Just(Ending::Ignored),
        7 => Just(Ending::Failure(None)),
        1 => (0_u64..1000).prop_map(|asked| Ending::Failure(Some(ms(asked)))),
        1 => Just(Ending::Dropped),
    ]
}

fn waits() -> impl Strategy<Value = Wait> {
    let edge = (any::<Index>(), prop_oneof![1 => Just(-1_i64), 2 => Just(0), 1 => Just(1)]);
    prop_oneof![
        2 => (0_u64..50).prop_map(|wait| Wait::For(ms(wait))),
        1 => (0_u64..100_000).prop_map(|wait| Wait::For(ms(wait))),
        5 => edge.prop_map(|(which, beside)| Wait::Edge(which, beside)),
    ]
}

fn hands() -> impl Strategy<Value = Hand> {
    prop_oneof![
        1 => Just(Hand::ForceOpen),
        1 => (0_u64..200).prop_map(|span| Hand::ForceOpenFor(ms(span))),
        1 => Just(Hand::Disable),
        2 => Just(Hand::Shadow),
        2 => Just(Hand::Release),
        2 => Just(Hand::Reset),
        1 => Just(Hand::Trip),
        1 => (0_u64..200).prop_map(|span| Hand::TripFor(ms(span))),
        2 => Just(Hand::HalfOpen),
    ]
}
