//! Measures services of tower: bare, behind our layer, and behind that of another crate.

use crate::{instructions, wall};
use allocation_counter::measure;
use breaker_benches::{Calls, Case, SERVICES, Subject};

const CASES: [Case; 4] = [Case::Ok, Case::Err, Case::Open, Case::Full];
const PEER: &str = "tower-resilience";

/// What was measured of one subject in one case.
struct Row {
    subject: &'static Subject,
    case: Case,
    instructions: Option<f64>,
    least: f64,
    median: f64,
    allocations: f64,
}

/// The table. Ratios are of what a layer adds to its service, over what the other crate's adds.
pub(crate) fn print(rounds: usize) -> Result<(), String> {
    let found = CASES.iter().flat_map(|case| SERVICES.iter().filter(|one| one.has(*case)).map(|one| (one, *case)));
    let found: Vec<(&Subject, Case)> = found.collect();
    let all: Vec<Calls> = found.iter().filter_map(|(subject, case)| subject.calls(*case)).collect();
    let samples = wall::rounds(&all, rounds);
    let counts = instructions::available();
    let mut rows = Vec::new();
    for (((subject, case), calls), samples) in found.into_iter().zip(&all).zip(samples) {
        let instructions = if counts { Some(instructions::of(subject, case)?) } else { None };
        let allocations = allocations(calls);
        rows.push(Row { subject, case, instructions, least: samples.min(), median: samples.median(), allocations });
    }
    println!(
        "| subject | case | instructions | ns, least / median | allocations | added, over {PEER}: instructions | ns |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
    for row in &rows {
        let Row { subject, case, least, median, allocations, .. } = row;
        let instructions = row.instructions.map_or("-".to_owned(), |count| format!("{count:.0}"));
        let [of_instructions, of_time] =
            ratios(row, &rows).map(|ratio| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")));
        println!(
            "| {} | {} | {instructions} | {least:.1} / {median:.1} | {allocations:.1} | {of_instructions} | {of_time} |",
            subject.name,
            case.name()
        );
    }
    Ok(())
}

/// What this layer adds, over what the other one adds: instructions, and the least time. Where no
/// body runs, all of the call is added.
fn ratios(row: &Row, rows: &[Row]) -> [Option<f64>; 2] {
    let find = |name: &str| rows.iter().find(|other| other.subject.name == name && other.case == row.case);
    let zero = || row.case.rejects().then_some(0.0);
    let measures: [fn(&Row) -> Option<f64>; 2] = [|row| row.instructions, |row| Some(row.least)];
    measures.map(|measure| {
        if !row.subject.name.starts_with("layer") || row.subject.name == "layer, body" {
            return None;
        }
        let bare = find("service").map_or_else(zero, measure)?;
        Some((measure(row)? - bare) / (measure(find(PEER)?)? - bare))
    })
}

/// Allocations of one call.
fn allocations(calls: &Calls) -> f64 {
    const CALLS: u32 = 10_000;
    let allocated = measure(|| calls.run(u64::from(CALLS)));
    allocated.count_total as f64 / f64::from(CALLS)
}
