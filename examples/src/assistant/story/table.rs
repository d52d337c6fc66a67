//! Prints the closing table, which compares the acts by their measurements.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use hdrhistogram::Histogram;

use super::{act::Act, timeline::readable};

/// Puts both acts side by side.
pub(super) fn compare(with: &Act, without: &Act) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["", "with the breaker", "without it"]);
    let mut row = |name: &str, value: &dyn Fn(&Act) -> String| {
        table.add_row([name.to_owned(), value(with), value(without)]);
    };
    row("questions asked", &|act| act.books.total.all().to_string());
    row("calls made to the API", &|act| act.sent.to_string());
    row("calls rejected by the breaker", &|act| act.rejected.to_string());
    row("got a live answer", &|act| act.books.total.live.to_string());
    row("got the answer that the notes have nothing on the question", &|act| act.books.total.no_notes.to_string());
    row("got an earlier answer (l1_cache)", &|act| act.books.total.cached.to_string());
    row("got excerpts of the notes", &|act| act.books.total.excerpts.to_string());
    row("got a 503 with Retry-After", &|act| act.books.total.unavailable.to_string());
    row("got anything else (errors)", &|act| act.books.total.other.to_string());
    row("half of the users waited at most (p50)", &|act| at(&act.books.waits, 0.5));
    row("99 of 100 waited at most (p99)", &|act| at(&act.books.waits, 0.99));
    row("  asked during the outage: p50", &|act| at(&act.books.waits_in_outage, 0.5));
    row("  asked during the outage: p99", &|act| at(&act.books.waits_in_outage, 0.99));
    row("from the outage to the open breaker", &|act| maybe(act.to_open));
    row("from the API's recovery to the closed breaker", &|act| maybe(act.to_closed));
    table.add_row(["calls that the API did not get".to_owned(), fewer(with, without).to_string(), "-".to_owned()]);
    table.column_iter_mut().skip(1).for_each(|column| {
        column.set_cell_alignment(CellAlignment::Right);
    });
    table.to_string()
}

/// Describes the effect of a second provider in words.
pub(super) fn failover(act: &Act) -> String {
    let total = act.books.total;
    format!(
        "\
In act 3 the second provider answered {second} of {all} questions; {instead} had an earlier answer or excerpts.
Half of the users who asked during that outage waited at most {wait}.
",
        second = total.second,
        all = total.all(),
        instead = total.cached + total.excerpts,
        wait = at(&act.books.waits_in_outage, 0.5),
    )
}

/// Describes the table in words.
pub(super) fn moral(with: &Act, without: &Act) -> String {
    let (fast, slow) = (at(&with.books.waits_in_outage, 0.5), at(&without.books.waits_in_outage, 0.5));
    let closed = match with.to_closed {
        Some(time) => format!("the breaker closed {} after the API had recovered", readable(time)),
        None => "the breaker admits a probe after each recovery timeout".to_owned(),
    };
    format!(
        "\
Half of the users who asked during the outage waited at most {fast} with the breaker (act 1), and {slow} without it (act 2).
The API got {with_calls} calls with the breaker and {without_calls} without it, so {fewer} fewer.
No restart was needed: {closed}.
While the breaker was open, {unavailable} questions got a 503, since the notes have nothing on them.

Next: `cargo run --example assistant -- --serve` keeps the service running and shows how to take its API down by curl.",
        with_calls = with.sent,
        without_calls = without.sent,
        fewer = fewer(with, without),
        unavailable = with.books.total.unavailable,
    )
}

fn fewer(with: &Act, without: &Act) -> u64 {
    without.sent.saturating_sub(with.sent)
}

fn at(waits: &Histogram<u64>, quantile: f64) -> String {
    if waits.is_empty() { "-".to_owned() } else { readable(Duration::from_micros(waits.value_at_quantile(quantile))) }
}

fn maybe(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), readable)
}
