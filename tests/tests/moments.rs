//! What is over stays over, and is reported as what it was, also without a call since. A manual
//! change begins as one by a rule does.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{Backoff, CircuitBreaker, Config, State, WindowCounts};
use common::{breaker, fail, ms, secs, succeed};
use std::time::{Duration, SystemTime};
use tokio::time::advance;

/// Open, by one failure.
fn opened(config: Config) -> CircuitBreaker {
    let breaker = breaker(config.fail_max(1));
    fail(&breaker, 1);
    breaker
}

/// In whole minutes, since the wall clock runs on.
fn minutes_in_state(breaker: &CircuitBreaker) -> u64 {
    let since = breaker.snapshot().state_changed_at;
    (SystemTime::now().duration_since(since).unwrap() + secs(10)).as_secs() / 60
}

fn left(breaker: &CircuitBreaker) -> Option<Duration> {
    breaker.snapshot().retry_after
}

#[tokio::test(start_paused = true)]
async fn the_first_probe_does_not_move_the_time_at_which_it_became_half_open() {
    let breaker = opened(Config::new().recovery_timeout(secs(60)));
    advance(secs(180)).await;
    assert_eq!((breaker.state(), minutes_in_state(&breaker)), (State::HalfOpen, 2));
    breaker.try_acquire().unwrap().ignore();
    assert_eq!((breaker.state(), minutes_in_state(&breaker)), (State::HalfOpen, 2));
}

#[tokio::test(start_paused = true)]
async fn shorter_open_times_end_an_opening_now_and_not_before() {
    let breaker = opened(Config::new().recovery_timeout(secs(600)));
    advance(secs(180)).await;
    breaker.reconfigure(Config::new().recovery_timeout(secs(60))).unwrap();
    assert_eq!((breaker.state(), minutes_in_state(&breaker)), (State::HalfOpen, 0), "it was open until now");
    succeed(&breaker, 1);
}

#[tokio::test(start_paused = true)]
async fn the_next_call_does_not_move_the_time_at_which_a_forced_opening_ended() {
    let breaker = breaker(Config::new());
    breaker.force_open_for(secs(60));
    advance(secs(180)).await;
    assert_eq!((breaker.state(), minutes_in_state(&breaker)), (State::Closed, 2));
    succeed(&breaker, 1);
    assert_eq!((breaker.state(), minutes_in_state(&breaker)), (State::Closed, 2));
}

#[tokio::test(start_paused = true)]
async fn settings_that_switch_it_off_or_on_change_the_state_at_that_time() {
    let breaker = breaker(Config::new());
    advance(secs(180)).await;
    for (enabled, state) in [(false, State::Disabled), (true, State::Closed)] {
        breaker.reconfigure(Config::new().enabled(enabled)).unwrap();
        assert_eq!((breaker.state(), minutes_in_state(&breaker)), (state, 0));
        advance(secs(60)).await;
        assert_eq!(minutes_in_state(&breaker), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn longer_open_times_do_not_begin_an_opening_again_that_is_over() {
    let breaker = opened(Config::new().recovery_timeout(secs(60)));
    advance(secs(60)).await;
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.reconfigure(Config::new().recovery_timeout(secs(600))).unwrap();
    assert_eq!(breaker.state(), State::HalfOpen, "`reconfigure` keeps the state");
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_longer_ramp_does_not_begin_one_again_that_is_over() {
    let breaker = opened(Config::new().recovery_timeout(secs(0)).ramp(secs(10)));
    succeed(&breaker, 1);
    advance(secs(10)).await;
    assert_eq!(breaker.snapshot().ramp_share, None);
    breaker.reconfigure(Config::new().ramp(secs(1000))).unwrap();
    assert_eq!(breaker.snapshot().ramp_share, None);
    succeed(&breaker, 100);
}

#[tokio::test(start_paused = true)]
async fn a_ramp_that_is_made_shorter_lets_in_its_share_and_no_burst() {
    let breaker = opened(Config::new().recovery_timeout(secs(0)).ramp(secs(1000)));
    succeed(&breaker, 1);
    advance(secs(9)).await;
    // The share is 0.009: the first call passes, and the sum of the others comes near to a whole
    // call.
    let let_in = |n: u32| (0..n).filter(|_| breaker.try_acquire().map(breaker_core::Permit::success).is_ok()).count();
    assert_eq!(let_in(110), 1);
    breaker.reconfigure(Config::new().ramp(secs(90))).unwrap();
    assert!(let_in(100) <= 11, "the share is a tenth from here on");
}

#[tokio::test(start_paused = true)]
async fn time_spent_closed_is_a_rest_also_before_it_is_opened_by_hand() {
    let backoff = Config::new().recovery_timeout(secs(10)).backoff(Backoff::new().jitter(0.0));
    for on_trial in [false, true] {
        let breaker = opened(backoff);
        advance(secs(10)).await;
        fail(&breaker, 1);
        assert_eq!(left(&breaker), Some(secs(20)));
        advance(secs(20)).await;
        succeed(&breaker, 1);
        advance(secs(3600)).await;
        if on_trial {
            breaker.half_open();
            fail(&breaker, 1);
            assert_eq!(left(&breaker), Some(secs(20)), "one recovery has failed since it rested");
        } else {
            breaker.trip();
            assert_eq!(left(&breaker), Some(secs(10)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_shows_what_its_window_of_time_held_when_it_opened() {
    let rule = Config::new().window_fail_max(2).window(secs(60)).fail_max(100).recovery_timeout(secs(600));
    let opens: [fn(&CircuitBreaker); 2] = [|breaker| fail(breaker, 1), CircuitBreaker::trip];
    for (open, failures) in opens.into_iter().zip([2, 1]) {
        let breaker = breaker(rule);
        succeed(&breaker, 3);
        advance(secs(30)).await;
        fail(&breaker, 1);
        open(&breaker);
        let held = breaker.snapshot().window.unwrap();
        assert_eq!((held.calls, held.failures), (3 + failures, failures));
        for _ in 0..2 {
            advance(secs(45)).await;
            let WindowCounts { calls, failures, slow, .. } = breaker.snapshot().window.unwrap();
            assert_eq!((calls, failures, slow), (held.calls, held.failures, held.slow));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_is_half_open_already_tells_nothing_when_it_is_made_so_by_hand() {
    let breaker = opened(Config::new().recovery_timeout(secs(10)));
    advance(secs(10) + ms(1)).await;
    let mut events = breaker.subscribe();
    breaker.half_open();
    assert!(events.try_recv().is_none(), "the change is told with the first probe");
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
}
