//! One mistake gives one error, also where rustc could report it at several calls of the expansion.
//! No proposal, label or note leads into the run-time half. Such a name is only reported where it
//! asks for something. trybuild leaves out what is reported twice in the same words, so this reads
//! all that the compiler says.
#![allow(clippy::unwrap_used, reason = "a file that cannot be written fails the test")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

#[path = "common/private.rs"]
mod private;

use private::private_proposal;

/// Each function in it has one mistake.
const CASES: &str = include_str!("../broken/once.rs");

#[test]
fn one_mistake_gives_one_error_and_no_proposal_of_what_is_private() {
    let mut errors: BTreeMap<&str, Vec<String>> = names().map(|name| (name, Vec::new())).collect();
    for message in errors_of(&check()) {
        let place = message["spans"].as_array().unwrap().iter().find(|span| span["is_primary"] == true).unwrap();
        let line = usize::try_from(place["line_start"].as_u64().unwrap()).unwrap();
        errors.get_mut(function_at(line)).unwrap().push(message["rendered"].as_str().unwrap().to_owned());
        let private = proposals(&message).into_iter().find(|text| text.contains("__rt") || text.contains("annotated"));
        assert_eq!(private, None, "{}", message["rendered"]);
        assert_eq!(without_source(message["rendered"].as_str().unwrap()).find_map(private_proposal), None);
    }
    let wrong: Vec<_> = errors.iter().filter(|(_, told)| told.len() != 1).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Beside one mistake each, in all that trybuild compares: labels, notes and helps say what asks
/// for something, and nothing else that is private. The one name of the expansion that is reported
/// says which feature is missing.
#[test]
fn messages_name_what_is_private_only_where_it_asks_for_something() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/fail");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let expected: Vec<_> = files.filter(|file| file.extension().is_some_and(|kind| kind == "stderr")).collect();
    assert!(expected.len() > 50, "{expected:?}");
    for file in expected {
        let text = fs::read_to_string(&file).unwrap();
        let is_private = |line: &&str| private_proposal(line).is_some() && !line.contains("_needs_the_feature_");
        assert_eq!(without_source(&text).find(is_private), None, "{}", file.display());
    }
}

/// A message but for the lines that show the user's code and where it is, and the attribute's path
/// as it is written there.
fn without_source(rendered: &str) -> impl Iterator<Item = &str> {
    let is_source = |line: &&str| {
        line.starts_with(|one: char| one.is_ascii_digit())
            || ["--> ", "originates in the"].iter().any(|words| line.contains(words))
    };
    rendered.lines().filter(move |line| !is_source(line))
}

fn names() -> impl Iterator<Item = &'static str> {
    CASES.lines().filter_map(name)
}

fn name(line: &'static str) -> Option<&'static str> {
    let (_, after) = line.trim_start().trim_start_matches("async ").split_once("fn ")?;
    (!line.starts_with("fn main")).then(|| after.split(['(', '<']).next().unwrap())
}

/// The function that the line belongs to, its attributes too.
fn function_at(line: usize) -> &'static str {
    CASES.lines().skip(line - 1).find_map(name).unwrap_or("main")
}

/// What a message proposes to write.
fn proposals(message: &Value) -> Vec<&str> {
    let children = message["children"].as_array().unwrap();
    let spans = children.iter().chain([message]).flat_map(|child| child["spans"].as_array().unwrap());
    spans.filter_map(|span| span["suggested_replacement"].as_str()).collect()
}

fn errors_of(output: &str) -> Vec<Value> {
    let lines = output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_cases = lines.filter(|line| line["target"]["name"] == "once").map(|line| line["message"].clone());
    of_cases.filter(|message| message["level"] == "error" && !message["spans"].as_array().unwrap().is_empty()).collect()
}

/// Compiles a package of the cases, and gives all that is said.
fn check() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = Path::new(env!("CARGO_TARGET_TMPDIR")).join("once");
    let manifest = format!(
        "[package]\nname = \"once\"\nedition = \"2024\"\n\n[workspace]\n\n[lib]\npath = \"lib.rs\"\n\n[dependencies]\n\
         futures-core = \"0.3\"\n\n[dependencies.breaker-core]\npath = {:?}\ndefault-features = false\n\
         features = [\"macros\", \"retry\", \"stream\"]\n",
        root.join("../breaker-core")
    );
    fs::create_dir_all(&project).unwrap();
    fs::write(project.join("lib.rs"), CASES).unwrap();
    fs::write(project.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("../Cargo.lock"), project.join("Cargo.lock")).unwrap();
    let output = Command::new(env::var_os("CARGO").unwrap())
        .args(["check", "--offline", "--quiet", "--message-format=json", "--target-dir"])
        .arg(project.join("target"))
        .current_dir(&project)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!errors_of(&text).is_empty(), "cargo: {}", String::from_utf8_lossy(&output.stderr));
    text
}
