//! Compiles what must compile, and compares the errors of each mistake.
//!
//! The words are those of the toolchain in `rust-toolchain.toml`;
//! `TRYBUILD=overwrite cargo test -p breaker-tests --test ui` writes them again. `UI_EVERY=10`
//! takes only every tenth mistake, in the order of their names: `scripts/test` does so.

use std::{env, fs, path::PathBuf};

/// Of how many mistakes one is compiled.
fn every() -> usize {
    let Some(value) = env::var_os("UI_EVERY") else { return 1 };
    let number = value.to_str().and_then(|value| value.parse().ok()).filter(|number| *number > 0);
    number.unwrap_or_else(|| panic!("UI_EVERY is {value:?}; expected a number above zero"))
}

/// The files of all mistakes, by name.
fn mistakes() -> Vec<PathBuf> {
    let entries = fs::read_dir("ui/fail").expect("a test runs in the directory of its package");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    let mut sources: Vec<_> = paths.filter(|path| path.extension().is_some_and(|it| it == "rs")).collect();
    sources.sort();
    sources
}

#[test]
fn what_must_compile_does_and_each_mistake_is_told_at_its_token() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    for mistake in mistakes().iter().step_by(every()) {
        cases.compile_fail(mistake);
    }
}
