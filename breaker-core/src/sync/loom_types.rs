//! Provides the types of `std_types` by loom, for the models.
//!
//! Loom runs a model once for each order of the threads' steps and each older value that a load may
//! see. `Arc` is missing here: loom has none for unsized values, and this crate need not check its
//! counting.

use super::Ordering;
pub(crate) use loom::sync::MutexGuard;
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64};
use loom::sync::{Mutex as Lock, RwLock as SharedLock, RwLockReadGuard, RwLockWriteGuard};

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(Lock<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Lock::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}

#[derive(Debug, Default)]
pub(crate) struct RwLock<T>(SharedLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Fewer than in other builds, because a bulk operation takes the lock of each shard.
pub(crate) const SHARDS: usize = 2;

/// Loom has none. A thread that does not see the flag finds it empty. A thread that sees the flag
/// also sees the value.
#[derive(Debug)]
pub(crate) struct OnceLock<T> {
    filled: AtomicBool,
    filling: Mutex<()>,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self { filled: AtomicBool::new(false), filling: Mutex::default(), value: std::sync::OnceLock::new() }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        if self.filled.load(Ordering::Acquire) { self.value.get() } else { None }
    }

    pub(crate) fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let _filling = self.filling.lock();
        let value = self.value.get_or_init(init);
        self.filled.store(true, Ordering::Release);
        value
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Each execution of a model begins with 1. All instances share one sequence of numbers.
#[derive(Debug)]
pub(crate) struct Serial;

impl Serial {
    pub(crate) const fn new() -> Self {
        Self
    }

    pub(crate) fn next(&self) -> u64 {
        loom::lazy_static! {
            static ref NEXT: AtomicU64 = AtomicU64::new(1);
        }
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}

/// Wraps tokio's `Notify`, because loom does not track it. A thread that comes after a notification
/// sees everything that was before it.
#[cfg(feature = "tokio")]
#[derive(Debug, Default)]
pub(crate) struct Notify {
    inner: tokio::sync::Notify,
    order: AtomicU64,
}

#[cfg(feature = "tokio")]
impl Notify {
    pub(crate) fn notified(&self) -> tokio::sync::futures::Notified<'_> {
        let notified = self.inner.notified();
        self.order.fetch_add(1, Ordering::AcqRel);
        notified
    }

    pub(crate) fn notify_waiters(&self) {
        self.order.fetch_add(1, Ordering::AcqRel);
        self.inner.notify_waiters();
    }
}

/// A constant, because a model must run the same way each time.
pub(crate) fn seed() -> u64 {
    1
}

/// One word in other builds. There a thread may make a value in vain, which is dropped.
#[derive(Debug, Default)]
pub(crate) struct OnceBox<T>(OnceLock<Box<T>>);

impl<T> OnceBox<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.get().map(Box::as_ref)
    }

    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> Box<T>) -> &T {
        self.0.get_or_init(make)
    }
}
