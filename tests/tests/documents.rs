//! The keys are listed in the README, in the attribute's own documentation, in the macro crate and
//! in the one table of `breaker-core`. All four have to say the same.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{Config, Registry};
use common::breaker;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const README: &str = include_str!("../../README.md");
const DOCS: &str = include_str!("../../breaker-macros/docs/circuit_breaker.md");
const MACROS: &str = include_str!("../../breaker-macros/src/parse/keys.rs");
const ALIASES: &str = include_str!("../../breaker-macros/src/parse/aliases.rs");
const MIGRATING: &str = include_str!("../../docs/guide/migrating.md");
const RETRY_DOCS: &str = include_str!("../../breaker-macros/docs/retry.md");

/// The keys of the tables under this heading, with the other cells of their rows.
fn tables(document: &'static str, heading: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let after = &document[document.find(heading).unwrap() + heading.len()..];
    let section = &after[..after.find("\n## ").unwrap_or(after.len())];
    let row = |line: &'static str| {
        let cells: Vec<_> = line.strip_prefix("| `")?.trim_end_matches('|').split(" | ").map(str::trim).collect();
        let name = cells[0].split(['`', '(', ' ']).next()?;
        Some((name, cells[1..].to_vec()))
    };
    section.lines().filter_map(row).collect()
}

fn names(rows: Vec<(&'static str, Vec<&'static str>)>) -> BTreeSet<&'static str> {
    rows.into_iter().map(|(name, _)| name).collect()
}

/// The keys of one table of the macro crate.
fn of_table(name: &str) -> BTreeSet<&'static str> {
    let (_, table) = MACROS.split_once(&format!("const {name}: ")).unwrap();
    let rows = table.lines().take_while(|line| *line != "];");
    rows.filter_map(|line| line.trim().strip_prefix("key(\"")?.split('"').next()).collect()
}

/// What the attribute takes.
fn of_attribute() -> BTreeSet<&'static str> {
    of_table("CIRCUIT_BREAKER")
}

/// What `#[retry]` takes.
fn of_retry() -> BTreeSet<&'static str> {
    of_table("RETRY")
}

/// What configuration takes.
fn of_settings() -> BTreeSet<&'static str> {
    breaker(Config::new()).setting_sources().into_iter().map(|(key, _)| key).collect()
}

#[test]
fn the_readme_has_the_keys_of_the_attribute_and_no_others() {
    let mut listed = names(tables(README, "## The keys of `#[circuit_breaker(...)]`"));
    listed.extend(names(tables(README, "\n## Policies")));
    assert_eq!(listed, of_attribute());
}

#[test]
fn the_attribute_documents_its_keys_and_no_others() {
    let listed: BTreeSet<_> = names(tables(DOCS, ""));
    let missing: Vec<_> = of_attribute().difference(&listed).copied().collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn each_setting_is_a_key_of_the_attribute_a_setter_a_variable_and_a_key_of_files() {
    let attribute = of_attribute();
    let setters = format!("{:?}", Config::new());
    let file = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("documents.toml");
    for key in of_settings() {
        let of_retry = key == "retry" || key.strip_prefix("retry_").is_some_and(|key| of_retry().contains(key));
        assert!(of_retry || attribute.contains(key), "{key} is no key of an attribute");
        assert!(setters.contains(&format!("{key}: None")), "{key} is not in Config");
        let registry = Registry::new();
        let written = if key == "timeout" { "CALL_TIMEOUT".to_owned() } else { key.to_uppercase() };
        let variable = format!("API_CIRCUIT_{written}");
        registry.load_env_from([("", ""); 0]).unwrap();
        registry.breaker("api", Config::new()).unwrap();
        let told = registry.load_env_from([(&variable, "no value of it")]).unwrap_err().to_string();
        assert!(told.contains(&variable) && told.contains("expected"), "{told}");
        fs::write(&file, format!("[all]\n{key} = \"no value of it\"\n")).unwrap();
        let told = registry.load_file(&file).unwrap_err().to_string();
        assert!(told.contains(key) && told.contains("expected"), "{told}");
    }
}

#[test]
fn retries_document_their_keys_and_those_of_configuration_and_no_others() {
    let mut known = of_retry();
    known.extend(of_settings().into_iter().filter(|key| key.starts_with("retry")));
    assert_eq!(names(tables(RETRY_DOCS, "")), known);
}

/// `slidingWindowSize` and `FailureRatio` as the macro crate has them.
fn snake(written: &str) -> String {
    let mut snake = String::new();
    for letter in written.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Whether the attribute's message for this word of another library has this key.
fn leads_to(word: &str, key: &str) -> bool {
    let (_, aliases) = ALIASES.split_once("const CIRCUIT_BREAKER: ").unwrap();
    let (aliases, _) = aliases.split_once("];").unwrap();
    let (_, messages) = ALIASES.split_once("const TWO_MEANINGS: ").unwrap();
    let message = messages.split("),\n").find(|entry| entry.contains(&format!("\"{word}\"")));
    match message {
        Some(message) => message.contains(&format!("`{key}`")) || message.contains(&format!("`{key} = ")),
        None => word == key || aliases.contains(&format!("(\"{word}\", \"{key}\"),")),
    }
}

#[test]
fn the_attribute_knows_the_words_that_the_page_on_migrating_lists() {
    let (_, table) = MIGRATING.split_once("\n| --- | --- | --- | --- | --- | --- | --- |\n").unwrap();
    let rows: Vec<Vec<_>> = table.lines().map_while(|row| Some(row.strip_prefix('|')?.split('|').collect())).collect();
    assert!(rows.len() > 15, "{rows:?}");
    for row in rows {
        let cells: Vec<Vec<_>> = row.iter().map(|cell| cell.split('`').skip(1).step_by(2).collect()).collect();
        let [key] = cells[6][..] else { panic!("one key: {row:?}") };
        assert!(of_attribute().contains(key), "{key}");
        for word in cells[1..6].iter().flatten() {
            assert!(leads_to(&snake(word), key), "the attribute does not lead from `{word}` to `{key}`");
        }
    }
}

#[test]
fn each_policy_says_when_to_take_it() {
    for (key, cells) in tables(README, "\n## Policies").into_iter().filter(|(key, _)| of_attribute().contains(key)) {
        assert!(cells.len() == 4 && cells.iter().all(|cell| !cell.is_empty()), "{key}: {cells:?}");
        assert!(of_settings().contains(key), "{key} is no setting");
    }
}

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
    assert_eq!(pages.len(), 6, "{pages:?}");
    for path in pages {
        let page = fs::read_to_string(&path).unwrap();
        let named: BTreeSet<_> = page.split('`').filter(is_name).collect();
        let absent: Vec<_> = named.iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
        assert!(absent.is_empty(), "{}: {absent:?}", path.display());
    }
}
