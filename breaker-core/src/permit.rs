//! Permit: a call that was let in, up to the one moment in which its ending is counted.

#[cfg(test)]
mod tests;

use crate::answers::{Call, Counted, Settled};
use crate::breaker::{CircuitBreaker, Holder, Told};
use crate::clock::{self, Tick};
use crate::event::{self, Cancelled, Failure, Ignored, Success};
use crate::gate::Word;
use crate::note::{Cause, Text};
use crate::outcome::{Ending, Outcome};
use crate::sync::{AtomicBool, Ordering};
use crate::window::Added;
use std::fmt;

/// The right to make one call. Say how it ended with one of the methods; a permit that is dropped counts as an abandoned
/// call (`on_cancel`), and one that is leaked gives its slot back after `probe_timeout`.
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
    holder: Holder,
    word: Word,
    started: Tick,
    probe: u32,
    settled: bool,
    /// The call's own code is running.
    runs: AtomicBool,
    /// The call's time is over, and what is left of its body is dropped.
    cut: AtomicBool,
}

impl Permit {
    /// A call that was let in under `word`; `started` is zero where nobody needs it, and `probe` where it is none.
    #[inline]
    pub(crate) fn new(holder: Holder, word: Word, probe: u32, started: Tick) -> Self {
        Self { holder, word, started, probe, settled: false, runs: AtomicBool::new(false), cut: AtomicBool::new(false) }
    }

    /// Gives up the permit for what it holds: the word under which the call was let in, its probe and its start.
    pub(crate) fn parts(mut self) -> (Word, u32, Tick) {
        self.settled = true;
        (self.word, self.probe, self.started)
    }

    /// The call succeeded.
    pub fn success(self) {
        self.settle(Outcome::success());
    }

    /// The call failed. [`failure_with`](Self::failure_with) says how.
    pub fn failure(self) {
        self.settle(Outcome::failure());
    }

    /// The call proved nothing.
    pub fn ignore(self) {
        self.settle(Outcome::neutral());
    }

    /// The call ended so.
    #[inline]
    pub fn settle(self, outcome: Outcome) {
        self.settle_with(outcome, || Cause::bare("failure"));
    }

    /// The call ended so; `cause` is asked of a failure that is told or noted.
    #[inline(always)]
    pub(crate) fn settle_with<'e>(mut self, outcome: Outcome, cause: impl Fn() -> Cause<'e>) {
        self.settled = true;
        if matches!(outcome, Outcome::Success) && self.nothing_happened() {
            self.breaker().0.success();
        } else {
            self.end(Ending::Result(outcome), &cause);
        }
    }

    /// Whether the word under which the call was let in still stands, and a success changes nothing and interests nobody.
    #[inline]
    fn nothing_happened(&self) -> bool {
        self.stands_without(Word::WATCH | Word::HEARD | Word::PASS | Word::WINDOW)
    }

    #[inline]
    fn stands_without(&self, flags: u64) -> bool {
        let word = self.breaker().0.gate.word();
        word == self.word && !word.has(flags) && event::quiet()
    }

    /// Counts a success that changes nothing but a window, without the lock. `false`: it is for the machine to take in.
    fn added_to_window(&self) -> bool {
        let shared = &self.breaker().0;
        if !self.word.has(Word::WINDOW) || !self.stands_without(Word::WATCH | Word::HEARD | Word::PASS) {
            return false;
        }
        let Some(window) = shared.window.get() else { return false };
        let slow = window.slow_call();
        let now = if slow.is_some() || window.is_timed() { clock::now() } else { Tick::ZERO };
        // A slow call can afford the lock.
        if slow.is_some_and(|limit| now.since(self.started.coarse(now)) > limit) {
            return false;
        }
        let added = match window.add_good(now) {
            Added::Late => match shared.machine.try_lock() {
                Some(_lock) => {
                    window.turn(now);
                    window.add_good(now)
                }
                None => window.add_good_late(),
            },
            added => added,
        };
        shared.success();
        if added == Added::Holds {
            self.breaker().change(|machine, now| ((), machine.review(self.word.generation(), now)));
        }
        true
    }

    /// Counts a success that changes nothing, and that is of interest to metrics alone. `false`: it is more than that.
    #[cfg(feature = "metrics")]
    fn only_metered(&self) -> bool {
        let plain = self.started != Tick::ZERO && self.stands_without(Word::WATCH | Word::PASS | Word::WINDOW);
        let Some(meter) = self.breaker().only_meter().filter(|_| plain) else { return false };
        self.breaker().0.success();
        meter.succeeded(self.breaker(), self.started.elapsed());
        true
    }

    /// Nobody asks for metrics.
    #[cfg(not(feature = "metrics"))]
    fn only_metered(&self) -> bool {
        false
    }

    #[inline]
    pub(crate) fn breaker(&self) -> &CircuitBreaker {
        self.holder.breaker()
    }

    pub(crate) fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Whether the call has a time limit.
    #[inline]
    pub(crate) fn is_limited(&self) -> bool {
        self.word.has(Word::LIMITED)
    }

    /// The user's code begins to run. Unless it comes back it has panicked: nobody can drop the permit meanwhile, but by unwinding.
    #[inline]
    pub(crate) fn begin(&self) {
        self.runs.store(true, Ordering::Relaxed);
    }

    /// The user's code came back.
    #[inline]
    pub(crate) fn came_back(&self) {
        self.runs.store(false, Ordering::Relaxed);
    }

    /// The call's time is over: that is a failure, also if its body panics while it is dropped.
    #[inline]
    pub(crate) fn cut_off(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    /// The call's stream is dropped after it gave items.
    #[cfg(feature = "stream")]
    pub(crate) fn left(mut self) {
        // A stream that panics ends so.
        if !self.runs.load(Ordering::Relaxed) {
            self.settled = true;
            self.end(Ending::Left, &|| Cause::told("cancelled", &DROPPED));
        }
    }

    /// Counts the ending, notes a failure that matters, and tells.
    #[inline(never)]
    fn end<'e>(&self, ending: Ending, cause: &dyn Fn() -> Cause<'e>) {
        let success = matches!(ending, Ending::Result(Outcome::Success));
        if self.word.has(Word::PASS) || (success && (self.only_metered() || self.added_to_window())) {
            return;
        }
        let failed = matches!(ending, Ending::Result(Outcome::Failure { .. }));
        if failed && event::quiet() && self.breaker().0.failed_again(self.word) {
            return;
        }
        let nothing_to_settle =
            || self.stands_without(Word::WATCH | Word::PASS | Word::WINDOW) || self.breaker().has_nothing_to_settle();
        let (settled, told) = match success && nothing_to_settle() {
            true => (Settled::PLAIN, Told::NOTHING),
            false => self.breaker().locked(|machine, now| {
                let call = Call { word: self.word, probe: self.probe, started: self.started.coarse(now) };
                let settled = machine.settle(call, ending, now);
                (settled, settled.change)
            }),
        };
        if settled.outcome == Counted::Success {
            self.breaker().0.success();
        }
        self.note(&settled, cause);
        self.tell(&settled, cause);
        self.breaker().tell_changes(told);
    }

    /// Keeps the first failure of a run, the one that tripped, and each that a later success may have part in a trip: in a window, or
    /// of a probe. Unless the breaker has moved on while the text was written.
    fn note<'e>(&self, settled: &Settled, cause: &dyn Fn() -> Cause<'e>) {
        let tripped = settled.change.filter(|change| change.trip.is_some());
        let matters = settled.run == 1 || settled.lingers || tripped.is_some();
        if settled.outcome != Counted::Failure || !matters {
            return;
        }
        let cause = cause();
        let text = Text::of(cause);
        let generation = tripped.map_or(self.word.generation(), |change| change.generation);
        let breaker = self.breaker();
        let machine = breaker.0.machine.lock();
        if machine.generation() == generation {
            breaker.0.notes.lock().keep(cause.kind, &text);
        }
    }

    fn tell<'e>(&self, settled: &Settled, cause: &dyn Fn() -> Cause<'e>) {
        let heard = self.breaker().0.gate.word().has(Word::HEARD) || !event::quiet();
        // What the ready-made listener says above DEBUG: the first failure of a run, and calls dropped in a row.
        let first = settled.outcome == Counted::Failure && settled.run == 1;
        if !heard && !first && settled.outcome != Counted::Cancelled {
            return;
        }
        let (breaker, function) = (self.breaker(), self.holder.function());
        let noted = self.started != Tick::ZERO;
        let elapsed = noted.then(|| self.started.elapsed());
        match settled.outcome {
            Counted::Success => {
                let event = Success { breaker, function, elapsed };
                breaker.tell(&|listener| listener.success(&event));
            }
            Counted::Ignored => {
                let event = Ignored { breaker, function, elapsed };
                breaker.tell(&|listener| listener.ignored(&event));
            }
            Counted::Cancelled => {
                let event = Cancelled { breaker, function, in_a_row: settled.drops };
                breaker.tell(&|listener| listener.cancelled(&event));
            }
            Counted::Failure => {
                let Cause { kind: error_type, look } = cause();
                let error = look.has_text().then_some(&look as &dyn fmt::Display);
                let consecutive_failures = settled.run;
                let event = Failure { breaker, function, elapsed, error_type, error, consecutive_failures };
                breaker.tell(&|listener| listener.failure(&event));
            }
        }
    }
}

/// The text of a call that counts as a failure because it was dropped.
const DROPPED: &str = "the call was dropped before it had a result";

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        if !self.settled {
            let (ending, kind, text) = if self.cut.load(Ordering::Relaxed) {
                (Ending::Result(Outcome::failure()), "timeout", "timed out")
            } else if self.runs.load(Ordering::Relaxed) {
                (Ending::Panicked, "panic", "the call panicked")
            } else {
                (Ending::Dropped, "cancelled", DROPPED)
            };
            self.end(ending, &|| Cause::told(kind, &text));
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("breaker", &self.breaker().name()).finish_non_exhaustive()
    }
}
