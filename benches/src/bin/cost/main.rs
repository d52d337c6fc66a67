//! Measures what calls cost. `scripts/bench` and `scripts/check-cost` run it.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "that is what it is for")]

mod instructions;

use std::process::ExitCode;

const USAGE: &str = "cost run SUBJECT CASE CALLS | cost instructions [SUBJECT ..]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["run", subject, case, calls] => run(subject, case, calls),
        ["instructions", subjects @ ..] => instructions::print(subjects),
        _ => Err(format!("usage: {USAGE}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("cost: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// The bare calls, for a tool that watches the process.
fn run(subject: &str, case: &str, calls: &str) -> Result<(), String> {
    let count = calls.parse().map_err(|_| format!("`{calls}` is no number of calls"))?;
    let calls = breaker_benches::calls(subject, case).ok_or_else(|| format!("no `{subject}` in the case `{case}`"))?;
    calls.run(count);
    Ok(())
}
