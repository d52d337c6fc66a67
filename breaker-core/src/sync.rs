//! Synchronisation: the only room that names `std::sync`, and thus the one that a model check replaces (`--cfg breaker_loom`). Locks ignore
//! poisoning, since no user code ever runs under one; the hot totals are striped over cache lines, so that threads do not slow each other down.

#[cfg(breaker_loom)]
mod modelled;
#[cfg_attr(breaker_loom, allow(dead_code, unused_imports, reason = "what no `static` needs"))]
mod plain;

#[cfg(all(breaker_loom, feature = "tokio"))]
pub(crate) use modelled::Notify;
#[cfg(breaker_loom)]
pub(crate) use modelled::{AtomicBool, AtomicU64, Mutex, OnceLock, Serial, seed};
#[cfg(not(breaker_loom))]
pub(crate) use plain::{AtomicBool, AtomicU64, Mutex, OnceLock, Serial, seed};
pub(crate) use std::sync::atomic::Ordering;
pub(crate) use std::sync::{Arc, LazyLock};
#[cfg(all(not(breaker_loom), feature = "tokio"))]
pub(crate) use tokio::sync::Notify;

use std::cell::Cell;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// What a `static` may hold. It outlives every execution of a model, so none looks at it.
pub(crate) mod statics {
    pub(crate) use super::plain::{AtomicUsize, Mutex, OnceLock};
}

/// A value in a box of which rustc knows at once that threads may share it. Else it looks at everything in the value anew, for each
/// annotated function: for its `static`, and wherever its future has to be `Send`.
pub(crate) struct Sealed<T>(Box<dyn Give<T> + Send + Sync + UnwindSafe + RefUnwindSafe>);

trait Give<T> {
    fn give(&self) -> &T;
}

impl<T> Give<T> for T {
    fn give(&self) -> &T {
        self
    }
}

impl<T: Send + Sync + UnwindSafe + RefUnwindSafe + 'static> Sealed<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Box::new(value))
    }
}

impl<T> Deref for Sealed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        (*self.0).give()
    }
}

const STRIPES: usize = 8;

/// Exact totals that many threads count at once.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    stripes: [Stripe; STRIPES],
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Stripe {
    successes: AtomicU64,
    rejected: AtomicU64,
}

impl Totals {
    #[inline]
    pub(crate) fn success(&self) {
        self.stripes[stripe() % STRIPES].successes.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn rejected(&self) {
        self.stripes[stripe() % STRIPES].rejected.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn successes(&self) -> u64 {
        self.stripes.iter().map(|s| s.successes.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn rejections(&self) -> u64 {
        self.stripes.iter().map(|s| s.rejected.load(Ordering::Relaxed)).sum()
    }
}

thread_local!(static MINE: Cell<usize> = const { Cell::new(usize::MAX) });

/// The stripe of this thread: threads take turns when they count for the first time.
#[inline]
fn stripe() -> usize {
    match MINE.get() {
        usize::MAX => first_stripe(),
        stripe => stripe,
    }
}

#[cold]
fn first_stripe() -> usize {
    static NEXT: statics::AtomicUsize = statics::AtomicUsize::new(0);
    let stripe = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
    MINE.set(stripe);
    stripe
}

/// Runs somebody else's code, and says whether it came back. The payload of a panic is not dropped, since that may panic too.
pub(crate) fn survive(f: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).map_err(std::mem::ManuallyDrop::new).is_ok()
}
