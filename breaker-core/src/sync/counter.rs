//! Exact totals that many threads count at once.

use crate::sync::{AtomicU64, OnceLock, Ordering, statics};
use std::cell::Cell;

const STRIPES: usize = 8;

const STRIPE: usize = size_of::<Stripe>();

// Where the stripe of a thread begins, in bytes, since that is what its place is computed from;
// `usize::MAX`: it has none yet.
std::thread_local!(static MINE: Cell<usize> = const { Cell::new(usize::MAX) });

/// Sees to it that this thread has a stripe.
#[inline]
pub(crate) fn assign_stripe() {
    if MINE.get() == usize::MAX {
        assign_first_stripe();
    }
}

/// Which stripe is this thread's; any one, if it has none yet.
#[inline]
fn stripe_index() -> usize {
    MINE.get() / STRIPE % STRIPES
}

#[cold]
fn assign_first_stripe() {
    static NEXT: statics::AtomicUsize = statics::AtomicUsize::new(0);
    MINE.set(NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES * STRIPE);
}

/// Exact totals that many threads count at once.
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

    /// The same on a thread that has [had its turn](take_turn): there is nothing to decide, which
    /// every annotated function would have a copy of. On another one it counts as well.
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

    /// That of this thread: threads take turns when they count for the first time.
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

/// The same for one of many breakers, most of which one thread calls at a time: in place, until two
/// threads meet at it.
#[derive(Debug, Default)]
pub(crate) struct AdaptiveCounters {
    successes: AtomicU64,
    rejected: AtomicU64,
    /// Where it is counted since then.
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

    /// Whether two threads have met at it.
    #[cfg(test)]
    pub(crate) fn is_striped(&self) -> bool {
        self.stripes.get().is_some()
    }
}

/// Adds one, unless another thread comes in between twice in a row: once may be chance.
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
    fn a_tally_is_in_place_for_one_thread_and_striped_where_threads_meet() {
        const EACH: u64 = 10_000;
        let tally = AdaptiveCounters::default();
        (0..EACH).for_each(|_| tally.success());
        assert!(!tally.is_striped());
        let mut counted = EACH;
        // Threads need not meet, but they will.
        while !tally.is_striped() {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..EACH).for_each(|_| tally.success()));
                }
            });
            counted += 4 * EACH;
        }
        (0..EACH).for_each(|_| tally.rejected());
        assert_eq!((tally.successes(), tally.rejections()), (counted, EACH));
    }
}
