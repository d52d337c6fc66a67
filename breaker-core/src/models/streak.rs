//! Models races for the word of a failure streak. Failures and successes change it without the
//! machine's lock, and changes of the machine take it.

use super::{breaker, check, race};
use crate::breaker::handle::CircuitBreaker;
use crate::config::keys::Config;
use crate::machine::state::State;

/// A closed breaker with this many consecutive failures.
fn failing(config: Config, failures: u32) -> CircuitBreaker {
    let breaker = breaker(config);
    (0..failures).for_each(|_| breaker.try_acquire().unwrap().failure());
    assert_eq!((breaker.state(), breaker.read().consecutive_failures), (State::Closed, failures));
    breaker
}

#[test]
fn a_success_ends_the_streak_before_or_after_a_failure_and_both_are_counted() {
    check(|| {
        let breaker = failing(Config::new().fail_max(4), 2);
        let (success, failure) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        race(move || success.success(), move || failure.failure());
        let shown = breaker.snapshot();
        assert!(shown.consecutive_failures <= 1, "{}", shown.consecutive_failures);
        assert_eq!((shown.success_count, shown.failure_count, shown.state), (1, 3, State::Closed));
    });
}

#[test]
fn two_failures_make_a_streak_longer_by_two() {
    check(|| {
        let breaker = failing(Config::new().fail_max(5), 0);
        let (one, two) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        race(move || one.failure(), move || two.failure());
        let shown = breaker.snapshot();
        assert_eq!((shown.consecutive_failures, shown.failure_count), (2, 2));
    });
}

#[test]
fn of_two_failures_the_one_that_reaches_the_limit_opens() {
    check(|| {
        let breaker = failing(Config::new().fail_max(3), 1);
        let (one, two) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        race(move || one.failure(), move || two.failure());
        assert_eq!(breaker.0.gate.packed().generation(), 2, "it opens once");
        assert_eq!((breaker.state(), breaker.snapshot().failure_count), (State::Open, 3));
    });
}

#[test]
fn a_success_keeps_a_failure_at_the_limit_from_opening_or_comes_after_it() {
    check(|| {
        let breaker = failing(Config::new().fail_max(2), 1);
        let (success, failure) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        race(move || success.success(), move || failure.failure());
        let shown = breaker.snapshot();
        match shown.state {
            State::Closed => assert_eq!(shown.consecutive_failures, 1, "the failure came after the success"),
            state => assert_eq!((state, shown.consecutive_failures), (State::Open, 2)),
        }
        assert_eq!((shown.success_count, shown.failure_count), (1, 2));
    });
}

#[test]
fn a_success_ends_a_streak_that_the_machine_takes_and_returns() {
    check(|| {
        let breaker = failing(Config::new().fail_max(5), 2);
        let (success, other) = (breaker.try_acquire().unwrap(), breaker.clone());
        race(move || success.success(), move || other.change(|_, _| ((), None)));
        let shown = breaker.snapshot();
        assert_eq!((shown.consecutive_failures, shown.success_count, shown.failure_count), (0, 1, 2));
    });
}

#[test]
fn a_failure_is_added_to_a_streak_that_the_machine_takes_and_returns() {
    check(|| {
        let breaker = failing(Config::new().fail_max(5), 1);
        let (failure, other) = (breaker.try_acquire().unwrap(), breaker.clone());
        race(move || failure.failure(), move || other.change(|_, _| ((), None)));
        let shown = breaker.snapshot();
        assert_eq!((shown.consecutive_failures, shown.failure_count), (2, 2));
    });
}

#[test]
fn the_first_failure_of_a_streak_is_not_lost_while_the_machine_has_no_streak() {
    check(|| {
        let breaker = failing(Config::new().fail_max(5), 0);
        let (failure, other) = (breaker.try_acquire().unwrap(), breaker.clone());
        race(move || failure.failure(), move || other.change(|_, _| ((), None)));
        let shown = breaker.snapshot();
        assert_eq!((shown.consecutive_failures, shown.failure_count), (1, 1));
    });
}

#[test]
fn a_lower_limit_holds_for_each_later_failure() {
    check(|| {
        let breaker = failing(Config::new().fail_max(5), 1);
        let (failure, other) = (breaker.try_acquire().unwrap(), breaker.clone());
        let lower = move || other.reconfigure(Config::new().fail_max(2)).unwrap();
        race(move || failure.failure(), lower);
        breaker.try_acquire().into_iter().for_each(crate::Permit::failure);
        assert_eq!(breaker.state(), State::Open);
    });
}

#[test]
fn a_failure_of_before_a_reset_is_no_part_of_the_next_streak() {
    check(|| {
        let breaker = failing(Config::new().fail_max(5), 1);
        let (failure, other) = (breaker.try_acquire().unwrap(), breaker.clone());
        race(move || failure.failure(), move || other.reset());
        let shown = breaker.snapshot();
        assert_eq!((shown.consecutive_failures, shown.state), (0, State::Closed));
        assert!(shown.failure_count <= 1, "{}", shown.failure_count);
    });
}

#[test]
fn a_dropped_call_changes_no_streak() {
    check(|| {
        let breaker = failing(Config::new().fail_max(5), 1);
        let (failure, dropped) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        race(move || failure.failure(), move || drop(dropped));
        let shown = breaker.snapshot();
        assert_eq!((shown.consecutive_failures, shown.failure_count, shown.cancelled_count), (2, 2, 1));
    });
}

#[test]
fn a_reader_sees_the_streak_of_one_moment() {
    check(|| {
        let breaker = failing(Config::new().fail_max(5), 1);
        let (failure, success) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        let other = breaker.clone();
        let calls = move || {
            failure.failure();
            success.success();
        };
        let (_, seen) = race(calls, move || other.read().consecutive_failures);
        assert!([1, 2, 0].contains(&seen), "{seen}");
        assert_eq!(breaker.read().consecutive_failures, 0);
    });
}
