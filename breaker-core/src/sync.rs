//! Synchronisation: the only room that names `std::sync`. Locks ignore poisoning, since no user code ever
//! runs under one; the hot totals are striped over cache lines, so that threads do not slow each other down.

use std::cell::Cell;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::sync::{Arc, LazyLock, OnceLock};

/// A mutex that a panic cannot poison for everybody else.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The lock, unless somebody else holds it. It never waits.
    pub(crate) fn try_lock(&self) -> Option<std::sync::MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }
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

/// A number that nobody can guess, for what is left to chance.
pub(crate) fn seed() -> u64 {
    std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), ())
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
        self.stripes[stripe()].successes.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn rejected(&self) {
        self.stripes[stripe()].rejected.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn successes(&self) -> u64 {
        self.stripes.iter().map(|s| s.successes.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn rejections(&self) -> u64 {
        self.stripes.iter().map(|s| s.rejected.load(Ordering::Relaxed)).sum()
    }
}

/// The stripe of this thread: threads take turns when they count for the first time.
#[inline]
fn stripe() -> usize {
    thread_local!(static MINE: Cell<usize> = const { Cell::new(usize::MAX) });
    MINE.with(|mine| match mine.get() {
        usize::MAX => {
            static NEXT: AtomicUsize = AtomicUsize::new(0);
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES);
            mine.get()
        }
        stripe => stripe,
    })
}

/// Runs somebody else's code, and says whether it came back. The payload of a panic is not dropped, since that may panic too.
pub(crate) fn survive(f: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).map_err(std::mem::ManuallyDrop::new).is_ok()
}
