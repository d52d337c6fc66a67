//! Prints what one thread's calls take for each size of the error type, and their ratios.

use super::{Measured, Nanos, OURS, PEERS, Row, line};
use crate::instructions;
use breaker_benches::{Bytes, Case, subject};

const CASES: [Case; 5] = [Case::Ok, Case::Err, Case::ErrOk, Case::Open, Case::Full];
const COLUMNS: &str = "ok | err | ok and err in turn | open | half-open, full |";
const ALIGNED: &str = "---: | ---: | ---: | ---: | ---: |";

fn names() -> impl Iterator<Item = &'static str> {
    ["bare"].into_iter().chain(PEERS).chain(OURS)
}

/// All rows of the tables, and the empty loop.
pub(super) fn rows() -> Vec<Row> {
    let sizes = Bytes::ALL.into_iter().flat_map(|bytes| names().flat_map(move |name| Row::all(name, &CASES, bytes)));
    Row::all("loop", &[Case::Ok], Bytes::B0).into_iter().chain(sizes).collect()
}

pub(super) fn print(measured: &Measured) -> Result<(), String> {
    println!("| bytes of the error | ns a call, least / median | {COLUMNS}\n| ---: | --- | {ALIGNED}");
    let empty = measured.of("loop", Case::Ok, Bytes::B0).ok_or("there is no `loop`")?;
    println!("| - | loop | {} | - | - | - | - |", empty.cell(1));
    for bytes in Bytes::ALL {
        for name in names() {
            let cells = CASES.map(|case| measured.of(name, case, bytes).map(|nanos| nanos.cell(1)));
            line([Some(bytes.count().to_string()), Some(name.to_owned())].into_iter().chain(cells));
        }
    }
    println!("\n| bytes of the error | over the best other crate | {COLUMNS}\n| ---: | --- | {ALIGNED}");
    for bytes in Bytes::ALL {
        for name in OURS {
            let plain = |case| Some(measured.of(name, case, bytes)?.over(measured.best_peer(case, bytes)?));
            let above = |case| {
                let bare = case_bare(measured, case, bytes, empty);
                let ours = measured.of(name, case, bytes)?.less(bare);
                Some(ours.over(measured.best_peer(case, bytes)?.less(bare)))
            };
            ratios(bytes, name, CASES.map(plain));
            ratios(bytes, &format!("{name}, both less bare"), CASES.map(above));
        }
    }
    counts()
}

/// What is subtracted: the bare call, or the loop where no body runs.
fn case_bare(measured: &Measured, case: Case, bytes: Bytes, empty: Nanos) -> Nanos {
    measured.of("bare", case, bytes).unwrap_or(empty)
}

fn ratios(bytes: Bytes, what: &str, ratios: [Option<Nanos>; CASES.len()]) {
    let cells = ratios.map(|ratio| ratio.map(|ratio| ratio.cell(2)));
    line([Some(bytes.count().to_string()), Some(what.to_owned())].into_iter().chain(cells));
}

/// The instructions, for an error of one word.
fn counts() -> Result<(), String> {
    if !instructions::available() {
        return Ok(());
    }
    println!("\n| instructions, error of 8 bytes | {COLUMNS}\n| --- | {ALIGNED}");
    for name in names() {
        let Some(subject) = subject(name) else { continue };
        let mut cells = vec![Some(name.to_owned())];
        for case in CASES {
            let has = subject.has(case);
            let count = if has { Some(instructions::of_size(subject, case, Some(Bytes::B8))?) } else { None };
            cells.push(count.map(|count| format!("{count:.0}")));
        }
        line(cells);
    }
    Ok(())
}
