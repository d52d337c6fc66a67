//! Remembers for each thread which keyed breakers it used, so that its next call finds them without
//! a lock and without a count of references.
//!
//! A call takes the reference out of the cache of its thread. It puts the reference into that of
//! the thread on which it ends. A reference in a cache is no use of the breaker, so it prevents no
//! eviction. A call that finds an evicted breaker here cannot begin (`sync::uses`), and looks in
//! the table.
//!
//! The cache has sets of four ways, and a hash decides on the set. One set is one cache line. What
//! finds no place there goes to the set beside it. Where both are full they mostly stay as they
//! are, because a replaced breaker's count is far away in memory.

use crate::sync::Arc;
use std::cell::{Cell, OnceCell};

/// What a thread keeps. It is a trait so that this file does not name what names it.
pub(crate) trait Kept {
    /// The hash by which it is found.
    fn hash(&self) -> u32;

    /// Whether it has been evicted.
    fn is_evicted(&self) -> bool;

    /// The thread that kept it ends.
    fn left(&self);
}

const WAYS: usize = 4;
/// A power of two.
const SETS: usize = 64;
/// One of so many references that find no place replaces another one.
const RARELY: u32 = 16;
/// After this many calls a thread begins a new stamp of uses.
const STAMP: u32 = 4096;

/// The references that this thread keeps.
pub(crate) struct Cache<T: Kept> {
    sets: OnceCell<Box<[Set<T>; SETS]>>,
    /// How many references found no place.
    refused: Cell<u32>,
    calls: Cell<u32>,
}

#[repr(align(64))]
struct Set<T>([Way<T>; WAYS]);

struct Way<T> {
    hash: Cell<u32>,
    kept: Cell<Option<Arc<T>>>,
}

impl<T: Kept> Cache<T> {
    /// An empty one, which takes its memory when it is first used.
    pub(crate) const fn new() -> Self {
        Self { sets: OnceCell::new(), refused: Cell::new(0), calls: Cell::new(0) }
    }

    #[inline]
    fn set(&self, hash: u32) -> &Set<T> {
        let sets = self.sets.get_or_init(|| Box::new(std::array::from_fn(|_| Set::new())));
        // The shards of the table take the lower bits.
        &sets[(hash >> 16) as usize % SETS]
    }

    /// Whether this call of the thread begins a new stamp of uses.
    #[inline]
    pub(crate) fn begins_stamp(&self) -> bool {
        let calls = self.calls.get().wrapping_add(1);
        self.calls.set(calls);
        calls % STAMP == 0
    }

    /// Takes out what has this hash, and for which `is` holds.
    #[inline]
    pub(crate) fn take(&self, hash: u32, is: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        let way = self.set(hash).with(hash).or_else(|| self.beside(hash).with(hash))?;
        let found = way.kept.take()?;
        if is(&found) {
            return Some(found);
        }
        way.kept.set(Some(found));
        None
    }

    /// Keeps a reference, if there is a place for it. Returns what is to be dropped.
    #[inline]
    pub(crate) fn keep(&self, kept: Option<Arc<T>>) -> Option<Arc<T>> {
        let hash = kept.as_ref()?.hash();
        match self.set(hash).place(hash).or_else(|| self.beside(hash).place(hash)) {
            Some(way) if way.is_free() => {
                way.hash.set(hash);
                way.kept.replace(kept)
            }
            // A call inside another one of the same breaker has returned it already.
            Some(_) => kept,
            None => self.replace(self.set(hash), kept),
        }
    }

    /// The set for what finds no place in its own. They are neighbours in memory.
    #[cold]
    fn beside(&self, hash: u32) -> &Set<T> {
        self.set(hash ^ 1 << 16)
    }

    #[cold]
    fn replace(&self, set: &Set<T>, kept: Option<Arc<T>>) -> Option<Arc<T>> {
        let refused = self.refused.get().wrapping_add(1);
        self.refused.set(refused);
        if refused % RARELY != 0 {
            return kept;
        }
        let evicted = set.0.iter().find(|way| way.look(T::is_evicted).unwrap_or(false));
        let way = evicted.unwrap_or(&set.0[(refused / RARELY) as usize % WAYS]);
        if let Some(kept) = &kept {
            way.hash.set(kept.hash());
        }
        way.kept.replace(kept)
    }
}

/// A thread ends.
impl<T: Kept> Drop for Cache<T> {
    fn drop(&mut self) {
        let sets = self.sets.get().map_or(&[][..], |sets| &sets[..]);
        sets.iter().flat_map(|set| &set.0).for_each(|way| _ = way.look(T::left));
    }
}

impl<T> Set<T> {
    fn new() -> Self {
        Self(std::array::from_fn(|_| Way { hash: Cell::new(0), kept: Cell::new(None) }))
    }

    #[inline]
    fn with(&self, hash: u32) -> Option<&Way<T>> {
        self.0.iter().find(|way| way.hash.get() == hash)
    }

    /// The place of this hash, or a free one.
    #[inline]
    fn place(&self, hash: u32) -> Option<&Way<T>> {
        self.with(hash).or_else(|| self.0.iter().find(|way| way.is_free()))
    }
}

impl<T> Way<T> {
    #[inline]
    fn is_free(&self) -> bool {
        self.look(|_| ()).is_none()
    }

    /// Runs `f`, which uses no cache, on the breaker that is kept here.
    #[inline]
    fn look<R>(&self, f: impl FnOnce(&T) -> R) -> Option<R> {
        let kept = self.kept.take();
        let found = kept.as_deref().map(f);
        self.kept.set(kept);
        found
    }
}
