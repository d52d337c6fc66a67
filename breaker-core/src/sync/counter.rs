//! Counts exact totals that many threads update at once.

use crate::sync::statics::OnceLock as Once;
use crate::sync::{AtomicU64, Ordering, per_thread, statics};
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

// In a model each thread has its own, other than its stripe.
per_thread!(static NUMBER: Cell<u64> = Cell::new(NUMBERLESS));

/// Numbers are less than this.
pub(super) const NUMBERS: usize = 1 << 28;

/// What a thread has in place of a number before it needs one, and after all are assigned.
pub(super) const NUMBERLESS: u64 = u64::MAX;

/// The number of this thread, if it has one. No other thread has or had the same.
#[inline]
pub(super) fn thread_number() -> u64 {
    // In a model a thread that ends has none.
    NUMBER.try_with(Cell::get).unwrap_or(NUMBERLESS)
}

/// The same, and assigns one to a thread that has none. Numbers begin at 1.
#[inline]
pub(super) fn assign_number() -> u64 {
    match thread_number() {
        NUMBERLESS => assign_first_number(),
        number => number,
    }
}

#[cold]
fn assign_first_number() -> u64 {
    static NEXT: statics::AtomicUsize = statics::AtomicUsize::new(1);
    let next = |next| (next < NUMBERS).then_some(next + 1);
    let number = NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).map_or(NUMBERLESS, |next| next as u64);
    // A thread that ends keeps none.
    let _ = NUMBER.try_with(|own| own.set(number));
    number
}

/// Counts exact totals that many threads update at once. Each stripe also has a place for a value.
#[derive(Debug)]
pub(crate) struct StripedCounters<V = ()> {
    pub(super) stripes: [Stripe<V>; STRIPES],
}

#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Stripe<V = ()> {
    pub(super) successes: AtomicU64,
    pub(super) rejected: AtomicU64,
    /// Uses of a keyed breaker that began and ended on threads of this stripe, and the successes
    /// of the thread that owns it (`uses`).
    pub(super) begun: AtomicU64,
    pub(super) ended: AtomicU64,
    pub(super) own: AtomicU64,
    /// Made when a thread of this stripe first needs it.
    value: Once<V>,
}

// Not derived, since a value needs no default.
impl<V> Default for StripedCounters<V> {
    fn default() -> Self {
        Self { stripes: std::array::from_fn(|_| Stripe::default()) }
    }
}

impl<V> Default for Stripe<V> {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self { successes: zero(), rejected: zero(), begun: zero(), ended: zero(), own: zero(), value: Once::new() }
    }
}

impl<V> StripedCounters<V> {
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

    /// The value of this thread's stripe.
    #[inline]
    pub(crate) fn value(&self, make: impl FnOnce() -> V) -> &V {
        self.stripe().value.get_or_init(make)
    }

    /// Makes the values that no thread has needed so far.
    pub(crate) fn make_values(&self, make: impl Fn() -> V) {
        for stripe in &self.stripes {
            stripe.value.get_or_init(&make);
        }
    }

    /// The stripe of this thread. Threads get stripes in turn when they first count.
    #[inline]
    pub(super) fn stripe(&self) -> &Stripe<V> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stripe_with_a_value_is_one_cache_line() {
        assert_eq!((size_of::<Stripe<std::sync::Arc<u8>>>(), align_of::<Stripe<std::sync::Arc<u8>>>()), (64, 64));
        assert_eq!(STRIPE, 64);
    }
}
