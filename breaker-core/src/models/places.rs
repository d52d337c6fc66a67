//! Models races for the places of `max_concurrent`: the last one, one that is returned, and a new
//! limit.

use super::manual::Woken;
use super::{breaker, check, fragile, race, tripped};
use crate::breaker::error::CircuitBreakerError;
use crate::call::permit::Permit;
use crate::config::keys::Config;
use crate::sync::{Arc, Ordering};
use std::future::Future;
use std::task::{Context, Waker};

const ONE: Config = Config::new().max_concurrent(1);

#[test]
fn of_two_racing_calls_one_takes_the_last_place() {
    check(|| {
        let breaker = breaker(ONE);
        let (other, third) = (breaker.clone(), breaker.clone());
        let (first, second) = race(move || other.try_acquire(), move || third.try_acquire());
        assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
        assert!(first.as_ref().err().or(second.as_ref().err()).is_some_and(CircuitBreakerError::is_busy));
        drop((first, second));
        assert_eq!(breaker.0.gate.places_held(), 0);
    });
}

#[test]
fn a_returned_place_is_neither_lost_nor_given_twice() {
    check(|| {
        let breaker = breaker(ONE);
        let held = breaker.try_acquire().unwrap();
        let (other, third) = (breaker.clone(), breaker.clone());
        let (_, next) = race(move || held.success(), move || other.try_acquire());
        assert_eq!(third.try_acquire().is_ok(), next.is_err());
        drop(next);
        assert_eq!(breaker.0.gate.places_held(), 0);
    });
}

#[test]
fn another_limit_loses_no_place_that_is_taken_or_returned_meanwhile() {
    check(|| {
        let breaker = breaker(Config::new().max_concurrent(2));
        let held = breaker.try_acquire().unwrap();
        let (other, third) = (breaker.clone(), breaker.clone());
        let moves = move || {
            held.success();
            other.try_acquire()
        };
        let (next, _) = race(moves, move || third.reconfigure(ONE).unwrap());
        assert_eq!(breaker.0.gate.places_held(), 1);
        assert!(breaker.try_acquire().is_err_and(|rejected| rejected.is_busy()));
        next.map(Permit::success).unwrap();
        assert_eq!(breaker.0.gate.places_held(), 0);
    });
}

#[test]
fn a_call_during_the_removal_of_the_limit_keeps_no_place() {
    check(|| {
        let breaker = breaker(ONE);
        let (other, third) = (breaker.clone(), breaker.clone());
        let off = Config::new().with_str("max_concurrent", "off").unwrap();
        let (next, _) = race(move || other.try_acquire(), move || third.reconfigure(off).unwrap());
        next.unwrap().success();
        assert_eq!(breaker.0.gate.places_held(), 0);
    });
}

#[test]
fn of_two_racing_probes_one_has_the_place_and_the_slot_and_the_other_leaves_nothing() {
    check(|| {
        let breaker = tripped(fragile().max_concurrent(2));
        let (other, third) = (breaker.clone(), breaker.clone());
        let (first, second) = race(move || other.try_acquire(), move || third.try_acquire());
        assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
        assert_eq!(breaker.0.gate.places_held(), 1);
        first.or(second).unwrap().success();
        assert_eq!(breaker.0.gate.places_held(), 0);
    });
}

#[test]
fn a_caller_that_waits_for_a_place_is_woken_or_need_not_wait() {
    check(|| {
        let breaker = breaker(ONE);
        let held = breaker.try_acquire().unwrap();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut ready = Box::pin(async move { breaker.ready().await });
        let mut poll = move || ready.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let (_, (first, mut poll)) = race(move || held.success(), move || (poll(), poll));
        let wakes = woken.0.load(Ordering::Relaxed);
        assert!(first || (wakes == 1 && poll()), "{wakes}");
    });
}
