//! Collects the durations of short calls until the metrics are read.

use super::names::DURATION_BUCKETS;
use crate::sync::{AtomicU64, Ordering};
use ::metrics::Histogram;

/// Upper ends of the bins, in nanoseconds. A call above the last one is recorded by itself: that is
/// a small part of the time of such a call.
const ENDS: [u64; 7] = [10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000];

/// Calls of less than a millisecond, in bins that have the same bounds as a recorder's buckets.
#[derive(Debug, Default)]
pub(super) struct Durations([Bin; ENDS.len()]);

/// The newest calls are counted in one integer: their number in the upper bits, and their time in
/// the lower bits. It can hold a million calls of a millisecond, so at half of that they are added
/// to the others.
#[derive(Debug, Default)]
struct Bin {
    newest: AtomicU64,
    calls: AtomicU64,
    nanos: AtomicU64,
}

const TIME: u32 = 40;
const ONE: u64 = 1 << TIME;
const MANY: u64 = 1 << 19;

impl Bin {
    #[inline]
    fn add(&self, nanos: u64) {
        if self.newest.fetch_add(ONE + nanos, Ordering::Relaxed) >> TIME == MANY {
            self.flush();
        }
    }

    #[cold]
    fn flush(&self) {
        let newest = self.newest.swap(0, Ordering::Relaxed);
        self.nanos.fetch_add(newest % ONE, Ordering::Relaxed);
        // A thread that takes calls away finds their time.
        self.calls.fetch_add(newest >> TIME, Ordering::Release);
    }

    /// All calls, and at least their time.
    fn take(&self) -> (u64, u64) {
        self.flush();
        let calls = self.calls.swap(0, Ordering::Acquire);
        (calls, if calls == 0 { 0 } else { self.nanos.swap(0, Ordering::Relaxed) })
    }
}

impl Durations {
    /// Adds a call of this duration in nanoseconds. `false`: it is too long for that.
    #[inline]
    pub(super) fn collect(&self, nanos: u64) -> bool {
        let bin = ENDS.iter().zip(&self.0).find(|(end, _)| nanos <= **end);
        if let Some((_, bin)) = bin {
            bin.add(nanos);
        }
        bin.is_some()
    }

    /// Records what was collected: each call of a bin with their mean.
    pub(super) fn flush_to(&self, histogram: &Histogram) {
        let mut begin = 0;
        for (bin, end) in self.0.iter().zip(ENDS) {
            let (calls, nanos) = bin.take();
            if calls > 0 {
                // With the time of calls that are being moved it may be more.
                let mean = (nanos as f64 / calls as f64).clamp(begin as f64, end as f64);
                histogram.record_many(mean / 1e9, usize::try_from(calls).unwrap_or(usize::MAX));
            }
            begin = end + 1;
        }
    }
}

/// The bins are the buckets up to a millisecond.
const _: () = {
    let mut at = 0;
    while at < ENDS.len() {
        assert!((DURATION_BUCKETS[at] * 1e9 + 0.5) as u64 == ENDS[at]);
        at += 1;
    }
};
