//! Durations: those of calls that are over sooner than a recorder takes to note them, gathered until the metrics are read.

use super::names::DURATION_BUCKETS;
use crate::sync::{AtomicU64, Ordering};
use ::metrics::Histogram;
use std::time::Duration;

/// Upper ends of the bins, in nanoseconds. The last one is a call that is recorded by itself, which is then a small part of it.
const ENDS: [u64; 7] = [10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000];

/// Calls of less than a millisecond, in bins that lie between the same bounds as a recorder's buckets.
#[derive(Debug, Default)]
pub(super) struct Durations([Bin; ENDS.len()]);

#[derive(Debug, Default)]
struct Bin {
    calls: AtomicU64,
    nanos: AtomicU64,
}

impl Durations {
    /// Takes a call of this duration in. `false`: it is too long for that.
    #[inline]
    pub(super) fn gather(&self, elapsed: Duration) -> bool {
        let Ok(nanos) = u64::try_from(elapsed.as_nanos()) else { return false };
        let bin = ENDS.iter().zip(&self.0).find(|(end, _)| nanos <= **end);
        if let Some((_, bin)) = bin {
            // In this order, so that whoever takes calls away finds their time.
            bin.nanos.fetch_add(nanos, Ordering::Relaxed);
            bin.calls.fetch_add(1, Ordering::Release);
        }
        bin.is_some()
    }

    /// Records what was gathered: each call of a bin with their mean.
    pub(super) fn hand_over(&self, histogram: &Histogram) {
        let mut begin = 0;
        for (bin, end) in self.0.iter().zip(ENDS) {
            let calls = bin.calls.swap(0, Ordering::Acquire);
            if calls > 0 {
                // With the time of a call that is being added it may be a little more.
                let nanos = bin.nanos.swap(0, Ordering::Relaxed) as f64;
                let mean = (nanos / calls as f64).clamp(begin as f64, end as f64);
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
