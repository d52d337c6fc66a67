//! Gate: the word that the machine publishes after each change, so that most calls never need its lock.
//!
//! Interleavings. The machine's holder stores `until` first and the word after it (release); a reader loads the
//! word first (acquire) and `until` after it. So a reader sees an `until` at least as new as its word:
//! - word of an opening, `until` of a later one: both reject; the later time is told.
//! - word of an opening, `until` of a reset: the time is over, so the reader, be it a call or somebody who looks at the
//!   state, asks the machine under its lock.
//! - word of an opening that is over, `until` of the slots that probes took meanwhile: the reader tells `open` of a breaker that is already
//!   half-open, and rejects as that does, with the time at which a slot is free.
//! - word of a closed breaker, looked at by a success that then adds itself to the window: when the breaker opens and closes in between, the new
//!   window has one success more.
//!
//! The places of a `max_concurrent` are one more word: how many calls hold one, and above that how many may. A call takes one by a single exchange,
//! so no two can take the last one. Only who publishes writes the upper half, by an addition, and so no place is lost that is taken or left meanwhile.
//! - word of a breaker with places, limit of one that has none any more: the call takes a place all the same, and leaves it at its end.
//!
//! A word is never equal to another one of a different generation, so a settling call that finds its own word
//! still standing knows that nothing has happened since it was admitted.

use crate::clock::{Tick, nanos_of};
use crate::config::ranked::Ranked;
use crate::machine::state::{Code, State};
use crate::sync::{AtomicU64, Ordering};
use std::time::Duration;

/// The state, some flags and the generation, in one word. That of a call has marks above them, which no published word has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl Word {
    /// No word.
    pub(crate) const NONE: Self = Self(0);

    /// Calls are rejected without asking the machine, until the gate's time.
    pub(crate) const SHUT: u64 = 1;
    /// Admission is the machine's to decide.
    pub(crate) const ASK: u64 = 1 << 1;
    /// A success changes something: there is a run of failures, of drops or of eclipses, or a probe.
    pub(crate) const WATCH: u64 = 1 << 2;
    /// Calls note when they start.
    pub(crate) const TIMED: u64 = 1 << 3;
    /// Calls have a time limit.
    pub(crate) const LIMITED: u64 = 1 << 4;
    /// There are listeners.
    pub(crate) const HEARD: u64 = 1 << 5;
    /// Calls pass uncounted.
    pub(crate) const PASS: u64 = 1 << 6;
    /// Successes are added to a window.
    pub(crate) const WINDOW: u64 = 1 << 7;

    const STATE_SHIFT: u32 = 8;
    /// A call that is let in takes a place.
    pub(crate) const PLACES: u64 = 1 << 12;
    /// The call holds a place. No published word has it. It stands below the generation, so that the end of a call asks for it in one look with `PASS`.
    pub(crate) const HOLDS: u64 = 1 << 13;
    /// The call is counted among those that are under way. No published word has it.
    pub(crate) const STARTED: u64 = 1 << 14;
    const GENERATION_SHIFT: u32 = 15;

    /// The call is being dropped, and those inside it with it.
    pub(crate) const CLOSING: u64 = 1 << 55;
    /// There are calls inside this one on its thread.
    pub(crate) const BURIED: u64 = 1 << 56;
    /// The call decides nothing, whatever the generation. With `PASS`, which alone says the same: it was told of, so its end is.
    pub(crate) const UNBOUND: u64 = 1 << 57;
    /// Where [`Evidence`] is kept.
    const EVIDENCE_SHIFT: u32 = 58;
    const EVIDENCE: u64 = 0b1_1111 << Self::EVIDENCE_SHIFT;
    /// A success of this call is more than a count.
    const MORE: u64 = 1 << 63;
    const MARKS: u64 = Self::CLOSING | Self::BURIED | Self::UNBOUND | Self::EVIDENCE | Self::MORE;

    /// `generation` counts from 1.
    pub(crate) const fn new(state: State, generation: u64, flags: u64) -> Self {
        Self(generation << Self::GENERATION_SHIFT | (state as u64) << Self::STATE_SHIFT | flags)
    }

    #[inline]
    pub(crate) const fn has(self, flags: u64) -> bool {
        self.0 & flags != 0
    }

    /// Whether a call is let in by this very look: nobody hears of it, its start is not noted, and it takes no place.
    #[inline]
    pub(crate) const fn lets_in(self) -> bool {
        !self.has(Self::SHUT | Self::ASK | Self::TIMED | Self::HEARD | Self::PLACES)
    }

    /// The same where also a success changes nothing and interests nobody, while the word stands.
    #[inline]
    pub(crate) const fn is_plain(self) -> bool {
        self.lets_in() && !self.has(Self::WATCH | Self::PASS | Self::WINDOW)
    }

    /// Whether a failure may do nothing but make a run longer, while the word stands: there is one, no rule looks at anything else, and
    /// there are no listeners.
    #[inline]
    pub(crate) const fn has_only_a_run(self) -> bool {
        const STATE: u64 = 0xf << Word::STATE_SHIFT;
        let marks = Self::MARKS & !Self::MORE | Self::HOLDS | Self::STARTED;
        let kind = marks | STATE | Self::SHUT | Self::ASK | Self::WATCH | Self::HEARD | Self::PASS | Self::WINDOW;
        // A closed breaker's state is 0.
        self.0 & kind == Self::WATCH
    }

    pub(crate) const fn with(self, flags: u64) -> Self {
        Self(self.0 | flags)
    }

    /// A word that no gate has: a success under it is more than a count.
    #[inline]
    pub(crate) const fn never(self) -> Self {
        Self(self.0 | Self::MORE)
    }

    /// Whether it is a [`never`](Self::never).
    #[cfg(feature = "tracing")]
    pub(crate) const fn is_never(self) -> bool {
        self.has(Self::MORE)
    }

    /// The word of which this one is the `never`, or itself if it is none.
    #[inline]
    pub(crate) const fn real(self) -> Self {
        Self(self.0 & !Self::MORE)
    }

    /// What a call keeps of it while it waits.
    #[inline]
    pub(crate) const fn kept(self) -> Self {
        Self(self.0 & !(Self::CLOSING | Self::BURIED | Self::MORE))
    }

    /// What inner calls have told.
    #[inline]
    pub(crate) const fn evidence(self) -> Evidence {
        Evidence::from_bits((self.0 >> Self::EVIDENCE_SHIFT) as u8)
    }

    #[inline]
    pub(crate) const fn with_evidence(self, evidence: Evidence) -> Self {
        Self(self.0 | (evidence.0 as u64) << Self::EVIDENCE_SHIFT)
    }

    pub(crate) const fn without(self, flags: u64) -> Self {
        Self(self.0 & !flags)
    }

    /// The same without what inner calls have told.
    #[inline]
    pub(crate) const fn without_evidence(self) -> Self {
        Self(self.0 & !Self::EVIDENCE)
    }

    /// The same word in this generation.
    pub(crate) const fn in_generation(self, generation: u64) -> Self {
        Self(generation << Self::GENERATION_SHIFT | self.0 & ((1 << Self::GENERATION_SHIFT) - 1))
    }

    /// Those of `flags` that are set.
    pub(crate) const fn only(self, flags: u64) -> u64 {
        self.0 & flags
    }

    pub(crate) const fn generation(self) -> u64 {
        (self.0 & !Self::MARKS) >> Self::GENERATION_SHIFT
    }

    #[inline]
    pub(crate) const fn code(self) -> Code {
        Code((self.0 >> Self::STATE_SHIFT) as u8 & 0xf)
    }

    pub(crate) const fn state(self) -> State {
        self.code().state()
    }
}

/// What the calls inside a call of the same breaker have told so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence(u8);

impl Evidence {
    pub(crate) const NONE: Self = Self(0);
    /// There was one.
    pub(crate) const WITHIN: Self = Self(0b0_0001);
    /// One was counted, rejected or dropped.
    pub(crate) const TOLD: Self = Self(0b0_0011);
    /// One was counted as a failure, gave an error that counts as a success, or was rejected.
    pub(crate) const FAILED: Self = Self(0b0_0111);
    /// One was counted as a success.
    pub(crate) const ANSWERED: Self = Self(0b0_1011);
    /// One failed after another one had succeeded, which was noted.
    pub(crate) const ECLIPSED: Self = Self(0b1_1111);

    #[inline]
    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    #[inline]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self(bits & 0b1_1111)
    }
}

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

    /// The time limit of calls whose function has none, to be read after a word that says that there are limits.
    #[cfg(feature = "tokio")]
    pub(crate) fn limit(&self) -> Ranked {
        Ranked::from_bits(self.limit.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn word(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    /// The word, for somebody who reads nothing else that belongs to it.
    #[inline]
    pub(crate) fn glance(&self) -> Word {
        Word(self.word.load(Ordering::Relaxed))
    }

    /// To be read after the word.
    #[inline]
    pub(crate) fn until(&self) -> Tick {
        Tick::from_nanos(self.until.load(Ordering::Relaxed))
    }

    /// Whether a call at `now` is rejected, under a word which shuts: if so, when it may come again.
    #[inline]
    pub(crate) fn shut(&self, now: Tick) -> Option<Wait> {
        let until = self.until();
        (now < until).then(|| Wait::until(until, now))
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

    /// Gives back the place of a call. Gives whether there was none left, for which somebody may wait.
    pub(crate) fn leave_place(&self) -> bool {
        is_full(self.places.fetch_sub(1, Ordering::AcqRel))
    }

    /// Whether no place is left, for somebody who is woken from now on by one who leaves. So it writes what it reads: who leaves later sees the waiter, and
    /// who has left is seen by it.
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

    /// From now on so many calls may hold a place; `None`: as many as like. Before the word is [published](Self::publish), and under the same lock. Those
    /// that hold one keep it. Gives whether that is different from before.
    pub(crate) fn set_places(&self, most: Option<u32>) -> bool {
        let before = self.places.load(Ordering::Relaxed) >> PLACES_SHIFT;
        let most = u64::from(most.unwrap_or(0));
        let changed = most != before;
        if changed {
            self.places.fetch_add(most.wrapping_sub(before) << PLACES_SHIFT, Ordering::AcqRel);
        }
        changed
    }

    /// Only under the machine's lock, or that of the family for a member that has no machine yet. Gives whether anything is different from before.
    pub(crate) fn publish(&self, word: Word, until: Tick, limit: Ranked) -> bool {
        let changed = word != self.word() || until != self.until();
        self.limit.store(limit.bits(), Ordering::Relaxed);
        self.until.store(until.as_nanos(), Ordering::Relaxed);
        self.word.store(word.0, Ordering::Release);
        changed
    }
}

/// In how long a rejected call may come again. Kept as small as it is, since every result of a call has room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(u64);

impl Wait {
    /// Nobody knows.
    pub(crate) const UNKNOWN: Self = Self(u64::MAX);

    /// For a call that is rejected at `now`: until `until`. Nobody knows when that never comes (forced open without an end).
    #[inline]
    pub(crate) fn until(until: Tick, now: Tick) -> Self {
        if until == Tick::NEVER { Self::UNKNOWN } else { Self(until.nanos_since(now)) }
    }

    /// What a call that is rejected in `state` is told: in half-open 1 s at least.
    pub(crate) fn told(self, state: State) -> Option<Duration> {
        const SECOND: u64 = 1_000_000_000;
        let least = if state == State::HalfOpen { SECOND } else { 0 };
        self.known().map(|wait| wait.max(Duration::from_nanos(least)))
    }

    /// This long. What is too long to be counted lasts for 584 years.
    pub(crate) fn span(span: Duration) -> Self {
        Self(nanos_of(span).min(u64::MAX - 1))
    }

    /// `None`: nobody knows.
    pub(crate) fn known(self) -> Option<Duration> {
        (self != Self::UNKNOWN).then_some(Duration::from_nanos(self.0))
    }
}
