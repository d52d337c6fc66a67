//! The keys are listed in the README, in the attribute's own documentation, in the macro crate and
//! in the one table of `breaker-core`. All four have to say the same.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{Config, Registry};
use common::breaker;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const README: &str = include_str!("../../README.md");
const DOCS: &str = include_str!("../../breaker-macros/docs/circuit_breaker.md");
const MACROS: &str = include_str!("../../breaker-macros/src/parse/keys.rs");
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
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("documents.toml");
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
    for client in ["aws", "databases", "http", "messaging"] {
        let page = fs::read_to_string(format!("../breaker-core/guide/clients_{client}.md")).unwrap();
        let named: BTreeSet<_> = page.split('`').filter(is_name).collect();
        let absent: Vec<_> = named.iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
        assert!(absent.is_empty(), "{client}: {absent:?}");
    }
}

/// The files under `directory`, also in its folders, whose names end with `ending`.
fn files(directory: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).map(|entries| entries.map(|entry| entry.unwrap().path()).collect());
    let paths: Vec<PathBuf> = entries.unwrap_or_default();
    let of = |path: PathBuf| match path.to_str() {
        Some(directory) if path.is_dir() => files(directory, ending),
        Some(name) if name.ends_with(ending) => vec![path],
        _ => Vec::new(),
    };
    paths.into_iter().flat_map(of).collect()
}

/// The names of types and methods in the code `Type::method` of a document.
fn methods_in(document: &str) -> BTreeSet<(&str, &str)> {
    let is_word = |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let method = |code| {
        let path = str::split(code, ['(', '<']).next()?;
        let (rest, method) = path.rsplit_once("::")?;
        let of = rest.rsplit("::").next()?;
        let is_type = of.starts_with(|c: char| c.is_ascii_uppercase()) && is_word(&of);
        let is_method = method.starts_with(|c: char| c.is_ascii_lowercase()) && is_word(&method);
        (is_type && is_method).then_some((of, method))
    };
    document.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).filter_map(method).collect()
}

// Input:  `impl<E> Display for CallError<E> {`, `pub trait Listener: Send {` or `pub struct Busy {`
// Output: `CallError`, `Listener` or `Busy`
fn type_of_block(line: &str) -> Option<&str> {
    let head = line.trim().strip_suffix('{')?;
    let begins = ["pub trait ", "pub struct "].into_iter().find_map(|begin| head.strip_prefix(begin));
    let name = if let Some(name) = begins {
        name
    } else {
        let head = head.strip_prefix("impl")?;
        let after = if head.starts_with('<') { head.split_once("> ")?.1 } else { head };
        after.split_once(" for ").map_or(after, |(_, name)| name)
    };
    let name = name.trim().split(['<', ' ', ':']).next()?;
    (!name.is_empty()).then_some(name)
}

/// The public types of a formatted source, and the functions and public fields in its blocks, with
/// the type of each block.
fn types_and_methods(source: &str) -> (BTreeSet<&str>, BTreeSet<(&str, &str)>) {
    let mut block = "";
    let (mut types, mut methods) = (BTreeSet::new(), BTreeSet::new());
    for line in source.lines() {
        let word = |after: &str| line.split_once(after)?.1.split(|c: char| !(c.is_alphanumeric() || c == '_')).next();
        types.extend(["pub struct ", "pub enum ", "pub trait "].into_iter().filter_map(word));
        block = type_of_block(line).unwrap_or(block);
        let field = || line.trim().strip_prefix("pub ")?.split_once(": ").map(|(name, _)| name);
        methods.extend(word("fn ").or_else(field).map(|name| (block, name)));
    }
    (types, methods)
}

#[test]
fn each_method_of_our_types_that_a_document_names_is_there() {
    let sources: Vec<String> = ["../breaker-core/src", "../breaker-axum/src"]
        .into_iter()
        .flat_map(|directory| files(directory, ".rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let (mut types, mut methods) = (BTreeSet::new(), BTreeSet::new());
    for source in &sources {
        let (more_types, more_methods) = types_and_methods(source);
        types.extend(more_types);
        methods.extend(more_methods);
    }
    let mut pages = files("..", "/README.md");
    for directory in ["../docs", "../breaker-core/guide", "../breaker-macros/docs"] {
        pages.extend(files(directory, ".md"));
    }
    pages.retain(|page| !page.components().any(|part| part.as_os_str() == "target" || part.as_os_str() == "before"));
    pages.extend(["DESIGN", "ARCHITECTURE"].map(|page| PathBuf::from(format!("../{page}.md"))));
    let setters = format!("{:?}", Config::new());
    let (mut absent, mut seen) = (Vec::new(), 0);
    for page in pages {
        let document = fs::read_to_string(&page).unwrap();
        // Other types are those of other crates.
        for (of, method) in methods_in(&document).into_iter().filter(|(of, _)| types.contains(of)) {
            seen += 1;
            let is_setter = of == "Config" && setters.contains(&format!("{method}: "));
            if !methods.contains(&(of, method)) && !is_setter {
                absent.push(format!("{}: `{of}::{method}`", page.display()));
            }
        }
    }
    assert!(absent.is_empty(), "{absent:#?}");
    assert!(seen > 50, "{seen} are too few to be all");
}
