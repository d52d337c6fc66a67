//! Times single calls with divan: `cargo bench -p breaker-benches -- attribute`.
//!
//! `scripts/bench` makes the tables of BENCHMARKS.md. It interleaves its rounds, which divan does
//! not.
#![forbid(unsafe_code)]

use breaker_benches::{Case, SUBJECTS, subject};
use divan::Bencher;
use divan::counter::ItemsCount;

/// The number of calls in one sample.
const CALLS: u64 = 1_000;

fn main() {
    divan::main();
}

fn all() -> impl Iterator<Item = String> {
    Case::ALL.into_iter().flat_map(|case| {
        let subjects = SUBJECTS.iter().filter(move |subject| subject.has(case));
        subjects.map(move |subject| format!("{} | {}", subject.name, case.name()))
    })
}

#[divan::bench(args = all())]
fn a_thousand(bencher: Bencher<'_, '_>, which: &str) {
    let (name, case) = which.split_once(" | ").expect("as `all` writes it");
    let calls = Case::named(case).and_then(|case| subject(name)?.calls(case)).expect("as `all` has it");
    bencher.counter(ItemsCount::new(CALLS)).bench(|| calls.run(CALLS));
}
