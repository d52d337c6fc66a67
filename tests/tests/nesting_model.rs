//! Calls within calls: whatever they are, however they end and whatever is done to the breakers meanwhile, two breakers do what a plain
//! reference does, and a service that is well again closes them.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[allow(dead_code, reason = "of the model of one breaker a part is used here")]
#[path = "model/compare.rs"]
mod compare;
#[path = "model/hand.rs"]
mod hand;
#[path = "nesting_model/inside.rs"]
mod inside;
#[allow(dead_code, reason = "of the model of one breaker a part is used here")]
#[path = "model/keys.rs"]
mod keys;
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

use breaker_core::CircuitBreaker;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use run::Run;
use tree::Case;

#[test]
fn nested_calls_of_two_breakers_do_what_their_reference_does_and_recover() {
    // Calls within calls go deep, the more so where nothing is optimised.
    std::thread::Builder::new().stack_size(64 << 20).spawn(check).unwrap().join().unwrap();
}

/// `PROPTEST_CASES` and `PROPTEST_RNG_SEED` choose more cases, of up to four trees each, and others.
fn check() {
    let asked = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { asked.cases } else { 40_000 };
    let rng_seed = if asked.rng_seed == RngSeed::Random { RngSeed::Fixed(0) } else { asked.rng_seed };
    let config = Config { cases, rng_seed, failure_persistence: None, ..asked };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let checked = TestRunner::new(config).run(&Case::any(), |case| {
        runtime.block_on(async {
            let breakers = case.keys.map(|keys| CircuitBreaker::new("test", keys.config()).unwrap());
            Run::new(&case, breakers).play(&case).await;
        });
        Ok(())
    });
    if let Err(found) = checked {
        panic!("{found}");
    }
}
