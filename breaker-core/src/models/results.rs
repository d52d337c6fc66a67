//! Models races of results with a change of state, and their counting.

use super::{Recorder, breaker, check, fragile, race, tripped};
use crate::config::keys::Config;
use crate::machine::state::State;
use std::time::Duration;

#[test]
fn a_late_failure_decides_nothing_while_the_breaker_recovers() {
    check(|| {
        let breaker = breaker(fragile());
        let late = breaker.try_acquire().unwrap();
        breaker.try_acquire().unwrap().failure();
        let other = breaker.clone();
        race(move || late.failure(), move || other.try_acquire().unwrap().success());
        assert_eq!(breaker.state(), State::Closed);
        let snapshot = breaker.snapshot();
        assert_eq!((snapshot.failure_count, snapshot.consecutive_failures), (2, 0));
    });
}

#[test]
fn a_late_success_decides_nothing_while_the_breaker_opens_again() {
    check(|| {
        let breaker = breaker(fragile().recovery_timeout(super::SECOND));
        let late = breaker.try_acquire().unwrap();
        breaker.try_acquire().unwrap().failure();
        breaker.half_open();
        let probe = breaker.try_acquire().unwrap();
        race(move || late.success(), move || probe.failure());
        assert_eq!(breaker.state(), State::Open);
        assert_eq!(breaker.snapshot().success_count, 1);
    });
}

#[test]
fn of_two_failures_past_the_limit_one_trips_and_that_is_reported_once() {
    check(|| {
        let breaker = breaker(Config::new().fail_max(1));
        let observed = Recorder::by(&breaker);
        let (one, two) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        race(move || one.failure(), move || two.failure());
        let changes = observed.in_order();
        assert_eq!(changes, [super::Observed { sequence: 1, generation: 2, old: State::Closed, new: State::Open }]);
        assert_eq!(breaker.snapshot().failure_count, 2);
    });
}

#[test]
fn two_concurrent_failures_that_reach_the_limit_together_open_it() {
    check(|| {
        let breaker = breaker(Config::new().fail_max(2));
        let (one, two) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        race(move || one.failure(), move || two.failure());
        assert_eq!(breaker.state(), State::Open);
    });
}

#[test]
fn changes_that_race_are_numbered_in_the_order_in_which_they_happened() {
    check(|| {
        let breaker = breaker(fragile());
        let observed = Recorder::by(&breaker);
        let (permit, other) = (breaker.try_acquire().unwrap(), breaker.clone());
        race(move || permit.failure(), move || other.force_open());
        assert_eq!(observed.in_order().last().map(|change| change.new), Some(State::ForcedOpen));
    });
}

#[test]
fn a_success_on_the_closed_path_is_counted_once_and_cannot_undo_a_trip() {
    check(|| {
        let breaker = breaker(Config::new().fail_max(1));
        let (success, failure) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        race(move || success.success(), move || failure.failure());
        assert_eq!(breaker.state(), State::Open);
        let snapshot = breaker.snapshot();
        assert_eq!((snapshot.success_count, snapshot.failure_count), (1, 1));
    });
}

#[test]
fn a_success_ends_a_streak_that_its_thread_has_read() {
    check(|| {
        let breaker = breaker(Config::new().fail_max(2));
        let (success, failure) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        let other = breaker.clone();
        let success = move || {
            let known = other.read().consecutive_failures;
            success.success();
            known
        };
        let (_, known) = race(move || failure.failure(), success);
        let left = breaker.read().consecutive_failures;
        assert!(known + left <= 1, "{known} {left}");
        assert_eq!(breaker.snapshot().success_count, 1);
    });
}

#[test]
fn a_call_is_admitted_by_the_closed_breaker_or_rejected_by_the_open_one() {
    check(|| {
        let breaker = breaker(Config::new().fail_max(1));
        let failure = breaker.try_acquire().unwrap();
        let other = breaker.clone();
        let (answer, _) = race(move || other.try_acquire(), move || failure.failure());
        if let Err(rejection) = &answer {
            assert_eq!(rejection.state(), State::Open);
            assert_eq!(rejection.retry_after(), Some(Duration::from_secs(30)));
        }
        let rejected = u64::from(answer.is_err());
        answer.into_iter().for_each(crate::Permit::success);
        assert_eq!(breaker.state(), State::Open);
        let snapshot = breaker.snapshot();
        assert_eq!((snapshot.success_count, snapshot.rejected_count), (1 - rejected, rejected));
    });
}

#[test]
fn totals_lose_no_success_when_a_reset_races_with_them() {
    check(|| {
        let breaker = breaker(Config::new());
        let (one, two) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        let other = breaker.clone();
        let reset = move || {
            two.success();
            other.reset();
        };
        race(move || one.success(), reset);
        assert_eq!(breaker.shared().unwrap().totals.successes(), 2, "what metrics export never goes back");
        assert!(breaker.successes() <= 1);
    });
}

#[test]
fn totals_lose_no_rejection() {
    check(|| {
        let breaker = tripped(Config::new().fail_max(1));
        let (one, two) = (breaker.clone(), breaker.clone());
        let (one, two) = race(move || one.try_acquire().is_err(), move || two.try_acquire().is_err());
        assert!(one && two);
        assert_eq!(breaker.rejections(), 2);
    });
}
