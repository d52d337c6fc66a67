//! Tracks an admitted call: what its own code does, and what its inner calls have reported.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `mod` | [`Permit`]: ended by its owner, or dropped |
//! | `inside` | runs and drops the call's own code, with the call on the stack |
//! | `plain` | the usual call of a `key`: admitted by one load, changes nothing |
//! | `ending` | counts and reports the ending |
//! | `of_stream` | the ending of a call whose result is a stream |
//! | `tests` | tests of the lock, the clock and the window |
//!
//! May use: `call::nesting`, `breaker` and what is below it; `tests` uses `telemetry` too. To add
//! something that happens when a call ends, add it to `ending`.

mod ending;
mod inside;
#[cfg(feature = "stream")]
mod of_stream;
mod plain;
#[cfg(test)]
mod tests;

use crate::breaker::caller::Owner;
use crate::breaker::cause::Cause;
use crate::breaker::handle::CircuitBreaker;
use crate::breaker::inner::HotState;
use crate::breaker::report::is_quiet;
use crate::call::nesting::{self, Frame};
#[cfg(feature = "stream")]
use crate::clock;
use crate::clock::Tick;
use crate::machine::outcome::{Ending, Outcome};
use crate::machine::packed::{Evidence, PackedState};
use crate::sync::Ordering;
use crate::sync::statics::{AtomicU8, AtomicU32};
use std::fmt;

/// The right to make one call. Each method that ends it records how the call ended. A permit that
/// is dropped counts as an abandoned call (`on_cancel`). A permit that is leaked returns its slot
/// after `probe_timeout`, but never its place of a `max_concurrent`.
///
/// A permit does not enclose the calls that are made while it is held. Calls of the same breaker
/// request a place of their own, and a half-open trial may have none left. [`run`](Self::run) and
/// [`run_sync`](Self::run_sync) make them a part of this call.
///
/// ```
/// # use breaker_core::{CircuitBreaker, Config};
/// let breaker = CircuitBreaker::new("printer", Config::new()).unwrap();
/// let permit = breaker.try_acquire()?;
/// // ... print ...
/// permit.success();
/// assert_eq!(breaker.snapshot().success_count, 1);
/// # Ok::<(), breaker_core::CircuitBreakerError>(())
/// ```
#[must_use = "a dropped permit is an abandoned call"]
pub struct Permit {
    owner: Owner,
    packed: PackedState,
    started: Tick,
    /// The slot of the call, until an inner call takes it over; 0: none.
    probe: AtomicU32,
    settled: bool,
    /// What the call's own code does: one of the stages below.
    stage: AtomicU8,
    /// What the inner calls have reported: the bits of [`Evidence`], and [`TAKEN`].
    evidence: AtomicU8,
    /// [`INSIDE`] and [`TIMED`].
    place: AtomicU8,
}

/// The call's own code does not run.
const IDLE: u8 = 0;
/// It runs. If it does not return, it has panicked: meanwhile only unwinding can drop the permit.
const RUNS: u8 = 1;
/// It waits.
const WAITS: u8 = 2;
/// The call has exceeded its time limit, and the rest of its body is dropped.
const TIMED_OUT: u8 = 3;
/// The call is dropped while it waits. Its body is dropped first.
const CLOSES: u8 = 4;
/// The call has exceeded its time limit, and its body is being dropped.
const TIMED_OUT_CLOSES: u8 = 5;
/// The call has panicked, and its body is being dropped.
const RUNS_CLOSES: u8 = 6;

/// An inner call is counted as in flight in its place.
const TAKEN: u8 = 1 << 7;

/// The permit was acquired, or its own code has run, inside a call of the same breaker.
const INSIDE: u8 = 1;
/// The start of the call was requested.
#[cfg(feature = "stream")]
const TIMED: u8 = 1 << 1;

impl Permit {
    /// A call that was admitted under `packed`. `started` is zero where nothing needs it. `probe`
    /// is zero where the call is no probe.
    #[inline]
    pub(crate) fn new(owner: Owner, packed: PackedState, probe: u32, started: Tick) -> Self {
        Self {
            owner,
            packed: packed.without_evidence(),
            started,
            probe: AtomicU32::new(probe),
            settled: false,
            stage: AtomicU8::new(IDLE),
            evidence: AtomicU8::new(packed.evidence().bits()),
            place: AtomicU8::new(0),
        }
    }

    /// The same call, marked as inside a call of the same breaker or not.
    #[inline]
    pub(crate) fn inside(mut self, inside: bool) -> Self {
        *self.place.get_mut() = u8::from(inside);
        self
    }

    /// Gives up the permit and returns what it holds: the packed state of its admission, its probe
    /// and its start.
    pub(crate) fn parts(mut self) -> (PackedState, u32, Tick) {
        self.settled = true;
        (self.packed, self.probe.load(Ordering::Relaxed), self.started)
    }

    /// Records that the call begins now:
    /// [`GuardedStream::first_item`](crate::GuardedStream::first_item) runs from here.
    #[cfg(feature = "stream")]
    pub fn timed(mut self) -> Self {
        if self.started == Tick::ZERO {
            self.started = clock::now();
        }
        *self.place.get_mut() |= TIMED;
        self
    }

    /// The call succeeded.
    pub fn success(self) {
        self.record(Outcome::success());
    }

    /// The call failed. [`failure_with`](Self::failure_with) says how.
    pub fn failure(self) {
        self.record(Outcome::failure());
    }

    /// The call proved nothing, and is ignored.
    pub fn ignore(self) {
        self.record(Outcome::ignored());
    }

    /// The call ended with this outcome.
    #[inline]
    pub fn record(self, outcome: Outcome) {
        self.settle_with(outcome, || Cause::bare("failure"));
    }

    /// The call ended with this outcome. `cause` is called for a failure that is reported or kept.
    #[inline(always)]
    pub(crate) fn settle_with<'e>(mut self, outcome: Outcome, cause: impl Fn() -> Cause<'e>) {
        self.settled = true;
        if matches!(outcome, Outcome::Success) && self.nothing_happened() {
            nesting::report_evidence(&self.breaker().0, Evidence::SUCCEEDED);
            self.owner.succeed();
        } else {
            self.end(Ending::Result(outcome), &cause);
        }
    }

    /// The same where it is known whether the result is an error. An enclosing call may return that
    /// error too.
    #[inline(always)]
    pub(crate) fn settle_result<'e>(self, is_error: bool, outcome: Outcome, cause: impl Fn() -> Cause<'e>) {
        if is_error && matches!(outcome, Outcome::Success) && !self.packed.has(PackedState::PASS) {
            nesting::report_evidence(&self.breaker().0, Evidence::FAILED);
        }
        self.settle_with(outcome, cause);
    }

    /// Whether the packed state of the admission still applies, a success changes nothing, and no
    /// listener observes it. Ends the streak then.
    #[inline]
    fn nothing_happened(&self) -> bool {
        self.nothing_happened_to(&self.breaker().0)
    }

    /// The same where the breaker of the call is at hand.
    #[inline]
    fn nothing_happened_to(&self, hot: &HotState) -> bool {
        let flags = PackedState::WATCH | PackedState::OBSERVED | PackedState::PASS | PackedState::WINDOW;
        self.evidence() == Evidence::NONE && self.changes_nothing_of(hot, flags)
    }

    /// What the inner calls have reported.
    #[inline]
    fn evidence(&self) -> Evidence {
        Evidence::from_bits(self.evidence.load(Ordering::Relaxed))
    }

    /// Whether a success without evidence changes nothing but the streak, which it ends: the packed
    /// state of the admission still applies, without these flags.
    #[inline]
    fn changes_nothing_without(&self, flags: u64) -> bool {
        self.changes_nothing_of(&self.breaker().0, flags)
    }

    #[inline]
    fn changes_nothing_of(&self, hot: &HotState, flags: u64) -> bool {
        let packed = hot.gate.packed();
        packed == self.packed && !packed.has(flags) && is_quiet() && hot.end_streak(packed)
    }

    #[inline]
    pub(crate) fn breaker(&self) -> &CircuitBreaker {
        self.owner.breaker()
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Whether the call has a time limit.
    #[inline]
    pub(crate) fn is_limited(&self) -> bool {
        self.packed.has(PackedState::LIMITED)
    }

    /// Returns the place of the call, if it holds one.
    fn leave_place(&mut self) {
        if self.packed.has(PackedState::HOLDS) {
            self.packed = self.packed.without(PackedState::HOLDS);
            self.breaker().0.leave_place();
        }
    }

    /// Stops counting the call as in flight, if it is counted. A call of an earlier generation was
    /// forgotten with that generation.
    fn leave_starts(&mut self) {
        if !self.packed.has(PackedState::STARTED) {
            return;
        }
        self.packed = self.packed.without(PackedState::STARTED);
        let hot: &HotState = &self.breaker().0;
        let binds = hot.gate.load_relaxed().generation() == self.packed.generation();
        if binds && !self.is_taken() {
            hot.end_under_way(self.started);
        }
    }

    fn is_taken(&self) -> bool {
        self.evidence.load(Ordering::Relaxed) & TAKEN != 0
    }

    /// Keeps what the stack recorded about the call.
    fn keep(&self, left: Frame) {
        let evidence = self.evidence().and(left.packed.evidence());
        let taken =
            self.is_taken() || (self.packed.has(PackedState::STARTED) && !left.packed.has(PackedState::STARTED));
        self.evidence.store(evidence.bits() | if taken { TAKEN } else { 0 }, Ordering::Relaxed);
        self.probe.store(left.probe, Ordering::Relaxed);
    }

    /// Whether the call is, or was, inside a call of the same breaker.
    fn is_inside(&self) -> bool {
        self.place.load(Ordering::Relaxed) & INSIDE != 0
    }
}

/// The text of a call that counts as a failure because it was dropped.
const DROPPED: &str = "the call was dropped before it had a result";

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        if !self.settled {
            let (ending, kind, text) = match self.stage.load(Ordering::Relaxed) {
                TIMED_OUT | TIMED_OUT_CLOSES => (Ending::Result(Outcome::failure()), "timeout", "timed out"),
                RUNS | RUNS_CLOSES => (Ending::Panicked, "panic", "the call panicked"),
                _ => (Ending::Dropped { took: None }, "cancelled", DROPPED),
            };
            self.end(ending, &|| Cause::of_text(kind, &text));
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("breaker", &self.breaker().name()).finish_non_exhaustive()
    }
}
