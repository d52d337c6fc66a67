//! Storm: threads that make calls of every kind on one breaker, lay hands on it, and count what
//! they got.

use breaker_core::{CallError, CircuitBreaker, CircuitBreakerError, Config, Outcome, Permit, Snapshot};
use fastrand::Rng;
use futures_util::FutureExt;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::time::advance;

pub(crate) const RECOVERY: Duration = Duration::from_millis(5);
pub(crate) const LIMIT: Duration = Duration::from_millis(3);
const THREADS: u64 = 8;

/// How calls ended.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    pub(crate) ignored: u64,
    pub(crate) cancelled: u64,
    pub(crate) rejected: u64,
}

impl Counts {
    pub(crate) fn of(shown: &Snapshot) -> Self {
        Self {
            successes: shown.success_count,
            failures: shown.failure_count,
            ignored: shown.ignored_count,
            cancelled: shown.cancelled_count,
            rejected: shown.rejected_count,
        }
    }

    fn all(self) -> [u64; 5] {
        [self.successes, self.failures, self.ignored, self.cancelled, self.rejected]
    }

    pub(crate) fn sum(self) -> u64 {
        self.all().iter().sum()
    }

    pub(crate) fn least(self) -> u64 {
        self.all().into_iter().min().unwrap()
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |one, other| Self {
            successes: one.successes + other.successes,
            failures: one.failures + other.failures,
            ignored: one.ignored + other.ignored,
            cancelled: one.cancelled + other.cancelled,
            rejected: one.rejected + other.rejected,
        })
    }
}

/// The threads share the paused clock of one runtime, and move it on themselves: so there is no
/// time that anybody waits for.
pub(crate) struct Storm(Runtime);

impl Storm {
    pub(crate) fn new() -> Self {
        Self(Builder::new_current_thread().enable_time().start_paused(true).build().unwrap())
    }

    /// This thread is in the storm's time for as long as it has this.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.0.enter()
    }

    pub(crate) fn wait(&self, span: Duration) {
        self.0.block_on(advance(span));
    }

    /// Makes `calls` calls, by all threads together.
    pub(crate) fn rage(
        &self,
        seed: u64,
        calls: u64,
        call: &(dyn Fn(&Self, &mut Rng, bool) -> Counts + Sync),
    ) -> Counts {
        let of_one = |thread: u64| {
            let _time = self.enter();
            let mut random = Rng::with_seed((crate::common::seed(0) * 1_000 + seed) * THREADS + thread);
            let one = |number: u64| {
                if number.is_multiple_of(50) {
                    self.wait(Duration::from_micros(random.u64(..2000)));
                }
                // Of 2000 calls 500 meet an outage.
                call(self, &mut random, number / 500 % 4 == 3)
            };
            (0..calls / THREADS).map(one).sum::<Counts>()
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || of_one(thread))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        })
    }

    /// One call of any kind.
    pub(crate) fn call(&self, breaker: &CircuitBreaker, random: &mut Rng, outage: bool) -> Counts {
        match random.u32(..1000) {
            0 => count(self.0.block_on(breaker.call(pending()))),
            1..30 => catch_unwind(AssertUnwindSafe(|| breaker.call_sync(|| resume_unwind(Box::new("as planned")))))
                .map_or(FAILED, count),
            // It is cut off, unless another thread has moved the time on to its limit.
            30..60 => breaker.call(pending()).now_or_never().map_or(CANCELLED, count),
            60..100 => count(breaker.call_sync_classified(|| Ok(IGNORED), |_| Outcome::ignored())),
            100..150 => count(breaker.call_sync(|| if outage { Err(()) } else { Ok(SUCCEEDED) })),
            _ => end(breaker.try_acquire(), random, outage),
        }
    }
}

type Ended = Result<Counts, CallError<()>>;

const NONE: Counts = Counts { successes: 0, failures: 0, ignored: 0, cancelled: 0, rejected: 0 };
const SUCCEEDED: Counts = Counts { successes: 1, ..NONE };
const FAILED: Counts = Counts { failures: 1, ..NONE };
const IGNORED: Counts = Counts { ignored: 1, ..NONE };
const CANCELLED: Counts = Counts { cancelled: 1, ..NONE };
const REJECTED: Counts = Counts { rejected: 1, ..NONE };

/// Ends the call of a permit, in any way.
pub(crate) fn end(permit: Result<Permit, CircuitBreakerError>, random: &mut Rng, outage: bool) -> Counts {
    let Ok(permit) = permit else { return REJECTED };
    let (end, counts): (fn(Permit), _) = match random.u32(..100) {
        0..5 => (drop, CANCELLED),
        5..10 => (Permit::ignore, IGNORED),
        10..15 => (Permit::failure, FAILED),
        _ if outage => (Permit::failure, FAILED),
        _ => (Permit::success, SUCCEEDED),
    };
    end(permit);
    counts
}

fn count(ended: Ended) -> Counts {
    match ended {
        Ok(counts) => counts,
        Err(CallError::Inner(())) => FAILED,
        Err(CallError::Rejected(error)) if error.is_timeout() => FAILED,
        Err(CallError::Rejected(_)) => REJECTED,
    }
}

/// Something that a person or a program does to a breaker while it runs.
pub(crate) fn lay_hands_on(breaker: &CircuitBreaker, random: &mut Rng) {
    let hand = random.u32(..16);
    match hand {
        0 => breaker.force_open(),
        1 => breaker.force_open_for(Duration::from_millis(1)),
        2 => breaker.shadow(),
        3..7 => breaker.clear_override(),
        7 => breaker.trip(),
        8 => breaker.trip_for(RECOVERY),
        9 => breaker.half_open(),
        _ => {
            let config = Config::new();
            let config = match hand {
                10 => config.window_calls(random.u32(10..100)).failure_rate(0.5),
                11 => config.window(Duration::from_millis(random.u64(1..20))),
                12 => config.slow_call_duration(Duration::from_millis(1)).slow_call_rate(0.9),
                13 => config.fail_max(random.u32(2..20)),
                14 => config.recovery_timeout(RECOVERY / random.u32(1..4)),
                _ => config.failure_rate(0.9),
            };
            breaker.reconfigure(config).unwrap();
        }
    }
}
