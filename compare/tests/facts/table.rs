//! Reads the table of `COMPARE.md`.

use breaker_compare::Rival;

const DOCUMENT: &str = include_str!("../../../COMPARE.md");

/// The table's text for this crate in this situation.
pub(crate) fn cell<R: Rival>(row: &str) -> &'static str {
    let column = columns().iter().position(|column| column.split(' ').next() == Some(R::NAME)).expect("its column");
    let rows = rows();
    let row = rows.iter().find(|cells| cells[0] == row).unwrap_or_else(|| panic!("no row `{row}` in COMPARE.md"));
    row[column + 1]
}

/// The crates with their versions.
pub(crate) fn columns() -> Vec<&'static str> {
    let (head, _) = lines();
    head.into_iter().skip(1).collect()
}

/// The cells of each row, beginning with the situation.
pub(crate) fn rows() -> Vec<Vec<&'static str>> {
    lines().1
}

fn lines() -> (Vec<&'static str>, Vec<Vec<&'static str>>) {
    let mut lines = DOCUMENT.lines().skip_while(|line| !line.starts_with("| situation |")).map(cells);
    let head = lines.next().expect("the table");
    (head, lines.skip(1).take_while(|cells| !cells.is_empty()).collect())
}

pub(crate) fn cells(line: &'static str) -> Vec<&'static str> {
    let inner = line.strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    inner.map(|inner| inner.split('|').map(str::trim).collect()).unwrap_or_default()
}
