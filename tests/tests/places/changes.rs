//! Another limit, or another state, while calls are under way; and who waits for a place.

use crate::common::{breaker, secs};
use crate::{TWO, assert_free, under_way};
use breaker_core::{CircuitBreaker, Config};
use futures_util::FutureExt as _;
use std::pin::pin;

#[test]
fn a_smaller_limit_cuts_nobody_off_and_a_larger_one_holds_at_once() {
    let breaker = breaker(Config::new().max_concurrent(3));
    let mut held: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
    breaker.reconfigure(Config::new().max_concurrent(1)).unwrap();
    assert_eq!(under_way(&breaker), 3);
    for _ in 0..2 {
        held.pop().unwrap().success();
        assert_free(&breaker, 0);
    }
    held.pop().unwrap().success();
    assert_free(&breaker, 1);
    breaker.reconfigure(Config::new().max_concurrent(5)).unwrap();
    assert_free(&breaker, 5);
    assert_eq!(breaker.snapshot().success_count, 3);
}

#[test]
fn a_limit_that_comes_later_counts_the_calls_that_are_let_in_from_then_on() {
    let breaker = breaker(Config::new());
    assert_eq!(breaker.snapshot().under_way, None);
    let before = breaker.try_acquire().unwrap();
    breaker.reconfigure(TWO).unwrap();
    assert_free(&breaker, 2);
    let held = breaker.try_acquire().unwrap();
    breaker.reconfigure(Config::new().with_str("max_concurrent", "off").unwrap()).unwrap();
    assert_free(&breaker, 10);
    breaker.reconfigure(TWO).unwrap();
    assert_free(&breaker, 1);
    held.success();
    before.success();
    assert_free(&breaker, 2);
}

#[tokio::test(start_paused = true)]
async fn while_it_is_disabled_or_in_shadow_nothing_is_limited() {
    let breaker = breaker(Config::new().max_concurrent(1));
    let held = breaker.try_acquire().unwrap();
    for state in [CircuitBreaker::disable as fn(&CircuitBreaker), CircuitBreaker::shadow] {
        state(&breaker);
        assert_free(&breaker, 10);
        breaker.clear_override();
        assert_free(&breaker, 0);
    }
    breaker.force_open();
    assert!(!breaker.try_acquire().unwrap_err().is_busy());
    breaker.clear_override();
    breaker.disable();
    // One that began before, and ends now, gives its place back; one that begins now has none to
    // give.
    let passed = breaker.try_acquire().unwrap();
    held.success();
    breaker.clear_override();
    passed.success();
    assert_free(&breaker, 1);
    breaker.reconfigure(Config::new().enabled(false)).unwrap();
    assert_free(&breaker, 10);
}

#[tokio::test(start_paused = true)]
async fn ready_waits_for_a_place_too() {
    let breaker = breaker(Config::new().max_concurrent(1).fail_max(1).recovery_timeout(secs(1)));
    breaker.ready().await;
    type Frees = fn(&CircuitBreaker, breaker_core::Permit);
    let frees: [Frees; 4] = [
        |_, held| held.success(),
        |_, held| drop(held),
        |breaker, held| {
            breaker.reconfigure(Config::new().max_concurrent(2)).unwrap();
            held.success();
        },
        |breaker, held| {
            breaker.disable();
            held.success();
        },
    ];
    for frees in frees {
        breaker.reconfigure(Config::new().max_concurrent(1)).unwrap();
        let held = breaker.try_acquire().unwrap();
        let mut ready = pin!(breaker.ready());
        assert!(ready.as_mut().now_or_never().is_none());
        frees(&breaker, held);
        assert!(ready.now_or_never().is_some());
        breaker.clear_override();
    }
    // On trial it needs both.
    let held = breaker.try_acquire().unwrap();
    breaker.trip();
    let mut ready = pin!(breaker.ready());
    assert!(ready.as_mut().now_or_never().is_none());
    tokio::time::advance(secs(2)).await;
    assert!(ready.as_mut().now_or_never().is_none());
    held.success();
    assert!(ready.now_or_never().is_some());
}
