//! The words of the conformance cases: those that are combined here pass, and an unknown one is
//! reported as unsupported, by its name. `combined.json` and `strange.json` are of the form of
//! `cases.json`, and can be run by `CONFORMANCE_CASES` too.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "conformance/expect.rs"]
mod expect;
#[path = "conformance/guarded.rs"]
mod guarded;
#[path = "conformance/one.rs"]
mod one;
#[path = "conformance/plan.rs"]
mod plan;
#[path = "conformance/run.rs"]
mod run;
#[path = "conformance/values.rs"]
mod values;

use one::{Ended, run_one};
use serde_json::Value;

fn cases(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn words_that_are_combined_mean_what_they_say() {
    for case in cases(include_str!("../conformance/combined.json")) {
        run_one(&case).unwrap_or_else(|ended| panic!("{}: {ended:?}", case["id"]));
    }
}

#[test]
fn a_word_that_nobody_knows_is_told_by_its_name() {
    for case in cases(include_str!("../conformance/strange.json")) {
        let ended = run_one(&case);
        assert!(matches!(&ended, Err(Ended::Unsupported(knob)) if !knob.is_empty()), "{}: {ended:?}", case["id"]);
    }
}
