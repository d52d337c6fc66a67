//! Packs a number and the rank of its source into one word.
//!
//! The greater of two words is in force, so that calls compare them without a lock.

use crate::clock::nanos_of;
use crate::sync::Ordering;
use crate::sync::statics::AtomicU64;
use std::time::Duration;

/// The sources of settings of calls and retries, from the lowest to the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Code, for a breaker; and `[defaults]` of a file.
    Code,
    /// A function's own attribute.
    Function,
    /// Variables and files, for a breaker or for all.
    Operator,
    /// Variables and files, for one function.
    OperatorOfFunction,
    Reconfigure,
}

/// A number with its rank, or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ranked(u64);

const SHIFT: u32 = 61;
/// 73 years in nanoseconds.
const MOST: u64 = (1 << SHIFT) - 1;

impl Ranked {
    pub(crate) const NOTHING: Self = Self(0);

    pub(crate) fn new(rank: Rank, number: u64) -> Self {
        Self((rank as u64) << SHIFT | number.min(MOST))
    }

    /// `None` is stored as zero: there is no such time.
    pub(crate) fn span(rank: Rank, span: Option<Duration>) -> Self {
        Self::new(rank, span.map_or(0, nanos_of))
    }

    #[cfg(feature = "tokio")]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// The number; `None`: no source sets it.
    #[cfg(feature = "retry")]
    pub(crate) fn value(self) -> Option<u64> {
        (self != Self::NOTHING).then_some(self.0 & MOST)
    }

    /// The number; `None` where it is zero, or no source sets it.
    pub(crate) fn number(self) -> Option<u64> {
        Some(self.0 & MOST).filter(|number| *number != 0)
    }

    /// The same as a duration.
    pub(crate) fn time(self) -> Option<Duration> {
        self.number().map(Duration::from_nanos)
    }
}

/// A [`Ranked`] that can change while the process runs.
#[derive(Debug, Default)]
pub(crate) struct Cell(AtomicU64);

impl Cell {
    pub(crate) fn get(&self) -> Ranked {
        Ranked(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn set(&self, value: Ranked) {
        self.0.store(value.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_higher_rank_is_in_force_whatever_the_numbers() {
        let second = Duration::from_secs(1);
        let ranks = [Rank::Code, Rank::Function, Rank::Operator, Rank::OperatorOfFunction, Rank::Reconfigure];
        for (lower, higher) in ranks.iter().zip(&ranks[1..]) {
            let (lower, off) = (Ranked::span(*lower, Some(Duration::MAX)), Ranked::span(*higher, None));
            assert_eq!(lower.max(off).time(), None, "off is said too");
            assert_eq!(lower.max(Ranked::span(*higher, Some(second))).time(), Some(second));
        }
        assert_eq!(Ranked::NOTHING.max(Ranked::new(Rank::Code, 7)).number(), Some(7));
        assert_eq!(Ranked::NOTHING.number(), None);
    }
}
