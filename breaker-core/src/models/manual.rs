//! Models races of manual changes with calls in flight.

use super::{Recorder, SECOND, breaker, check, fragile, race, tripped};
use crate::config::keys::Config;
use crate::machine::state::State;
use crate::sync::{Arc, Ordering, statics};
use std::future::Future;
use std::task::{Context, Wake, Waker};

#[test]
fn a_lower_number_of_slots_applies_to_all_later_calls() {
    check(|| {
        let breaker = tripped(fragile().half_open_max_calls(2));
        let held = breaker.try_acquire().unwrap();
        let (other, third) = (breaker.clone(), breaker.clone());
        let lower = move || {
            other.reconfigure(Config::new().half_open_max_calls(1)).unwrap();
            other.try_acquire()
        };
        let (after, meanwhile) = race(lower, move || third.try_acquire());
        assert!(after.is_err());
        drop(meanwhile);
        drop(held);
        assert!(breaker.try_acquire().is_ok());
    });
}

#[test]
fn a_call_while_a_breaker_is_enabled_is_counted_or_passes_and_never_both() {
    check(|| {
        let breaker = breaker(Config::new().fail_max(1).enabled(false));
        let (other, third) = (breaker.clone(), breaker.clone());
        let enable = move || third.reconfigure(Config::new().enabled(true)).unwrap();
        race(move || other.try_acquire().unwrap().failure(), enable);
        let failures = breaker.snapshot().failure_count;
        assert_eq!(breaker.state(), if failures == 1 { State::Open } else { State::Closed });
    });
}

#[test]
fn a_forced_open_breaker_stays_open_with_any_result_of_a_probe() {
    check(|| {
        let breaker = tripped(fragile());
        let (probe, other) = (breaker.try_acquire().unwrap(), breaker.clone());
        race(move || probe.success(), move || other.force_open());
        assert_eq!(breaker.state(), State::ForcedOpen);
        breaker.clear_override();
        assert!(breaker.try_acquire().is_ok());
    });
}

#[test]
fn a_reset_closes_with_any_result_of_a_probe() {
    check(|| {
        let breaker = tripped(fragile().recovery_timeout(SECOND));
        breaker.half_open();
        let observed = Recorder::by(&breaker);
        let (probe, other) = (breaker.try_acquire().unwrap(), breaker.clone());
        race(move || probe.failure(), move || other.reset());
        assert_eq!(breaker.state(), State::Closed);
        // The failure before the reset is cleared. The one after it is counted and decides nothing.
        let opened = observed.in_order().iter().any(|change| change.new == State::Open);
        assert_eq!(breaker.snapshot().failure_count, u64::from(!opened));
        assert_eq!(breaker.snapshot().consecutive_failures, 0);
    });
}

#[test]
fn a_forced_opening_that_is_over_ends_once_for_two_calls() {
    check(|| {
        let breaker = breaker(Config::new());
        let observed = Recorder::by(&breaker);
        breaker.force_open_for(SECOND);
        crate::clock::advance(SECOND);
        let (other, third) = (breaker.clone(), breaker.clone());
        let (first, second) = race(move || other.try_acquire(), move || third.try_acquire());
        assert!(first.is_ok() && second.is_ok());
        let states: Vec<_> = observed.in_order().iter().map(|change| change.new).collect();
        assert_eq!(states, [State::ForcedOpen, State::Closed]);
    });
}

#[test]
fn an_added_listener_is_notified_while_another_one_is_removed() {
    check(|| {
        let breaker = breaker(Config::new());
        let leaves = Recorder::by(&breaker) as Arc<dyn crate::breaker::report::Observer>;
        let (other, third) = (breaker.clone(), breaker.clone());
        let (_, stays) = race(move || other.remove_observer(&leaves), move || Recorder::by(&third));
        breaker.try_acquire().unwrap().success();
        assert_eq!(stays.successes(), 1);
    });
}

#[derive(Default)]
pub(super) struct Woken(pub(super) statics::AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_caller_that_waits_for_the_end_of_an_open_period_is_woken_or_need_not_wait() {
    check(|| {
        let breaker = breaker(Config::new());
        breaker.force_open();
        let (other, third) = (breaker.clone(), breaker.clone());
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut ready = Box::pin(async move { third.ready().await });
        let mut poll = move || ready.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let (_, (first, mut poll)) = race(move || other.clear_override(), move || (poll(), poll));
        let wakes = woken.0.load(Ordering::Relaxed);
        assert!(first || (wakes == 1 && poll()), "{wakes}");
    });
}
