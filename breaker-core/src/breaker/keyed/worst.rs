//! Finds the worst of the unhealthy keys, since there can be more than fit into a report.

use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::keyed::keyed_breaker::InUse;
use crate::machine::state::State;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// The worst keyed breakers of those that were added.
pub(crate) struct Worst {
    most: usize,
    /// The best one of them is on top.
    found: BinaryHeap<Reverse<Unhealthy>>,
    count: usize,
    critical: usize,
}

/// An unhealthy keyed breaker. The greater one is worse.
struct Unhealthy {
    /// Whether it is critical, whether it is open, and how many calls it has rejected.
    rank: (bool, bool, u64),
    keyed_breaker: InUse,
}

impl Worst {
    /// Keeps `most` keyed breakers.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, found: BinaryHeap::new(), count: 0, critical: 0 }
    }

    /// Adds all keyed breakers of a parent.
    pub(crate) fn add(&mut self, parent: &CircuitBreaker) {
        parent.each_unhealthy(|keyed_breaker, state| {
            let critical = keyed_breaker.hot.machine.lock().settings().critical;
            self.count += 1;
            self.critical += usize::from(critical);
            let rank = (critical, state != State::HalfOpen, keyed_breaker.rejections());
            self.found.push(Reverse(Unhealthy { rank, keyed_breaker: InUse::of_known(keyed_breaker) }));
            if self.found.len() > self.most {
                self.found.pop().into_iter().for_each(|Reverse(better)| better.keyed_breaker.end_under_lock());
            }
        });
    }

    /// The keyed breakers that are kept, the worst first.
    pub(crate) fn breakers(self) -> impl Iterator<Item = CircuitBreaker> {
        self.found
            .into_sorted_vec()
            .into_iter()
            .map(|Reverse(one)| CircuitBreaker(Handle::KeyedBreaker(one.keyed_breaker, 0)))
    }

    /// How many unhealthy keyed breakers there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// How many of them are critical.
    pub(crate) fn critical(&self) -> usize {
        self.critical
    }
}

impl Unhealthy {
    /// The name of the parent, and the key. Both need no formatting, unlike the name.
    fn name(&self) -> (&str, &[u8]) {
        (
            self.keyed_breaker.hot.keyed_breaker().map_or("", |lazy| lazy.parent().name()),
            self.keyed_breaker.key().bytes(),
        )
    }
}

impl Ord for Unhealthy {
    fn cmp(&self, other: &Self) -> Ordering {
        // Equal ones are ordered by name, so that the result is the same each time.
        self.rank.cmp(&other.rank).then_with(|| other.name().cmp(&self.name()))
    }
}

impl PartialOrd for Unhealthy {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Unhealthy {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Unhealthy {}
