//! Counts the calls of the last span of time, in a fixed number of buckets.

use super::{FailedAndSlow, Mark};
use crate::clock::{Tick, nanos_of};
use crate::machine::trip::WindowTotals;
use crate::sync::{AtomicU64, Ordering};
use std::time::Duration;

/// A call leaves the window with its bucket: up to 1/60 of the window too early, never too late.
const BUCKETS: usize = 60;

/// The buckets. They are rotated only under the machine's lock. Successes are added to the current
/// bucket without it. A late success may be added to a bucket that has been emptied since.
///
/// A success writes one word, that of its bucket. The calls of all other buckets are in `ended`. A
/// rotation marks the bucket that it ends, and moves its calls there. A late success finds that
/// mark, and counts in `ended` too. So they always match the buckets, in any order of the threads.
#[derive(Debug)]
pub(super) struct Buckets {
    /// When the current bucket ends, in nanoseconds. 0: it begins with the next call.
    edge: AtomicU64,
    /// The position of the current bucket.
    current: AtomicU64,
    /// How long a bucket lasts, in nanoseconds.
    width: AtomicU64,
    span: AtomicU64,
    /// The calls of the buckets that are marked as ended.
    ended: AtomicU64,
    failed_and_slow: FailedAndSlow,
    buckets: [Bucket; BUCKETS],
}

#[derive(Debug)]
struct Bucket {
    /// Their number, and [`ENDED`].
    calls: AtomicU64,
    failed_and_slow: FailedAndSlow,
}

/// The bucket is not the current one.
const ENDED: u64 = 1 << 63;

impl Default for Buckets {
    fn default() -> Self {
        Self {
            edge: AtomicU64::new(0),
            current: AtomicU64::new(0),
            width: AtomicU64::new(1),
            span: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            failed_and_slow: FailedAndSlow::default(),
            buckets: std::array::from_fn(|number| Bucket {
                calls: AtomicU64::new(if number == 0 { 0 } else { ENDED }),
                failed_and_slow: FailedAndSlow::default(),
            }),
        }
    }
}

impl Buckets {
    pub(super) fn has(&self, span: Duration) -> bool {
        self.span.load(Ordering::Relaxed) == nanos_of(span)
    }

    /// Sets the span of an empty window.
    pub(super) fn resize(&self, span: Duration) {
        self.span.store(nanos_of(span), Ordering::Relaxed);
        self.width.store((nanos_of(span) / BUCKETS as u64).max(1), Ordering::Relaxed);
    }

    /// Whether the current bucket is over.
    #[inline]
    pub(super) fn is_expired(&self, now: Tick) -> bool {
        now.as_nanos() >= self.edge.load(Ordering::Acquire)
    }

    /// Makes the bucket of `now` the current one, and empties those that are older than the window.
    pub(super) fn rotate(&self, now: Tick) {
        let (steps, width) = (self.steps(now), self.width.load(Ordering::Relaxed));
        if self.edge.load(Ordering::Relaxed) == 0 {
            self.edge.store(now.as_nanos().saturating_add(width), Ordering::Release);
        }
        if steps == 0 {
            return;
        }
        let current = self.current.load(Ordering::Relaxed);
        self.end(self.bucket(current));
        for step in 1..=steps.min(BUCKETS as u64) {
            self.empty(self.bucket(current + step));
        }
        self.begin(self.bucket(current + steps));
        // After a span without calls the buckets begin with the next call.
        let edge = match steps < BUCKETS as u64 {
            true => self.edge.load(Ordering::Relaxed).saturating_add(steps.saturating_mul(width)),
            false => now.as_nanos().saturating_add(width),
        };
        self.current.store((current + steps) % BUCKETS as u64, Ordering::Release);
        self.edge.store(edge, Ordering::Release);
    }

    /// How many buckets `now` is ahead of the current one.
    fn steps(&self, now: Tick) -> u64 {
        let edge = self.edge.load(Ordering::Relaxed);
        match now.as_nanos().checked_sub(edge) {
            Some(over) if edge != 0 => over / self.width.load(Ordering::Relaxed) + 1,
            _ => 0,
        }
    }

    /// Marks the current bucket as ended.
    fn end(&self, bucket: &Bucket) {
        let calls = bucket.calls.fetch_or(ENDED, Ordering::AcqRel);
        self.ended.fetch_add(calls, Ordering::AcqRel);
    }

    /// Makes an empty bucket that has ended the current one. It may have late calls.
    fn begin(&self, bucket: &Bucket) {
        let calls = bucket.calls.fetch_and(!ENDED, Ordering::AcqRel);
        self.ended.fetch_sub(calls & !ENDED, Ordering::AcqRel);
    }

    #[inline]
    pub(super) fn add_success(&self) {
        self.add_to(self.current_bucket());
    }

    #[inline]
    fn add_to(&self, bucket: &Bucket) {
        let before = bucket.calls.fetch_add(1, Ordering::AcqRel);
        if before & ENDED != 0 {
            self.ended.fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(super) fn add(&self, mark: Mark) {
        self.add_success();
        let (failed, slow) = (u32::from(mark.failed), u32::from(mark.slow));
        self.current_bucket().failed_and_slow.add(failed, slow);
        self.failed_and_slow.add(failed, slow);
    }

    /// Whether no call in the window has failed or was slow.
    #[inline]
    pub(super) fn are_successes(&self) -> bool {
        self.failed_and_slow.is_none()
    }

    /// The totals; `None` while another thread rotates the window.
    #[inline]
    pub(super) fn settled_totals(&self) -> Option<WindowTotals> {
        let bucket = self.current_bucket();
        let ended = self.ended.load(Ordering::Acquire);
        let calls = bucket.calls.load(Ordering::Acquire);
        // Had the bucket ended, its calls might be in both numbers, or in none.
        (calls & ENDED == 0).then(|| self.with_calls(ended.wrapping_add(calls)))
    }

    /// A negative number of calls counts as zero: another thread subtracted a call before it was
    /// added.
    fn with_calls(&self, calls: u64) -> WindowTotals {
        let (failed, slow) = self.failed_and_slow.totals();
        WindowTotals { calls: u64::try_from(calls as i64).unwrap_or(0), failed, slow }
    }

    /// The totals. While another thread rotates the window, they may lack the newest calls.
    #[inline]
    pub(super) fn totals(&self) -> WindowTotals {
        self.settled_totals().unwrap_or_else(|| self.with_calls(self.ended.load(Ordering::Acquire)))
    }

    /// The totals with every call that was added before. The numbers of calls are read by writes: a
    /// thread that adds to them later has seen everything that is in these totals.
    pub(super) fn latest_totals(&self) -> WindowTotals {
        self.current_bucket().calls.fetch_add(0, Ordering::AcqRel);
        self.ended.fetch_add(0, Ordering::AcqRel);
        self.totals()
    }

    /// The totals as they will be when the window has been rotated to `now`.
    pub(super) fn totals_at(&self, now: Tick) -> WindowTotals {
        let (steps, current) = (self.steps(now).min(BUCKETS as u64), self.current.load(Ordering::Relaxed));
        let mut totals = self.totals();
        for step in 1..=steps {
            let gone = self.bucket(current + step).totals();
            totals.calls = totals.calls.saturating_sub(gone.calls);
            totals.failed = totals.failed.saturating_sub(gone.failed);
            totals.slow = totals.slow.saturating_sub(gone.slow);
        }
        totals
    }

    pub(super) fn clear(&self) {
        self.buckets.iter().for_each(|bucket| self.empty(bucket));
        self.edge.store(0, Ordering::Release);
    }

    pub(super) fn forget_slow(&self) {
        for bucket in &self.buckets {
            let slow = bucket.failed_and_slow.totals().1 as u32;
            bucket.failed_and_slow.take(0, slow);
            self.failed_and_slow.take(0, slow);
        }
    }

    /// Empties a bucket, which stays the current one or ended.
    fn empty(&self, bucket: &Bucket) {
        if bucket.totals() == WindowTotals::default() {
            return;
        }
        let calls = bucket.calls.fetch_and(ENDED, Ordering::AcqRel);
        if calls & ENDED != 0 {
            self.ended.fetch_sub(calls & !ENDED, Ordering::AcqRel);
        }
        let (failed, slow) = bucket.failed_and_slow.empty();
        self.failed_and_slow.take(failed, slow);
    }

    #[inline]
    fn current_bucket(&self) -> &Bucket {
        self.bucket(self.current.load(Ordering::Acquire))
    }

    #[inline]
    fn bucket(&self, number: u64) -> &Bucket {
        &self.buckets[(number % BUCKETS as u64) as usize]
    }
}

impl Bucket {
    fn totals(&self) -> WindowTotals {
        let calls = self.calls.load(Ordering::Relaxed) & !ENDED;
        let (failed, slow) = self.failed_and_slow.totals();
        WindowTotals { calls, failed, slow }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const START: Tick = Tick::from_nanos(12_345_678_901);
    const SUCCESS: Mark = Mark { failed: false, slow: false };
    const FAILED: Mark = Mark { failed: true, slow: false };

    fn window(span: Duration) -> Buckets {
        let buckets = Buckets::default();
        buckets.resize(span);
        buckets
    }

    fn add(buckets: &Buckets, mark: Mark, now: Tick) {
        buckets.rotate(now);
        buckets.add(mark);
    }

    #[test]
    fn a_call_is_out_when_it_is_as_old_as_the_window_and_no_sooner_than_a_bucket_before() {
        let span = 60 * SECOND;
        for offset in (0..1000).step_by(77).map(Duration::from_millis) {
            let buckets = window(span);
            add(&buckets, SUCCESS, START);
            let made = START.after(offset);
            add(&buckets, FAILED, made);
            for (age, failed) in [(Duration::ZERO, 1), (span - SECOND - Duration::from_nanos(1), 1), (span, 0)] {
                let now = made.after(age);
                assert_eq!(buckets.totals_at(now).failed, failed, "{offset:?} {age:?}");
            }
            buckets.rotate(made.after(span));
            assert_eq!(buckets.totals().failed, 0);
        }
    }

    #[test]
    fn it_agrees_with_a_list_of_all_calls() {
        let (span, width) = (Duration::from_millis(6000), 100_000_000);
        let buckets = window(span);
        let mut random = fastrand::Rng::with_seed(7);
        let mut calls: Vec<(u64, Mark)> = Vec::new();
        let (mut now, mut origin) = (START, START);
        for _ in 0..5000 {
            let idle = if random.u32(..100) == 0 { 9_000_000_000 } else { random.u64(..120_000_000) };
            now = now.after(Duration::from_nanos(idle));
            let place = |now: Tick, origin: Tick| (now.as_nanos() - origin.as_nanos()) / width;
            if calls.last().is_none_or(|(last, _)| place(now, origin) >= last + 60) {
                (origin, calls) = (now, Vec::new());
            }
            let mark = Mark { failed: random.bool(), slow: random.bool() };
            add(&buckets, mark, now);
            let here = place(now, origin);
            calls.push((here, mark));
            let present = || calls.iter().filter(|(at, _)| at + 60 > here);
            let expected = WindowTotals {
                calls: present().count() as u64,
                failed: present().filter(|(_, mark)| mark.failed).count() as u64,
                slow: present().filter(|(_, mark)| mark.slow).count() as u64,
            };
            assert_eq!(buckets.totals(), expected);
            assert_eq!(buckets.totals_at(now), expected);
        }
    }

    #[test]
    fn a_success_that_comes_too_late_for_its_bucket_is_counted_as_long_as_the_bucket() {
        let buckets = window(60 * SECOND);
        let calls = |at: u32| {
            let now = START.after(at * SECOND);
            let expected = buckets.totals_at(now).calls;
            buckets.rotate(now);
            assert_eq!((buckets.totals().calls, buckets.settled_totals()), (expected, Some(buckets.totals())));
            expected
        };
        assert_eq!(calls(0), 0);
        buckets.add_success();
        let (first, empty) = (buckets.bucket(0), buckets.bucket(1));
        assert_eq!(calls(2), 1);
        buckets.add_to(first);
        // No call came in the time of this one.
        buckets.add_to(empty);
        assert_eq!([calls(2), calls(59), calls(60), calls(61)], [3, 3, 1, 0]);
        buckets.add_to(first);
        assert_eq!([calls(119), calls(120)], [1, 0]);
        // It is the current bucket again.
        buckets.add_to(first);
        assert_eq!([calls(120), calls(179), calls(180)], [1, 1, 0]);
        buckets.add_to(first);
        buckets.clear();
        assert_eq!(calls(181), 0);
    }

    #[test]
    fn its_memory_is_what_the_documentation_states() {
        assert_eq!(size_of::<[Bucket; BUCKETS]>(), 960);
        assert!(size_of::<Buckets>() <= 1024);
    }

    #[test]
    fn extreme_spans_and_times_harm_nothing() {
        for span in [Duration::from_nanos(1), Duration::MAX] {
            let buckets = window(span);
            for now in [Tick::ZERO, START, Tick::from_nanos(u64::MAX - 1), Tick::NEVER, START] {
                add(&buckets, FAILED, now);
                assert!(buckets.totals().failed >= 1, "{span:?} {now:?}");
            }
            buckets.clear();
            assert_eq!(buckets.totals(), WindowTotals::default());
        }
    }

    #[test]
    fn successes_on_many_threads_are_all_counted_between_two_rotations() {
        let buckets = window(60 * SECOND);
        buckets.rotate(START);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| buckets.add_success()));
            }
        });
        assert_eq!(buckets.totals(), WindowTotals { calls: 40_000, failed: 0, slow: 0 });
        buckets.rotate(START.after(60 * SECOND));
        assert_eq!(buckets.totals(), WindowTotals::default());
    }
}
