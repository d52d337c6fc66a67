//! Prints what settings and metrics add to a call of an annotated function.

use super::{Measured, Nanos, Row, line};
use breaker_benches::{Bytes, Case};

const BYTES: Bytes = Bytes::B8;
const SUCCESSES: [Case; 7] =
    [Case::Window10, Case::Window1000, Case::Window100000, Case::WindowOfTime, Case::Slow, Case::Key, Case::Prometheus];

/// The rows that no other table has.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = Row::all("attribute", &SUCCESSES, BYTES);
    rows.extend(Row::all("attribute", &[Case::ErrAnyTime], BYTES));
    rows.extend(Row::all("call", &[Case::ErrAnyTime], BYTES));
    rows.extend(Row::all("quanta", &[Case::Ok], BYTES));
    rows
}

pub(super) fn print(measured: &Measured) -> Result<(), String> {
    let of = |name: &str, case, bytes| measured.of(name, case, bytes).ok_or_else(|| format!("there is no `{name}`"));
    let (ok, err) = (of("attribute", Case::Ok, BYTES)?, of("attribute", Case::Err, BYTES)?);
    println!("| subject | case | ns a call, least / median | beside | more than that | ratio |");
    println!("| --- | --- | ---: | --- | ---: | ---: |");
    let row = |name: &str, case: Case, beside: &str, base: Nanos| -> Result<(), String> {
        let nanos = of(name, case, BYTES)?;
        let cells = [name, case.name()].map(str::to_owned);
        let numbers = [nanos.cell(1), beside.to_owned(), nanos.less(base).cell(1), nanos.over(base).cell(2)];
        line(cells.into_iter().chain(numbers).map(Some));
        Ok(())
    };
    for case in SUCCESSES {
        row("attribute", case, "its ok", ok)?;
    }
    row("quanta", Case::Ok, "loop", of("loop", Case::Ok, Bytes::B0)?)?;
    row("attribute", Case::ErrAnyTime, "its err", err)?;
    let peers = measured.best_peer(Case::Err, BYTES).ok_or("there is no other crate")?;
    row("attribute", Case::ErrAnyTime, "the best other crate's err", peers)?;
    row("call", Case::ErrAnyTime, "the best other crate's err", peers)
}
