//! Races of keyed breakers: eviction against totals and resets, and a state of its own against
//! changes for all.

use super::{Heard, breaker, check, race};
use crate::breaker::caller::Link;
use crate::breaker::handle::CircuitBreaker;
use crate::config::keys::Config;
use crate::machine::state::State;
use crate::sync::Arc;
use crate::sync::counter::Tally;

/// A head with a member, which has counted a success.
fn family(config: Config) -> (CircuitBreaker, &'static Link) {
    let head = breaker(config);
    let by: &'static Link = Box::leak(Box::new(Link::new(head.clone(), "model".to_owned(), Arc::default())));
    by.member("first").try_acquire().unwrap().success();
    (head, by)
}

/// The same with room for one member.
fn narrow() -> (CircuitBreaker, &'static Link) {
    family(Config::new().max_keys(1))
}

#[test]
fn the_sums_miss_no_member_that_leaves() {
    check(|| {
        let (head, by) = narrow();
        let (_, sums) = race(move || drop(by.member("comes")), move || head.sums());
        assert_eq!(sums.successes, 1);
    });
}

#[test]
fn a_reset_misses_no_member_that_leaves() {
    check(|| {
        let (head, by) = narrow();
        let other = head.clone();
        race(move || drop(by.member("comes")), move || other.reset());
        assert_eq!(head.sums().successes, 0);
    });
}

#[test]
fn who_has_a_call_stays_and_who_comes_has_another_breaker() {
    check(|| {
        let (head, by) = narrow();
        let (permit, other) = race(move || by.member("first").try_acquire().unwrap(), move || by.member("comes"));
        assert!(!permit.breaker().is(&other));
        let known = ["first", "*"].map(|key| head.known_member(key).is_some_and(|known| known.is(permit.breaker())));
        assert!(known.contains(&true));
    });
}

#[test]
fn an_open_one_stays_for_who_meets_it_and_who_comes_has_another_breaker() {
    check(|| {
        let (head, by) = family(Config::new().max_keys(1).fail_max(1));
        by.member("first").try_acquire().unwrap().failure();
        let (first, other) = race(move || by.member("first"), move || by.member("comes"));
        assert!(!first.is(&other) && other.state() == State::Closed);
        assert!(head.known_member("first").is_some_and(|known| known.is(&first)) || first.state() == State::Closed);
    });
}

#[test]
fn two_who_meet_a_key_at_once_have_one_breaker() {
    check(|| {
        let (head, by) = family(Config::new());
        let (one, other) = race(move || by.member("second"), move || by.member("second"));
        assert!(one.is(&other));
        one.try_acquire().unwrap().success();
        assert_eq!(head.sums().successes, 2);
    });
}

#[test]
fn settings_for_all_reach_a_member_that_is_getting_a_rest() {
    check(|| {
        let (head, by) = family(Config::new());
        let permit = by.member("first").try_acquire().unwrap();
        race(move || permit.failure(), move || head.reconfigure(Config::new().fail_max(2)).unwrap());
        assert_eq!(by.member("first").config().fail_max, Some(2));
        by.member("first").try_acquire().unwrap().failure();
        assert_eq!(by.member("first").state(), State::Open);
    });
}

#[test]
fn a_change_for_all_is_told_once_of_a_member_that_is_getting_a_rest() {
    check(|| {
        let (head, by) = family(Config::new().fail_max(1));
        let heard = Heard::by(&head);
        let permit = by.member("first").try_acquire().unwrap();
        race(move || permit.failure(), move || head.reconfigure(Config::new().enabled(false)).unwrap());
        assert_eq!(by.member("first").state(), State::Disabled);
        assert_eq!(by.member("first").snapshot().failure_count, 1);
        let disabled = heard.changes.lock().iter().filter(|change| change.new == State::Disabled).count();
        assert_eq!(disabled, 2, "the head and the member");
    });
}

#[test]
fn a_listener_of_all_hears_of_a_member_that_is_getting_a_rest() {
    check(|| {
        let (head, by) = family(Config::new());
        let permit = by.member("first").try_acquire().unwrap();
        let (_, heard) = race(move || permit.failure(), move || Heard::by(&head));
        by.member("first").try_acquire().unwrap().success();
        assert_eq!(heard.successes(), 1);
    });
}

#[test]
fn a_reset_of_all_closes_a_member_that_is_getting_a_rest_to_open() {
    check(|| {
        let (head, by) = family(Config::new().fail_max(1));
        let permit = by.member("first").try_acquire().unwrap();
        let other = head.clone();
        race(move || permit.failure(), move || other.reset());
        let (member, sums) = (by.member("first"), head.sums());
        assert_eq!(member.state(), State::Closed);
        assert_eq!((sums.successes, member.snapshot().consecutive_failures), (0, 0));
        // What came before the reset is forgotten, what came after it belongs to an earlier generation.
        assert!(sums.failures <= 1);
    });
}

#[test]
fn a_member_that_is_heard_of_and_has_no_rest_counts_beside_one_who_makes_it() {
    check(|| {
        let (head, by) = family(Config::new().fail_max(3));
        let heard = Heard::by(&head);
        let [good, bad] = [(); 2].map(|()| by.member("first").try_acquire().unwrap());
        race(move || good.success(), move || bad.failure());
        let snapshot = by.member("first").snapshot();
        assert_eq!((snapshot.success_count, snapshot.failure_count, heard.successes()), (2, 1, 1));
        assert!(snapshot.consecutive_failures <= 1);
    });
}

#[test]
fn a_tally_that_two_count_at_is_exact() {
    check(|| {
        let tally = Arc::new(Tally::default());
        let count = |tally: Arc<Tally>| {
            move || {
                tally.success();
                tally.rejected();
                tally.success();
            }
        };
        race(count(Arc::clone(&tally)), count(Arc::clone(&tally)));
        assert_eq!((tally.successes(), tally.rejections()), (4, 2));
    });
}
