//! Counts instructions with cachegrind, by the difference of two processes.
//!
//! One of them makes more calls than the other.

use breaker_benches::{Bytes, Case, SUBJECTS, Subject, subject};
use std::env::current_exe;
use std::process::Command;

/// Whether valgrind is installed.
pub(crate) fn available() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Instructions of one call, with the loop around it.
pub(crate) fn of(subject: &Subject, case: Case) -> Result<f64, String> {
    of_size(subject, case, None)
}

/// The same, with an error type of this size.
pub(crate) fn of_size(subject: &Subject, case: Case, bytes: Option<Bytes>) -> Result<f64, String> {
    const SHORT: u32 = 1_000;
    const MORE: u32 = 10_000;
    let (short, long) = (counted(subject, case, bytes, SHORT)?, counted(subject, case, bytes, SHORT + MORE)?);
    Ok((long - short) / f64::from(MORE))
}

/// The instructions of a process that makes N calls.
fn counted(subject: &Subject, case: Case, bytes: Option<Bytes>, calls: u32) -> Result<f64, String> {
    let cost = current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(cost)
        .args(["run", subject.name, case.name(), &calls.to_string()])
        .args(bytes.map(|bytes| bytes.count().to_string()))
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    let told = words.lines().find_map(|line| line.split_once("I ")?.1.split_once("refs:"));
    told.and_then(|(_, count)| count.trim().replace(',', "").parse().ok())
        .ok_or_else(|| format!("cachegrind has not counted:\n{words}"))
}

/// The baseline of a comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base {
    ok: f64,
    pointer: f64,
    err: f64,
    err_ok: f64,
    clock: f64,
}

impl Base {
    pub(crate) fn count() -> Result<Self, String> {
        let one = |name, case| of(subject(name).ok_or_else(|| format!("there is no `{name}`"))?, case);
        Ok(Self {
            ok: one("bare", Case::Ok)?,
            pointer: one("bare", Case::Pointer)?,
            err: one("bare", Case::Err)?,
            err_ok: one("bare", Case::ErrOk)?,
            clock: one("clock", Case::Ok)? - one("loop", Case::Ok)?,
        })
    }

    /// The cost of a call above the bare call. Where the body does not run, the cost above the
    /// clock.
    pub(crate) fn over(&self, case: Case, instructions: f64) -> f64 {
        instructions
            - match case.bare() {
                Some(Case::Pointer) => self.pointer,
                Some(Case::Err) => self.err,
                Some(Case::ErrOk) => self.err_ok,
                Some(_) => self.ok,
                None => self.clock,
            }
    }
}

/// One line for each case of these subjects, or of all subjects.
pub(crate) fn print(subjects: &[&str]) -> Result<(), String> {
    if !available() {
        return Err("no valgrind on the PATH (Debian: apt-get install valgrind)".to_owned());
    }
    for subject in SUBJECTS
        .iter()
        .chain(breaker_benches::SERVICES)
        .filter(|one| subjects.is_empty() || subjects.contains(&one.name))
    {
        for case in Case::ALL.into_iter().filter(|case| subject.has(*case)) {
            println!("{:<16} {:<20} {:>8.1}", subject.name, case.name(), of(subject, case)?);
        }
    }
    Ok(())
}
