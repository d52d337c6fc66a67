//! The policies: rates over windows, backoff, trials, ramps; in virtual time and through the public
//! API only.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::event::{Rejected, StateChange};
use breaker_core::{
    Backoff, CircuitBreaker, CircuitBreakerError, Config, Listener, Outcome, State, WindowCounts, circuit_breaker,
    testing,
};
use common::{breaker, fail, ms, secs, succeed};
use futures_util::FutureExt;
use std::sync::{Arc, Mutex};
use tokio::time::advance;

/// No run opens it.
const NO_RUN: Config = Config::new().fail_max(u32::MAX);

/// A call that takes so long.
async fn call(breaker: &CircuitBreaker, fails: bool, took: std::time::Duration) {
    let permit = breaker.try_acquire().unwrap();
    advance(took).await;
    if fails {
        permit.failure();
    } else {
        permit.success();
    }
}

fn because(breaker: &CircuitBreaker) -> String {
    breaker.snapshot().opened_because.unwrap()
}

fn in_window(breaker: &CircuitBreaker) -> (u64, u64, u64) {
    let WindowCounts { calls, failures, slow, .. } = breaker.snapshot().window.unwrap();
    (calls, failures, slow)
}

/// How many of `n` calls are let in; they succeed.
fn let_in(breaker: &CircuitBreaker, n: u32) -> u32 {
    (0..n).map(|_| u32::from(breaker.try_acquire().map(breaker_core::Permit::success).is_ok())).sum()
}

/// Until when it is open: it is half-open then, and not a millisecond before.
async fn open_time(breaker: &CircuitBreaker) -> std::time::Duration {
    let left = breaker.snapshot().retry_after.unwrap();
    advance(left - ms(1)).await;
    assert_eq!(breaker.state(), State::Open);
    advance(ms(1)).await;
    assert_eq!(breaker.state(), State::HalfOpen);
    left
}

#[tokio::test(start_paused = true)]
async fn a_window_of_calls_slides_so_that_five_failures_open_it_after_a_thousand_successes() {
    let breaker = breaker(NO_RUN.failure_rate(0.5).window_calls(10));
    succeed(&breaker, 1000);
    fail(&breaker, 4);
    assert_eq!((breaker.state(), in_window(&breaker)), (State::Closed, (10, 4, 0)));
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(because(&breaker), "failure rate 50 % of 10 calls (limit 50 %), last: &str");
}

const BUSY: Config = NO_RUN.failure_rate(0.5).window(secs(60)).min_calls(4).backoff(Backoff::new().jitter(0.0));

#[circuit_breaker(config = BUSY, recovery_timeout = "10s")]
async fn annotated(fails: bool) -> Result<(), std::io::Error> {
    if fails { Err(std::io::Error::other("no route")) } else { Ok(()) }
}

#[tokio::test(start_paused = true)]
async fn an_annotated_function_takes_policies_from_a_constant() {
    testing::isolated(async {
        for fails in [false, true, false] {
            let _ = annotated(fails).await;
        }
        annotated(true).await.unwrap_err();
        let error = annotated(true).await.unwrap_err();
        let rejection = CircuitBreakerError::find(&error).unwrap();
        let rule = "failure rate 50 % of 4 calls (limit 50 %), last: no route";
        assert_eq!((rejection.opened_because().unwrap().as_str(), rejection.retry_after()), (rule, Some(secs(10))));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn failures_that_successes_part_open_it_by_their_rate() {
    let breaker = breaker(Config::new().failure_rate(0.4).window_calls(20));
    for _ in 0..4 {
        succeed(&breaker, 1);
        fail(&breaker, 1);
    }
    assert_eq!(breaker.state(), State::Closed, "8 calls are too few");
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Open, "a success that makes the tenth call may be what opens it");
    assert_eq!(because(&breaker), "failure rate 40 % of 10 calls (limit 40 %), last: &str");
}

#[tokio::test(start_paused = true)]
async fn a_success_that_pushes_out_a_success_may_open_it() {
    let breaker = breaker(NO_RUN.failure_rate(0.5).window_calls(4).min_calls(4));
    succeed(&breaker, 2);
    fail(&breaker, 1);
    succeed(&breaker, 1);
    assert_eq!(in_window(&breaker), (4, 1, 0));
    fail(&breaker, 1);
    assert_eq!((breaker.state(), in_window(&breaker)), (State::Open, (4, 2, 0)));
}

#[tokio::test(start_paused = true)]
async fn all_rules_are_joined_by_or() {
    let rate = Config::new().failure_rate(1.0).window_calls(100);
    let run_first = breaker(rate.fail_max(3));
    fail(&run_first, 3);
    assert_eq!(because(&run_first), "3 consecutive failures in 0 ms, last: &str");
    let rate_first = breaker(rate.fail_max(30));
    fail(&rate_first, 10);
    assert_eq!(because(&rate_first), "failure rate 100 % of 10 calls (limit 100 %), last: &str");
    let count_first = breaker(rate.fail_max(30).window_fail_max(7));
    fail(&count_first, 7);
    assert_eq!(because(&count_first), "7 failures of 7 calls, last: &str");
}

#[tokio::test(start_paused = true)]
async fn a_run_does_not_decay_with_the_window() {
    let breaker = breaker(Config::new().fail_max(5).failure_rate(0.5).window(secs(20)).fail_window_off());
    for _ in 0..4 {
        fail(&breaker, 1);
        advance(secs(19)).await;
    }
    assert_eq!(breaker.state(), State::Closed);
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open, "five in a row, 19 s apart");
    assert_eq!(because(&breaker), "5 consecutive failures in 76.0 s, last: &str");
}

#[tokio::test(start_paused = true)]
async fn a_number_of_failures_in_a_window_of_time_opens_it_whatever_succeeds_between_them() {
    let breaker = breaker(NO_RUN.window_fail_max(5).window(secs(60)));
    for _ in 0..4 {
        succeed(&breaker, 100);
        fail(&breaker, 1);
        advance(secs(20)).await;
    }
    assert_eq!((breaker.state(), in_window(&breaker).1), (State::Closed, 2), "80 s have passed: the first two are out");
    fail(&breaker, 2);
    assert_eq!(breaker.state(), State::Closed);
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_call_as_old_as_the_window_of_time_is_out() {
    let breaker = breaker(NO_RUN.failure_rate(0.5).window(secs(10)).min_calls(4));
    succeed(&breaker, 2);
    fail(&breaker, 1);
    advance(secs(10) - ms(1)).await;
    assert_eq!(in_window(&breaker), (3, 1, 0));
    advance(ms(1)).await;
    assert_eq!(in_window(&breaker), (0, 0, 0), "reading it turns it on, but changes nothing");
    fail(&breaker, 3);
    assert_eq!(breaker.state(), State::Closed);
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Open, "the success that makes the fourth call");
    assert_eq!(because(&breaker), "failure rate 75 % of 4 calls (limit 50 %), last: &str");
}

#[tokio::test(start_paused = true)]
async fn successes_that_leave_a_window_of_time_may_let_the_next_success_open_it() {
    let breaker = breaker(NO_RUN.failure_rate(0.5).window(secs(60)).min_calls(4));
    succeed(&breaker, 20);
    advance(secs(30)).await;
    fail(&breaker, 3);
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
    advance(secs(30)).await;
    succeed(&breaker, 1);
    assert_eq!(because(&breaker), "failure rate 60 % of 5 calls (limit 50 %), last: &str");
}

#[tokio::test(start_paused = true)]
async fn slow_calls_open_it_also_when_they_succeed() {
    let breaker = breaker(NO_RUN.slow_call_duration(secs(4)).window(secs(60)).min_calls(5));
    call(&breaker, true, secs(5)).await;
    call(&breaker, false, secs(5)).await;
    call(&breaker, true, ms(100)).await;
    call(&breaker, false, secs(4)).await;
    assert_eq!(in_window(&breaker), (4, 2, 2), "4 s are not more than 4 s");
    call(&breaker, false, secs(5)).await;
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(because(&breaker), "60 % of 5 calls took longer than 4s (limit 50 %)");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_counts_as_slow_if_it_was_and_else_not_at_all() {
    let breaker = breaker(NO_RUN.slow_call_duration(secs(1)).slow_call_rate(0.7).window_calls(4).min_calls(4));
    for took in [ms(1), secs(1), secs(2), secs(2)] {
        let permit = breaker.try_acquire().unwrap();
        advance(took).await;
        drop(permit);
    }
    assert_eq!(in_window(&breaker), (2, 0, 2));
    assert_eq!(breaker.snapshot().cancelled_count, 4);
    let ignored = breaker.try_acquire().unwrap();
    advance(secs(9)).await;
    ignored.ignore();
    assert_eq!(in_window(&breaker), (2, 0, 2), "an ignored call proves nothing");
    succeed(&breaker, 1);
    call(&breaker, false, secs(2)).await;
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_window_begins_anew_when_the_breaker_closes_and_late_results_stay_out_of_it() {
    let breaker = breaker(NO_RUN.failure_rate(0.5).window_calls(4).min_calls(2).recovery_timeout(secs(1)));
    let late = breaker.try_acquire().unwrap();
    fail(&breaker, 2);
    assert_eq!((breaker.state(), in_window(&breaker)), (State::Open, (2, 2, 0)), "what opened it stays to be seen");
    advance(secs(1)).await;
    succeed(&breaker, 1);
    assert_eq!((breaker.state(), in_window(&breaker)), (State::Closed, (0, 0, 0)));
    late.failure();
    assert_eq!(in_window(&breaker), (0, 0, 0));
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
    breaker.reset();
    assert_eq!(in_window(&breaker), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn listeners_and_errors_hear_of_the_rule_with_its_numbers() {
    let breaker = breaker(NO_RUN.failure_rate(0.5).window_calls(10));
    let told = Told::of(&breaker);
    succeed(&breaker, 4);
    breaker.try_acquire().unwrap().failure();
    fail(&breaker, 4);
    succeed(&breaker, 1);
    let rule = "failure rate 50 % of 10 calls (limit 50 %), last: &str";
    assert_eq!(told.take(), [format!("closed -> open: {rule}")]);
    assert_eq!(breaker.try_acquire().unwrap_err().opened_because().unwrap(), rule);
}

#[tokio::test(start_paused = true)]
async fn open_times_grow_with_each_failed_recovery_up_to_the_longest_and_go_back_step_by_step() {
    let backoff = Backoff::new().max(secs(50)).jitter(0.0);
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(10)).backoff(backoff));
    for expected in [10, 20, 40, 50, 50] {
        fail(&breaker, 1);
        assert_eq!(open_time(&breaker).await, secs(expected));
    }
    succeed(&breaker, 1);
    advance(secs(50)).await;
    fail(&breaker, 1);
    assert_eq!(open_time(&breaker).await, secs(40), "50 s of rest are a step back from 50 s");
    succeed(&breaker, 1);
    advance(secs(59)).await;
    fail(&breaker, 1);
    assert_eq!(open_time(&breaker).await, secs(20), "40 s of rest are a step, 19 s are not another one of 20 s");
    succeed(&breaker, 1);
    breaker.reset();
    fail(&breaker, 1);
    assert_eq!(open_time(&breaker).await, secs(10));
}

#[tokio::test(start_paused = true)]
async fn jitter_makes_open_times_longer_by_its_share_at_most_and_follows_from_a_seed() {
    let draw = async |seed| {
        let backoff = Backoff::new().factor(1.0).jitter(0.5);
        let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(10)).backoff(backoff));
        testing::seed(&breaker, seed);
        let mut times = Vec::new();
        for _ in 0..50 {
            fail(&breaker, 1);
            times.push(breaker.snapshot().retry_after.unwrap());
            advance(secs(15)).await;
            assert_eq!(breaker.state(), State::HalfOpen);
        }
        times
    };
    let times = draw(7).await;
    assert!(times.iter().all(|time| (secs(10)..=secs(15)).contains(time)), "{times:?}");
    assert!(times.iter().any(|time| *time < secs(11)) && times.iter().any(|time| *time > secs(14)), "{times:?}");
    assert_eq!(times, draw(7).await);
    assert_ne!(times, draw(8).await);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_the_tripping_call_sets_the_open_time_within_bounds() {
    let config = Config::new().fail_max(1).recovery_timeout(secs(30));
    let longest = config.backoff(Backoff::new().max(secs(60)).jitter(0.0));
    for (config, asked, expected) in [
        (config, 10, 30),
        (config, 45, 45),
        (config, 100_000, 600),
        (config.recovery_timeout(secs(900)), 100_000, 900),
        (longest, 45, 45),
        (longest, 61, 60),
    ] {
        let breaker = breaker(config);
        breaker.try_acquire().unwrap().record(Outcome::failure_with_retry_after(secs(asked)));
        assert_eq!(breaker.try_acquire().unwrap_err().retry_after(), Some(secs(expected)), "{asked}");
        open_time(&breaker).await;
        breaker.try_acquire().unwrap().record(Outcome::failure_with_retry_after(secs(41)));
        let again = breaker.snapshot().retry_after.unwrap();
        assert!(again >= secs(41), "a probe's counts too: {again:?}");
    }
    let patient = breaker(config.fail_max(2));
    patient.try_acquire().unwrap().record(Outcome::failure_with_retry_after(secs(500)));
    fail(&patient, 1);
    assert_eq!(patient.snapshot().retry_after, Some(secs(30)), "only that of the call that opens it");
}

#[tokio::test(start_paused = true)]
async fn testing_opens_a_breaker_that_only_a_rate_opens() {
    let breaker = breaker(NO_RUN.failure_rate(0.5).window(secs(60)));
    succeed(&breaker, 100);
    testing::half_open(&breaker).await;
    succeed(&breaker, 1);
    testing::assert_state(&breaker, State::Closed);
}

/// Half-open.
async fn on_trial(config: Config) -> CircuitBreaker {
    let breaker = breaker(config.fail_max(1).recovery_timeout(secs(1)));
    fail(&breaker, 1);
    advance(secs(1)).await;
    breaker
}

#[tokio::test(start_paused = true)]
async fn so_many_successes_of_so_many_probes_close_it_and_it_opens_as_soon_as_they_cannot_be_reached() {
    let config = Config::new().half_open_max_calls(3).success_threshold(2).probe_count(3);
    let closes = on_trial(config).await;
    fail(&closes, 1);
    assert_eq!(closes.state(), State::HalfOpen);
    succeed(&closes, 2);
    assert_eq!(closes.state(), State::Closed);
    let opens = on_trial(config).await;
    fail(&opens, 1);
    assert_eq!(opens.snapshot().consecutive_failures, 2);
    succeed(&opens, 1);
    assert_eq!((opens.state(), opens.snapshot().consecutive_failures), (State::HalfOpen, 0));
    fail(&opens, 1);
    assert_eq!(opens.state(), State::Open);
    assert_eq!(because(&opens), "2 of 3 probes failed, and closing takes 2 successes, last: &str");
}

#[tokio::test(start_paused = true)]
async fn a_trial_lets_in_no_more_probes_than_it_still_needs() {
    let breaker = on_trial(Config::new().half_open_max_calls(3).success_threshold(3)).await;
    succeed(&breaker, 2);
    let last = breaker.try_acquire().unwrap();
    assert_eq!(breaker.try_acquire().unwrap_err().state(), State::HalfOpen);
    last.ignore();
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed, "an ignored probe gave its place back");
}

#[tokio::test(start_paused = true)]
async fn a_trial_by_rate_is_judged_when_all_its_probes_are_back() {
    let config = Config::new().half_open_max_calls(4).probe_failure_rate(0.5);
    let opens = on_trial(config).await;
    fail(&opens, 2);
    succeed(&opens, 1);
    assert_eq!(opens.state(), State::HalfOpen);
    fail(&opens, 1);
    assert_eq!(because(&opens), "failure rate 75 % of 4 probes (limit 50 %), last: &str");
    let closes = on_trial(config).await;
    fail(&closes, 1);
    succeed(&closes, 2);
    closes.try_acquire().unwrap().ignore();
    assert_eq!(closes.state(), State::HalfOpen, "an ignored probe is none of the four");
    succeed(&closes, 1);
    assert_eq!(closes.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_trial_by_rate_looks_at_slow_probes_too() {
    let slow = Config::new().slow_call_duration(secs(1)).slow_call_rate(0.5);
    let breaker = on_trial(slow.probe_count(2).probe_failure_rate(0.5)).await;
    succeed(&breaker, 1);
    call(&breaker, false, secs(2)).await;
    assert_eq!(because(&breaker), "50 % of 2 probes took longer than 1s (limit 50 %)");
}

/// Takes as long as its argument says.
#[circuit_breaker(name = "drowns", fail_max = 1, recovery_timeout = "30s", slow_call_duration = "1s", key = host)]
async fn drowns(host: &str, took: std::time::Duration) -> Result<(), CircuitBreakerError> {
    assert_eq!(host, "a");
    advance(took).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_slow_probe_of_a_permit_or_of_a_value_of_a_key_opens_again() {
    let breaker = on_trial(Config::new().slow_call_duration(secs(1))).await;
    call(&breaker, false, secs(2)).await;
    assert_eq!((breaker.state(), because(&breaker)), (State::Open, "a probe took longer than 1s".to_owned()));
    testing::isolated(async {
        drowns("a", ms(1)).await.unwrap();
        let value = testing::breaker("drowns[a]");
        fail(&value, 1);
        advance(secs(30)).await;
        drowns("a", secs(8)).await.unwrap();
        assert_eq!(value.state(), State::Open);
        advance(secs(30)).await;
        drowns("a", secs(1)).await.unwrap();
        assert_eq!(value.state(), State::Closed);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_rule_that_is_taken_away_in_a_trial_takes_its_slow_probes_along() {
    let breaker = on_trial(Config::new().slow_call_duration(secs(1)).success_threshold(2).probe_count(3)).await;
    call(&breaker, false, secs(2)).await;
    breaker.reconfigure(Config::new().with_str("slow_call_duration", "off").unwrap()).unwrap();
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed, "the two of them succeeded");
}

#[tokio::test(start_paused = true)]
async fn no_change_of_the_settings_leaves_a_trial_without_a_verdict() {
    let breaker = on_trial(Config::new().success_threshold(5).probe_count(9)).await;
    succeed(&breaker, 4);
    fail(&breaker, 1);
    breaker.reconfigure(Config::new().success_threshold(3).probe_count(3)).unwrap();
    assert_eq!(breaker.state(), State::HalfOpen);
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn after_closing_a_ramp_lets_in_a_growing_share_of_the_calls() {
    let breaker = on_trial(Config::new().ramp(secs(10))).await;
    succeed(&breaker, 1);
    assert_eq!((breaker.state(), breaker.snapshot().ramp_share), (State::Closed, Some(0.0)));
    let mut shares = Vec::new();
    for second in 0..10 {
        advance(ms(500)).await;
        let share = breaker.snapshot().ramp_share.unwrap();
        assert!((share - (f64::from(second) + 0.5) / 10.0).abs() < 1e-9, "{share}");
        shares.push(let_in(&breaker, 100));
        advance(ms(500)).await;
    }
    assert_eq!(shares, [6, 15, 25, 35, 45, 55, 65, 75, 85, 95], "and the first call");
    assert_eq!(breaker.snapshot().ramp_share, None);
    assert_eq!(let_in(&breaker, 100), 100);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_ramp_rejects_is_told_so() {
    let breaker = on_trial(Config::new().ramp(secs(10))).await;
    succeed(&breaker, 1);
    let told = Told::of(&breaker);
    succeed(&breaker, 1);
    let error = breaker.try_acquire().unwrap_err();
    assert_eq!((error.state(), error.retry_after(), error.opened_because()), (State::Closed, Some(secs(1)), None));
    assert_eq!(
        error.to_string(),
        "circuit breaker `test` has just closed and admits only a growing share of the calls; retry in 1.0s"
    );
    advance(secs(9) + ms(700)).await;
    let rejected: Vec<_> = (0..100).filter_map(|_| breaker.try_acquire().map(drop).err()).collect();
    assert_eq!(rejected.len(), 3, "97 of 100 pass");
    assert_eq!(rejected[0].retry_after(), Some(ms(300)), "the ramp's end is near");
    assert_eq!(told.take(), ["rejected: closed"; 4]);
    assert_eq!(breaker.snapshot().rejected_count, 4);
}

/// A program that waits and tries again would else use up a processor while few calls pass.
#[tokio::test(start_paused = true)]
async fn whoever_waits_until_it_is_ready_is_let_in_by_the_ramp_at_once() {
    let breaker = on_trial(Config::new().ramp(secs(10))).await;
    succeed(&breaker, 1);
    let waits = async {
        let mut admitted = 0;
        while breaker.snapshot().ramp_share.is_some() {
            breaker.ready().await;
            assert_eq!(let_in(&breaker, 1), 1, "{:?}", breaker.snapshot().ramp_share);
            admitted += 1;
            tokio::time::sleep(ms(10)).await;
        }
        admitted
    };
    let others = async {
        loop {
            let_in(&breaker, 7);
            tokio::time::sleep(ms(100)).await;
        }
    };
    let admitted = tokio::select! { biased; admitted = waits => admitted, () = others => 0 };
    assert!(admitted > 10, "{admitted}");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_ramp_that_lets_in_everybody() {
    let breaker = on_trial(Config::new().ramp(secs(10))).await;
    succeed(&breaker, 1);
    assert_eq!(let_in(&breaker, 2), 1);
    assert!(breaker.ready().now_or_never().is_none());
    breaker.reconfigure(Config::new().ramp(ms(1))).unwrap();
    advance(ms(1)).await;
    assert!(breaker.ready().now_or_never().is_some(), "it is over");
    breaker.shadow();
    fail(&breaker, 5);
    advance(secs(30)).await;
    breaker.reconfigure(Config::new().ramp(secs(10)).fail_max(u32::MAX)).unwrap();
    succeed(&breaker, 2);
    assert!(breaker.snapshot().ramp_share.is_some());
    assert!(breaker.ready().now_or_never().is_some(), "in shadow nobody is rejected");
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_ramp_open_it_as_ever_and_count_as_a_failed_recovery() {
    let config = Config::new().ramp(secs(10)).backoff(Backoff::new().jitter(0.0)).recovery_timeout(secs(1));
    let breaker = breaker(config.fail_max(2));
    fail(&breaker, 2);
    assert_eq!(open_time(&breaker).await, secs(1));
    succeed(&breaker, 1);
    advance(secs(9) + ms(999)).await;
    fail(&breaker, 2);
    assert_eq!(because(&breaker), "2 consecutive failures in 0 ms, last: &str");
    assert_eq!(open_time(&breaker).await, secs(2));
    succeed(&breaker, 1);
    advance(secs(12)).await;
    fail(&breaker, 2);
    assert_eq!(open_time(&breaker).await, secs(1), "after the ramp it is a rest");
}

#[tokio::test(start_paused = true)]
async fn what_is_closed_by_hand_has_no_ramp() {
    let breaker = on_trial(Config::new().ramp(secs(10))).await;
    breaker.reset();
    assert_eq!(let_in(&breaker, 100), 100);
    breaker.force_open();
    breaker.clear_override();
    assert_eq!(let_in(&breaker, 100), 100);
}

#[tokio::test(start_paused = true)]
async fn tripped_by_hand_it_recovers_by_itself() {
    let breaker = breaker(Config::new().recovery_timeout(secs(30)));
    let told = Told::of(&breaker);
    breaker.trip();
    assert_eq!((breaker.state(), breaker.snapshot().opened_because), (State::Open, None));
    advance(secs(20)).await;
    breaker.trip();
    assert_eq!(open_time(&breaker).await, secs(30), "from now on");
    breaker.trip_for(secs(7200));
    assert_eq!(open_time(&breaker).await, secs(7200));
    succeed(&breaker, 1);
    assert_eq!(told.take(), ["closed -> open: -", "open -> half_open: -", "half_open -> closed: -"]);
    breaker.force_open();
    breaker.trip();
    breaker.half_open();
    assert_eq!(breaker.state(), State::ForcedOpen, "a manual state stands above it");
}

#[tokio::test(start_paused = true)]
async fn half_open_by_hand_lets_probes_in_before_their_time() {
    let breaker = breaker(Config::new().fail_max(1).success_threshold(2).recovery_timeout(secs(600)));
    fail(&breaker, 1);
    breaker.half_open();
    let probe = breaker.try_acquire().unwrap();
    breaker.half_open();
    assert_eq!(breaker.try_acquire().unwrap_err().state(), State::HalfOpen, "a trial under way goes on");
    probe.success();
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
    breaker.half_open();
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open, "a closed one can be put on trial too");
}

#[tokio::test(start_paused = true)]
async fn shadow_tells_what_every_policy_would_have_done() {
    let config = NO_RUN.failure_rate(0.5).window_calls(4).min_calls(4).recovery_timeout(secs(1));
    let breaker = breaker(config.ramp(secs(10)).backoff(Backoff::new().jitter(0.0)).probe_count(2));
    breaker.shadow();
    let told = Told::of(&breaker);
    let one_failure = async || {
        fail(&breaker, 1);
        told.take()
    };
    succeed(&breaker, 3);
    fail(&breaker, 2);
    let rule = "failure rate 50 % of 4 calls (limit 50 %), last: &str";
    assert_eq!(told.take(), [format!("would closed -> open: {rule}")]);
    assert_eq!(one_failure().await, ["would reject: open"]);
    advance(secs(1)).await;
    assert_eq!(one_failure().await, [format!("would open -> half_open: {rule}")], "one failure of two is no verdict");
    assert_eq!(one_failure().await.len(), 1, "2 of 2 failed");
    advance(secs(1)).await;
    assert_eq!(one_failure().await, ["would reject: open"], "the open time has grown");
    advance(secs(1)).await;
    succeed(&breaker, 1);
    assert_eq!(told.take().len(), 2, "half-open and closed");
    succeed(&breaker, 2);
    assert_eq!(told.take(), ["would reject: closed"], "the ramp lets in the first call only");
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.rejected_count, snapshot.shadow_rejected_count), (State::Shadow, 0, 3));
    assert_eq!((snapshot.success_count, snapshot.failure_count), (6, 6), "everything is counted");
}

#[tokio::test(start_paused = true)]
async fn reconfigure_keeps_a_window_whose_size_stays_and_starts_another_one_anew() {
    let breaker = breaker(NO_RUN.failure_rate(0.9).window_calls(10));
    let told = Told::of(&breaker);
    fail(&breaker, 4);
    succeed(&breaker, 5);
    breaker.reconfigure(Config::new().failure_rate(0.6).min_calls(5).recovery_timeout(secs(9))).unwrap();
    assert_eq!(in_window(&breaker), (9, 4, 0));
    breaker.reconfigure(Config::new().slow_call_duration(secs(1))).unwrap();
    assert_eq!(in_window(&breaker), (9, 4, 0), "failures are still failures");
    for other in [Config::new().window_calls(11), Config::new().window(secs(60)), Config::new().window(secs(61))] {
        succeed(&breaker, 1);
        breaker.reconfigure(other).unwrap();
        assert_eq!((in_window(&breaker), breaker.snapshot().success_count >= 5), ((0, 0, 0), true));
        breaker.reconfigure(Config::new().failure_rate(1.0)).unwrap();
    }
    fail(&breaker, 1);
    let refused = breaker.reconfigure(Config::new().failure_rate(0.5).min_calls(0)).unwrap_err();
    assert!(refused.message().starts_with("`min_calls` is 0"), "{refused}");
    assert_eq!((breaker.settings().failure_rate, in_window(&breaker)), (Some(1.0), (1, 1, 0)), "nothing of it holds");
    breaker.reconfigure(Config::new().min_calls(2).window_calls(2)).unwrap();
    fail(&breaker, 2);
    assert_eq!(told.take(), ["closed -> open: failure rate 100 % of 2 calls (limit 100 %), last: &str"]);
}

#[tokio::test(start_paused = true)]
async fn reconfigure_holds_in_every_state_and_keeps_it_with_its_listeners() {
    let all =
        Config::new().fail_max(3).failure_rate(0.9).slow_call_duration(secs(9)).window(secs(30)).window_fail_max(50);
    let all = all.backoff(Backoff::default()).probe_count(3).probe_failure_rate(0.5).ramp(secs(60));
    for state in ["closed", "ramp", "open", "half_open", "forced_open", "disabled", "shadow"] {
        let breaker = on_trial(Config::new().ramp(secs(10))).await;
        match state {
            "closed" => breaker.reset(),
            "ramp" => succeed(&breaker, 1),
            "open" => breaker.trip(),
            "half_open" => drop(breaker.try_acquire().unwrap()),
            "forced_open" => breaker.force_open(),
            "disabled" => breaker.disable(),
            _ => breaker.shadow(),
        }
        let told = Told::of(&breaker);
        let before = breaker.snapshot();
        breaker.reconfigure(all.probe_count(0)).unwrap_err();
        assert_eq!(breaker.settings(), before.settings, "{state}: refused whole");
        breaker.reconfigure(all).unwrap();
        let after = breaker.snapshot();
        let kept = |shown: &breaker_core::Snapshot| (shown.state, shown.failure_count, shown.success_count);
        assert_eq!(kept(&after), kept(&before));
        assert_eq!((after.settings.failure_rate, after.settings.ramp), (Some(0.9), Some(secs(60))), "{state}");
        assert_eq!(told.take(), Vec::<String>::new(), "{state}: nothing has changed");
        breaker.reset();
        fail(&breaker, 3);
        assert_eq!(breaker.state(), State::Open, "{state}: by the new settings");
        assert_eq!(told.take().len(), 2, "{state}: the reset and the opening");
    }
}

#[tokio::test(start_paused = true)]
async fn another_slow_call_forgets_who_was_slow() {
    for window in [Config::new().window_calls(10), Config::new().window(secs(60))] {
        let breaker = breaker(NO_RUN.slow_call_duration(secs(1)).failure_rate(1.0));
        breaker.reconfigure(window).unwrap();
        call(&breaker, true, secs(2)).await;
        call(&breaker, false, secs(2)).await;
        assert_eq!(in_window(&breaker), (2, 1, 2));
        breaker.reconfigure(Config::new().slow_call_duration(secs(3))).unwrap();
        assert_eq!(in_window(&breaker), (2, 1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_the_end_of_a_ramp_is_no_failed_recovery_though_no_call_was_let_in_since() {
    let config = Config::new().fail_max(1).recovery_timeout(secs(10)).ramp(secs(20));
    let breaker = breaker(config.backoff(Backoff::new().jitter(0.0)));
    fail(&breaker, 1);
    advance(secs(10)).await;
    fail(&breaker, 1);
    assert_eq!(breaker.snapshot().retry_after, Some(secs(20)), "a recovery failed");
    advance(secs(20)).await;
    succeed(&breaker, 1);
    let late = breaker.try_acquire().unwrap();
    advance(secs(20)).await;
    late.failure();
    assert_eq!(breaker.snapshot().retry_after, Some(secs(10)), "20 s spent closed take one step back");
}

#[tokio::test(start_paused = true)]
async fn reconfigure_holds_for_an_opening_and_a_ramp_that_are_under_way() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(100)));
    fail(&breaker, 1);
    advance(secs(5)).await;
    breaker.reconfigure(Config::new().recovery_timeout(secs(8)).ramp(secs(100))).unwrap();
    assert_eq!(breaker.snapshot().retry_after, Some(secs(3)));
    advance(secs(3)).await;
    succeed(&breaker, 1);
    assert_eq!(let_in(&breaker, 50), 1);
    breaker.reconfigure(Config::new().ramp(ms(1))).unwrap();
    advance(ms(1)).await;
    assert_eq!(let_in(&breaker, 50), 50);
}

#[tokio::test(start_paused = true)]
async fn rules_that_are_added_while_it_runs_hold_from_then_on() {
    let breaker = breaker(NO_RUN);
    assert!(breaker.snapshot().window.is_none());
    fail(&breaker, 20);
    breaker.reconfigure(Config::new().failure_rate(0.5)).unwrap();
    assert_eq!(in_window(&breaker), (0, 0, 0));
    succeed(&breaker, 9);
    fail(&breaker, 8);
    assert_eq!(breaker.state(), State::Closed);
    succeed(&breaker, 1);
    fail(&breaker, 2);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a_rule_that_many_threads_meet_at_once_opens_it_once() {
    for round in 0..50 {
        let breaker = breaker(NO_RUN.failure_rate(0.5).window_calls(64).min_calls(64).recovery_timeout(secs(3600)));
        let told = Told::of(&breaker);
        let start = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (breaker, start) = (&breaker, &start);
                scope.spawn(move || {
                    start.wait();
                    for call in 0..200 {
                        let Ok(permit) = breaker.try_acquire() else { return };
                        if (call + thread) % 2 == 0 {
                            permit.failure();
                        } else {
                            permit.success();
                        }
                    }
                });
            }
        });
        assert_eq!(breaker.state(), State::Open, "round {round}");
        let changes = told.take().into_iter().filter(|line| line.starts_with("closed -> open")).count();
        assert_eq!(changes, 1, "round {round}");
    }
}

/// What is reported to a listener, as lines.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn of(breaker: &CircuitBreaker) -> Self {
        let told = Self::default();
        breaker.add_listener(told.clone());
        told
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Listener for Told {
    fn on_state_change(&self, event: &StateChange<'_>) {
        let would = if event.shadow { "would " } else { "" };
        let line = format!("{would}{} -> {}: {}", event.old, event.new, event.opened_because.unwrap_or("-"));
        self.0.lock().unwrap().push(line);
    }

    fn on_rejected(&self, event: &Rejected<'_>) {
        let what = if event.shadow { "would reject" } else { "rejected" };
        self.0.lock().unwrap().push(format!("{what}: {}", event.state));
    }
}
