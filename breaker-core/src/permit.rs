//! Permit: a call that was let in, up to the one moment in which its ending is counted.

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

    /// The call failed.
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
        if slow.is_some_and(|limit| now.since(self.started) > limit) {
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

    /// Counts the ending, notes a failure that matters, and tells.
    #[inline(never)]
    fn end<'e>(&self, ending: Ending, cause: &dyn Fn() -> Cause<'e>) {
        let success = matches!(ending, Ending::Result(Outcome::Success));
        if self.word.has(Word::PASS) || (success && self.added_to_window()) {
            return;
        }
        if matches!(ending, Ending::Result(Outcome::Failure { .. })) && self.breaker().0.failed_again(self.word) {
            return;
        }
        let call = Call { word: self.word, probe: self.probe, started: self.started };
        let (settled, told) = match success && self.breaker().has_nothing_to_settle() {
            true => (Settled::PLAIN, Told::NOTHING),
            false => self.breaker().locked(|machine, now| {
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
        let elapsed = noted.then(|| clock::now().since(self.started));
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
                let Cause { kind: error_type, text: error } = cause();
                let consecutive_failures = settled.run;
                let event = Failure { breaker, function, elapsed, error_type, error, consecutive_failures };
                breaker.tell(&|listener| listener.failure(&event));
            }
        }
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        if !self.settled {
            let (ending, kind, text) = if self.cut.load(Ordering::Relaxed) {
                (Ending::Result(Outcome::failure()), "timeout", "timed out")
            } else if self.runs.load(Ordering::Relaxed) {
                (Ending::Panicked, "panic", "the call panicked")
            } else {
                (Ending::Dropped, "cancelled", "the call was dropped before it had a result")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, OnPanic};
    use crate::event::Listener;
    use crate::state::State;
    use crate::sync::{Arc, AtomicU64};
    #[cfg(feature = "tokio")]
    use std::future::Future;
    use std::time::Duration;

    /// Whoever took the machine's lock in here would wait for himself for ever.
    fn under_the_lock(breaker: &CircuitBreaker, f: impl FnOnce()) -> usize {
        let before = clock::readings();
        breaker.change(|_, _| {
            f();
            ((), None)
        });
        // The change itself asks once.
        clock::readings() - before - 1
    }

    #[test]
    fn the_closed_path_takes_no_lock_and_asks_no_clock() {
        let breaker = CircuitBreaker::new("test", Config::new().timeout(Duration::from_secs(1))).unwrap();
        let readings = under_the_lock(&breaker, || {
            for _ in 0..10 {
                breaker.try_acquire().unwrap().success();
            }
        });
        assert_eq!(readings, 0);
        assert_eq!(breaker.snapshot().success_count, 10);
    }

    #[test]
    fn a_success_that_windows_look_at_takes_no_lock_and_asks_the_clock_no_more_than_it_has_to() {
        let second = Duration::from_secs(1);
        let (calls, time) =
            (Config::new().failure_rate(0.5).window_calls(10), Config::new().window(second).window_fail_max(9));
        for (config, asked) in [(calls, 0), (time, 1), (calls.slow_call(second), 2), (time.slow_call(second), 2)] {
            let breaker = CircuitBreaker::new("test", config).unwrap();
            let readings = under_the_lock(&breaker, || {
                for _ in 0..20 {
                    breaker.try_acquire().unwrap().success();
                }
            });
            assert_eq!(readings, asked * 20, "{config:?}");
            assert_eq!(breaker.snapshot().success_count, 20);
            let window = breaker.snapshot().window.unwrap();
            assert_eq!(window.calls, if breaker.0.window.get().unwrap().is_timed() { 20 } else { 10 });
        }
    }

    #[test]
    fn threads_that_add_to_a_window_at_once_lose_no_success_and_no_failure() {
        let rule = Config::new().fail_max(u32::MAX).failure_rate(1.0);
        for config in [rule.window_calls(100_000), rule.window(Duration::from_secs(3600))] {
            let breaker = CircuitBreaker::new("test", config).unwrap();
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    let breaker = &breaker;
                    scope.spawn(move || {
                        for call in 0..5000 {
                            let permit = breaker.try_acquire().unwrap();
                            if (call + thread) % 5 == 0 { permit.failure() } else { permit.success() }
                        }
                    });
                }
            });
            let window = breaker.snapshot().window.unwrap();
            assert_eq!((window.calls, window.failures, window.slow), (20_000, 4000, 0));
        }
    }

    #[test]
    fn a_window_holds_what_it_should_after_threads_resets_and_other_sizes() {
        let rule = Config::new().fail_max(u32::MAX).failure_rate(1.0).slow_call(Duration::from_secs(60));
        let breaker = CircuitBreaker::new("test", rule.window_calls(50)).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let breaker = &breaker;
                scope.spawn(move || {
                    for call in 0..20_000 {
                        let permit = breaker.try_acquire().unwrap();
                        if (call + thread) % 7 == 0 { permit.failure() } else { permit.success() }
                    }
                });
            }
            let sizes = [
                Config::new().window_calls(3000),
                Config::new().window(Duration::from_millis(60)),
                Config::new().window_calls(50),
            ];
            for turn in 0..300 {
                breaker.reconfigure(sizes[turn % sizes.len()]).unwrap();
                if turn % 5 == 0 {
                    breaker.reset();
                }
            }
        });
        for config in [Config::new().window_calls(40), Config::new().window_calls(3000), Config::new().window_calls(50)]
        {
            breaker.reconfigure(config).unwrap();
            let found = breaker.snapshot().window.unwrap();
            assert!(found.failures + found.slow <= found.calls, "{found:?}");
            (0..3000).for_each(|_| breaker.try_acquire().unwrap().success());
            let full = breaker.snapshot().window.unwrap();
            assert_eq!((full.failures, full.slow), (0, 0), "nothing is left over from another size");
        }
    }

    #[test]
    fn a_failure_that_only_makes_a_run_longer_is_counted_and_publishes_nothing() {
        let breaker = CircuitBreaker::new("test", Config::new().fail_max(4)).unwrap();
        let fail = || breaker.try_acquire().unwrap().failure();
        fail();
        let word = breaker.0.gate.word();
        (0..2).for_each(|_| fail());
        let shown = breaker.snapshot();
        assert_eq!((shown.consecutive_failures, shown.failure_count, shown.state), (3, 3, State::Closed));
        assert_eq!(breaker.0.gate.word(), word);
        fail();
        assert_eq!(breaker.state(), State::Open);
    }

    #[test]
    fn it_shows_whose_it_is() {
        let breaker = CircuitBreaker::new("test", Config::new()).unwrap();
        assert_eq!(format!("{:?}", breaker.try_acquire().unwrap()), "Permit { breaker: \"test\", .. }");
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn a_call_with_a_time_limit_that_is_ready_at_once_takes_no_lock_and_asks_no_clock() {
        let breaker = CircuitBreaker::new("test", Config::new().timeout(Duration::from_secs(1))).unwrap();
        let readings = under_the_lock(&breaker, || {
            let mut call = std::pin::pin!(breaker.call(async { Ok::<_, ()>(()) }));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(call.as_mut().poll(&mut context).is_ready());
        });
        assert_eq!(readings, 0);
    }

    #[test]
    fn a_rejection_takes_no_lock_and_asks_the_clock_once() {
        let open = CircuitBreaker::new("open", Config::new().fail_max(1)).unwrap();
        open.try_acquire().unwrap().failure();
        let full = CircuitBreaker::new("full", Config::new().fail_max(1).recovery_timeout(Duration::ZERO)).unwrap();
        full.try_acquire().unwrap().failure();
        let probe = full.try_acquire().unwrap();
        let forced = CircuitBreaker::new("forced", Config::new()).unwrap();
        forced.force_open();
        for (breaker, state) in [(&open, State::Open), (&full, State::HalfOpen), (&forced, State::ForcedOpen)] {
            let readings = under_the_lock(breaker, || {
                for _ in 0..10 {
                    assert_eq!(breaker.try_acquire().unwrap_err().state(), state);
                }
            });
            assert_eq!(readings, 10, "{state}");
        }
        drop(probe);
    }

    #[test]
    fn a_success_that_finds_a_bucket_over_turns_it_and_waits_for_nobody_who_holds_the_lock() {
        let rule = Config::new().failure_rate(0.5).window(Duration::from_secs(6));
        let breaker = CircuitBreaker::new("test", rule).unwrap();
        let succeed = || breaker.try_acquire().unwrap().success();
        let is_late = || breaker.0.window.get().unwrap().add_good(clock::now()) == Added::Late;
        let until_late = || {
            while !is_late() {
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        succeed();
        until_late();
        under_the_lock(&breaker, succeed);
        assert!(is_late(), "it was counted for the bucket that is over");
        succeed();
        assert!(!is_late(), "whoever gets the lock turns the bucket");
        assert_eq!(breaker.snapshot().success_count, 3);
    }

    #[test]
    fn a_neutral_result_is_told() {
        #[derive(Default)]
        struct Told(AtomicU64);
        impl Listener for Arc<Told> {
            fn ignored(&self, event: &Ignored<'_>) {
                assert_eq!((event.breaker.name(), event.function), ("test", None));
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (breaker, told) = (CircuitBreaker::new("test", Config::new()).unwrap(), Arc::<Told>::default());
        breaker.add_listener(Arc::clone(&told));
        breaker.try_acquire().unwrap().ignore();
        breaker.try_acquire().unwrap().success();
        assert_eq!(told.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_call_that_was_cut_off_is_a_time_out_also_when_its_body_panics_as_it_drops() {
        let breaker = CircuitBreaker::new("test", Config::new().on_panic(OnPanic::Ignore)).unwrap();
        let permit = breaker.try_acquire().unwrap();
        permit.begin();
        permit.cut_off();
        drop(permit);
        let shown = breaker.snapshot();
        assert_eq!((shown.failure_count, shown.last_error.unwrap().kind), (1, "timeout"));
    }
}
