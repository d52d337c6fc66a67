//! Packs the state, some flags and the generation of a breaker into one 64-bit word.

use crate::clock::{Tick, nanos_of};
use crate::machine::state::State;
use std::time::Duration;

/// The state, some flags and the generation, in one word. The copy that a call holds has marks
/// above them. A published packed state has no marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackedState(pub(crate) u64);

impl PackedState {
    /// No packed state.
    pub(crate) const NONE: Self = Self(0);

    /// Calls are rejected until the gate's time, without a request to the machine.
    pub(crate) const REJECTS: u64 = 1;
    /// The machine decides about admission.
    pub(crate) const ASK: u64 = 1 << 1;
    /// A success changes more than the streak's word: there are drops or masked failures, a streak
    /// that is not in the word, or a probe.
    pub(crate) const WATCH: u64 = 1 << 2;
    /// Calls record their start time.
    pub(crate) const TIMED: u64 = 1 << 3;
    /// Calls have a time limit.
    pub(crate) const LIMITED: u64 = 1 << 4;
    /// There are listeners.
    pub(crate) const OBSERVED: u64 = 1 << 5;
    /// Calls pass uncounted.
    pub(crate) const PASS: u64 = 1 << 6;
    /// Successes are added to a window.
    pub(crate) const WINDOW: u64 = 1 << 7;

    const STATE_SHIFT: u32 = 8;
    /// An admitted call takes a place.
    pub(crate) const PLACES: u64 = 1 << 12;
    /// The call holds a place. No published packed state has it. The bit is below the generation,
    /// so that the end of a call tests it together with `PASS`.
    pub(crate) const HOLDS: u64 = 1 << 13;
    /// The call is counted among those in flight. No published packed state has it.
    pub(crate) const STARTED: u64 = 1 << 14;
    /// Beside `OBSERVED`: the only listener to single calls is the meter of exported metrics.
    pub(crate) const METERED: u64 = 1 << 15;
    const GENERATION_SHIFT: u32 = 16;

    /// The call is being dropped, together with the calls inside it.
    pub(crate) const CLOSING: u64 = 1 << 55;
    /// There are calls inside this one on its thread.
    pub(crate) const BURIED: u64 = 1 << 56;
    /// The call decides nothing, whatever the generation. `PASS` alone means the same. Both are set
    /// where the call's start was reported, so its end is reported too.
    pub(crate) const UNBOUND: u64 = 1 << 57;
    /// The position of [`Evidence`].
    const EVIDENCE_SHIFT: u32 = 58;
    const EVIDENCE: u64 = 0b1_1111 << Self::EVIDENCE_SHIFT;
    /// A success of this call needs more than a counter increment.
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

    /// Whether this relaxed load admits a call: it has no listeners, its start time is not
    /// recorded, and it takes no place.
    #[inline]
    pub(crate) const fn admits(self) -> bool {
        !self.has(Self::REJECTS | Self::ASK | Self::TIMED | Self::OBSERVED | Self::PLACES)
    }

    /// The same where a success changes nothing and has no listeners either, while the packed state
    /// remains.
    #[inline]
    pub(crate) const fn is_plain(self) -> bool {
        self.admits() && !self.has(Self::WATCH | Self::PASS | Self::WINDOW)
    }

    /// Whether a success is counted without a lock, while the packed state remains. There is no
    /// streak and no place, and no listener to single calls but a meter.
    #[inline]
    pub(crate) const fn is_counted(self) -> bool {
        let no_lock = !self.has(Self::REJECTS | Self::ASK | Self::WATCH | Self::PASS | Self::PLACES);
        no_lock && self.only(Self::OBSERVED | Self::METERED) != Self::OBSERVED
    }

    /// Whether a failure can be one step of the streak and nothing else, while the packed state
    /// remains. No other rule evaluates it, and there are no listeners.
    #[inline]
    pub(crate) const fn has_only_a_streak(self) -> bool {
        // A closed breaker's state is 0.
        const STATE: u64 = 0xf << PackedState::STATE_SHIFT;
        let marks = Self::MARKS & !Self::MORE | Self::HOLDS | Self::STARTED;
        !self.has(marks | STATE | Self::REJECTS | Self::ASK | Self::OBSERVED | Self::PASS | Self::WINDOW)
    }

    pub(crate) const fn with(self, flags: u64) -> Self {
        Self(self.0 | flags)
    }

    /// A packed state that no gate has: a success under it needs more than a counter increment.
    #[inline]
    pub(crate) const fn never(self) -> Self {
        Self(self.0 | Self::MORE)
    }

    /// Whether it is a [`never`](Self::never).
    #[inline]
    pub(crate) const fn is_never(self) -> bool {
        self.has(Self::MORE)
    }

    /// The packed state without the mark of [`never`](Self::never).
    #[inline]
    pub(crate) const fn real(self) -> Self {
        Self(self.0 & !Self::MORE)
    }

    /// The part that a call keeps while it waits.
    #[inline]
    pub(crate) const fn kept(self) -> Self {
        Self(self.0 & !(Self::CLOSING | Self::BURIED | Self::MORE))
    }

    /// What inner calls have reported.
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

    /// The same without what inner calls have reported.
    #[inline]
    pub(crate) const fn without_evidence(self) -> Self {
        Self(self.0 & !Self::EVIDENCE)
    }

    /// The same packed state in this generation.
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
    pub(crate) const fn code(self) -> StateCode {
        StateCode((self.0 >> Self::STATE_SHIFT) as u8 & 0xf)
    }

    pub(crate) const fn state(self) -> State {
        self.code().state()
    }
}

/// What the calls inside a call of the same breaker have reported so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence(u8);

impl Evidence {
    pub(crate) const NONE: Self = Self(0);
    /// There was an inner call.
    pub(crate) const WITHIN: Self = Self(0b0_0001);
    /// One was counted, rejected or dropped.
    pub(crate) const REPORTED: Self = Self(0b0_0011);
    /// One was counted as a failure, returned an error that counts as a success, or was rejected.
    pub(crate) const FAILED: Self = Self(0b0_0111);
    /// One was counted as a success.
    pub(crate) const SUCCEEDED: Self = Self(0b0_1011);
    /// One failed after another one had succeeded. The machine has recorded that.
    pub(crate) const MASKED: Self = Self(0b1_1111);

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

/// The time after which a rejected call may be retried. Kept small, since every result of a call
/// contains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RetryAfter(u64);

impl RetryAfter {
    /// The time is not known.
    pub(crate) const UNKNOWN: Self = Self(u64::MAX);

    /// The time from `now`, when the call is rejected, to `until`. It is not known if `until` never
    /// comes (forced open without an end).
    #[inline]
    pub(crate) fn until(until: Tick, now: Tick) -> Self {
        if until == Tick::NEVER { Self::UNKNOWN } else { Self(until.nanos_since(now)) }
    }

    /// The time that a call rejected in `state` reports: at least 1 s in half-open.
    pub(crate) fn shown_in(self, state: State) -> Option<Duration> {
        const SECOND: u64 = 1_000_000_000;
        let least = if state == State::HalfOpen { SECOND } else { 0 };
        self.known().map(|wait| wait.max(Duration::from_nanos(least)))
    }

    /// This duration. One that is too long to be represented becomes 584 years.
    pub(crate) fn span(span: Duration) -> Self {
        Self(nanos_of(span).min(u64::MAX - 1))
    }

    /// `None`: it is not known.
    pub(crate) fn known(self) -> Option<Duration> {
        (self != Self::UNKNOWN).then_some(Duration::from_nanos(self.0))
    }
}

/// A state as a number from 0 to 5, in the order above. It is recorded for each rejected call and
/// seldom read, so it is kept small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StateCode(pub(crate) u8);

impl From<State> for StateCode {
    fn from(state: State) -> Self {
        Self(state as u8)
    }
}

impl StateCode {
    pub(crate) const fn state(self) -> State {
        match self.0 {
            0 => State::Closed,
            1 => State::Open,
            2 => State::HalfOpen,
            3 => State::ForcedOpen,
            4 => State::Disabled,
            _ => State::Shadow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_state_that_no_gate_has_leads_back_to_the_real_one() {
        let real = PackedState::new(State::Open, 7, PackedState::REJECTS);
        let never = real.never();
        assert!(never != real && never.real() == real && real.real() == real);
        assert_eq!((never.state(), never.generation()), (State::Open, 7), "it tells the same");
    }
}
