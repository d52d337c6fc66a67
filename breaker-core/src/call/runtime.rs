//! Distinguishes tokio's runtimes.
//!
//! tokio identifies a runtime itself from 1.49 on. With an older tokio, the thread that polls
//! identifies its runtime. That is right for a runtime of one thread, as tests have. With several
//! threads, a call gets a new timer where another thread polls it. Two runtimes that take turns on
//! one thread count as one: a call that waits keeps the timer of the first.

use std::hash::{Hash, Hasher};
use std::thread::{self, ThreadId};
use tokio::runtime::Handle;

/// A runtime, among those that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(u64);

/// The runtime that the caller is in, by its handle.
pub(crate) fn of(current: &Handle) -> Id {
    let mut number = Number(0);
    // tokio's own method, where there is one.
    current.id().hash(&mut number);
    Id(number.0)
}

/// What `Handle` lacks in an older tokio. Rust prefers an inherent method to one of a trait, so
/// tokio's version decides which one is called.
#[cfg_attr(not(test), allow(dead_code, reason = "the newest tokio has the method itself"))]
trait Older {
    fn id(&self) -> ThreadId;
}

impl Older for Handle {
    fn id(&self) -> ThreadId {
        thread::current().id()
    }
}

/// Keeps the one number of an identifier.
struct Number(u64);

impl Hasher for Number {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |number, byte| number.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::runtime::{Builder, Runtime};

    fn current() -> Option<Id> {
        Handle::try_current().ok().as_ref().map(of)
    }

    fn runtime() -> Runtime {
        Builder::new_current_thread().build().unwrap()
    }

    #[test]
    fn a_runtime_differs_from_that_of_another_thread_and_from_none() {
        let own = runtime();
        let ids = || own.block_on(async { (current(), tokio::spawn(async { current() }).await.unwrap()) });
        let (own, spawned) = ids();
        let other = thread::spawn(|| runtime().block_on(async { current() })).join().unwrap();
        assert!(own.is_some() && own == spawned && own == ids().0 && own != other);
        assert_eq!(current(), None);
    }

    #[test]
    fn an_older_tokio_identifies_a_runtime_by_its_thread() {
        runtime().block_on(async { assert_eq!(Older::id(&Handle::current()), thread::current().id()) });
    }
}
