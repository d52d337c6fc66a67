//! The model: whatever the settings, the calls and the hands that are laid on it, a breaker does
//! what its reference does, step by step.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "model/compare.rs"]
mod compare;
#[path = "model/hand.rs"]
mod hand;
#[path = "model/keys.rs"]
mod keys;
#[path = "model/record.rs"]
mod record;
#[path = "model/reference.rs"]
mod reference;
#[path = "model/step.rs"]
mod step;
#[path = "model/verdict.rs"]
mod verdict;

use compare::Pair;
use keys::Keys;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use step::Step;

/// `PROPTEST_CASES` and `PROPTEST_RNG_SEED` choose more sequences, and others.
fn check(heard: bool) {
    let asked = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { asked.cases } else { 50_000 };
    let rng_seed = if asked.rng_seed == RngSeed::Random { RngSeed::Fixed(u64::from(heard)) } else { asked.rng_seed };
    let config = Config { cases, rng_seed, failure_persistence: None, ..asked };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let sequences = (Keys::whole(), Step::some());
    let checked = TestRunner::new(config).run(&sequences, |(keys, steps)| {
        runtime.block_on(async { Pair::new(keys, heard).run(&steps).await });
        Ok(())
    });
    if let Err(found) = checked {
        panic!("{found}");
    }
}

#[test]
fn a_breaker_that_nobody_listens_to_does_what_its_reference_does() {
    check(false);
}

#[test]
fn a_breaker_with_a_listener_does_what_its_reference_does_and_tells_it() {
    check(true);
}
