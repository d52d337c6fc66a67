//! Measures calls that fail or are rejected, by the size of the error type, beside other crates.
//!
//! `single` has the calls of one thread, `contended` those of two, and `beside` what the
//! attribute's settings add to a success.

mod beside;
mod contended;
mod single;

use crate::wall::Samples;
use breaker_benches::{Bytes, Calls, Case, Subject, subject};

/// The crates whose least time is the measure.
const PEERS: [&str; 3] = ["failsafe", "recloser", "breaker"];
/// Ours.
const OURS: [&str; 2] = ["attribute", "call"];

/// All tables.
pub(crate) fn print(rounds: usize) -> Result<(), String> {
    let mut rows = single::rows();
    rows.extend(beside::rows());
    let measured = Measured::take(rows, rounds)?;
    single::print(&measured)?;
    println!();
    contended::print(rounds.min(25))?;
    println!();
    beside::print(&measured)
}

/// The table of two threads, alone.
pub(crate) fn contended(rounds: usize) -> Result<(), String> {
    contended::print(rounds)
}

/// The table of what settings and metrics add, alone.
pub(crate) fn beside(rounds: usize) -> Result<(), String> {
    let mut rows = single::rows();
    rows.retain(|row| row.bytes == Bytes::B8 && matches!(row.case, Case::Ok | Case::Err) || row.subject.name == "loop");
    rows.extend(beside::rows());
    beside::print(&Measured::take(rows, rounds)?)
}

/// A subject in one of its cases, with the size of its error type.
#[derive(Clone, Copy, Debug)]
struct Row {
    subject: &'static Subject,
    case: Case,
    bytes: Bytes,
}

impl Row {
    /// This subject in these cases, or in those of them that it has.
    fn all(name: &str, cases: &[Case], bytes: Bytes) -> Vec<Self> {
        let rows = |subject| cases.iter().map(move |&case| Self { subject, case, bytes });
        subject(name).into_iter().flat_map(rows).filter(|row| row.subject.has(row.case)).collect()
    }

    fn is(&self, name: &str, case: Case, bytes: Bytes) -> bool {
        (self.subject.name, self.case, self.bytes) == (name, case, bytes)
    }

    /// The calls, with an error type of this size where the subject has errors.
    fn calls(&self) -> Result<Calls, String> {
        let calls = self.subject.sized_calls(self.case, self.bytes).or_else(|| self.subject.calls(self.case));
        calls.ok_or_else(|| format!("{} has no case `{}`", self.subject.name, self.case.name()))
    }

    /// An error if calls end otherwise than the case says. It looks at the end of a measurement.
    fn check(&self, calls: &Calls) -> Result<(), String> {
        let unknown = self.bytes.count() == 0 && self.case.rejects();
        let ends = calls.endings(100);
        let mut wrong = ends.iter().enumerate().filter(|(n, end)| !unknown && end.kind != self.case.expected(*n));
        wrong.next().map_or(Ok(()), |(_, end)| {
            let (subject, case) = (self.subject.name, self.case.name());
            Err(format!("{subject}: a call in the case `{case}` ended as {:?}", end.kind))
        })
    }
}

/// Nanoseconds: of the least round, and of the median one.
#[derive(Clone, Copy, Debug)]
struct Nanos {
    least: f64,
    median: f64,
}

impl From<&Samples> for Nanos {
    fn from(samples: &Samples) -> Self {
        Self { least: samples.min(), median: samples.median() }
    }
}

impl Nanos {
    fn each(self, other: Self, with: impl Fn(f64, f64) -> f64) -> Self {
        Self { least: with(self.least, other.least), median: with(self.median, other.median) }
    }

    fn less(self, other: Self) -> Self {
        self.each(other, |one, other| one - other)
    }

    fn over(self, other: Self) -> Self {
        self.each(other, |one, other| one / other)
    }

    fn lower(self, other: Self) -> Self {
        self.each(other, f64::min)
    }

    /// Both numbers, as a cell of a table. There are none where no stretch of two threads counted.
    fn cell(self, places: usize) -> String {
        if !self.least.is_finite() {
            return "-".to_owned();
        }
        format!("{:.places$} / {:.places$}", self.least, self.median)
    }
}

/// Rows with the results of their interleaved rounds.
struct Measured(Vec<(Row, Nanos)>);

impl Measured {
    fn take(rows: Vec<Row>, rounds: usize) -> Result<Self, String> {
        let calls = rows.iter().map(Row::calls).collect::<Result<Vec<_>, _>>()?;
        let samples = crate::wall::rounds(&calls, rounds);
        for (row, calls) in rows.iter().zip(&calls) {
            row.check(calls)?;
        }
        Ok(Self(rows.into_iter().zip(samples.iter().map(Nanos::from)).collect()))
    }

    fn of(&self, name: &str, case: Case, bytes: Bytes) -> Option<Nanos> {
        self.0.iter().find(|(row, _)| row.is(name, case, bytes)).map(|(_, nanos)| *nanos)
    }

    fn best_peer(&self, case: Case, bytes: Bytes) -> Option<Nanos> {
        PEERS.into_iter().filter_map(|peer| self.of(peer, case, bytes)).reduce(Nanos::lower)
    }
}

/// One line of a Markdown table. A cell that is not there has a dash.
fn line(cells: impl IntoIterator<Item = Option<String>>) {
    let cells: Vec<_> = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned())).collect();
    println!("| {} |", cells.join(" | "));
}
