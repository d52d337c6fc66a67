//! Stress: eight threads on one breaker. Whatever they do to it, every call is counted once, no
//! slot is lost, and it serves again.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;
#[path = "stress/storm.rs"]
mod storm;

use breaker_core::event::{Cancelled, Failure, Ignored, Rejected, Success};
use breaker_core::{CircuitBreaker, Config, Listener, Permit, State};
use common::{breaker, secs};
use fastrand::Rng;
use std::sync::{Arc, Mutex, RwLock};
use storm::{Counts, LIMIT, RECOVERY, Storm, lay_hands_on};

const PROBES: u32 = 4;

/// A slot that is lost stays lost.
const SETTINGS: Config = Config::new()
    .recovery_timeout(RECOVERY)
    .half_open_max_calls(PROBES)
    .success_threshold(PROBES)
    .probe_timeout(secs(1_000_000))
    .timeout(LIMIT);

#[test]
fn a_million_calls_of_eight_threads_are_counted_once_each_and_lose_no_slot() {
    let storm = Storm::new();
    let _time = storm.enter();
    let breaker = breaker(SETTINGS);
    let mut made = Counts::default();
    for round in 0..10 {
        let raged = storm.rage(round, 100_000, &|storm, random, outage| {
            if random.u32(..500) == 0 {
                lay_hands_on(&breaker, random);
            }
            storm.call(&breaker, random, outage)
        });
        assert_eq!(raged.sum(), 100_000);
        made = [made, raged].into_iter().sum();
        assert_eq!(Counts::of(&breaker.snapshot()), made, "round {round}");
        breaker.clear_override();
        made = [made, calm(&breaker, &storm)].into_iter().sum();
        breaker.trip();
        made = [made, calm(&breaker, &storm)].into_iter().sum();
        (0..100).for_each(|_| breaker.try_acquire().unwrap().success());
        made.successes += 100;
    }
    assert!(made.least() > 10_000, "there was something of everything: {made:?}");
}

/// After one recovery timeout in which nothing happens its slots are all there, except those of
/// probes that have succeeded in the storm. When these probes succeed it is closed.
fn calm(breaker: &CircuitBreaker, storm: &Storm) -> Counts {
    storm.wait(RECOVERY);
    let mut made = Counts::default();
    if breaker.state() == State::HalfOpen {
        let probes: Vec<Permit> = std::iter::from_fn(|| breaker.try_acquire().ok()).take(PROBES as usize + 1).collect();
        assert!((1..=PROBES as usize).contains(&probes.len()));
        made.rejected += 1;
        made.successes += probes.len() as u64;
        probes.into_iter().for_each(Permit::success);
    }
    assert_eq!(breaker.state(), State::Closed);
    made
}

/// What is reported to a listener of the endings of calls.
#[derive(Clone, Default)]
struct Hears(Arc<Mutex<Counts>>);

impl Listener for Hears {
    fn on_success(&self, _: &Success<'_>) {
        self.0.lock().unwrap().successes += 1;
    }

    fn on_failure(&self, _: &Failure<'_>) {
        self.0.lock().unwrap().failures += 1;
    }

    fn on_ignored(&self, _: &Ignored<'_>) {
        self.0.lock().unwrap().ignored += 1;
    }

    fn on_cancelled(&self, _: &Cancelled<'_>) {
        self.0.lock().unwrap().cancelled += 1;
    }

    fn on_rejected(&self, event: &Rejected<'_>) {
        self.0.lock().unwrap().rejected += u64::from(!event.shadow);
    }
}

#[test]
fn listeners_hear_once_of_each_call_that_was_not_let_through_a_disabled_breaker() {
    let storm = Storm::new();
    let _time = storm.enter();
    let (breaker, hears) = (breaker(SETTINGS), Hears::default());
    breaker.add_listener(hears.clone());
    // The thread that begins a call knows whether the breaker is disabled: no other thread changes
    // it meanwhile. Calls end at any time.
    let hands = RwLock::new(());
    let raged = storm.rage(1, 100_000, &|_, random, outage| {
        if random.u32(..500) == 0 {
            let _alone = hands.write().unwrap();
            let hands: [fn(&CircuitBreaker, &mut Rng); 4] =
                [|it, _| it.disable(), |it, _| it.reset(), lay_hands_on, lay_hands_on];
            random.choice(hands).unwrap()(&breaker, random);
        }
        let beside = hands.read().unwrap();
        let disabled = breaker.state() == State::Disabled;
        let permit = breaker.try_acquire();
        drop(beside);
        let made = storm::end(permit, random, outage);
        if disabled { Counts::default() } else { made }
    });
    assert_eq!(*hears.0.lock().unwrap(), raged);
    assert!(raged.sum() > 10_000 && raged.least() > 1000, "{raged:?}");
    breaker.reset();
    assert_eq!(Counts::of(&breaker.snapshot()), Counts::default());
    (0..100).for_each(|_| breaker.try_acquire().unwrap().success());
}
