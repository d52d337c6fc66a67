//! How many calls `max_concurrent` lets in at once, which hold a place and for how long, and what
//! is reported of one that finds none.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "places/attribute.rs"]
mod attribute;
#[path = "places/changes.rs"]
mod changes;
mod common;
#[path = "places/told.rs"]
mod told;

use breaker_core::{CallError, CircuitBreaker, CircuitBreakerError, Config, Event, State, guard_stream};
use common::{breaker, fail, ms, secs, succeed};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use std::future::{pending, ready};
use std::pin::pin;
use std::task::Poll;

const TWO: Config = Config::new().max_concurrent(2);

fn under_way(breaker: &CircuitBreaker) -> u32 {
    breaker.snapshot().under_way.unwrap()
}

#[track_caller]
fn assert_busy<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, CallError<E>>) {
    match result.unwrap_err() {
        CallError::Rejected(rejected) => assert!(rejected.is_busy(), "{rejected}"),
        CallError::Inner(error) => panic!("{error:?}"),
    }
}

/// Whether `free` more calls find a place, and no more.
#[track_caller]
fn assert_free(breaker: &CircuitBreaker, free: usize) {
    let taken: Vec<_> = std::iter::from_fn(|| breaker.try_acquire().ok()).take(10).collect();
    assert_eq!(taken.len(), free);
    taken.into_iter().for_each(breaker_core::Permit::ignore);
}

#[test]
fn one_call_more_than_there_are_places_is_rejected_and_says_so() {
    let breaker = breaker(TWO);
    let held = [breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap()];
    let rejected: CircuitBreakerError = breaker.try_acquire().unwrap_err();
    assert!(rejected.is_busy() && !rejected.is_timeout());
    assert_eq!((rejected.state(), rejected.retry_after()), (State::Closed, None));
    assert_eq!(rejected.to_string(), "circuit breaker `test` is busy: `max_concurrent` calls are in flight");
    assert_eq!(std::io::Error::from(rejected).kind(), std::io::ErrorKind::ResourceBusy);
    assert_busy(breaker.call_sync(|| Ok::<_, ()>(())));
    drop(held);
    succeed(&breaker, 5);
    assert_eq!(under_way(&breaker), 0);
}

#[test]
fn a_call_that_is_rejected_as_ever_is_not_busy() {
    assert!(!common::open_error().is_busy());
}

#[test]
fn a_permit_holds_its_place_until_it_is_settled_or_dropped() {
    let breaker = breaker(TWO.fail_max(100));
    type End = fn(breaker_core::Permit);
    let ends: [End; 6] = [
        breaker_core::Permit::success,
        breaker_core::Permit::failure,
        breaker_core::Permit::ignore,
        |permit| drop(permit),
        |permit| drop(permit.run_sync(|| Err::<(), _>("failed"))),
        |permit| drop(permit.run(pending::<Result<(), ()>>())),
    ];
    for end in ends {
        let permit = breaker.try_acquire().unwrap();
        assert_eq!(under_way(&breaker), 1);
        assert_free(&breaker, 1);
        end(permit);
        assert_eq!(under_way(&breaker), 0);
        assert_free(&breaker, 2);
    }
}

#[test]
fn a_leaked_permit_keeps_its_place() {
    let breaker = breaker(TWO);
    let _leaked = std::mem::ManuallyDrop::new(breaker.try_acquire().unwrap());
    assert_free(&breaker, 1);
}

#[test]
fn synchronous_calls_hold_places_and_give_them_back_also_by_a_panic() {
    let breaker = breaker(Config::new().max_concurrent(1));
    let other = breaker.clone();
    let inside = std::thread::spawn(move || {
        other.call_sync(|| {
            let elsewhere = other.clone();
            std::thread::spawn(move || assert_busy(elsewhere.call_sync(|| Ok::<_, ()>(())))).join().unwrap();
            Ok::<_, ()>(())
        })
    });
    inside.join().unwrap().unwrap();
    let panics = breaker.clone();
    std::panic::catch_unwind(move || drop(panics.call_sync(|| -> Result<(), ()> { panic!("it breaks") }))).unwrap_err();
    assert_free(&breaker, 1);
    // A classifier that panics too.
    let panics = breaker.clone();
    let judge = |_: &Result<(), ()>| -> breaker_core::Outcome { panic!("it breaks") };
    std::panic::catch_unwind(move || drop(panics.call_sync_classified(|| Ok(()), judge))).unwrap_err();
    assert_free(&breaker, 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_times_out_or_fails_gives_its_place_back() {
    let breaker = breaker(TWO.fail_max(100).timeout(secs(1)));
    {
        let mut one = pin!(breaker.call(pending::<Result<(), ()>>()));
        assert!(one.as_mut().now_or_never().is_none());
        assert_free(&breaker, 1);
    }
    assert_free(&breaker, 2);
    let cut = breaker.call(pending::<Result<(), ()>>()).await;
    assert!(matches!(cut, Err(CallError::Rejected(error)) if error.is_timeout()));
    assert_free(&breaker, 2);
    breaker.call(ready(Err::<(), _>("failed"))).await.unwrap_err();
    assert_free(&breaker, 2);
    drop(breaker.call(pending::<Result<(), ()>>()));
    assert_free(&breaker, 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_of_the_same_breaker_inside_takes_no_second_place() {
    let breaker = breaker(Config::new().max_concurrent(1).fail_max(1).recovery_timeout(secs(1)));
    let inner = breaker.clone();
    breaker
        .call(async {
            assert_eq!(under_way(&inner), 1);
            inner.call(ready(Ok::<_, &str>(()))).await.unwrap();
            inner.call_sync(|| inner.call_sync(|| Ok::<_, &str>(())).map_err(|_| "deeper")).unwrap();
            inner.try_acquire().unwrap().success();
            assert_eq!(under_way(&inner), 1);
            // After a change of state too, when it is asked for itself.
            inner.trip();
            tokio::time::advance(secs(1)).await;
            inner.call(ready(Ok::<_, &str>(()))).await.unwrap();
            Ok::<_, &str>(())
        })
        .await
        .unwrap();
    assert_eq!((breaker.state(), under_way(&breaker)), (State::Closed, 0));
    assert_eq!(breaker.snapshot().busy_count, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_dropped_call_around_it_holds_is_free_when_the_inner_one_is_gone() {
    let breaker = breaker(Config::new().max_concurrent(1));
    let inner = breaker.clone();
    {
        let mut outer = pin!(breaker.call(inner.call(pending::<Result<(), ()>>()).map(|_| Ok::<_, ()>(()))));
        assert!(outer.as_mut().now_or_never().is_none());
        assert_eq!(under_way(&breaker), 1);
    }
    // One that has begun outside, and is dropped inside.
    let mut first = Box::pin(breaker.call(pending::<Result<(), ()>>()));
    assert!(first.as_mut().now_or_never().is_none());
    breaker.reconfigure(TWO).unwrap();
    let drops = || {
        drop(first);
        Ok::<_, ()>(())
    };
    breaker.call_sync(drops).unwrap();
    assert_eq!(under_way(&breaker), 0);
}

#[tokio::test(start_paused = true)]
async fn a_trial_needs_both_a_place_and_a_slot_and_a_busy_call_takes_neither() {
    let config = Config::new().max_concurrent(2).fail_max(1).recovery_timeout(secs(1)).half_open_max_calls(1);
    let breaker = breaker(config);
    let held = [breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap()];
    breaker.trip();
    // While it is open that is what is reported.
    assert!(!breaker.try_acquire().unwrap_err().is_busy());
    tokio::time::advance(secs(1)).await;
    let mut events = breaker.subscribe();
    let rejected = breaker.try_acquire().unwrap_err();
    assert!(rejected.is_busy());
    assert_eq!(rejected.state(), State::HalfOpen);
    let [one, two] = held;
    one.success();
    // It has not even made the breaker half-open: the slot is still free, and so is the place.
    assert!(matches!(events.try_recv(), Some(Event::Busy { .. })));
    assert!(matches!(events.try_recv(), Some(Event::Success { .. })));
    assert!(events.try_recv().is_none());
    let probe = breaker.try_acquire().unwrap();
    two.success();
    assert!(!breaker.try_acquire().unwrap_err().is_busy(), "it has a place, and no slot");
    assert_eq!(under_way(&breaker), 1);
    probe.success();
    assert_eq!((breaker.state(), under_way(&breaker)), (State::Closed, 0));
    let shown = breaker.snapshot();
    assert_eq!((shown.busy_count, shown.rejected_count), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn what_a_ramp_rejects_holds_no_place() {
    let breaker = breaker(Config::new().max_concurrent(1).fail_max(1).recovery_timeout(secs(1)).ramp(secs(100)));
    breaker.trip();
    tokio::time::advance(secs(1)).await;
    succeed(&breaker, 1);
    breaker.try_acquire().unwrap().success();
    for _ in 0..5 {
        assert!(!breaker.try_acquire().unwrap_err().is_busy());
    }
    assert_eq!(under_way(&breaker), 0);
}

#[tokio::test(start_paused = true)]
async fn a_busy_call_is_no_evidence() {
    let rules = [
        Config::new().fail_max(2),
        Config::new().failure_rate(0.5).window_calls(4).min_calls(2),
        Config::new().failure_rate(0.5).window(secs(10)).min_calls(2),
    ];
    for rule in rules {
        let breaker = breaker(rule.max_concurrent(1));
        fail(&breaker, 1);
        let before = breaker.snapshot();
        let held = breaker.try_acquire().unwrap();
        for _ in 0..50 {
            assert_busy(breaker.call_sync(|| Err::<(), _>("failed")));
        }
        let after = breaker.snapshot();
        assert_eq!((after.consecutive_failures, after.window), (before.consecutive_failures, before.window));
        assert_eq!((after.failure_count, after.rejected_count, after.busy_count), (1, 0, 50));
        assert_eq!((after.state, after.cancelled_count, after.ignored_count), (State::Closed, 0, 0));
        held.ignore();
    }
}

#[test]
fn another_breaker_counts_a_busy_call_inside_as_ignored() {
    let (outer, inner) = (breaker(Config::new().fail_max(1)), breaker(Config::new().max_concurrent(1)));
    let _held = inner.try_acquire().unwrap();
    let call = || inner.try_acquire().map(drop);
    outer.call_sync_classified(call, breaker_core::presets::errors).unwrap_err();
    let shown = outer.snapshot();
    assert_eq!((shown.state, shown.ignored_count, shown.failure_count), (State::Closed, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_inside_one_whose_call_has_ended_gives_its_place_back() {
    let breaker = breaker(TWO);
    let items = stream::iter([Ok::<_, &str>(1), Ok(2)]);
    let mut inner = Box::pin(guard_stream(breaker.try_acquire().unwrap(), items));
    let mut reads = 0;
    let body = stream::poll_fn(move |context| {
        reads += 1;
        let read = inner.poll_next_unpin(context);
        if reads == 2 { Poll::Ready(Some(Err("broken"))) } else { read }
    });
    let mut outer = pin!(guard_stream(breaker.try_acquire().unwrap(), body));
    assert_eq!((outer.next().await, under_way(&breaker)), (Some(Ok(1)), 2));
    assert_eq!((outer.next().await, under_way(&breaker)), (Some(Err("broken")), 1));
    assert_eq!((outer.next().await, under_way(&breaker)), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn slow_calls_windows_and_time_limits_are_judged_as_without_a_limit() {
    let config = Config::new().slow_call_duration(ms(100)).window_calls(4).min_calls(2).timeout(secs(9));
    for config in [config, config.max_concurrent(5)] {
        let breaker = breaker(config);
        for _ in 0..2 {
            breaker.call(tokio::time::sleep(secs(1)).map(Ok::<_, ()>)).await.unwrap();
        }
        assert_eq!(breaker.state(), State::Open);
        assert_eq!(breaker.snapshot().success_count, 2);
    }
}

#[test]
fn many_threads_never_have_more_calls_under_way_than_there_are_places() {
    use std::sync::atomic::{AtomicU32, Ordering};
    const MOST: u32 = 3;
    let breaker = breaker(Config::new().max_concurrent(MOST).fail_max(1_000_000));
    let (inside, rejected, ran) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let call = |n: u32| {
        let result = breaker.call_sync(|| {
            assert!(inside.fetch_add(1, Ordering::SeqCst) < MOST);
            std::thread::yield_now();
            inside.fetch_sub(1, Ordering::SeqCst);
            if n.is_multiple_of(3) { Err(()) } else { Ok(()) }
        });
        match result {
            Err(CallError::Rejected(_)) => rejected.fetch_add(1, Ordering::SeqCst),
            _ => ran.fetch_add(1, Ordering::SeqCst),
        };
    };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..2_000).for_each(call));
        }
    });
    let shown = breaker.snapshot();
    assert_eq!(shown.under_way, Some(0));
    assert_eq!(shown.busy_count, u64::from(rejected.into_inner()));
    assert_eq!(shown.success_count + shown.failure_count, u64::from(ran.into_inner()));
    assert_free(&breaker, MOST as usize);
}
