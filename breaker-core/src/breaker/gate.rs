//! Publishes the packed state, so that most calls never take the machine's lock.
//!
//! Interleavings. The owner of the machine's lock stores `until` first and the packed state after
//! it (release). A reader loads the packed state first (acquire) and `until` after it. So the
//! reader's `until` is at least as new as its packed state:
//! - Packed state of an open period, `until` of a later one: both reject; the later time is
//!   reported.
//! - Packed state of an open period, `until` of a reset: the time is over. The reader, a call or a
//!   reader of the state, then asks the machine under its lock.
//! - Packed state of an open period that is over, `until` of the slots that probes took meanwhile.
//!   The reader reports `open` for a breaker that is already half-open. It rejects as half-open
//!   does, with the time at which a slot is free.
//! - Packed state of a closed breaker, read by a success that then adds itself to the window. If
//!   the breaker opens and closes in between, the new window has one success more.
//!
//! The places of a `max_concurrent` are one more word: the number of calls that hold one, and above
//! that the limit. A call takes a place by a single compare-exchange, so two calls cannot take the
//! last one. Only the publisher writes the upper half. It does so by an addition, so no place is
//! lost that is taken or given back meanwhile.
//! - Packed state of a breaker with places, limit of one that has none any more: the call still
//!   takes a place. It gives it back at its end.
//!
//! The failure streak of a closed breaker is in two more words (`machine::streak_word`): the streak
//! and its rule. A call changes the streak by a compare-exchange with the value that it has loaded
//! first. A change by another thread in between makes it fail. The owner of the machine's lock
//! takes the streak before it changes anything, by an exchange too, and stores the next one after
//! everything else. So a call whose compare-exchange succeeds has read a packed state that was in
//! force all the time. Its rule was in force too, as their equal tags show.
//! - Streak of one publication, packed state or rule of a later one: the later one has taken the
//!   streak before, and the compare-exchange fails.
//! - A tag that comes again, after 128 publications between the load and the exchange. The word
//!   also has to have the same length, count and time. Then the call takes an earlier rule for the
//!   later one.
//! - A success while a streak is taken: it asks the machine. Where there is none, it has nothing to
//!   end.
//!
//! Packed states of different generations are never equal. A settling call that finds its own
//! packed state unchanged therefore knows that nothing has happened since its admission.

use crate::clock::Tick;
use crate::config::ranked::Ranked;
use crate::machine::packed::{PackedState, RetryAfter};
use crate::machine::streak_word::{SharedStreak, StreakRule, StreakWord};
use crate::sync::{AtomicU64, Ordering};

const PLACES_SHIFT: u32 = 32;
const PLACES_HELD: u64 = (1 << PLACES_SHIFT) - 1;

/// Whether no place is left.
const fn is_full(places: u64) -> bool {
    let (most, held) = (places >> PLACES_SHIFT, places & PLACES_HELD);
    (most != 0 && held >= most) || held == PLACES_HELD
}

/// A failure has made the streak longer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lengthened {
    /// It is the first failure of its streak, at this time.
    First(Tick),
    Further,
}

/// What belongs to the streak: its rule, and when its first and its last failure were. It is in the
/// cold state, since an idle keyed breaker has had no failure.
#[derive(Debug, Default)]
pub(crate) struct BesideStreak {
    rule: AtomicU64,
    first: AtomicU64,
    last: AtomicU64,
}

impl BesideStreak {
    #[inline]
    fn rule(&self) -> StreakRule {
        StreakRule(self.rule.load(Ordering::Relaxed))
    }

    /// Records when a streak begins. It writes only another time: threads that fail at once read
    /// the line of these words.
    #[inline]
    fn record_first(&self, now: Tick) {
        if self.first.load(Ordering::Relaxed) != now.as_nanos() {
            self.first.store(now.as_nanos(), Ordering::Relaxed);
        }
    }

    /// Call it before [`Gate::publish`], under the same lock.
    pub(crate) fn set_rule(&self, rule: StreakRule) {
        self.rule.store(rule.0, Ordering::Relaxed);
    }

    fn of(&self, word: StreakWord) -> SharedStreak {
        let tick = |of: &AtomicU64| Tick::from_nanos(of.load(Ordering::Relaxed));
        SharedStreak { word, first: tick(&self.first), last: tick(&self.last) }
    }
}

#[derive(Debug)]
pub(crate) struct Gate {
    packed: AtomicU64,
    streak: AtomicU64,
    until: AtomicU64,
    /// The time limit of calls whose function has none.
    limit: AtomicU64,
    /// How many calls hold a place; above that, how many may. 0: no limit.
    places: AtomicU64,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            packed: AtomicU64::new(0),
            streak: AtomicU64::new(0),
            until: AtomicU64::new(0),
            limit: AtomicU64::new(0),
            places: AtomicU64::new(0),
        }
    }

    /// The time limit of calls whose function has none. Read it after a packed state with
    /// `LIMITED`.
    #[cfg(feature = "tokio")]
    pub(crate) fn limit(&self) -> Ranked {
        Ranked::from_bits(self.limit.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn packed(&self) -> PackedState {
        PackedState(self.packed.load(Ordering::Acquire))
    }

    /// The packed state, for readers that need nothing else that belongs to it.
    #[inline]
    pub(crate) fn load_relaxed(&self) -> PackedState {
        PackedState(self.packed.load(Ordering::Relaxed))
    }

    /// Whether a success has no streak to end.
    #[inline]
    pub(crate) fn has_no_streak(&self) -> bool {
        StreakWord(self.streak.load(Ordering::Relaxed)).is_empty()
    }

    /// Makes the streak longer by a failure of a call that was admitted under `packed`. `None`: the
    /// machine has to decide about the failure.
    #[inline]
    pub(crate) fn lengthen_streak(&self, packed: PackedState, beside: &BesideStreak, now: Tick) -> Option<Lengthened> {
        let mut word = StreakWord(self.streak.load(Ordering::Acquire));
        loop {
            if self.load_relaxed() != packed {
                return None;
            }
            let last = Tick::from_nanos(beside.last.load(Ordering::Relaxed));
            let longer = word.lengthened(beside.rule(), last, now)?;
            let first = word.is_empty();
            if first {
                beside.record_first(now);
            }
            // Most failures of a burst are in the same tick of the clock. Then no thread writes
            // what the others read.
            if last != now {
                beside.last.store(now.as_nanos(), Ordering::Relaxed);
            }
            match self.exchange_streak(word, longer) {
                Ok(_) => return Some(if first { Lengthened::First(now) } else { Lengthened::Further }),
                Err(other) => word = StreakWord(other),
            }
        }
    }

    /// Ends the streak, if there is one, by a success of a call that was admitted under `packed`.
    /// `false`: the machine has to end it.
    pub(crate) fn end_streak(&self, packed: PackedState, beside: &BesideStreak) -> bool {
        let mut word = StreakWord(self.streak.load(Ordering::Acquire));
        loop {
            if self.load_relaxed() != packed {
                return false;
            }
            if word.is_empty() {
                return true;
            }
            let Some(ended) = word.ended(beside.rule()) else { return false };
            match self.exchange_streak(word, ended) {
                Ok(_) => return true,
                Err(other) => word = StreakWord(other),
            }
        }
    }

    #[inline]
    fn exchange_streak(&self, from: StreakWord, to: StreakWord) -> Result<u64, u64> {
        self.streak.compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Acquire)
    }

    /// Whether a failure now would be the first of a streak, or may open the breaker.
    pub(crate) fn streak_is_at_an_end(&self, beside: &BesideStreak) -> bool {
        StreakWord(self.streak.load(Ordering::Relaxed)).is_at_an_end(beside.rule())
    }

    /// The streak now. Requires the machine's lock: so no other thread takes it.
    pub(crate) fn streak(&self, beside: &BesideStreak) -> SharedStreak {
        beside.of(StreakWord(self.streak.load(Ordering::Acquire)))
    }

    /// Takes the streak for a change of the machine. Requires the machine's lock.
    pub(crate) fn take_streak(&self, beside: &BesideStreak, tag: u8) -> SharedStreak {
        let mut word = StreakWord(self.streak.load(Ordering::Relaxed));
        loop {
            match self.exchange_streak(word, word.taken(tag)) {
                Ok(taken) => return beside.of(StreakWord(taken)),
                Err(other) => word = StreakWord(other),
            }
        }
    }

    /// Call it after [`publish`](Self::publish), under the same lock. Calls change the streak from
    /// now on.
    pub(crate) fn publish_streak(&self, beside: &BesideStreak, streak: SharedStreak) {
        beside.first.store(streak.first.as_nanos(), Ordering::Relaxed);
        beside.last.store(streak.last.as_nanos(), Ordering::Relaxed);
        self.streak.store(streak.word.0, Ordering::Release);
    }

    /// Read it after the packed state.
    #[inline]
    pub(crate) fn until(&self) -> Tick {
        Tick::from_nanos(self.until.load(Ordering::Relaxed))
    }

    /// Whether a call at `now` is rejected under a packed state with `REJECTS`. If so, returns when
    /// it may be retried.
    #[inline]
    pub(crate) fn rejected_for(&self, now: Tick) -> Option<RetryAfter> {
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

    /// Gives back the place of a call. Returns whether no place was left, so that another call may
    /// wait for one.
    pub(crate) fn leave_place(&self) -> bool {
        is_full(self.places.fetch_sub(1, Ordering::AcqRel))
    }

    /// Whether no place is left, for a waiter that the next returned place wakes. It writes what it
    /// reads: a call that gives back a place later finds the waiter, and the waiter finds a place
    /// given back before.
    pub(crate) fn has_no_place(&self) -> bool {
        is_full(self.places.fetch_add(0, Ordering::AcqRel))
    }

    /// How many calls hold a place.
    pub(crate) fn places_held(&self) -> u32 {
        (self.places.load(Ordering::Relaxed) & PLACES_HELD) as u32
    }

    /// How many calls may hold one; 0: no limit.
    pub(crate) fn places_most(&self) -> u32 {
        (self.places.load(Ordering::Relaxed) >> PLACES_SHIFT) as u32
    }

    /// Sets how many calls may hold a place from now on; `None`: no limit. Call it before the
    /// packed state is [published](Self::publish), and under the same lock. Calls that hold a place
    /// keep it. Returns whether the limit changed.
    pub(crate) fn set_places(&self, most: Option<u32>) -> bool {
        let before = self.places.load(Ordering::Relaxed) >> PLACES_SHIFT;
        let most = u64::from(most.unwrap_or(0));
        let changed = most != before;
        if changed {
            self.places.fetch_add(most.wrapping_sub(before) << PLACES_SHIFT, Ordering::AcqRel);
        }
        changed
    }

    /// Requires the machine's lock, or the lock of the keyed breakers for one that has no machine
    /// yet. Returns whether anything changed.
    pub(crate) fn publish(&self, packed: PackedState, until: Tick, limit: Ranked) -> bool {
        let changed = packed != self.packed() || until != self.until();
        self.limit.store(limit.bits(), Ordering::Relaxed);
        self.until.store(until.as_nanos(), Ordering::Relaxed);
        self.packed.store(packed.0, Ordering::Release);
        changed
    }
}
