//! Counts the last calls: two bits for each, in a ring.

use super::{FailedAndSlow, Mark};
use crate::machine::trip::WindowTotals;
use crate::sync::{AtomicU64, OnceLock, Ordering};

/// Calls in one word.
const PER_WORD: u32 = 32;
/// Words of the smallest tier; each tier has twice as many as the one before it. The last one holds
/// `Window::MAX_CALLS` calls.
const FIRST: usize = 4;
const TIERS: usize = 14;

const FAILED: u64 = 1;
const SLOW: u64 = 2;
const BOTH: u64 = FAILED | SLOW;
/// The failure bits of a word.
const FAILURES: u64 = 0x5555_5555_5555_5555;

/// The ring. A window uses the first words of the smallest tier that is large enough. No tier is
/// ever freed, so a thread that is adding a call cannot lose it.
///
/// A call takes the next place and writes its bits there. The totals change by the difference, so
/// they always match the bits in all tiers, in any order of the threads. A success only clears
/// bits. A late success does no harm after the window was resized.
///
/// A success changes nothing in a full window of successes, so it writes nothing there. A thread
/// that adds a failure meanwhile finds the same window as if the success had come before.
#[derive(Debug, Default)]
pub(super) struct Ring {
    head: AtomicU64,
    tiers: [OnceLock<Box<[AtomicU64]>>; TIERS],
    failed_and_slow: FailedAndSlow,
}

/// The window's size, the number of calls in it, and the place of the next one, each below 2^20, in
/// one word.
#[derive(Clone, Copy)]
struct Head {
    size: u32,
    filled: u32,
    next: u32,
}

impl Head {
    const BITS: u32 = 20;
    const MASK: u64 = (1 << Self::BITS) - 1;

    #[inline]
    fn of(word: u64) -> Self {
        let part = |index: u32| (word >> (index * Self::BITS) & Self::MASK) as u32;
        Self { size: part(2), filled: part(1), next: part(0) }
    }

    #[inline]
    fn word(self) -> u64 {
        u64::from(self.size) << (2 * Self::BITS) | u64::from(self.filled) << Self::BITS | u64::from(self.next)
    }

    /// With one more call.
    #[inline]
    fn step(self) -> Self {
        let next = if self.next + 1 >= self.size { 0 } else { self.next + 1 };
        Self { size: self.size, filled: self.size.min(self.filled + 1), next }
    }
}

impl Ring {
    pub(super) fn has(&self, size: u32) -> bool {
        self.head().size == size
    }

    /// Sets the size and empties the ring.
    pub(super) fn resize(&self, size: u32) {
        let tier = tier(size);
        self.tiers[tier].get_or_init(|| (0..FIRST << tier).map(|_| AtomicU64::new(0)).collect());
        self.start_empty(size);
    }

    #[inline]
    pub(super) fn add(&self, mark: Mark) {
        let step = |word| Some(Head::of(word).step().word());
        let (Ok(before) | Err(before)) = self.head.fetch_update(Ordering::AcqRel, Ordering::Acquire, step);
        let bits = (u64::from(mark.failed) * FAILED) | (u64::from(mark.slow) * SLOW);
        self.put(Head::of(before), bits);
    }

    /// Adds a call that neither failed nor was slow. `false`: nothing has changed.
    #[inline]
    pub(super) fn add_success(&self) -> bool {
        let head = self.head();
        if head.filled == head.size && self.failed_and_slow.is_none() {
            return false;
        }
        self.add(Mark { failed: false, slow: false });
        true
    }

    /// Writes the bits at the head's place, and counts the difference.
    #[inline]
    fn put(&self, head: Head, bits: u64) {
        let Some(word) = self.words(head.size).get((head.next / PER_WORD) as usize) else { return };
        let shift = 2 * (head.next % PER_WORD);
        let change = |before| (before >> shift & BOTH != bits).then_some(before & !(BOTH << shift) | bits << shift);
        let Ok(before) = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change) else { return };
        let old = before >> shift & BOTH;
        let counts = |bits: u64| ((bits & FAILED) as u32, (bits >> 1 & 1) as u32);
        let ((failed, slow), (was_failed, was_slow)) = (counts(bits), counts(old));
        self.failed_and_slow.add(failed, slow);
        self.failed_and_slow.take(was_failed, was_slow);
    }

    #[inline]
    pub(super) fn totals(&self) -> WindowTotals {
        let (failed, slow) = self.failed_and_slow.totals();
        WindowTotals { calls: u64::from(self.head().filled), failed, slow }
    }

    /// The totals with every call that was added before. The head is read by a write: a thread that
    /// advances it later has seen everything that is in these totals.
    pub(super) fn latest_totals(&self) -> WindowTotals {
        self.head.fetch_add(0, Ordering::AcqRel);
        self.totals()
    }

    pub(super) fn clear(&self) {
        let size = self.head().size;
        self.start_empty(size);
        self.erase(size, !0);
    }

    /// Starts an empty window. A thread that is adding a call has advanced the head before, or
    /// advances the new one.
    fn start_empty(&self, size: u32) {
        self.head.swap(Head { size, filled: 0, next: 0 }.word(), Ordering::AcqRel);
    }

    pub(super) fn forget_slow(&self) {
        self.erase(self.head().size, !FAILURES);
    }

    /// Clears the bits of `mask` in every word of a window of this size.
    fn erase(&self, size: u32, mask: u64) {
        for word in self.words(size).iter().take(size.div_ceil(PER_WORD) as usize) {
            let gone = word.fetch_and(!mask, Ordering::Relaxed) & mask;
            self.failed_and_slow.take((gone & FAILURES).count_ones(), (gone & !FAILURES).count_ones());
        }
    }

    #[inline]
    fn head(&self) -> Head {
        Head::of(self.head.load(Ordering::Acquire))
    }

    #[inline]
    fn words(&self, size: u32) -> &[AtomicU64] {
        self.tiers[tier(size)].get().map_or(&[], |words| &**words)
    }
}

/// The smallest tier that holds this many calls.
#[inline]
fn tier(size: u32) -> usize {
    let firsts = size.div_ceil(PER_WORD * FIRST as u32).max(1);
    (firsts.next_power_of_two().trailing_zeros() as usize).min(TIERS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::types::Window;
    use std::collections::VecDeque;

    fn mark(n: u64) -> Mark {
        Mark { failed: n & 1 == 1, slow: n & 2 == 2 }
    }

    #[test]
    fn it_agrees_with_a_queue_of_the_last_calls() {
        for size in [1, 2, 3, 31, 32, 33, 100, 128, 129, 1000] {
            let ring = Ring::default();
            ring.resize(size);
            let mut queue = VecDeque::new();
            let mut random = fastrand::Rng::with_seed(u64::from(size));
            for _ in 0..3000 {
                let mark = mark(random.u64(..));
                ring.add(mark);
                queue.push_back(mark);
                if queue.len() > size as usize {
                    queue.pop_front();
                }
                let count = |f: fn(&Mark) -> bool| queue.iter().filter(|mark| f(mark)).count() as u64;
                let expected = WindowTotals {
                    calls: queue.len() as u64,
                    failed: count(|mark| mark.failed),
                    slow: count(|mark| mark.slow),
                };
                assert_eq!(ring.totals(), expected, "size {size}");
            }
        }
    }

    #[test]
    fn a_window_of_any_allowed_size_fits_into_a_tier() {
        for size in [1, 127, 128, 129, 100_000, Window::MAX_CALLS] {
            assert!((FIRST << tier(size)) * PER_WORD as usize >= size as usize, "{size}");
            assert!(u64::from(size) <= Head::MASK);
        }
        assert_eq!((FIRST << tier(100_000)) * 8, 32 * 1024, "the memory that the documentation states");
    }

    #[test]
    fn clearing_and_resizing_leave_nothing() {
        let ring = Ring::default();
        for size in [200, 10, 5000, 10] {
            ring.clear();
            ring.resize(size);
            assert_eq!(ring.totals(), WindowTotals::default());
            (0..300).for_each(|n| ring.add(mark(n)));
        }
        ring.forget_slow();
        assert_eq!(ring.totals(), WindowTotals { calls: 10, failed: 5, slow: 0 });
        ring.clear();
        assert_eq!(ring.totals(), WindowTotals::default());
    }

    #[test]
    fn the_totals_match_the_bits_after_threads_have_added_and_cleared_concurrently() {
        let ring = Ring::default();
        ring.resize(70);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let ring = &ring;
                scope.spawn(move || {
                    for n in 0..20_000 {
                        ring.add(mark(if thread == 0 { n } else { 0 }));
                    }
                });
            }
            (0..200).for_each(|_| ring.clear());
        });
        let words = ring.words(70);
        let bits = |mask: u64| {
            words.iter().map(|word| u64::from((word.load(Ordering::Relaxed) & mask).count_ones())).sum::<u64>()
        };
        let totals = ring.totals();
        assert_eq!((totals.failed, totals.slow), (bits(FAILURES), bits(!FAILURES)));
        (0..70).for_each(|_| ring.add(mark(0)));
        assert_eq!(ring.totals(), WindowTotals { calls: 70, failed: 0, slow: 0 });
    }
}
