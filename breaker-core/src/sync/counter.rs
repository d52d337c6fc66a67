//! Counts exact totals that many threads update at once.

use crate::sync::{AtomicU64, OnceLock, Ordering, statics};
use std::cell::Cell;

const STRIPES: usize = 8;

const STRIPE: usize = size_of::<Stripe>();

// The offset of this thread's stripe in bytes, from which the address of the stripe is computed.
// `usize::MAX`: the thread has no stripe yet.
std::thread_local!(static STRIPE_OFFSET: Cell<usize> = const { Cell::new(usize::MAX) });

/// Assigns a stripe to this thread, unless it has one.
#[inline]
pub(crate) fn assign_stripe() {
    if STRIPE_OFFSET.get() == usize::MAX {
        assign_first_stripe();
    }
}

/// The index of this thread's stripe. Without an assigned stripe, it is the index of any stripe.
#[inline]
fn stripe_index() -> usize {
    STRIPE_OFFSET.get() / STRIPE % STRIPES
}

#[cold]
fn assign_first_stripe() {
    static NEXT: statics::AtomicUsize = statics::AtomicUsize::new(0);
    STRIPE_OFFSET.set(NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES * STRIPE);
}

/// Counts exact totals that many threads update at once.
#[derive(Debug, Default)]
pub(crate) struct StripedCounters {
    stripes: [Stripe; STRIPES],
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Stripe {
    successes: AtomicU64,
    rejected: AtomicU64,
}

impl StripedCounters {
    #[inline]
    pub(crate) fn success(&self) {
        self.stripe().successes.fetch_add(1, Ordering::Relaxed);
    }

    /// The same on a thread that [has a stripe](assign_stripe). It has no branch, because every
    /// annotated function contains a copy of it. On a thread without a stripe it counts as well.
    #[inline]
    pub(crate) fn success_on_stripe(&self) {
        self.stripes[stripe_index()].successes.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn rejected(&self) {
        self.stripe().rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// The same as [`success_on_stripe`](Self::success_on_stripe) for a rejection.
    #[inline]
    pub(crate) fn rejected_on_stripe(&self) {
        self.stripes[stripe_index()].rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// The stripe of this thread. Threads get stripes in turn when they first count.
    #[inline]
    fn stripe(&self) -> &Stripe {
        assign_stripe();
        &self.stripes[stripe_index()]
    }

    pub(crate) fn successes(&self) -> u64 {
        self.stripes.iter().map(|s| s.successes.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn rejections(&self) -> u64 {
        self.stripes.iter().map(|s| s.rejected.load(Ordering::Relaxed)).sum()
    }
}

/// Counts exact totals of one breaker among many. Usually one thread at a time calls such a
/// breaker. It uses single counters until two threads collide, and stripes from then on.
#[derive(Debug, Default)]
pub(crate) struct AdaptiveCounters {
    successes: AtomicU64,
    rejected: AtomicU64,
    /// Used since the first collision.
    stripes: OnceLock<Box<StripedCounters>>,
}

impl AdaptiveCounters {
    #[inline]
    pub(crate) fn success(&self) {
        match self.stripes.get() {
            None if count_alone(&self.successes) => {}
            _ => self.striped().success(),
        }
    }

    #[inline]
    pub(crate) fn rejected(&self) {
        match self.stripes.get() {
            None if count_alone(&self.rejected) => {}
            _ => self.striped().rejected(),
        }
    }

    #[inline(never)]
    fn striped(&self) -> &StripedCounters {
        self.stripes.get_or_init(Box::default)
    }

    pub(crate) fn successes(&self) -> u64 {
        self.successes.load(Ordering::Relaxed) + self.stripes.get().map_or(0, |stripes| stripes.successes())
    }

    pub(crate) fn rejections(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed) + self.stripes.get().map_or(0, |stripes| stripes.rejections())
    }

    /// Whether two threads have collided.
    #[cfg(test)]
    pub(crate) fn is_striped(&self) -> bool {
        self.stripes.get().is_some()
    }
}

/// Adds one, unless another thread interferes in two consecutive tries. One interference may be
/// chance.
#[inline]
fn count_alone(counter: &AtomicU64) -> bool {
    let once = || {
        let count = counter.load(Ordering::Relaxed);
        counter.compare_exchange(count, count + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    };
    once() || once()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_striped_only_after_threads_collide() {
        const EACH: u64 = 10_000;
        let counters = AdaptiveCounters::default();
        (0..EACH).for_each(|_| counters.success());
        assert!(!counters.is_striped());
        let mut counted = EACH;
        // A collision is not certain in one round, so the rounds repeat until there is one.
        while !counters.is_striped() {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..EACH).for_each(|_| counters.success()));
                }
            });
            counted += 4 * EACH;
        }
        (0..EACH).for_each(|_| counters.rejected());
        assert_eq!((counters.successes(), counters.rejections()), (counted, EACH));
    }
}
