//! Remembers for each thread which keyed breakers it used, so that its next call finds them without
//! a lock and without a count of references.
//!
//! A call takes the reference out of the cache of its thread. It puts the reference into that of
//! the thread on which it ends. A reference in a cache is no use of the breaker, so it prevents no
//! eviction. A call that finds an evicted breaker here cannot begin (`sync::uses`), and looks in
//! the table.
//!
//! The cache has sets of four ways, and a hash decides on the set. One set is one cache line. A
//! full set mostly stays as it is, because a replaced breaker's count is far away in memory.

use crate::breaker::keyed::keyed_breaker::KeyedBreaker;
use crate::sync::{Arc, per_thread};
use std::cell::{Cell, OnceCell};

const WAYS: usize = 4;
/// A power of two.
const SETS: usize = 64;
/// One of so many references that find no place replaces another one.
const RARELY: u32 = 16;
/// After this many calls a thread begins a new stamp of uses.
const STAMP: u32 = 4096;

/// The references that this thread keeps.
struct Cache {
    sets: OnceCell<Box<[Set; SETS]>>,
    /// How many references found no place.
    refused: Cell<u32>,
    calls: Cell<u32>,
}

#[derive(Default)]
#[repr(align(64))]
struct Set([Way; WAYS]);

#[derive(Default)]
struct Way {
    hash: Cell<u32>,
    keyed_breaker: Cell<Option<Arc<KeyedBreaker>>>,
}

per_thread!(static CACHE: Cache = Cache { sets: OnceCell::new(), refused: Cell::new(0), calls: Cell::new(0) });

/// Takes out the breaker of this hash for which `is` holds. Returns whether this begins a new stamp
/// of uses, too.
#[inline]
pub(crate) fn take(hash: u32, is: impl Fn(&KeyedBreaker) -> bool) -> (Option<Arc<KeyedBreaker>>, bool) {
    // A thread that ends has no cache.
    CACHE.try_with(|cache| (cache.take(hash, is), cache.begins_stamp())).unwrap_or((None, false))
}

/// Keeps a breaker that is not in use by the caller any more, if there is a place for it.
#[inline]
pub(crate) fn keep(keyed_breaker: Arc<KeyedBreaker>) {
    let mut kept = Some(keyed_breaker);
    // What is left over is dropped here, since listeners may have a `Drop` of their own.
    let _left = CACHE.try_with(|cache| cache.keep(kept.take()));
}

impl Cache {
    #[inline]
    fn set(&self, hash: u32) -> &Set {
        let sets = self.sets.get_or_init(|| Box::new(std::array::from_fn(|_| Set::default())));
        // The shards of the table take the lower bits.
        &sets[(hash >> 16) as usize % SETS]
    }

    #[inline]
    fn begins_stamp(&self) -> bool {
        let calls = self.calls.get().wrapping_add(1);
        self.calls.set(calls);
        calls % STAMP == 0
    }

    #[inline]
    fn take(&self, hash: u32, is: impl Fn(&KeyedBreaker) -> bool) -> Option<Arc<KeyedBreaker>> {
        self.set(hash).0.iter().filter(|way| way.hash.get() == hash).find_map(|way| {
            let found = way.keyed_breaker.take()?;
            if is(&found) {
                return Some(found);
            }
            way.keyed_breaker.set(Some(found));
            None
        })
    }

    /// Returns what is to be dropped.
    #[inline]
    fn keep(&self, keyed_breaker: Option<Arc<KeyedBreaker>>) -> Option<Arc<KeyedBreaker>> {
        let hash = keyed_breaker.as_ref()?.hash();
        let set = self.set(hash);
        let way = set.0.iter().find(|way| way.hash.get() == hash).or_else(|| set.0.iter().find(|way| way.is_free()));
        match way {
            Some(way) if way.is_free() => {
                way.hash.set(hash);
                way.keyed_breaker.replace(keyed_breaker)
            }
            // A call inside another one of the same breaker has returned it already.
            Some(_) => keyed_breaker,
            None => self.replace(set, keyed_breaker),
        }
    }

    #[cold]
    fn replace(&self, set: &Set, keyed_breaker: Option<Arc<KeyedBreaker>>) -> Option<Arc<KeyedBreaker>> {
        let refused = self.refused.get().wrapping_add(1);
        self.refused.set(refused);
        if refused % RARELY != 0 {
            return keyed_breaker;
        }
        let evicted = set.0.iter().find(|way| way.look(|kept| kept.uses.are_closed()).unwrap_or(false));
        let way = evicted.unwrap_or(&set.0[(refused / RARELY) as usize % WAYS]);
        if let Some(keyed_breaker) = &keyed_breaker {
            way.hash.set(keyed_breaker.hash());
        }
        way.keyed_breaker.replace(keyed_breaker)
    }
}

impl Way {
    #[inline]
    fn is_free(&self) -> bool {
        self.look(|_| ()).is_none()
    }

    /// Runs `f`, which uses no cache, on the breaker that is kept here.
    #[inline]
    fn look<T>(&self, f: impl FnOnce(&KeyedBreaker) -> T) -> Option<T> {
        let kept = self.keyed_breaker.take();
        let found = kept.as_deref().map(f);
        self.keyed_breaker.set(kept);
        found
    }
}
