//! Evicts a keyed breaker when there are `max_keys` of them, so that a new key can have its own.
//!
//! Only an idle breaker is evicted: one that no call, no error and no handle uses (`sync::uses`).
//! The least recently used one is evicted first, in the order of [`Rank`].

use crate::breaker::keyed::cache::Kept;
use crate::breaker::keyed::keyed_breaker::{self, KeyedBreaker};
use crate::breaker::keyed::{EXACT, KeyedBreakers, KeyedIndex};
use crate::clock::{self, Tick};
use crate::machine::packed::PackedState;
use crate::machine::state::State;
use crate::sync::{Arc, Ordering, SHARDS};
use std::time::Duration;

/// The search ends when it has found this many breakers of the first rank.
const SAMPLE: usize = 16;
/// The search reads this many breakers at most.
const LOOKED_AT: usize = 1024;

/// A failure older than this does not protect a breaker from eviction.
const RECENT: Duration = Duration::from_secs(3600);

/// Which breakers are evicted before others: those whose loss costs least come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Its loss costs nothing: it is closed without counted failures, or its failures are an hour
    /// old.
    Quiet,
    /// It is closed and failures count against it, or its open time is over. Both have one rank.
    /// Otherwise breakers whose open time is over, and whose keys get no calls, would be kept. Two
    /// failing keys would then evict each other, and neither breaker would ever open.
    Troubled,
    /// Its loss admits as many calls as it takes to open again.
    Open,
}

/// A breaker that can be evicted.
struct Candidate {
    rank: Rank,
    used: u32,
    /// The same in the order of time.
    order: u32,
    shard: usize,
    at: usize,
}

impl KeyedBreakers {
    /// Evicts one breaker, if any is idle.
    pub(crate) fn evict(&self, index: &mut KeyedIndex) -> Option<Arc<KeyedBreaker>> {
        loop {
            let now = clock::now();
            let Candidate { rank, used, shard, at, .. } = self.candidate(index, now)?;
            // If there was a use meanwhile, another breaker may be the least recently used. Once
            // this one is closed, all effects of earlier uses are visible, including settings of
            // its own.
            let leaves = |keyed_breaker: &Arc<KeyedBreaker>| {
                let closed = keyed_breaker.used() == used && keyed_breaker.uses.close();
                let leaves = closed && rank_of(keyed_breaker, now) == Some(rank);
                if closed && !leaves {
                    keyed_breaker.uses.reopen();
                }
                leaves
            };
            let gone = self.shards[shard].0.write().remove_if(at, leaves);
            if let Some(gone) = gone {
                index.count -= 1;
                gone.add_to(&mut index.evicted);
                // This thread need not keep its memory.
                drop(keyed_breaker::take(gone.hash(), |kept| std::ptr::eq(kept, &*gone)).0);
                return Some(gone);
            }
        }
    }

    /// The least recently used breaker of the lowest rank. With few keys it is exact; with many it
    /// is the best of the next ones after the scan cursor.
    fn candidate(&self, index: &mut KeyedIndex, now: Tick) -> Option<Candidate> {
        let exact = index.count <= EXACT;
        // Stamps wrap around. Counted from the opposite one, they are in the order of time.
        let oldest = self.stamp.load(Ordering::Relaxed).wrapping_add(1 << 31);
        let (first, from) = index.cursor;
        let (mut looked_at, mut sample, mut best) = (0, 0, None::<Candidate>);
        for step in 0..=SHARDS {
            let shard = (first + step) % SHARDS;
            let table = self.shards[shard].0.read();
            let places = table.places();
            let part = match step {
                0 => from.min(places)..places,
                SHARDS => 0..from.min(places),
                _ => 0..places,
            };
            for at in part {
                let Some(found) = table.at(at) else { continue };
                looked_at += 1;
                let idle = found.uses.seem_over();
                if let Some(rank) = rank_of(found, now).filter(|_| idle) {
                    let used = found.used();
                    let order = used.wrapping_sub(oldest);
                    sample += usize::from(rank == Rank::Quiet);
                    if best.as_ref().is_none_or(|best| (rank, order) < (best.rank, best.order)) {
                        best = Some(Candidate { rank, used, order, shard, at });
                    }
                }
                if !exact && (sample == SAMPLE || looked_at == LOOKED_AT) {
                    index.cursor = (shard, at + 1);
                    return best;
                }
            }
        }
        best
    }
}

/// The rank of a breaker; `None`: it is not evicted, since a person or a program has set its state
/// or settings.
fn rank_of(keyed_breaker: &KeyedBreaker, now: Tick) -> Option<Rank> {
    let Some(cold) = keyed_breaker.hot.initialized() else { return Some(Rank::Quiet) };
    if cold.has_own_settings.load(Ordering::Relaxed) {
        return None;
    }
    let packed = keyed_breaker.hot.gate.packed();
    let over = packed.has(PackedState::REJECTS) && now >= keyed_breaker.hot.gate.until();
    match packed.state() {
        State::Closed
            if !packed.has(PackedState::WATCH | PackedState::ASK | PackedState::WINDOW)
                && keyed_breaker.hot.gate.has_no_streak() =>
        {
            Some(Rank::Quiet)
        }
        State::Open if !over => Some(Rank::Open),
        State::Closed | State::Open | State::HalfOpen => {
            let troubled = keyed_breaker.hot.read_machine().last_trouble(now);
            let is_recent = troubled.is_some_and(|last| now.since(last) < RECENT);
            Some(if is_recent { Rank::Troubled } else { Rank::Quiet })
        }
        // A forced open period whose time is over has ended, even if no call has reported it.
        State::ForcedOpen => over.then_some(Rank::Quiet),
        State::Shadow => None,
        State::Disabled => (!cold.machine.lock().is_manual()).then_some(Rank::Quiet),
    }
}
