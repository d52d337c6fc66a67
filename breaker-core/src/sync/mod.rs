//! Provides locks, atomics and counters.
//!
//! What models look at comes from here, so that they can use loom's types instead of those of
//! `std::sync`.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `counter` | exact totals that many threads count at once |
//! | `uses` | the same of one keyed breaker among many, and whether it is in use |
//! | `std_types` | the types of the standard library |
//! | `loom_types` | the same by loom, with `--cfg breaker_loom` |
//!
//! Locks ignore poisoning, because no user code runs under one. [`catch_panic`] runs user code.
//!
//! May use: nothing of this crate. To add a type, add it to `std_types` and to `loom_types`.

pub(crate) mod counter;
#[cfg(breaker_loom)]
mod loom_types;
#[cfg_attr(breaker_loom, allow(dead_code, unused_imports, reason = "what no `static` needs"))]
mod std_types;
pub(crate) mod uses;

#[cfg(all(breaker_loom, feature = "tokio"))]
pub(crate) use loom_types::Notify;
#[cfg(breaker_loom)]
pub(crate) use loom_types::{
    AtomicBool, AtomicU64, Mutex, MutexGuard, OnceBox, OnceLock, RwLock, SHARDS, Serial, seed,
};
pub(crate) use std::sync::atomic::Ordering;
pub(crate) use std::sync::{Arc, LazyLock, Weak};
#[cfg(not(breaker_loom))]
pub(crate) use std_types::{AtomicBool, AtomicU64, Mutex, MutexGuard, OnceBox, OnceLock, RwLock, SHARDS, Serial, seed};
#[cfg(all(not(breaker_loom), feature = "tokio"))]
pub(crate) use tokio::sync::Notify;

use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A thread-local value that is made at compile time. In a model it is loom's thread-local, because
/// all threads of a model run on one thread of the process.
macro_rules! per_thread {
    ($vis:vis static $name:ident: $type:ty = $value:expr) => {
        #[cfg(not(breaker_loom))]
        std::thread_local!($vis static $name: $type = const { $value });
        #[cfg(breaker_loom)]
        loom::thread_local!($vis static $name: $type = $value);
    };
}
pub(crate) use per_thread;

/// The types that a `static` may hold. A `static` outlives every execution of a model, so models do
/// not check it. These types also serve values that do not affect correctness.
pub(crate) mod statics {
    #[cfg_attr(not(breaker_loom), allow(unused_imports, reason = "else it is the same"))]
    #[cfg(any(feature = "sqlx-0-8", feature = "sqlx-0-9"))]
    pub(crate) use super::std_types::RwLock;
    pub(crate) use super::std_types::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Mutex, OnceLock};
}

/// A type-erased box that rustc knows to be `Send` and `Sync`. Without it, rustc would check the
/// whole value again for each annotated function. It would do so for the function's `static`, and
/// wherever the function's future has to be `Send`.
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

/// Runs user code, and returns whether it finished without a panic. It does not drop the payload of
/// a panic, because that may panic too.
pub(crate) fn catch_panic(f: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).map_err(std::mem::ManuallyDrop::new).is_ok()
}
