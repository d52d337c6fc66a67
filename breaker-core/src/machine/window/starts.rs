//! Counts the calls in flight by the time of their start, so that slow ones are known before they
//! end.
//!
//! Races: a word is changed by one compare-exchange, so no call of one bucket is lost. A call may
//! be suspended for four times `slow_call_duration` between reading the clock and its
//! compare-exchange. It can then evict the calls of a later round. A call that ends after others
//! were discarded finds another bucket number in its place and changes nothing. Such errors
//! disappear when the bucket gets too old.

use crate::clock::{Tick, nanos_of};
use crate::sync::{AtomicU64, Ordering};
use std::time::Duration;

/// The number of buckets that make up the time after which a call is slow.
const PER_SLOW: u64 = 16;
/// A call in flight for longer than four such times is discarded, so no error here is permanent.
const BUCKETS: u64 = 4 * PER_SLOW;

/// Calls by the bucket of their start. A word holds the number of its bucket, and below that the
/// number of its calls in flight.
#[derive(Debug)]
pub(super) struct Starts {
    /// Nanoseconds; 0: no call is counted.
    width: AtomicU64,
    /// 2^64 over the width, so that a call multiplies and does not divide. The buckets are longer
    /// than the width by what the division cuts off: for a day, one part in 200,000.
    per_width: AtomicU64,
    /// The number of a bucket before which all are empty, so that a call reads few buckets while no
    /// call hangs. It may be too low.
    empty_before: AtomicU64,
    buckets: [AtomicU64; BUCKETS as usize],
}

const COUNT: u64 = 0xffff_ffff;

impl Default for Starts {
    fn default() -> Self {
        Self {
            width: AtomicU64::new(0),
            per_width: AtomicU64::new(0),
            empty_before: AtomicU64::new(0),
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Starts {
    /// Counts from now on the calls that may become slow after this time, and discards those in
    /// flight.
    pub(super) fn resize(&self, slow_call_duration: Option<Duration>) {
        let width = slow_call_duration.map_or(0, |slow| nanos_of(slow).div_ceil(PER_SLOW).max(1));
        if self.width.swap(width, Ordering::Relaxed) != width {
            self.per_width.store(u64::MAX.checked_div(width).unwrap_or(0), Ordering::Relaxed);
            self.clear();
        }
    }

    pub(super) fn clear(&self) {
        self.buckets.iter().for_each(|bucket| bucket.store(0, Ordering::Relaxed));
        self.empty_before.store(0, Ordering::Relaxed);
    }

    /// The number of the bucket of this time.
    #[inline]
    fn number(&self, at: Tick) -> Option<u64> {
        let per_width = self.per_width.load(Ordering::Relaxed);
        (per_width != 0).then(|| ((u128::from(at.as_nanos()) * u128::from(per_width)) >> 64) as u64)
    }

    #[inline]
    fn bucket(&self, number: u64) -> &AtomicU64 {
        &self.buckets[(number % BUCKETS) as usize]
    }

    /// A call begins.
    #[inline]
    pub(super) fn enter(&self, at: Tick) -> bool {
        let Some(number) = self.number(at) else { return false };
        let tag = number << 32;
        let count = |word: u64| Some(if word & !COUNT == tag { word + 1 } else { tag | 1 });
        self.bucket(number).fetch_update(Ordering::Relaxed, Ordering::Relaxed, count).is_ok()
    }

    /// A call that began at this time ends.
    #[inline]
    pub(super) fn leave(&self, at: Tick) {
        let Some(number) = self.number(at) else { return };
        let one_less = |word: u64| (word & !COUNT == number << 32 && word & COUNT > 0).then(|| word - 1);
        let _ = self.bucket(number).fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
    }

    /// How many calls of this bucket are in flight.
    fn count(&self, number: u64) -> u64 {
        let word = self.bucket(number).load(Ordering::Relaxed);
        if word & !COUNT == number << 32 { word & COUNT } else { 0 }
    }

    /// How many calls are in flight and slow. A call is included at the latest when it has exceeded
    /// that time by a sixteenth.
    #[inline]
    pub(super) fn slow(&self, now: Tick) -> u64 {
        let Some(present) = self.number(now) else { return 0 };
        let Some(end) = present.checked_sub(PER_SLOW) else { return 0 };
        if self.empty_before.load(Ordering::Relaxed) == end { 0 } else { self.slow_before(present, end) }
    }

    /// The calls in flight of the buckets before this one.
    #[inline(never)]
    fn slow_before(&self, present: u64, end: u64) -> u64 {
        let oldest = present.saturating_sub(BUCKETS - 1);
        // A value beyond the end belongs to buckets of another width.
        let known = Some(self.empty_before.load(Ordering::Relaxed)).filter(|known| *known <= end);
        let begin = known.map_or(oldest, |known| known.max(oldest));
        let first = (begin..end).find(|number| self.count(*number) > 0).unwrap_or(end);
        if known != Some(first) {
            self.empty_before.store(first, Ordering::Relaxed);
        }
        (first..end).map(|number| self.count(number)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Duration = Duration::from_millis(16);
    const START: Tick = Tick::from_nanos(1_234_567_890_123);

    fn starts() -> Starts {
        let starts = Starts::default();
        starts.resize(Some(SLOW));
        starts
    }

    #[test]
    fn a_call_is_slow_never_too_early_and_a_sixteenth_too_late_at_most() {
        for offset in 0..40 {
            let (starts, began) = (starts(), START.after(Duration::from_micros(offset * 37)));
            assert!(starts.enter(began));
            let slow_after = |age: Duration| starts.slow(began.after(age));
            let part = SLOW / 16;
            assert_eq!((slow_after(Duration::ZERO), slow_after(SLOW - Duration::from_nanos(1))), (0, 0));
            assert_eq!((slow_after(SLOW + part), slow_after(4 * SLOW - 2 * part)), (1, 1));
            assert_eq!((slow_after(4 * SLOW), slow_after(100 * SLOW)), (0, 0), "it is forgotten");
            starts.leave(began);
            assert_eq!(slow_after(2 * SLOW), 0);
        }
    }

    #[test]
    fn hanging_calls_are_found_whenever_the_buckets_were_read_before() {
        let starts = starts();
        let at = |part: u32| START.after(SLOW / 16 * part);
        for part in [0, 3, 3, 20] {
            starts.enter(at(part));
        }
        let slow = |part| starts.slow(at(part));
        assert_eq!([slow(5), slow(16), slow(18), slow(19), slow(21), slow(21), slow(38)], [0, 0, 1, 1, 3, 3, 4]);
        starts.leave(at(0));
        assert_eq!((slow(38), slow(20)), (3, 2), "a clock of another thread may be behind");
        starts.leave(at(3));
        starts.leave(at(3));
        assert_eq!((slow(38), slow(83), slow(84)), (1, 1, 0));
        // Numbers of another width do not apply.
        starts.resize(Some(SLOW * 64));
        starts.enter(at(100));
        assert_eq!(starts.slow(at(100).after(SLOW * 70)), 1);
    }

    #[test]
    fn a_call_that_ends_twice_or_was_discarded_removes_no_other_call() {
        let starts = starts();
        starts.enter(START);
        starts.leave(START);
        starts.leave(START);
        let later = START.after(4 * SLOW);
        starts.enter(later);
        starts.leave(START);
        assert_eq!(starts.slow(later.after(2 * SLOW)), 1);
        starts.resize(Some(SLOW));
        assert_eq!(starts.slow(later.after(2 * SLOW)), 1, "the same size is no other one");
        starts.resize(None);
        assert!(!starts.enter(later));
        starts.leave(later);
        assert_eq!(starts.slow(later.after(2 * SLOW)), 0);
    }

    #[test]
    fn extreme_times_harm_nothing() {
        for slow in [Duration::from_nanos(1), Duration::MAX] {
            let starts = Starts::default();
            starts.resize(Some(slow));
            for at in [Tick::ZERO, START, Tick::NEVER] {
                starts.enter(at);
                starts.slow(at);
                starts.leave(at);
                assert_eq!(starts.slow(Tick::NEVER), 0);
            }
        }
    }
}
