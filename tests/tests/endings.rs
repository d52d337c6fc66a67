//! Each way in which an annotated call ends, at its first poll and after it has waited, is counted
//! once, and where it began. In a file of its own: while there is an isolation no call takes the
//! short way.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, Registry, Snapshot, circuit_breaker, testing};
use futures_util::FutureExt as _;
use futures_util::future::poll_immediate;
use std::future::{Future, pending};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::advance;

/// One test at a time, for the one with an isolation.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Success,
    Failure,
    Ignored,
    Panic,
    /// Of the classification.
    LatePanic,
    Dropped,
}

const ALL: [Ending; 6] =
    [Ending::Success, Ending::Failure, Ending::Ignored, Ending::Panic, Ending::LatePanic, Ending::Dropped];

#[derive(Debug)]
struct Ended(Option<Ending>);

impl From<CircuitBreakerError> for Ended {
    fn from(_: CircuitBreakerError) -> Self {
        Self(None)
    }
}

fn proves_nothing(how: Option<Ending>) -> bool {
    assert!(how != Some(Ending::LatePanic), "the classification fails");
    how == Some(Ending::Ignored)
}

#[circuit_breaker(name = "each_ending", fail_max = 100, exclude(|Ended(how)| proves_nothing(*how)))]
async fn ends(how: Ending, waits: bool) -> Result<(), Ended> {
    if waits || how == Ending::Dropped {
        tokio::task::yield_now().await;
    }
    match how {
        Ending::Success | Ending::Dropped => Ok(()),
        Ending::Panic => panic!("the call fails"),
        _ => Err(Ended(Some(how))),
    }
}

/// Makes the call, and what is counted then: successes, failures, ignored, cancelled, rejected.
fn counted(breaker: &CircuitBreaker, how: Ending, waits: bool) -> [u64; 5] {
    let counts =
        |at: &Snapshot| [at.success_count, at.failure_count, at.ignored_count, at.cancelled_count, at.rejected_count];
    let before = counts(&breaker.snapshot());
    let mut call = Box::pin(AssertUnwindSafe(ends(how, waits)).catch_unwind());
    if how == Ending::Dropped {
        assert!(call.as_mut().now_or_never().is_none());
        drop(call);
    } else {
        let ended = runtime().block_on(call);
        assert_eq!(ended.is_err(), matches!(how, Ending::Panic | Ending::LatePanic));
    }
    let after = counts(&breaker.snapshot());
    std::array::from_fn(|i| after[i] - before[i])
}

#[test]
fn each_ending_is_counted_once_at_the_first_poll_and_after_it() {
    let _alone = alone();
    let breaker = Registry::global().get("each_ending").unwrap();
    for (with_a_run, waits, how) in [false, true].into_iter().flat_map(|run| {
        [false, true].into_iter().flat_map(move |waits| ALL.into_iter().map(move |how| (run, waits, how)))
    }) {
        breaker.reset();
        if with_a_run {
            counted(&breaker, Ending::Failure, false);
        }
        let expected = match how {
            Ending::Success => [1, 0, 0, 0, 0],
            Ending::Failure | Ending::Panic | Ending::LatePanic => [0, 1, 0, 0, 0],
            Ending::Ignored => [0, 0, 1, 0, 0],
            Ending::Dropped => [0, 0, 0, 1, 0],
        };
        assert_eq!(counted(&breaker, how, waits), expected, "{how:?}, with a run {with_a_run}, waits {waits}");
        let run = match (expected, with_a_run) {
            ([1, ..], _) => 0,
            ([_, failures, ..], run) => failures + u64::from(run),
        };
        assert_eq!(u64::from(breaker.snapshot().consecutive_failures), run, "{how:?}, {with_a_run}, {waits}");
    }
}

#[circuit_breaker(name = "steered_within")]
async fn steers(breaker: &CircuitBreaker) -> Result<(), Ended> {
    breaker.reset();
    // On another thread it is no part of this call.
    std::thread::scope(|threads| threads.spawn(|| breaker.call_sync(|| Err::<(), _>(())).unwrap_err()).join()).unwrap();
    Err(Ended(None))
}

#[test]
fn a_failure_of_an_earlier_generation_makes_no_run_longer() {
    let _alone = alone();
    let breaker = Registry::global().get("steered_within").unwrap();
    for _ in 0..3 {
        steers(&breaker).now_or_never().unwrap().unwrap_err();
        let now = breaker.snapshot();
        assert_eq!((now.failure_count, now.consecutive_failures), (2, 1));
    }
}

#[test]
fn the_first_failure_after_a_dropped_call_begins_a_run() {
    let _alone = alone();
    let breaker = Registry::global().get("each_ending").unwrap();
    breaker.reset();
    counted(&breaker, Ending::Dropped, true);
    assert_eq!(breaker.snapshot().last_error, None);
    counted(&breaker, Ending::Failure, false);
    assert!(breaker.snapshot().last_error.is_some(), "the first of a run is noted");
}

#[circuit_breaker(name = "long_run", fail_max = 9, fail_window = "10s")]
async fn fails() -> Result<(), Ended> {
    Err(Ended(None))
}

#[test]
fn a_long_run_is_forgotten_after_more_than_its_window() {
    let (_alone, runtime) = (alone(), runtime());
    let breaker = Registry::global().get("long_run").unwrap();
    let run = |after| {
        runtime.block_on(advance(after));
        runtime.block_on(fails()).unwrap_err();
        breaker.snapshot().consecutive_failures
    };
    let window = Duration::from_secs(10);
    assert_eq!([run(window), run(window), run(window)], [1, 2, 3]);
    assert_eq!(run(window + Duration::from_nanos(1)), 1);
    assert_eq!([run(window), run(window)], [2, 3]);
    breaker.reconfigure(Config::new().fail_window(window / 2)).unwrap();
    assert_eq!([run(window / 2), run(window)], [4, 1], "another window is in force at once");
}

#[circuit_breaker(name = "begun_before", fail_max = 9)]
async fn begins_an_isolation(within: &mut Option<Pin<Box<dyn Future<Output = ()> + Send>>>) -> Result<(), Ended> {
    let mut isolation = Box::pin(testing::isolated(pending()));
    assert!(poll_immediate(&mut isolation).await.is_none());
    *within = Some(isolation);
    Err(Ended(None))
}

#[test]
fn a_call_that_began_before_an_isolation_is_counted_where_it_began() {
    let _alone = alone();
    let runtime = runtime();
    let _entered = runtime.enter();
    let global = Registry::global().get("begun_before").unwrap();
    for failed in [0, 0, 1, 1] {
        global.reset();
        (0..failed).for_each(|_| global.try_acquire().unwrap().failure());
        let mut within = None;
        begins_an_isolation(&mut within).now_or_never().unwrap().unwrap_err();
        let own = Registry::global().get("begun_before").unwrap();
        assert_eq!(own.snapshot().failure_count, 0, "this one is the isolation's");
        assert_eq!(global.snapshot().failure_count, failed + 1);
    }
}
