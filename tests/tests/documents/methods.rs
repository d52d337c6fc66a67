//! Each method that a document names is there.

use breaker_core::Config;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

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
    let sources: Vec<String> = ["../breaker-core/src", "../breaker-axum/src", "../breaker-tower/src"]
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
    for directory in ["../docs", "../breaker-macros/docs"] {
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
