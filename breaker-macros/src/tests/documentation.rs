//! Compares the tables in the attributes' documentation with the lists of keys.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;

use crate::diagnostics::Errors;
use crate::parse::{self, keys, retry};
use crate::validate;

/// The rows of the tables that `docs/settings.toml` fills, without those of `left_out`: key and
/// example, each without backquotes.
fn rows(text: &str, left_out: &str) -> Vec<(String, String)> {
    let tables = text.split("<!-- settings: ").skip(1);
    let tables = tables.filter_map(|table| table.split("<!-- end -->").next());
    let lines = tables.filter(|table| !table.starts_with(left_out)).flat_map(str::lines);
    lines.filter(|line| line.starts_with("| `")).map(row).collect()
}

fn row(line: &str) -> (String, String) {
    // `\|` is a `|` in the text of a cell.
    let line = line.replace("\\|", "\u{1}");
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    assert!(cells.len() == 5 && cells.iter().all(|cell| !cell.is_empty()), "five cells: {line}");
    let key = cells[0].split('`').nth(1).expect("a key").trim_end_matches("(..)");
    (key.to_owned(), cells[4].trim_matches('`').replace('\u{1}', "|"))
}

fn names(rows: &[(String, String)]) -> BTreeSet<&str> {
    rows.iter().map(|(key, _)| key.as_str()).collect()
}

fn tokens(example: &str) -> TokenStream {
    example.parse().unwrap_or_else(|error| panic!("{example}: {error}"))
}

#[test]
fn every_key_of_circuit_breaker_is_documented_with_an_example_that_holds() {
    let rows = rows(include_str!("../../docs/circuit_breaker.md"), "backoff");
    assert_eq!(names(&rows), keys::CIRCUIT_BREAKER.iter().map(|key| key.name).collect());
    let own = keys::CIRCUIT_BREAKER.iter().map(|key| (key.name.to_owned(), key.example.to_owned()));
    for (key, example) in rows.clone().into_iter().chain(own) {
        let mut errors = Errors::default();
        let options = parse::parse(tokens(&example), &mut errors);
        assert_eq!(options.iter().map(|option| option.key.name).collect::<Vec<_>>(), [key.as_str()], "{example}");
        validate::values_of(options, &syn::Generics::default(), &mut errors);
        errors.finish().unwrap_or_else(|error| panic!("{example}: {error}"));
    }
}

#[test]
fn every_key_of_retry_is_documented_with_an_example_that_holds() {
    let rows = rows(include_str!("../../docs/retry.md"), "retries");
    assert_eq!(names(&rows), keys::RETRY.iter().map(|key| key.name).collect());
    for (key, example) in rows {
        let mut errors = Errors::default();
        let options = retry::parse(tokens(&example), &mut errors);
        errors.finish().unwrap_or_else(|error| panic!("{example}: {error}"));
        assert_eq!(options.iter().map(|option| option.key.name).collect::<Vec<_>>(), [key.as_str()], "{example}");
    }
}
