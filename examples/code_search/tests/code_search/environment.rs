//! Tests what the environment can change.
//!
//! The registry reads it when it creates the breakers, so each test is a process of its own.

use std::{
    env,
    process::{Command, Output},
};

use breaker_code_search::config::SearchConfig;
use breaker_core::Registry;

use crate::harness::{database, embedding, redis, writes};

/// Set in the processes that the tests start.
const IS_CHILD: &str = "CODE_SEARCH_TEST_CHILD";

/// Runs the test of this name again, alone in a process with these variables.
pub(crate) fn run_with(test: &str, variables: &[(&str, &str)]) -> Output {
    let this = env::current_exe().expect("a test knows where it is");
    let mut command = Command::new(this);
    command.args(["--exact", test, "--nocapture"]).env(IS_CHILD, "1").envs(variables.iter().copied());
    command.output().expect("what runs now can be run again")
}

pub(crate) fn assert_success(child: &Output) {
    let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

pub(crate) fn is_child() -> bool {
    env::var_os(IS_CHILD).is_some()
}

/// For each breaker: how many failures open it, after how many seconds it admits a trial, and how
/// many trials at once.
fn circuits() -> Vec<(u32, u64, u32)> {
    let shown = [redis(), embedding(), database(), writes()].map(|breaker| breaker.settings());
    shown.map(|c| (c.fail_max.unwrap_or(0), c.recovery_timeout.as_secs(), c.half_open_max_calls)).into()
}

#[test]
fn without_variables_the_attributes_stand() {
    if !is_child() {
        return assert_success(&run_with("environment::without_variables_the_attributes_stand", &[]));
    }
    Registry::global().load_env().expect("nothing is set");
    assert_eq!(circuits(), [(5, 30, 1), (3, 60, 1), (3, 10, 1), (3, 10, 1)]);
    assert_eq!((redis().settings().fail_window, embedding().settings().fail_window), (None, None));
}

#[test]
fn the_variables_of_each_breaker_win() {
    if !is_child() {
        let variables = [
            ("REDIS_CIRCUIT_FAILURE_THRESHOLD", "6"),
            ("REDIS_CIRCUIT_RECOVERY_TIMEOUT", "31"),
            ("REDIS_CIRCUIT_HALF_OPEN_CALLS", "2"),
            ("EMBEDDING_CIRCUIT_FAILURE_THRESHOLD", "7"),
            ("EMBEDDING_CIRCUIT_RECOVERY_TIMEOUT", "61"),
            ("EMBEDDING_CIRCUIT_HALF_OPEN_CALLS", "3"),
            ("DATABASE_CIRCUIT_FAILURE_THRESHOLD", "8"),
            ("DATABASE_CIRCUIT_RECOVERY_TIMEOUT", "11"),
            ("DATABASE_CIRCUIT_HALF_OPEN_CALLS", "4"),
            ("DATABASE_WRITES_CIRCUIT_FAILURE_THRESHOLD", "9"),
            ("DATABASE_WRITES_CIRCUIT_RECOVERY_TIMEOUT", "12"),
            ("DATABASE_WRITES_CIRCUIT_HALF_OPEN_CALLS", "5"),
        ];
        return assert_success(&run_with("environment::the_variables_of_each_breaker_win", &variables));
    }
    Registry::global().load_env().expect("every variable is fine");
    assert_eq!(circuits(), [(6, 31, 2), (7, 61, 3), (8, 11, 4), (9, 12, 5)]);
}

/// The lines of `.env.example` that set a variable, without their `#`.
fn example_file() -> Vec<(&'static str, &'static str)> {
    let lines = include_str!("../../.env.example").lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    lines.filter(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')).collect()
}

#[test]
fn the_example_file_shows_the_defaults() {
    if !is_child() {
        return assert_success(&run_with("environment::the_example_file_shows_the_defaults", &example_file()));
    }
    Registry::global().load_env().expect("every line is fine");
    assert_eq!(SearchConfig::read(|name| env::var(name).ok()), Ok(SearchConfig::default()));
    assert_eq!(circuits(), [(5, 30, 1), (3, 60, 1), (3, 10, 1), (3, 10, 1)]);
}
