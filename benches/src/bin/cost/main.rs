//! Measures what calls cost, and prints Markdown tables.
//!
//! `scripts/bench`, `scripts/bench-scale` and `scripts/check-cost` run it.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "that is what it is for")]

mod instructions;
mod limits;
mod maps;
mod scale;
mod services;
mod tables;
mod threads;
mod together;
mod unhappy;
mod wall;

use breaker_benches::{Bytes, Case, Subject, subject};
use std::process::ExitCode;

const USAGE: &str = "\
cost run SUBJECT CASE CALLS [BYTES]
                                the calls, for a tool that watches the process; BYTES of the error type
cost instructions [SUBJECT ..]  instructions of one call
cost calls [ROUNDS]             instructions, wall time and allocations of one call
cost threads [ROUNDS]           the same calls on one thread and on two
cost unhappy [ROUNDS]           failures and rejections by the size of the error, beside other crates
cost contended [ROUNDS]         failures and rejections of two threads on one breaker, beside other crates
cost beside [ROUNDS]            what settings and metrics add to a call of the attribute
cost services [ROUNDS]          services of tower, bare and behind layers
cost sizes                      bytes of the futures
cost tasks [ROUNDS]             many tasks on one breaker
cost keys                       many breakers of one function
cost maps                       the same beside `quick_cache`
cost names                      many breakers by name
cost check [SUBJECT|CASE|LIMIT|PROMISE ..]
                                ends with a failure where instructions are above a limit";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match command(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("cost: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn command(arguments: &[&str]) -> Result<(), String> {
    match arguments {
        ["run", subject, case, calls] => run(subject, case, calls, None),
        ["run", subject, case, calls, bytes] => run(subject, case, calls, Some(bytes)),
        ["instructions", subjects @ ..] => instructions::print(subjects),
        ["calls", rounds @ ..] => tables::calls(number(rounds, 101)?),
        ["threads", rounds @ ..] => tables::threads(number(rounds, 15)?),
        ["unhappy", rounds @ ..] => unhappy::print(number(rounds, 101)?),
        ["contended", rounds @ ..] => unhappy::contended(number(rounds, 25)?),
        ["beside", rounds @ ..] => unhappy::beside(number(rounds, 101)?),
        ["services", rounds @ ..] => services::print(number(rounds, 101)?),
        ["sizes"] => {
            tables::sizes();
            Ok(())
        }
        ["tasks", rounds @ ..] => scale::tasks(number(rounds, 11)?),
        ["keys"] => scale::keys(),
        ["maps"] => {
            maps::print();
            Ok(())
        }
        ["names"] => scale::names(),
        ["check", limits @ ..] => limits::check(limits),
        _ => Err(format!("it takes one of\n{USAGE}")),
    }
}

/// The first of `arguments` as a number, or the default.
fn number(arguments: &[&str], default: usize) -> Result<usize, String> {
    match arguments {
        [] => Ok(default),
        [text] => {
            text.parse().ok().filter(|number| *number > 0).ok_or_else(|| format!("`{text}` is no number of rounds"))
        }
        [_, more, ..] => Err(format!("`{more}` is one argument too many")),
    }
}

fn run(subject: &str, case: &str, calls: &str, bytes: Option<&str>) -> Result<(), String> {
    let count = calls.parse().map_err(|_| format!("`{calls}` is no number of calls"))?;
    let (subject, case) = find(subject, case)?;
    let calls = match bytes {
        None => subject.calls(case),
        Some(text) => {
            let bytes = text.parse().ok().and_then(Bytes::named);
            subject.sized_calls(case, bytes.ok_or_else(|| format!("there is no error of `{text}` bytes"))?)
        }
    };
    calls.ok_or_else(|| format!("{} has no case `{}`", subject.name, case.name()))?.run(count);
    Ok(())
}

fn find(name: &str, case: &str) -> Result<(&'static Subject, Case), String> {
    let subject = subject(name).ok_or_else(|| format!("there is no subject `{name}`"))?;
    let case = Case::named(case).ok_or_else(|| format!("there is no case `{case}`"))?;
    Ok((subject, case))
}
