//! Counts exact totals that many threads update at once.

use crate::sync::{AtomicU64, Ordering, statics};
use std::cell::Cell;

// A model would have to look at each of them.
const STRIPES: usize = if cfg!(breaker_loom) { 2 } else { 8 };

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
    pub(super) stripes: [Stripe; STRIPES],
}

#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Stripe {
    pub(super) successes: AtomicU64,
    pub(super) rejected: AtomicU64,
    /// Uses of a keyed breaker that began and ended on threads of this stripe (`uses`).
    pub(super) begun: AtomicU64,
    pub(super) ended: AtomicU64,
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
    pub(super) fn stripe(&self) -> &Stripe {
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
