//! Prints what calls take while another thread calls through the same breaker.

use super::{Nanos, OURS, PEERS, Row, line};
use crate::threads::Both;
use crate::together;
use breaker_benches::{Bytes, Case};
use tokio::runtime::Runtime;

pub(super) fn print(rounds: usize) -> Result<(), String> {
    let rows: Vec<Row> = rows();
    let calls = rows.iter().map(Row::calls).collect::<Result<Vec<_>, _>>()?;
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    let all: Vec<_> = rows.iter().zip(together::rounds(&calls, rounds, &runtime)).collect();
    for (row, calls) in rows.iter().zip(&calls) {
        row.check(calls)?;
    }
    let peers = |case| {
        let of_case = all.iter().filter(move |(row, _)| row.case == case && PEERS.contains(&row.subject.name));
        of_case.map(|(_, both)| Nanos::from(&both.two)).reduce(Nanos::lower)
    };
    println!("| ns a call, least / median | case | 1 thread | 2 threads | 2 over 1 | over the best other crate's 2 |");
    println!("| --- | --- | ---: | ---: | ---: | ---: |");
    for (row, both) in &all {
        let Both { one, two } = both;
        let (one, two) = (Nanos::from(one), Nanos::from(two));
        let over = peers(row.case).filter(|_| OURS.contains(&row.subject.name)).map(|best| two.over(best).cell(2));
        let cells = [row.subject.name.to_owned(), row.case.name().to_owned(), one.cell(1), two.cell(1)];
        line(cells.into_iter().map(Some).chain([Some(two.over(one).cell(2)), over]));
    }
    Ok(())
}

/// Two threads that fail or are rejected, and those that use the breakers of the same keys.
fn rows() -> Vec<Row> {
    let names = || OURS.into_iter().chain(PEERS);
    let of = |case| names().flat_map(move |name| Row::all(name, &[case], Bytes::B8));
    of(Case::Err).chain(of(Case::Open)).chain(Row::all("attribute", &[Case::Key], Bytes::B8)).collect()
}
