//! Models races of the sliding windows: successes without a lock against failures, rotation,
//! clearing and each other.

use super::{Recorder, SECOND, breaker, check, race};
use crate::clock::Tick;
use crate::config::keys::Config;
use crate::config::types::Window;
use crate::machine::state::State;
use crate::machine::trip::{WindowRules, WindowTotals};
use crate::machine::window::{Mark, SlidingWindow};
use crate::sync::{Arc, Mutex};

const SUCCESS: Mark = Mark { failed: false, slow: false };
const FAILED: Mark = Mark { failed: true, slow: false };
const START: Tick = Tick::from_nanos(1_000_000_000);
const SPAN: Window = Window::Time(SECOND);

/// A window with a rule that never holds.
fn window(of: Window) -> Arc<SlidingWindow> {
    let rules = WindowRules {
        failure_rate: Some(1.0),
        slow_call_rate: None,
        slow_call_duration: None,
        fail_max: None,
        min_calls: 99,
    };
    let window = SlidingWindow::default();
    window.arrange(&rules, of);
    Arc::new(window)
}

fn window_totals(calls: u64, failed: u64) -> WindowTotals {
    WindowTotals { calls, failed, slow: 0 }
}

/// After this many successes a ring is empty of failures, if its totals match its bits.
fn flush(window: &SlidingWindow, size: u32) {
    (0..size).for_each(|_| window.add(SUCCESS, START));
    assert_eq!(window.totals(), window_totals(size.into(), 0));
}

#[test]
fn calls_that_are_added_to_a_ring_concurrently_are_all_in_it() {
    check(|| {
        let window = window(Window::Calls(3));
        window.add(SUCCESS, START);
        let (other, third) = (Arc::clone(&window), Arc::clone(&window));
        race(move || other.add_success(START), move || third.add(FAILED, START));
        assert_eq!(window.totals(), window_totals(3, 1));
        flush(&window, 3);
    });
}

#[test]
fn a_success_that_evicts_a_failure_subtracts_it_from_the_totals() {
    check(|| {
        let window = window(Window::Calls(2));
        window.add(FAILED, START);
        window.add(SUCCESS, START);
        let (other, third) = (Arc::clone(&window), Arc::clone(&window));
        race(move || other.add_success(START), move || third.add(FAILED, START));
        // One of them replaced the old failure.
        assert_eq!(window.totals(), window_totals(2, 1));
        flush(&window, 2);
    });
}

#[test]
fn a_ring_that_is_cleared_keeps_no_failure() {
    check(|| {
        let window = window(Window::Calls(2));
        window.add(FAILED, START);
        window.add(FAILED, START);
        let (other, third) = (Arc::clone(&window), Arc::clone(&window));
        race(move || other.add_success(START), move || third.clear());
        let totals = window.totals();
        assert!(totals.calls <= 1 && totals.failed == 0, "{totals:?}");
        flush(&window, 2);
    });
}

#[test]
fn a_success_during_a_resize_leaves_the_new_ring_correct() {
    check(|| {
        let window = window(Window::Calls(1));
        window.add(FAILED, START);
        let (other, third) = (Arc::clone(&window), Arc::clone(&window));
        let rules = WindowRules {
            failure_rate: Some(1.0),
            slow_call_rate: None,
            slow_call_duration: None,
            fail_max: None,
            min_calls: 99,
        };
        let resize = move || {
            third.arrange(&rules, Window::Calls(129));
            third.add(FAILED, START);
        };
        race(move || other.add_success(START), resize);
        let totals = window.totals();
        assert!((1..=2).contains(&totals.calls) && totals.failed == 1, "{totals:?}");
        window.arrange(&rules, Window::Calls(2));
        flush(&window, 2);
    });
}

#[test]
fn a_success_that_changes_nothing_in_a_full_window_hides_no_failure() {
    check(|| {
        let window = window(Window::Calls(2));
        (0..2).for_each(|_| window.add(SUCCESS, START));
        let (other, third) = (Arc::clone(&window), Arc::clone(&window));
        race(move || other.add_success(START), move || third.add(FAILED, START));
        assert_eq!(window.totals(), window_totals(2, 1));
        window.add(SUCCESS, START);
        flush(&window, 2);
    });
}

#[test]
fn a_success_that_changes_nothing_in_a_full_window_leaves_nothing_after_a_clear() {
    check(|| {
        let window = window(Window::Calls(2));
        (0..2).for_each(|_| window.add(SUCCESS, START));
        let (other, third) = (Arc::clone(&window), Arc::clone(&window));
        let clear = move || {
            third.clear();
            third.add(FAILED, START);
        };
        race(move || other.add_success(START), clear);
        let totals = window.totals();
        assert!((1..=2).contains(&totals.calls) && totals.failed == 1, "{totals:?}");
        flush(&window, 2);
    });
}

#[test]
fn a_success_whose_bucket_ends_is_counted_once() {
    check(|| {
        let window = window(SPAN);
        window.add(FAILED, START);
        let (other, third) = (Arc::clone(&window), Arc::clone(&window));
        let later = START.after(SECOND / 2);
        race(move || other.add_success_late(), move || third.rotate(later));
        assert_eq!(window.totals(), window_totals(2, 1));
        window.rotate(START.after(2 * SECOND));
        assert_eq!(window.totals(), window_totals(0, 0));
    });
}

#[test]
fn calls_that_are_added_to_buckets_concurrently_are_all_in_them() {
    check(|| {
        let window = window(SPAN);
        window.rotate(START);
        let (other, third) = (Arc::clone(&window), Arc::clone(&window));
        race(move || other.add_success(START), move || third.add(FAILED, START));
        assert_eq!(window.totals(), window_totals(2, 1));
        window.rotate(START.after(SECOND));
        assert_eq!(window.totals(), window_totals(0, 0));
    });
}

#[test]
fn a_success_during_a_rotation_leaves_the_window_in_time() {
    check(|| {
        let window = window(SPAN);
        window.add(FAILED, START);
        let (other, third) = (Arc::clone(&window), Arc::clone(&window));
        // The rotation empties the bucket to which the call is added.
        race(move || other.add_success(START), move || third.rotate(START.after(SECOND)));
        let totals = window.totals();
        assert!(totals.calls <= 1 && totals.failed == 0, "{totals:?}");
        window.rotate(START.after(3 * SECOND));
        assert_eq!(window.totals(), window_totals(0, 0));
    });
}

#[test]
fn a_late_success_while_the_lock_is_held_is_counted_once() {
    check(|| {
        let breaker = breaker(Config::new().fail_max(9).failure_rate(1.0).window(SECOND));
        breaker.try_acquire().unwrap().success();
        crate::clock::advance(SECOND / 2);
        let (success, failure) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        race(move || success.success(), move || failure.failure());
        let window = breaker.snapshot().window.unwrap();
        assert_eq!((window.calls, window.failures), (3, 1));
        assert_eq!(breaker.snapshot().success_count, 2);
    });
}

/// A success and a failure reach the failure rate together: the later one has to find that.
fn opens_by_both(of: Config) {
    check(move || {
        let breaker = breaker(of.fail_max(9).failure_rate(0.5).min_calls(2));
        let (success, failure) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        race(move || success.success(), move || failure.failure());
        assert_eq!(breaker.state(), State::Open);
    });
}

#[test]
fn a_success_that_reaches_the_minimum_number_of_calls_opens_it_over_calls() {
    opens_by_both(Config::new().window_calls(2));
}

#[test]
fn a_success_that_reaches_the_minimum_number_of_calls_opens_it_over_time() {
    opens_by_both(Config::new().window(SECOND));
}

/// The failure rotates the window, so the success may be late for its bucket.
#[test]
fn a_success_and_a_failure_that_ends_its_bucket_open_it_together() {
    check(|| {
        let breaker = breaker(Config::new().fail_max(9).failure_rate(0.3).min_calls(3).window(SECOND));
        breaker.try_acquire().unwrap().success();
        let (success, failure) = (breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap());
        crate::clock::advance(SECOND / 2);
        race(move || success.success(), move || failure.failure());
        assert_eq!(breaker.state(), State::Open);
    });
}

#[test]
fn a_success_that_seems_to_trip_a_rule_opens_nothing_after_a_reset() {
    check(|| {
        let breaker = breaker(Config::new().fail_max(9).failure_rate(0.3).min_calls(3).window_calls(3));
        breaker.try_acquire().unwrap().failure();
        // Ends the streak, since every success would have to check it otherwise.
        breaker.try_acquire().unwrap().success();
        let (success, other) = (breaker.try_acquire().unwrap(), breaker.clone());
        race(move || success.success(), move || other.reset());
        assert_eq!(breaker.state(), State::Closed);
        let window = breaker.snapshot().window.unwrap();
        assert!(window.calls <= 1 && window.failures == 0);
    });
}

/// The lock replaces that of the machine.
#[test]
fn failures_of_two_threads_under_the_lock_are_both_counted() {
    check(|| {
        let window = Arc::new(Mutex::new(window(Window::Calls(2))));
        let (other, third) = (Arc::clone(&window), Arc::clone(&window));
        race(move || other.lock().add(FAILED, START), move || third.lock().add(FAILED, START));
        assert_eq!(window.lock().totals(), window_totals(2, 2));
    });
}

/// Half of at least two calls that take longer than a second.
fn slow_window() -> Arc<SlidingWindow> {
    let (slow_call_rate, slow_call_duration) = (Some(0.5), Some(SECOND));
    let rules = WindowRules { failure_rate: None, slow_call_rate, slow_call_duration, fail_max: None, min_calls: 2 };
    let window = SlidingWindow::default();
    window.arrange(&rules, Window::Calls(4));
    Arc::new(window)
}

#[test]
fn calls_that_begin_and_end_concurrently_are_counted_while_they_are_in_flight() {
    check(|| {
        let window = slow_window();
        window.call_begins(START);
        let (other, third) = (Arc::clone(&window), Arc::clone(&window));
        race(move || other.call_begins(START), move || third.call_ends(START));
        assert_eq!(window.slow_under_way(START.after(2 * SECOND)), 1);
    });
}

#[test]
fn a_call_that_begins_while_a_bucket_is_taken_over_is_in_the_new_one() {
    check(|| {
        let window = slow_window();
        window.call_begins(START);
        // The same place, a round later.
        let later = START.after(4 * SECOND);
        let (other, third) = (Arc::clone(&window), Arc::clone(&window));
        race(
            move || {
                other.call_begins(later);
                other.call_ends(START);
            },
            move || third.call_begins(later),
        );
        assert_eq!(window.slow_under_way(later.after(2 * SECOND)), 2);
    });
}

#[test]
fn calls_in_flight_open_it_once_for_any_number_of_threads_that_find_them_slow() {
    check(|| {
        let breaker =
            breaker(Config::new().slow_call_duration(SECOND).slow_call_rate(0.5).min_calls(1).recovery_timeout(SECOND));
        let held = breaker.try_acquire().unwrap();
        crate::clock::advance(2 * SECOND);
        let observed = Recorder::by(&breaker);
        let (other, third) = (breaker.clone(), breaker.clone());
        let found = race(move || other.try_acquire().is_err(), move || third.try_acquire().is_err());
        // The second thread may read before the first one has published, and is admitted. Its
        // result then belongs to an earlier generation.
        assert!(found.0 || found.1);
        let changes = observed.in_order();
        assert_eq!((changes.len(), changes[0].new), (1, State::Open));
        held.success();
        assert_eq!(breaker.state(), State::Open);
    });
}
