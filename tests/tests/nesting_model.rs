//! Calls within calls: two breakers do what a plain reference does. This holds whatever the calls
//! are, however they end and whatever is done to the breakers meanwhile. A service that is well
//! again closes them.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[allow(dead_code, reason = "of the model of one breaker a part is used here")]
#[path = "model/compare.rs"]
mod compare;
#[path = "nesting_model/draw.rs"]
mod draw;
#[path = "nesting_model/functions.rs"]
mod functions;
#[path = "model/hand.rs"]
mod hand;
#[path = "nesting_model/healthy.rs"]
mod healthy;
#[path = "nesting_model/hears.rs"]
mod hears;
#[path = "nesting_model/inside.rs"]
mod inside;
#[allow(dead_code, reason = "of the model of one breaker a part is used here")]
#[path = "model/keys.rs"]
mod keys;
#[path = "nesting_model/made.rs"]
mod made;
#[path = "nesting_model/play.rs"]
mod play;
#[path = "model/record.rs"]
mod record;
#[path = "model/reference.rs"]
mod reference;
#[path = "nesting_model/run.rs"]
mod run;
#[allow(dead_code, reason = "of the model of one breaker a part is used here")]
#[path = "model/step.rs"]
mod step;
#[path = "nesting_model/tree.rs"]
mod tree;
#[path = "model/verdict.rs"]
mod verdict;
#[path = "nesting_model/world.rs"]
mod world;

use breaker_core::{CircuitBreaker, testing};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use run::Run;
use tree::Case;

/// `PROPTEST_CASES` and `PROPTEST_RNG_SEED` choose more cases, of up to four trees each, and
/// others.
fn check(cases: u32, annotated: bool) {
    let asked = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { asked.cases } else { cases };
    let rng_seed = if asked.rng_seed == RngSeed::Random { RngSeed::Fixed(0) } else { asked.rng_seed };
    let config = Config { cases, rng_seed, failure_persistence: None, ..asked };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let checked = TestRunner::new(config).run(&Case::any(), |case| {
        if annotated {
            runtime.block_on(testing::isolated(async {
                let breakers = ["a", "b"].map(testing::breaker);
                breakers.iter().zip(case.keys).for_each(|(breaker, keys)| breaker.reconfigure(keys.config()).unwrap());
                Run::new(&case, breakers, annotated).play(&case).await;
            }));
        } else {
            runtime.block_on(async {
                let breakers = case.keys.map(|keys| CircuitBreaker::new("test", keys.config()).unwrap());
                Run::new(&case, breakers, annotated).play(&case).await;
            });
        }
        Ok(())
    });
    if let Err(found) = checked {
        panic!("{found}");
    }
}

/// Calls within calls go deep, the more so where nothing is optimised.
fn check_on_a_large_stack(cases: u32, annotated: bool) {
    let thread = std::thread::Builder::new().stack_size(64 << 20);
    let checked = thread.spawn(move || check(cases, annotated)).unwrap().join();
    assert!(checked.is_ok(), "see above");
}

/// 100,000 trees.
#[test]
fn nested_calls_of_two_breakers_do_what_their_reference_does_and_recover() {
    check_on_a_large_stack(40_000, false);
}

/// Each registry of a test is there until the process ends: so these are fewer.
#[test]
fn nested_calls_of_annotated_functions_do_what_their_reference_does_and_recover() {
    check_on_a_large_stack(4_000, true);
}
