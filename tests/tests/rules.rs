//! The rules of the machine, each a test of its name, in virtual time and through the public API
//! only.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::event::StateChange;
use breaker_core::{CallError, CircuitBreaker, Config, Listener, OnCancel, OnPanic, Outcome, State, guard_stream};
use common::{breaker, fail, ms, open, secs, succeed};
use futures_util::future::{join, pending};
use futures_util::stream::{self, iter};
use futures_util::{FutureExt, StreamExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::time::{advance, timeout};

#[tokio::test(start_paused = true)]
async fn rule_1_closed_calls_pass_and_a_success_clears_the_run() {
    let breaker = breaker(Config::new().fail_max(3));
    fail(&breaker, 2);
    succeed(&breaker, 1);
    fail(&breaker, 2);
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.snapshot().consecutive_failures, 2);
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn rule_1_a_success_clears_the_run_that_began_while_it_was_under_way() {
    let breaker = breaker(Config::new().fail_max(3));
    // Made on another thread, they are no part of the call.
    let meanwhile = || {
        std::thread::scope(|threads| threads.spawn(|| fail(&breaker, 2)).join().unwrap());
        Ok::<_, ()>(())
    };
    breaker.call_sync(meanwhile).unwrap();
    assert_eq!(breaker.snapshot().consecutive_failures, 0);
    breaker.call(async { meanwhile() }).await.unwrap();
    assert_eq!((breaker.snapshot().consecutive_failures, breaker.snapshot().success_count), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn rule_1_a_run_is_forgotten_when_longer_than_the_window_passes_between_two_failures() {
    let breaker = breaker(Config::new().fail_max(3).fail_window(secs(60)));
    fail(&breaker, 2);
    advance(secs(60)).await;
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open, "60 s are not longer than 60 s");
    breaker.reset();
    fail(&breaker, 2);
    advance(secs(60) + ms(1)).await;
    fail(&breaker, 1);
    assert_eq!(breaker.snapshot().consecutive_failures, 1);
    assert_eq!(breaker.state(), State::Closed);
}

/// Most failures of the run change no more than a word, whose time is in milliseconds.
#[tokio::test(start_paused = true)]
async fn rule_1_a_late_failure_does_not_move_the_time_of_the_run() {
    for (over, expected) in [(ms(0), 3), (ms(1), 1)] {
        let breaker = breaker(Config::new().fail_max(9).fail_window(secs(60)));
        let late = breaker.try_acquire().unwrap();
        breaker.reset();
        fail(&breaker, 2);
        advance(secs(60) + over).await;
        late.failure();
        fail(&breaker, 1);
        assert_eq!(breaker.snapshot().consecutive_failures, expected, "{over:?}");
        assert_eq!(breaker.snapshot().failure_count, 4);
    }
}

#[tokio::test(start_paused = true)]
async fn rule_1_long_runs_are_counted_exactly() {
    let breaker = breaker(Config::new().fail_max(10_000).fail_window_off());
    for length in [2_000, 100, 3_000, 4_800] {
        fail(&breaker, length);
    }
    assert_eq!((breaker.snapshot().consecutive_failures, breaker.snapshot().failure_count), (9_900, 9_900));
    breaker.try_acquire().unwrap().success();
    assert_eq!((breaker.snapshot().consecutive_failures, breaker.snapshot().failure_count), (0, 9_900));
    fail(&breaker, 9_999);
    assert_eq!(breaker.state(), State::Closed);
    fail(&breaker, 1);
    assert_eq!((breaker.state(), breaker.snapshot().failure_count), (State::Open, 19_900));
}

#[tokio::test(start_paused = true)]
async fn rule_1_a_run_without_a_window_is_never_forgotten() {
    let breaker = breaker(Config::new().fail_max(2).fail_window_off());
    fail(&breaker, 1);
    advance(secs(1_000_000)).await;
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn rule_1_reading_the_state_never_changes_it() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(10)));
    let changes = Changes::of(&breaker);
    fail(&breaker, 1);
    advance(secs(10)).await;
    for _ in 0..10 {
        assert_eq!(breaker.state(), State::HalfOpen);
        assert_eq!(breaker.snapshot().state, State::HalfOpen);
    }
    assert_eq!(changes.seen(), [(State::Closed, State::Open)]);
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed, "no reading took the probe's slot");
}

#[tokio::test(start_paused = true)]
async fn rule_2_it_opens_at_fail_max_and_the_tripping_call_returns_its_own_error() {
    let breaker = breaker(Config::new().fail_max(5));
    for call in 1..=5 {
        assert_eq!(breaker.state(), State::Closed, "before call {call}");
        let result = breaker.call(async { Err::<(), _>(call) }).await;
        assert!(matches!(result, Err(CallError::Inner(own)) if own == call));
    }
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.snapshot().opened_because.unwrap(), "5 consecutive failures in 0 ms, last: i32");
}

#[tokio::test(start_paused = true)]
async fn rule_3_open_does_not_poll_the_body_and_tells_the_time_left() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(30)));
    fail(&breaker, 1);
    advance(secs(10)).await;
    let polled = AtomicUsize::new(0);
    let result = breaker
        .call(async {
            polled.fetch_add(1, Ordering::Relaxed);
            Ok::<_, ()>(())
        })
        .await;
    let Err(CallError::Rejected(error)) = result else { panic!("let in") };
    assert_eq!(polled.into_inner(), 0);
    assert_eq!(error.retry_after(), Some(secs(20)));
    assert_eq!(error.state(), State::Open);
    assert_eq!(error.to_string(), "circuit breaker `test` is open; retry in 20.0s");
    assert_eq!(error.opened_because().unwrap(), "1 failure, last: &str");
}

#[tokio::test(start_paused = true)]
async fn rule_3_half_open_and_full_tells_when_the_earliest_slot_can_free_and_one_second_at_least() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(10)).probe_timeout(secs(5)));
    fail(&breaker, 1);
    advance(secs(10)).await;
    let probe = breaker.try_acquire().unwrap();
    advance(secs(2)).await;
    let error = breaker.try_acquire().unwrap_err();
    assert_eq!((error.state(), error.retry_after()), (State::HalfOpen, Some(secs(3))));
    assert_eq!(error.to_string(), "circuit breaker `test` is half-open and has no free probe slot; retry in 3.0s");
    advance(ms(2_900)).await;
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after(), Some(secs(1)));
    probe.ignore();
}

#[tokio::test(start_paused = true)]
async fn rule_3_forced_open_tells_no_time() {
    let breaker = breaker(Config::new());
    breaker.force_open();
    let error = breaker.try_acquire().unwrap_err();
    assert_eq!((error.state(), error.retry_after()), (State::ForcedOpen, None));
    assert_eq!(error.to_string(), "circuit breaker `test` is forced open");
    advance(secs(1_000_000)).await;
    assert_eq!(breaker.state(), State::ForcedOpen);
}

#[tokio::test(start_paused = true)]
async fn rule_4_half_open_at_the_recovery_timeout_and_told_with_the_first_probe() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(30)));
    let changes = Changes::of(&breaker);
    fail(&breaker, 1);
    advance(secs(30) - ms(1)).await;
    assert_eq!(breaker.state(), State::Open);
    assert!(breaker.try_acquire().is_err());
    advance(ms(1)).await;
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(changes.seen().len(), 1, "nothing was told yet");
    let probe = breaker.try_acquire().unwrap();
    assert_eq!(changes.seen(), [(State::Closed, State::Open), (State::Open, State::HalfOpen)]);
    probe.success();
    assert_eq!(changes.seen()[2], (State::HalfOpen, State::Closed));
}

#[tokio::test(start_paused = true)]
async fn rule_4_a_recovery_timeout_of_zero_lets_the_next_call_probe() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(0)));
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::HalfOpen);
    let probe = breaker.try_acquire().unwrap();
    assert!(breaker.try_acquire().is_err(), "one probe at a time all the same");
    probe.success();
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn rule_5_never_more_than_half_open_max_calls_probes_however_many_threads_meet_the_edge() {
    for limit in [1, 3] {
        let config = Config::new().fail_max(1).recovery_timeout(secs(0)).probe_timeout(secs(60));
        let breaker = breaker(config.half_open_max_calls(limit).success_threshold(1_000_000));
        fail(&breaker, 1);
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        if let Ok(permit) = breaker.try_acquire() {
                            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            std::thread::yield_now();
                            inside.fetch_sub(1, Ordering::SeqCst);
                            permit.success();
                        }
                    }
                });
            }
        });
        assert!(most.into_inner() <= limit as usize);
        assert_eq!(breaker.state(), State::HalfOpen, "closing takes more");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_5_success_threshold_successes_close_and_one_failure_opens_again() {
    let config = Config::new().fail_max(1).recovery_timeout(secs(10)).half_open_max_calls(2).success_threshold(3);
    let breaker = breaker(config);
    fail(&breaker, 1);
    advance(secs(10)).await;
    succeed(&breaker, 2);
    assert_eq!(breaker.state(), State::HalfOpen);
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.snapshot().opened_because.unwrap(), "a probe failed after 2 of 3 successes, last: &str");
    advance(secs(10)).await;
    succeed(&breaker, 3);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn rule_5_a_slow_probe_is_no_success_where_a_slow_rule_is_set() {
    let drowning =
        Config::new().slow_call_duration(secs(1)).slow_call_rate(0.5).min_calls(4).recovery_timeout(secs(30));
    let breaker = breaker(drowning);
    for _ in 0..4 {
        slow_call_duration(&breaker, secs(2)).await;
    }
    assert_eq!(breaker.state(), State::Open, "for slowness");
    for _ in 0..3 {
        advance(secs(30)).await;
        slow_call_duration(&breaker, secs(8)).await;
        let because = breaker.snapshot().opened_because;
        assert_eq!((breaker.state(), because.as_deref()), (State::Open, Some("a probe took longer than 1s")));
    }
    advance(secs(30)).await;
    slow_call_duration(&breaker, secs(1)).await;
    assert_eq!(breaker.state(), State::Closed, "1 s is not longer than 1 s");
}

#[tokio::test(start_paused = true)]
async fn rule_5_a_trial_with_failures_to_spare_spares_slow_probes_too() {
    let patient = Config::new()
        .fail_max(1)
        .slow_call_duration(secs(1))
        .success_threshold(2)
        .probe_count(3)
        .recovery_timeout(secs(30));
    for (probes, state, because) in [
        ([true, false, false], State::Closed, None),
        ([true, false, true], State::Open, Some("2 of 3 probes took longer than 1s, and closing takes 2 successes")),
    ] {
        let breaker = breaker(patient);
        fail(&breaker, 1);
        advance(secs(30)).await;
        for slow in probes {
            assert_eq!(breaker.state(), State::HalfOpen);
            slow_call_duration(&breaker, if slow { secs(8) } else { ms(1) }).await;
        }
        assert_eq!((breaker.state(), breaker.snapshot().opened_because.as_deref()), (state, because));
    }
    let breaker = breaker(patient);
    fail(&breaker, 1);
    advance(secs(30)).await;
    slow_call_duration(&breaker, secs(8)).await;
    fail(&breaker, 1);
    let because = breaker.snapshot().opened_because.unwrap();
    assert!(
        because.starts_with("2 of 2 probes failed or took longer than 1s, and closing takes 2 successes"),
        "{because}"
    );
}

#[tokio::test(start_paused = true)]
async fn rule_5_a_slow_probe_closes_where_no_slow_rule_is_set() {
    let breaker = half_open().await;
    slow_call_duration(&breaker, secs(8)).await;
    assert_eq!(breaker.state(), State::Closed);
}

/// A call that succeeds after `span`.
async fn slow_call_duration(breaker: &CircuitBreaker, span: std::time::Duration) {
    let call = breaker.call(async {
        advance(span).await;
        Ok::<_, &str>(())
    });
    call.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rule_5_being_rejected_while_half_open_and_full_is_counted() {
    let breaker = half_open().await;
    let probe = breaker.try_acquire().unwrap();
    for _ in 0..7 {
        assert_eq!(breaker.try_acquire().unwrap_err().state(), State::HalfOpen);
    }
    assert_eq!(breaker.snapshot().rejected_count, 7);
    probe.success();
}

#[tokio::test(start_paused = true)]
async fn rule_6_a_cancelled_probe_gives_its_slot_back() {
    let breaker = half_open().await;
    let mut probe = Box::pin(breaker.call(pending::<Result<(), ()>>()));
    assert!(probe.as_mut().now_or_never().is_none());
    assert!(breaker.try_acquire().is_err());
    drop(probe);
    assert_eq!(breaker.state(), State::HalfOpen);
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn rule_6_an_ignored_probe_gives_its_slot_back() {
    let breaker = half_open().await;
    for _ in 0..50 {
        breaker.try_acquire().unwrap().ignore();
    }
    assert_eq!(breaker.state(), State::HalfOpen);
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn rule_6_a_probe_that_outlives_probe_timeout_loses_its_slot_and_still_decides() {
    let config = Config::new().fail_max(1).recovery_timeout(secs(10)).probe_timeout(secs(5)).success_threshold(2);
    let breaker = breaker(config);
    fail(&breaker, 1);
    advance(secs(10)).await;
    let slow = breaker.try_acquire().unwrap();
    advance(secs(5) - ms(1)).await;
    assert!(breaker.try_acquire().is_err());
    advance(ms(1)).await;
    let second = breaker.try_acquire().unwrap();
    assert!(breaker.try_acquire().is_err(), "one slot, one holder");
    slow.success();
    assert_eq!(breaker.state(), State::HalfOpen);
    assert!(breaker.try_acquire().is_err(), "the late one frees no slot of another's");
    second.success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn rule_6_a_lost_permit_does_not_keep_it_half_open_for_ever() {
    let breaker = half_open().await;
    // A leak, as a reference cycle or a task that is never polled again makes one.
    Box::leak(Box::new(breaker.try_acquire().unwrap()));
    assert!(breaker.try_acquire().is_err());
    advance(secs(10)).await;
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn rule_6_probe_timeout_defaults_to_the_larger_of_recovery_timeout_and_twice_the_timeout() {
    for (config, lease) in [
        (Config::new().recovery_timeout(secs(10)), secs(10)),
        (Config::new().recovery_timeout(secs(10)).timeout(secs(8)), secs(16)),
        (Config::new().recovery_timeout(secs(0)), secs(1)),
    ] {
        let breaker = breaker(config.fail_max(1));
        fail(&breaker, 1);
        advance(secs(10)).await;
        let _lost = breaker.try_acquire().unwrap();
        advance(lease - ms(1)).await;
        assert!(breaker.try_acquire().is_err());
        advance(ms(1)).await;
        assert!(breaker.try_acquire().is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn rule_6_no_sequence_of_lost_calls_leaves_it_rejecting_for_ever() {
    let breaker = half_open().await;
    for round in 0..40 {
        let permit = breaker.try_acquire().unwrap_or_else(|error| panic!("round {round}: {error}"));
        match round % 4 {
            0 => drop(permit),
            1 => permit.ignore(),
            2 => {
                Box::leak(Box::new(permit));
                advance(secs(10)).await;
            }
            _ => {
                drop(permit);
                let panicked = catch_unwind(AssertUnwindSafe(|| {
                    let _ = breaker.call_sync(|| -> Result<(), ()> { panic!("as planned") });
                }));
                assert!(panicked.is_err());
                advance(secs(10)).await;
            }
        }
    }
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn rule_7_a_late_failure_does_not_reopen() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(10)));
    let late = breaker.try_acquire().unwrap();
    fail(&breaker, 1);
    advance(secs(10)).await;
    succeed(&breaker, 1);
    late.failure();
    assert_eq!(breaker.state(), State::Closed);
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.failure_count, snapshot.consecutive_failures), (2, 0), "counted in the totals only");
}

#[tokio::test(start_paused = true)]
async fn rule_7_a_late_success_closes_nothing() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(10)));
    let (early, other) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
    fail(&breaker, 1);
    early.success();
    assert_eq!(breaker.state(), State::Open);
    advance(secs(10)).await;
    let probe = breaker.try_acquire().unwrap();
    other.success();
    assert_eq!(breaker.state(), State::HalfOpen);
    assert!(breaker.try_acquire().is_err(), "the probe still holds its slot");
    probe.success();
    assert_eq!(breaker.snapshot().success_count, 3);
}

#[tokio::test(start_paused = true)]
async fn rule_7_a_probe_of_an_earlier_half_open_decides_nothing() {
    let config = Config::new().fail_max(1).recovery_timeout(secs(10)).half_open_max_calls(2);
    let breaker = breaker(config);
    fail(&breaker, 1);
    advance(secs(10)).await;
    let (first, second) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
    first.failure();
    advance(secs(10)).await;
    let third = breaker.try_acquire().unwrap();
    second.success();
    assert_eq!(breaker.state(), State::HalfOpen);
    third.success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn rule_8_a_panic_is_a_counted_failure_and_goes_on_unwinding() {
    let breaker = breaker(Config::new().fail_max(2));
    let call = AssertUnwindSafe(breaker.call(async { panic!("{}", "as planned") as Result<(), ()> }));
    let payload = call.catch_unwind().await.unwrap_err();
    assert_eq!(*payload.downcast::<String>().unwrap(), "as planned");
    let sync = catch_unwind(AssertUnwindSafe(|| {
        let _ = breaker.call_sync(|| -> Result<(), ()> { panic!("as planned") });
    }));
    assert!(sync.is_err());
    assert_eq!(breaker.state(), State::Open);
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.failure_count, 2);
    assert_eq!(snapshot.last_error.unwrap().kind, "panic");
}

#[tokio::test(start_paused = true)]
async fn rule_8_on_panic_ignore_counts_it_as_ignored() {
    let breaker = breaker(Config::new().fail_max(1).on_panic(OnPanic::Ignore));
    let call = AssertUnwindSafe(breaker.call(async { panic!("as planned") as Result<(), ()> }));
    assert!(call.catch_unwind().await.is_err());
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.snapshot().ignored_count, 1);
}

#[tokio::test(start_paused = true)]
async fn rule_8_a_future_dropped_because_something_else_panics_is_a_dropped_call() {
    let breaker = breaker(Config::new().fail_max(1));
    let sibling = async { panic!("beside the call") };
    let both = AssertUnwindSafe(join(breaker.call(pending::<Result<(), ()>>()), sibling));
    assert!(both.catch_unwind().await.is_err());
    assert_eq!(breaker.state(), State::Closed);
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.cancelled_count, snapshot.failure_count), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn rule_9_a_dropped_call_is_ignored_unless_on_cancel_says_otherwise() {
    let ignoring = breaker(Config::new().fail_max(1));
    drop(ignoring.try_acquire().unwrap());
    assert_eq!((ignoring.state(), ignoring.snapshot().cancelled_count), (State::Closed, 1));

    let counting = breaker(Config::new().fail_max(1).on_cancel(OnCancel::Failure));
    drop(counting.try_acquire().unwrap());
    assert_eq!((counting.state(), counting.snapshot().failure_count), (State::Open, 1));
    assert_eq!(counting.snapshot().last_error.unwrap().kind, "cancelled");

    let patient = breaker(Config::new().fail_max(1).on_cancel(OnCancel::After(secs(5))));
    let (quick, slow) = (patient.try_acquire().unwrap(), patient.try_acquire().unwrap());
    advance(secs(5) - ms(1)).await;
    drop(quick);
    assert_eq!(patient.state(), State::Closed);
    advance(ms(1)).await;
    drop(slow);
    assert_eq!(patient.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn rule_9_a_stream_that_is_dropped_after_an_item_is_a_success_unless_its_reader_has_waited_too_long() {
    let counts = async |config: Config, items: usize, waits: bool| {
        let breaker = breaker(config);
        let words = iter([Ok::<_, ()>("once"), Ok("upon")]).chain(stream::pending());
        let mut words = guard_stream(breaker.try_acquire().unwrap(), words);
        (0..items).for_each(|_| assert!(words.next().now_or_never().unwrap().is_some()));
        if waits {
            timeout(secs(5), words.next()).await.unwrap_err();
        }
        drop(words);
        let shown = breaker.snapshot();
        [shown.success_count, shown.failure_count, shown.cancelled_count]
    };
    let on_cancel = |on_cancel| Config::new().on_cancel(on_cancel);
    assert_eq!(counts(Config::new(), 0, false).await, [0, 0, 1]);
    assert_eq!(counts(Config::new(), 1, false).await, [1, 0, 0]);
    assert_eq!(counts(Config::new(), 2, true).await, [1, 0, 0]);
    assert_eq!(counts(on_cancel(OnCancel::Ignore), 2, true).await, [1, 0, 0]);
    assert_eq!(counts(on_cancel(OnCancel::Failure), 1, false).await, [1, 0, 0]);
    assert_eq!(counts(on_cancel(OnCancel::Failure), 2, true).await, [0, 1, 0]);
    assert_eq!(counts(on_cancel(OnCancel::After(secs(6))), 2, true).await, [1, 0, 0]);
    assert_eq!(counts(on_cancel(OnCancel::After(secs(5))), 2, true).await, [0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn rule_9_a_future_that_is_never_polled_is_no_call() {
    let breaker = breaker(Config::new().fail_max(1).on_cancel(OnCancel::Failure));
    drop(breaker.call(async { Ok::<_, ()>(()) }));
    assert_eq!(breaker.snapshot().cancelled_count + breaker.snapshot().failure_count, 0);
}

#[tokio::test(start_paused = true)]
async fn rule_10_listeners_run_after_the_change_and_under_no_lock() {
    struct Curious(Mutex<Vec<State>>);
    impl Listener for Curious {
        fn on_state_change(&self, event: &StateChange<'_>) {
            // All of these take the breaker's lock.
            let seen = event.breaker.snapshot().state;
            let _ = (event.breaker.settings(), event.breaker.state());
            self.0.lock().unwrap().push(seen);
            if event.new == State::Open {
                event.breaker.reset();
            }
        }
    }
    let breaker = breaker(Config::new().fail_max(1));
    let curious = Arc::new(Curious(Mutex::default()));
    breaker.add_listener(Arc::clone(&curious));
    fail(&breaker, 1);
    assert_eq!(*curious.0.lock().unwrap(), [State::Open, State::Closed]);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_panicking_listener_harms_nothing() {
    struct Clumsy;
    impl Listener for Clumsy {
        fn on_state_change(&self, _: &StateChange<'_>) {
            panic!("as planned");
        }
    }
    let breaker = breaker(Config::new().fail_max(1));
    breaker.add_listener(Clumsy);
    let changes = Changes::of(&breaker);
    fail(&breaker, 1);
    assert_eq!(changes.seen(), [(State::Closed, State::Open)], "the next listener is told");
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn rule_10_changes_carry_the_generation_and_a_sequence_number() {
    let (one, other) = (breaker(Config::new().fail_max(1)), breaker(Config::new().fail_max(1)));
    let (first, second) = (Changes::of(&one), Changes::of(&other));
    fail(&one, 1);
    fail(&other, 1);
    one.reset();
    let (first, second) = (first.numbers(), second.numbers());
    assert_eq!(first.iter().map(|number| number.0).collect::<Vec<_>>(), [2, 3]);
    assert!(first[0].1 < second[0].1 && second[0].1 < first[1].1, "one order over all breakers");
}

#[tokio::test(start_paused = true)]
async fn rule_11_virtual_time_drives_the_clock_and_no_task_or_timer_is_needed() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(3600)));
    fail(&breaker, 1);
    advance(secs(3599)).await;
    assert_eq!(breaker.state(), State::Open);
    advance(secs(1)).await;
    assert_eq!(breaker.state(), State::HalfOpen);
    let snapshot = breaker.snapshot();
    let since_failure = snapshot.state_changed_at.duration_since(snapshot.last_failure_time.unwrap()).unwrap();
    assert!(since_failure.abs_diff(secs(3600)) < secs(1), "shown times follow the monotonic clock: {since_failure:?}");
}

#[tokio::test(start_paused = true)]
async fn rule_12_force_open_lasts_until_release_which_goes_on_closed() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(1)));
    let changes = Changes::of(&breaker);
    fail(&breaker, 1);
    breaker.force_open();
    advance(secs(100)).await;
    assert!(breaker.try_acquire().is_err());
    breaker.clear_override();
    succeed(&breaker, 1);
    breaker.clear_override();
    assert_eq!(
        changes.seen(),
        [(State::Closed, State::Open), (State::Open, State::ForcedOpen), (State::ForcedOpen, State::Closed)]
    );
}

#[tokio::test(start_paused = true)]
async fn rule_12_force_open_for_ends_by_itself() {
    let breaker = breaker(Config::new());
    let changes = Changes::of(&breaker);
    breaker.force_open_for(secs(60));
    advance(secs(20)).await;
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after(), Some(secs(40)));
    advance(secs(40)).await;
    assert_eq!(breaker.state(), State::Closed);
    succeed(&breaker, 1);
    assert_eq!(changes.seen(), [(State::Closed, State::ForcedOpen), (State::ForcedOpen, State::Closed)]);
    breaker.force_open_for(secs(60));
    advance(secs(60)).await;
    breaker.shadow();
    let (forced, shadow) = (State::ForcedOpen, State::Shadow);
    assert_eq!(changes.seen()[2..], [(State::Closed, forced), (forced, State::Closed), (State::Closed, shadow)]);
}

#[tokio::test(start_paused = true)]
async fn rule_12_disabled_calls_pass_straight_through_and_are_not_counted() {
    let breaker = breaker(Config::new().fail_max(1));
    breaker.disable();
    fail(&breaker, 10);
    drop(breaker.try_acquire().unwrap());
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.enabled, snapshot.healthy), (State::Disabled, false, true));
    assert_eq!(snapshot.failure_count + snapshot.cancelled_count, 0);
    breaker.clear_override();
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn rule_12_shadow_counts_and_tells_what_it_would_have_done_and_rejects_nobody() {
    let breaker = breaker(Config::new().fail_max(2).recovery_timeout(secs(10)));
    breaker.shadow();
    let changes = Changes::of(&breaker);
    fail(&breaker, 5);
    assert_eq!(breaker.state(), State::Shadow);
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.failure_count, snapshot.rejected_count, snapshot.shadow_rejected_count), (5, 0, 3));
    assert!(snapshot.opened_because.unwrap().starts_with("2 consecutive failures"));
    advance(secs(10)).await;
    succeed(&breaker, 1);
    assert_eq!(
        changes.seen(),
        [(State::Closed, State::Open), (State::Open, State::HalfOpen), (State::HalfOpen, State::Closed)]
    );
    assert!(changes.0.lock().unwrap().iter().all(|change| change.shadow));
}

#[tokio::test(start_paused = true)]
async fn rule_12_reset_closes_starts_a_generation_zeroes_the_snapshot_and_is_told_with_the_old_state() {
    let breaker = breaker(Config::new().fail_max(2));
    let late = breaker.try_acquire().unwrap();
    succeed(&breaker, 3);
    breaker.try_acquire().unwrap().ignore();
    drop(breaker.try_acquire().unwrap());
    open(&breaker);
    assert!(breaker.try_acquire().is_err());
    let changes = Changes::of(&breaker);
    breaker.reset();
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.state, State::Closed);
    let counts = [snapshot.failure_count, snapshot.success_count, snapshot.rejected_count];
    assert_eq!((counts, snapshot.ignored_count, snapshot.cancelled_count), ([0; 3], 0, 0));
    assert_eq!((snapshot.consecutive_failures, snapshot.last_failure_time), (0, None));
    assert_eq!((snapshot.last_error, snapshot.opened_because), (None, None));
    assert_eq!(changes.seen(), [(State::Open, State::Closed)]);
    assert!(changes.0.lock().unwrap()[0].reset);
    fail(&breaker, 1);
    late.failure();
    assert_eq!(breaker.state(), State::Closed, "a call from before the reset decides nothing");
}

#[tokio::test(start_paused = true)]
async fn rule_12_reset_ends_every_manual_state() {
    let breaker = breaker(Config::new().fail_max(1));
    for enter in [CircuitBreaker::force_open, CircuitBreaker::disable, CircuitBreaker::shadow] {
        enter(&breaker);
        breaker.reset();
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn rule_13_reconfigure_keeps_state_counts_and_listeners_and_refuses_bad_settings_whole() {
    let breaker = breaker(Config::new().fail_max(5).recovery_timeout(secs(30)));
    let changes = Changes::of(&breaker);
    fail(&breaker, 3);
    let refused = breaker.reconfigure(Config::new().recovery_timeout(secs(1)).fail_max(0)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "reconfigure of circuit breaker `test`: `fail_max` is 0, expected a whole number of 1 or more, or \"off\""
    );
    assert_eq!(breaker.settings().recovery_timeout, secs(30));
    breaker.reconfigure(Config::new().fail_max(4).recovery_timeout(secs(5))).unwrap();
    assert_eq!(breaker.snapshot().consecutive_failures, 3);
    fail(&breaker, 1);
    assert_eq!(changes.seen(), [(State::Closed, State::Open)]);
    breaker.reconfigure(Config::new().recovery_timeout(secs(60))).unwrap();
    advance(secs(59)).await;
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after(), Some(secs(1)));
    breaker.reconfigure(Config::new().enabled(false)).unwrap();
    assert_eq!(breaker.state(), State::Disabled);
    breaker.reconfigure(Config::new().enabled(true)).unwrap();
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(changes.seen().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn outcomes_of_a_classifier_count_as_they_say() {
    let breaker = breaker(Config::new().fail_max(1));
    let by = |outcome: Outcome| move |_: &Result<(), &str>| outcome;
    let _ = breaker.call_classified(async { Err("local") }, by(Outcome::ignored())).await;
    let _ = breaker.call_sync_classified(|| Err("answered"), by(Outcome::success()));
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.ignored_count, snapshot.success_count, snapshot.failure_count), (1, 1, 0));
    let _ = breaker.call_classified(async { Ok(()) }, by(Outcome::failure())).await;
    assert_eq!(breaker.state(), State::Open, "an Ok can be a failure");
}

async fn half_open() -> CircuitBreaker {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(10)));
    fail(&breaker, 1);
    advance(secs(10)).await;
    breaker
}

/// What was reported to a listener of the changes of one breaker.
#[derive(Clone, Default)]
struct Changes(Arc<Mutex<Vec<Seen>>>);

struct Seen {
    states: (State, State),
    numbers: (u64, u64),
    shadow: bool,
    reset: bool,
}

impl Changes {
    fn of(breaker: &CircuitBreaker) -> Self {
        let changes = Self::default();
        breaker.add_listener(changes.clone());
        changes
    }

    fn seen(&self) -> Vec<(State, State)> {
        self.0.lock().unwrap().iter().map(|change| change.states).collect()
    }

    fn numbers(&self) -> Vec<(u64, u64)> {
        self.0.lock().unwrap().iter().map(|change| change.numbers).collect()
    }
}

impl Listener for Changes {
    fn on_state_change(&self, event: &StateChange<'_>) {
        self.0.lock().unwrap().push(Seen {
            states: (event.old, event.new),
            numbers: (event.generation, event.sequence),
            shadow: event.shadow,
            reset: event.reset,
        });
    }
}
