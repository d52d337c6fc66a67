//! Documents agree with the code: the settings in all of them, and the tests that the guide names.
//! Their links lead somewhere.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "documents/examples.rs"]
mod examples;
#[path = "documents/links.rs"]
mod links;
#[path = "documents/list.rs"]
mod list;
#[path = "documents/markdown.rs"]
mod markdown;
#[path = "documents/methods.rs"]
mod methods;
#[path = "documents/migrating.rs"]
mod migrating;
#[path = "documents/pages.rs"]
mod pages;
#[path = "documents/settings.rs"]
mod settings;

use breaker_core::Config;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// For the example `config = crate::SHARED`.
pub(crate) const SHARED: Config = Config::new().fail_max(3);

fn sources(directory: &Path) -> String {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap() }).collect()
}

#[test]
fn each_test_that_the_guide_names_is_there() {
    let sources = sources(Path::new("clients/tests"));
    // The name of a test is a sentence.
    let is_name =
        |word: &&str| word.matches('_').count() > 3 && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let pages = fs::read_dir("../docs/guide").unwrap().map(|entry| entry.unwrap().path());
    let pages: Vec<_> = pages.filter(|path| path.to_string_lossy().contains("/clients")).collect();
    assert_eq!(pages.len(), 7, "{pages:?}");
    for path in pages {
        let page = fs::read_to_string(&path).unwrap();
        let named: BTreeSet<_> = page.split('`').filter(is_name).collect();
        let absent: Vec<_> = named.iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
        assert!(absent.is_empty(), "{}: {absent:?}", path.display());
    }
}

/// The blocks of Rust code of a page.
fn rust_blocks(page: &str) -> Vec<(&str, &str)> {
    let opened = page.split("\n```rust").skip(1).map(|block| block.split_once('\n').unwrap());
    opened.map(|(info, block)| (info, block.split("\n```").next().unwrap())).collect()
}

/// The lines without their indentation, and without empty ones.
fn unindented(code: &str) -> String {
    code.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_example_of_the_guide_that_a_doctest_does_not_run_runs_as_a_test() {
    let tests = unindented(&sources(Path::new("tests")));
    for page in fs::read_dir("../docs/guide").unwrap().map(|page| page.unwrap().path()) {
        let text = fs::read_to_string(&page).unwrap();
        // `tests/clients` runs what the pages on clients show.
        let of_client = page.file_name().is_some_and(|name| name.to_string_lossy().starts_with("clients"));
        for (info, block) in rust_blocks(&text) {
            let block = unindented(block);
            let is_test = block.contains("#[tokio::test") || block.contains("#[test]");
            // A server that never ends is compiled only.
            let needs_test = is_test || (info == ",no_run" && !of_client && !block.contains("axum::serve("));
            assert!(!needs_test || tests.contains(&block), "{}: in no file of tests/tests:\n{block}", page.display());
        }
    }
}
