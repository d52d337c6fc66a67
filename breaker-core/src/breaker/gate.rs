//! The gate: the packed state as the machine publishes it, so that most calls never take its lock.
//!
//! Interleavings. The machine's holder stores `until` first and the word after it (release); a
//! reader loads the word first (acquire) and `until` after it. So a reader sees an `until` at least
//! as new as its word:
//! - word of an opening, `until` of a later one: both reject; the later time is told.
//! - word of an opening, `until` of a reset: the time is over, so the reader, be it a call or
//!   somebody who looks at the state, asks the machine under its lock.
//! - word of an opening that is over, `until` of the slots that probes took meanwhile: the reader
//!   tells `open` of a breaker that is already half-open, and rejects as that does, with the time
//!   at which a slot is free.
//! - word of a closed breaker, looked at by a success that then adds itself to the window: when the
//!   breaker opens and closes in between, the new window has one success more.
//!
//! The places of a `max_concurrent` are one more word: how many calls hold one, and above that how
//! many may. A call takes one by a single exchange, so no two can take the last one. Only who
//! publishes writes the upper half, by an addition, and so no place is lost that is taken or left
//! meanwhile.
//! - word of a breaker with places, limit of one that has none any more: the call takes a place all
//!   the same, and leaves it at its end.
//!
//! A word is never equal to another one of a different generation, so a settling call that finds
//! its own word still standing knows that nothing has happened since it was admitted.

use crate::clock::Tick;
use crate::config::ranked::Ranked;
use crate::machine::packed::{PackedState, RetryAfter};
use crate::sync::{AtomicU64, Ordering};

const PLACES_SHIFT: u32 = 32;
const PLACES_HELD: u64 = (1 << PLACES_SHIFT) - 1;

/// Whether no place is left.
const fn is_full(places: u64) -> bool {
    let (most, held) = (places >> PLACES_SHIFT, places & PLACES_HELD);
    (most != 0 && held >= most) || held == PLACES_HELD
}

#[derive(Debug)]
pub(crate) struct Gate {
    word: AtomicU64,
    until: AtomicU64,
    /// The time limit of calls whose function has none.
    limit: AtomicU64,
    /// How many calls hold a place; above that, how many may. 0: as many as like.
    places: AtomicU64,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self { word: AtomicU64::new(0), until: AtomicU64::new(0), limit: AtomicU64::new(0), places: AtomicU64::new(0) }
    }

    /// The time limit of calls whose function has none, to be read after a word that says that
    /// there are limits.
    #[cfg(feature = "tokio")]
    pub(crate) fn limit(&self) -> Ranked {
        Ranked::from_bits(self.limit.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn word(&self) -> PackedState {
        PackedState(self.word.load(Ordering::Acquire))
    }

    /// The word, for somebody who reads nothing else that belongs to it.
    #[inline]
    pub(crate) fn load_relaxed(&self) -> PackedState {
        PackedState(self.word.load(Ordering::Relaxed))
    }

    /// To be read after the word.
    #[inline]
    pub(crate) fn until(&self) -> Tick {
        Tick::from_nanos(self.until.load(Ordering::Relaxed))
    }

    /// Whether a call at `now` is rejected, under a word which shuts: if so, when it may come
    /// again.
    #[inline]
    pub(crate) fn shut(&self, now: Tick) -> Option<RetryAfter> {
        let until = self.until();
        (now < until).then(|| RetryAfter::until(until, now))
    }

    /// Takes a place for a call. `false`: there is none.
    pub(crate) fn take_place(&self) -> bool {
        let mut places = self.places.load(Ordering::Relaxed);
        loop {
            if is_full(places) {
                return false;
            }
            let taken = self.places.compare_exchange(places, places + 1, Ordering::Acquire, Ordering::Relaxed);
            match taken {
                Ok(_) => return true,
                Err(now) => places = now,
            }
        }
    }

    /// Gives back the place of a call. Gives whether there was none left, for which somebody may
    /// wait.
    pub(crate) fn leave_place(&self) -> bool {
        is_full(self.places.fetch_sub(1, Ordering::AcqRel))
    }

    /// Whether no place is left, for somebody who is woken from now on by one who leaves. So it
    /// writes what it reads: who leaves later sees the waiter, and who has left is seen by it.
    #[cfg(feature = "tokio")]
    pub(crate) fn has_no_place(&self) -> bool {
        is_full(self.places.fetch_add(0, Ordering::AcqRel))
    }

    /// How many calls hold a place.
    pub(crate) fn places_held(&self) -> u32 {
        (self.places.load(Ordering::Relaxed) & PLACES_HELD) as u32
    }

    /// How many calls may hold one; 0: as many as like.
    pub(crate) fn places_most(&self) -> u32 {
        (self.places.load(Ordering::Relaxed) >> PLACES_SHIFT) as u32
    }

    /// From now on so many calls may hold a place; `None`: as many as like. Before the word is
    /// [published](Self::publish), and under the same lock. Those that hold one keep it. Gives
    /// whether that is different from before.
    pub(crate) fn set_places(&self, most: Option<u32>) -> bool {
        let before = self.places.load(Ordering::Relaxed) >> PLACES_SHIFT;
        let most = u64::from(most.unwrap_or(0));
        let changed = most != before;
        if changed {
            self.places.fetch_add(most.wrapping_sub(before) << PLACES_SHIFT, Ordering::AcqRel);
        }
        changed
    }

    /// Only under the machine's lock, or that of the family for a member that has no machine yet.
    /// Gives whether anything is different from before.
    pub(crate) fn publish(&self, word: PackedState, until: Tick, limit: Ranked) -> bool {
        let changed = word != self.word() || until != self.until();
        self.limit.store(limit.bits(), Ordering::Relaxed);
        self.until.store(until.as_nanos(), Ordering::Relaxed);
        self.word.store(word.0, Ordering::Release);
        changed
    }
}
