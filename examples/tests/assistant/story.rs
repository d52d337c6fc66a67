//! Tests the story that ends at the first recovery, as `scripts/test` runs it.

use std::process::{Command, Output};

use crate::process::program;

/// Runs the story of a short outage.
fn story(variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program("assistant"));
    // A directory without a `.env`.
    command.args(["--seconds", "3", "--until-recovery"]).envs(variables.iter().copied());
    command.current_dir(std::env::temp_dir()).output().expect("it runs")
}

#[test]
fn it_ends_when_the_breaker_has_closed() {
    let output = story(&[]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let opened = said.find(">> the breaker OPENS").expect("it opens");
    let healthy = said.find(">> the API is healthy again").expect("the outage ends");
    let closed = said.find(">> the breaker CLOSES").expect("it closes");
    assert!(opened < healthy && healthy < closed, "{said}");
    // After it comes the row of the last answers, and no other act.
    assert!(said[closed..].lines().count() <= 3 && !said.contains("Act 2"), "{said}");
}

#[test]
fn a_breaker_that_does_not_recover_is_a_failure() {
    let output = story(&[("HUGGINGFACE_API_CIRCUIT_FAIL_MAX", "100000")]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the breaker has not closed again"), "{said}");
}
