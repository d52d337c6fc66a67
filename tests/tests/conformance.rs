//! Conformance: what the test suites of established breakers promise, run as data against this one,
//! in virtual time and through the public API only.
//!
//! `cargo test -p breaker-tests --test conformance` runs `tests/conformance/cases.json`;
//! `CONFORMANCE_CASES=PATH` names another file of the same form. A line per case, and the sums at
//! the end; a failed case fails the run. A case that needs what this project leaves out on purpose
//! is `unsupported`, with the knob's name; COMPARE.md says why.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::print_stdout, reason = "the report is what this is for")]

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
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Arguments that begin with no dash choose tests by their names, as with any test.
    let mut filters = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    if filters.peek().is_some() && !filters.any(|filter| "conformance".contains(&filter)) {
        return ExitCode::SUCCESS;
    }
    if std::env::args().any(|argument| argument == "--list") {
        println!("conformance: test");
        return ExitCode::SUCCESS;
    }
    let path = std::env::var_os("CONFORMANCE_CASES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conformance/cases.json"), PathBuf::from);
    // A test runs in its package's directory, and the caller of cargo is most likely one above it.
    let path = if path.exists() { path } else { PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path) };
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    report(&cases)
}

fn report(cases: &[Value]) -> ExitCode {
    let (mut passed, mut failed, mut unsupported) = (0, 0, 0);
    for case in cases {
        let id = case["id"].as_str().unwrap_or("(a case without an id)");
        match run_one(case) {
            Ok(()) => {
                passed += 1;
                println!("pass         {id}");
            }
            Err(Ended::Unsupported(knob)) => {
                unsupported += 1;
                println!("unsupported  {id}  {knob}");
            }
            Err(Ended::Failed(why)) => {
                failed += 1;
                println!("FAIL         {id}  {why}");
            }
        }
    }
    println!("conformance: {passed} passed, {failed} failed, {unsupported} unsupported of {}", cases.len());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
