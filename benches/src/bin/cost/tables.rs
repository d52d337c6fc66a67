//! Prints the measurements as Markdown tables.

use crate::instructions::{self, Base};
use crate::{threads, wall};
use allocation_counter::measure;
use breaker_benches::{Calls, Case, SIZES, SUBJECTS, Subject};
use tokio::runtime::Runtime;

/// A subject in one of its cases.
type Row = (&'static Subject, Case);

/// The instructions, wall time and allocations of one call.
pub(crate) fn calls(rounds: usize) -> Result<(), String> {
    let base = if instructions::available() { Some(Base::count()?) } else { None };
    if base.is_none() {
        eprintln!("cost: no valgrind on the PATH (Debian: apt-get install valgrind), so instructions are left out");
    }
    println!("| subject | case | instructions | over | ns, median | ns, least | allocations |");
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
    // The subscriber stays installed, so this case comes last.
    let (last, first): (Vec<Row>, Vec<Row>) = rows(&Case::ALL).partition(|(_, case)| *case == Case::Subscriber);
    for rows in [first, last] {
        let all = made(&rows);
        for (((subject, case), calls), samples) in rows.into_iter().zip(&all).zip(wall::rounds(&all, rounds)) {
            let counted = counted(base, subject, case)?;
            let (median, least, allocated) = (samples.median(), samples.min(), allocations(calls));
            println!("| {} | {} | {counted} | {median:.1} | {least:.1} | {allocated:.1} |", subject.name, case.name());
        }
    }
    Ok(())
}

/// Every subject in each case that it has.
fn rows(cases: &[Case]) -> impl Iterator<Item = Row> {
    cases.iter().flat_map(|case| SUBJECTS.iter().filter(|one| one.has(*case)).map(|one| (one, *case)))
}

fn made(rows: &[Row]) -> Vec<Calls> {
    rows.iter().filter_map(|(subject, case)| subject.calls(*case)).collect()
}

/// The columns `instructions` and `over`.
fn counted(base: Option<Base>, subject: &Subject, case: Case) -> Result<String, String> {
    // The crate `quanta` calibrates its clock at first, so no two processes count the same.
    let exact = case != Case::Prometheus && subject.name != "quanta";
    let Some(base) = base.filter(|_| exact) else { return Ok("- | -".to_owned()) };
    let count = instructions::of(subject, case)?;
    let over = match subject.name {
        "loop" | "clock" => String::new(),
        _ => format!("{:.0}", base.over(case, count).round() + 0.0),
    };
    Ok(format!("{count:.0} | {over}"))
}

/// Allocations of one call.
fn allocations(calls: &Calls) -> f64 {
    const CALLS: u32 = 10_000;
    let allocated = measure(|| calls.run(u64::from(CALLS)));
    allocated.count_total as f64 / f64::from(CALLS)
}

/// One thread, and two that share the breaker.
pub(crate) fn threads(rounds: usize) -> Result<(), String> {
    println!("| subject | case | 1 thread, ns | 2 threads, ns | ratio | beside bare |");
    println!("| --- | --- | ---: | ---: | ---: | ---: |");
    let rows: Vec<Row> = rows(&[Case::Ok, Case::Err, Case::Open, Case::Full, Case::Key])
        .filter(|(subject, _)| !matches!(subject.name, "loop" | "clock" | "quanta"))
        .collect();
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    let samples = threads::rounds(&made(&rows), rounds, &runtime);
    // The bare successes come first.
    let bare = samples[0].ratio();
    for ((subject, case), both) in rows.into_iter().zip(&samples) {
        let (one, two, ratio, case) = (both.one.median(), both.two.median(), both.ratio(), case.name());
        let [one, two] = [one, two].map(|nanos| cell(nanos, 1));
        let [ratio, beside] = [ratio, ratio / bare].map(|ratio| cell(ratio, 2));
        println!("| {} | {case} | {one} | {two} | {ratio} | {beside} |", subject.name);
    }
    Ok(())
}

/// A number of the table. There is none where no stretch of two threads counted.
fn cell(number: f64, places: usize) -> String {
    if number.is_finite() { format!("{number:.places$}") } else { "-".to_owned() }
}

/// The bytes of the futures of one function.
pub(crate) fn sizes() {
    println!("| argument | bare | `#[circuit_breaker]` | added | `#[instrument(skip_all, err)]` | added |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for size in SIZES {
        let (bare, guarded, instrumented) = ((size.bare)(), (size.guarded)(), (size.instrumented)());
        // The compiler pads a body's own future at its end.
        let (ours, theirs) = (guarded - bare.next_multiple_of(8), instrumented - bare.next_multiple_of(8));
        println!("| {} | {bare} | {guarded} | {ours} | {instrumented} | {theirs} |", size.argument);
    }
}
