//! Models races of keyed breakers: evictions against totals and resets, cold states against bulk
//! operations.

use super::{Recorder, breaker, check, race};
use crate::breaker::caller::Binding;
use crate::breaker::handle::CircuitBreaker;
use crate::config::keys::Config;
use crate::machine::state::State;
use crate::sync::uses::Uses;
use crate::sync::{Arc, AtomicU64, Ordering};

/// A parent with a keyed breaker that has counted a success.
fn keyed(config: Config) -> (CircuitBreaker, &'static Binding) {
    let parent = breaker(config);
    let binding: &'static Binding =
        Box::leak(Box::new(Binding::new(parent.clone(), "model".to_owned(), Arc::default())));
    binding.keyed_breaker("first").try_acquire().unwrap().success();
    (parent, binding)
}

/// The same with a limit of one key.
fn narrow() -> (CircuitBreaker, &'static Binding) {
    keyed(Config::new().max_keys(1))
}

#[test]
fn the_totals_miss_no_evicted_breaker() {
    check(|| {
        let (parent, binding) = narrow();
        let (_, keyed_totals) = race(move || drop(binding.keyed_breaker("comes")), move || parent.keyed_totals());
        assert_eq!(keyed_totals.successes, 1);
    });
}

#[test]
fn a_reset_misses_no_evicted_breaker() {
    check(|| {
        let (parent, binding) = narrow();
        let other = parent.clone();
        race(move || drop(binding.keyed_breaker("comes")), move || other.reset());
        assert_eq!(parent.keyed_totals().successes, 0);
    });
}

#[test]
fn a_breaker_with_a_call_is_not_evicted_and_a_new_key_has_another_breaker() {
    check(|| {
        let (parent, binding) = narrow();
        let (permit, other) =
            race(move || binding.keyed_breaker("first").try_acquire().unwrap(), move || binding.keyed_breaker("comes"));
        assert!(!permit.breaker().is(&other));
        let known =
            ["first", "*"].map(|key| parent.known_keyed_breaker(key).is_some_and(|known| known.is(permit.breaker())));
        assert!(known.contains(&true));
    });
}

/// The thread that made the parent has kept the first breaker, so it begins a use without a lock.
#[test]
fn a_success_of_a_breaker_that_its_thread_kept_is_counted_and_a_new_key_has_another_breaker() {
    check(|| {
        let (parent, binding) = narrow();
        let call = move || {
            let first = binding.keyed_breaker("first");
            let other = first.clone();
            first.try_acquire().unwrap().success();
            other
        };
        let (first, other) = race(call, move || binding.keyed_breaker("comes"));
        assert!(!first.is(&other));
        assert_eq!(parent.keyed_totals().successes, 2);
        let known = ["first", "*"].map(|key| parent.known_keyed_breaker(key).is_some_and(|known| known.is(&first)));
        assert!(known.contains(&true));
    });
}

#[test]
fn a_call_after_an_eviction_has_the_breaker_of_the_table() {
    check(|| {
        let (parent, binding) = narrow();
        let call = move || binding.keyed_breaker("first").try_acquire().unwrap().success();
        race(call, move || drop(binding.keyed_breaker("comes")));
        let first = binding.keyed_breaker("first");
        assert!(parent.known_keyed_breaker("first").is_some_and(|known| known.is(&first)));
        assert_eq!(parent.keyed_totals().successes, 2);
    });
}

#[test]
fn a_breaker_is_closed_or_a_use_begins() {
    check(|| {
        let uses = Arc::new(Uses::default());
        let begins = Arc::clone(&uses);
        let closes = Arc::clone(&uses);
        let (began, closed) = race(move || begins.begin(true), move || closes.close());
        assert!(!(began && closed));
        assert_eq!(uses.seem_over(), !began, "a use that found it closed has taken back its count");
    });
}

#[test]
fn a_use_keeps_a_breaker_open_whatever_uses_it_begins() {
    check(|| {
        let uses = Arc::new(Uses::default());
        assert!(uses.begin(true));
        let (begins, closes) = (Arc::clone(&uses), Arc::clone(&uses));
        let (_, closed) = race(
            move || {
                begins.begin_another();
                begins.end();
                begins.success();
            },
            move || closes.close(),
        );
        assert!(!closed);
        uses.end();
        assert!(uses.close());
    });
}

#[test]
fn a_breaker_that_gets_stripes_is_closed_or_the_next_use_begins() {
    check(|| {
        let uses = Arc::new(Uses::default());
        assert!(uses.begin(true));
        let (counts, other) = (Arc::clone(&uses), Arc::clone(&uses));
        let call = move || {
            counts.create_stripes();
            counts.succeed();
            counts.begin(true)
        };
        let (began, closed) = race(call, move || other.close());
        assert!(!(began && closed));
        assert_eq!(uses.seem_over(), !began);
    });
}

#[test]
fn an_open_breaker_stays_for_its_key_and_a_new_key_has_another_breaker() {
    check(|| {
        let (parent, binding) = keyed(Config::new().max_keys(1).fail_max(1));
        binding.keyed_breaker("first").try_acquire().unwrap().failure();
        let (first, other) = race(move || binding.keyed_breaker("first"), move || binding.keyed_breaker("comes"));
        assert!(!first.is(&other) && other.state() == State::Closed);
        assert!(
            parent.known_keyed_breaker("first").is_some_and(|known| known.is(&first)) || first.state() == State::Closed
        );
    });
}

#[test]
fn two_calls_with_a_new_key_have_one_breaker() {
    check(|| {
        let (parent, binding) = keyed(Config::new());
        let (one, other) = race(move || binding.keyed_breaker("second"), move || binding.keyed_breaker("second"));
        assert!(one.is(&other));
        one.try_acquire().unwrap().success();
        assert_eq!(parent.keyed_totals().successes, 2);
    });
}

#[test]
fn settings_for_all_reach_a_breaker_whose_cold_state_is_being_initialised() {
    check(|| {
        let (parent, binding) = keyed(Config::new());
        let permit = binding.keyed_breaker("first").try_acquire().unwrap();
        race(move || permit.failure(), move || parent.reconfigure(Config::new().fail_max(2)).unwrap());
        assert_eq!(binding.keyed_breaker("first").settings().fail_max, Some(2));
        binding.keyed_breaker("first").try_acquire().unwrap().failure();
        assert_eq!(binding.keyed_breaker("first").state(), State::Open);
    });
}

#[test]
fn a_change_for_all_is_reported_once_by_a_breaker_whose_cold_state_is_being_initialised() {
    check(|| {
        let (parent, binding) = keyed(Config::new().fail_max(1));
        let observed = Recorder::by(&parent);
        let permit = binding.keyed_breaker("first").try_acquire().unwrap();
        race(move || permit.failure(), move || parent.reconfigure(Config::new().enabled(false)).unwrap());
        assert_eq!(binding.keyed_breaker("first").state(), State::Disabled);
        assert_eq!(binding.keyed_breaker("first").snapshot().failure_count, 1);
        let disabled = observed.changes.lock().iter().filter(|change| change.new == State::Disabled).count();
        assert_eq!(disabled, 2, "the parent and the keyed breaker");
    });
}

#[test]
fn a_listener_for_all_observes_a_breaker_whose_cold_state_is_being_initialised() {
    check(|| {
        let (parent, binding) = keyed(Config::new());
        let permit = binding.keyed_breaker("first").try_acquire().unwrap();
        let (_, observed) = race(move || permit.failure(), move || Recorder::by(&parent));
        binding.keyed_breaker("first").try_acquire().unwrap().success();
        assert_eq!(observed.successes(), 1);
    });
}

#[test]
fn a_reset_of_all_closes_a_breaker_that_is_opening_while_its_cold_state_is_initialised() {
    check(|| {
        let (parent, binding) = keyed(Config::new().fail_max(1));
        let permit = binding.keyed_breaker("first").try_acquire().unwrap();
        let other = parent.clone();
        race(move || permit.failure(), move || other.reset());
        let (keyed_breaker, keyed_totals) = (binding.keyed_breaker("first"), parent.keyed_totals());
        assert_eq!(keyed_breaker.state(), State::Closed);
        assert_eq!((keyed_totals.successes, keyed_breaker.snapshot().consecutive_failures), (0, 0));
        // Results from before the reset are cleared. Results from after it belong to an earlier
        // generation.
        assert!(keyed_totals.failures <= 1);
    });
}

#[test]
fn an_observed_breaker_without_a_cold_state_counts_while_another_thread_initialises_it() {
    check(|| {
        let (parent, binding) = keyed(Config::new().fail_max(3));
        let observed = Recorder::by(&parent);
        let [success, failure] = [(); 2].map(|()| binding.keyed_breaker("first").try_acquire().unwrap());
        race(move || success.success(), move || failure.failure());
        let snapshot = binding.keyed_breaker("first").snapshot();
        assert_eq!((snapshot.success_count, snapshot.failure_count, observed.successes()), (2, 1, 1));
        assert!(snapshot.consecutive_failures <= 1);
    });
}

#[test]
fn uses_are_counted_exactly_with_two_threads() {
    check(|| {
        let counts = Arc::new((Uses::default(), AtomicU64::new(0)));
        let count = |counts: Arc<(Uses, AtomicU64)>| {
            move || {
                counts.0.success();
                counts.0.rejected(&counts.1);
                counts.0.success();
            }
        };
        race(count(Arc::clone(&counts)), count(Arc::clone(&counts)));
        let (uses, alone) = &*counts;
        assert_eq!((uses.successes(), uses.rejections() + alone.load(Ordering::Relaxed)), (4, 2));
        assert!(uses.close());
    });
}

#[test]
fn a_thread_that_becomes_the_owner_loses_no_success_of_the_one_before() {
    check(|| {
        let uses = Arc::new(Uses::default());
        let calls = |uses: Arc<Uses>| {
            move || {
                for _ in 0..2 {
                    assert!(uses.begin(true));
                    uses.succeed();
                }
            }
        };
        race(calls(Arc::clone(&uses)), calls(Arc::clone(&uses)));
        assert_eq!(uses.successes(), 4);
        assert!(uses.close() && !uses.begin(true));
    });
}

#[test]
fn a_use_that_another_thread_ends_is_counted_beside_the_owners() {
    check(|| {
        let uses = Arc::new(Uses::default());
        assert!(uses.begin(false));
        let (ends, calls) = (Arc::clone(&uses), Arc::clone(&uses));
        race(
            move || ends.succeed(),
            move || {
                assert!(calls.begin(true));
                calls.succeed();
            },
        );
        assert_eq!(uses.successes(), 2);
        assert!(uses.close());
    });
}

#[test]
fn an_owner_of_a_stripe_that_ends_leaves_its_successes_to_the_next() {
    check(|| {
        let uses = Arc::new(Uses::default());
        uses.create_stripes();
        let call = |uses: Arc<Uses>| {
            move || {
                assert!(uses.begin(true));
                uses.succeed();
                uses.disown();
            }
        };
        race(call(Arc::clone(&uses)), call(Arc::clone(&uses)));
        assert_eq!(uses.successes(), 2);
        assert!(uses.close());
    });
}
