//! Models races for the slots of the half-open state: probes that take, return or lose them.

use super::{SECOND, check, fragile, race, tripped};
use crate::clock;
use crate::machine::state::State;

#[test]
fn of_two_racing_probes_one_holds_the_only_slot() {
    check(|| {
        let breaker = tripped(fragile());
        let other = breaker.clone();
        let (first, second) = race(move || other.try_acquire(), move || breaker.try_acquire());
        assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
        let rejection = first.and(second).unwrap_err();
        // Open, if it read the packed state before the first one took the slot.
        assert!(matches!(rejection.state(), State::Open | State::HalfOpen));
        assert_eq!(rejection.retry_after(), Some(SECOND));
    });
}

#[test]
fn of_three_racing_probes_two_hold_the_two_slots() {
    check(|| {
        let breaker = tripped(fragile().half_open_max_calls(2));
        let (one, two) = (breaker.clone(), breaker.clone());
        let one = loom::thread::spawn(move || one.try_acquire());
        let (two, three) = race(move || two.try_acquire(), move || breaker.try_acquire());
        let admitted = [one.join().unwrap(), two, three].iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(admitted, 2);
    });
}

#[test]
fn a_slot_that_a_dropped_probe_gives_back_is_neither_lost_nor_given_twice() {
    check(|| {
        let breaker = tripped(fragile());
        let probe = breaker.try_acquire().unwrap();
        let other = breaker.clone();
        let (_, next) = race(move || drop(probe), move || other.try_acquire());
        assert_eq!(breaker.try_acquire().is_ok(), next.is_err());
    });
}

#[test]
fn the_slot_of_a_leaked_permit_is_given_once_when_its_lease_is_over() {
    check(|| {
        let breaker = tripped(fragile().probe_timeout(SECOND));
        let leaked = breaker.try_acquire().unwrap();
        let (other, third) = (breaker.clone(), breaker.clone());
        let late = move || {
            clock::advance(SECOND);
            other.try_acquire()
        };
        // The second may come before the lease is over.
        let (first, second) = race(late, move || third.try_acquire());
        assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
        drop(leaked);
        assert!(breaker.try_acquire().is_err(), "a probe without a slot has none to give back");
    });
}

#[test]
fn a_probe_that_lost_its_slot_gives_none_back_and_may_still_close() {
    check(|| {
        let breaker = tripped(fragile().probe_timeout(SECOND));
        let old = breaker.try_acquire().unwrap();
        clock::advance(SECOND);
        let other = breaker.clone();
        let (_, next) = race(move || old.success(), move || other.try_acquire());
        assert_eq!(breaker.state(), State::Closed);
        // Admitted before or after the closing: either way it is no probe any more.
        next.unwrap().ignore();
        assert_eq!(breaker.state(), State::Closed);
    });
}

#[test]
fn a_trial_ends_once_for_any_order_of_two_probes() {
    check(|| {
        let breaker = tripped(fragile().half_open_max_calls(2));
        let observed = super::Recorder::by(&breaker);
        let (success, failure) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        race(move || success.success(), move || failure.failure());
        let states: Vec<_> = observed.in_order().iter().map(|change| change.new).collect();
        assert!(matches!(*states, [State::HalfOpen, State::Closed] | [State::HalfOpen, State::Open]), "{states:?}");
    });
}
