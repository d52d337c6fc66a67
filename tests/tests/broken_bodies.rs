//! A broken body is told as without the attribute: the same messages at the same places, the lints' too. The bodies are the
//! files of `broken/`; each is compiled as it stands, and once more without its attributes.
#![allow(clippy::unwrap_used, reason = "a file that cannot be written fails the test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

const CASES: [&str; 4] = ["types", "borrows", "lints", "syntax"];

/// The attribute has a line of its own, so that without it every other token stays where it is.
const ATTRIBUTE: &str = "#[circuit_breaker]\n";

/// A body is a closure's here: its arguments are "variables" in this message.
const OTHER_WORDS: [&str; 1] = ["E0384"];

/// In a closure that takes along what it uses rustc proposes neither a clone nor a `&mut`.
const WITHOUT_A_FIX: [&str; 4] = ["E0382", "E0507", "E0594", "E0596"];

/// One message: its level, code and text, the places that it is about, and what it proposes.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    places: Vec<[u64; 4]>,
    level: String,
    code: Option<String>,
    message: String,
    fixes: Vec<String>,
}

#[test]
fn a_broken_body_is_told_as_without_the_attribute() {
    let messages = check(&project());
    for case in CASES {
        let of = |kind: &str| {
            let target = format!("{case}_{kind}");
            let mut told: Vec<_> = messages.iter().filter(|(name, _)| *name == target).map(|(_, told)| told).collect();
            told.sort();
            told
        };
        let (bare, guarded) = (of("bare"), of("guarded"));
        assert!(!bare.is_empty(), "{case} is not broken");
        assert_eq!(guarded, bare, "{case}");
    }
}

/// Writes a package with a binary for each case and kind.
fn project() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken");
    let mut manifest = format!(
        "[package]\nname = \"broken\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies.breaker-core]\npath = {:?}\n\
         default-features = false\nfeatures = [\"macros\"]\n",
        root.join("../breaker-core")
    );
    fs::create_dir_all(&project).unwrap();
    for case in CASES {
        let guarded = fs::read_to_string(root.join("broken").join(case).with_extension("rs")).unwrap();
        for (kind, text) in [("bare", guarded.replace(ATTRIBUTE, "\n")), ("guarded", guarded)] {
            let name = format!("{case}_{kind}");
            fs::write(project.join(&name).with_extension("rs"), text).unwrap();
            manifest += &format!("\n[[bin]]\nname = {name:?}\npath = \"{name}.rs\"\n");
        }
    }
    fs::write(project.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("../Cargo.lock"), project.join("Cargo.lock")).unwrap();
    project
}

/// Compiles it, and gives each message with the name of its binary.
fn check(project: &Path) -> Vec<(String, Told)> {
    let output = Command::new(env::var_os("CARGO").unwrap())
        .args(["check", "--offline", "--quiet", "--keep-going", "--bins", "--message-format=json", "--target-dir"])
        .arg(project.join("target"))
        .current_dir(project)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let told: Vec<_> = lines.filter_map(|line: Value| told(&line)).collect();
    assert!(!told.is_empty(), "cargo: {}", String::from_utf8_lossy(&output.stderr));
    told
}

fn told(line: &Value) -> Option<(String, Told)> {
    let (target, message) = (line["target"]["name"].as_str()?, line.get("message")?);
    let spans = message["spans"].as_array()?.iter().filter(|span| span["is_primary"] == true);
    let numbers = ["line_start", "column_start", "line_end", "column_end"];
    let places: Vec<_> = spans.map(|span| numbers.map(|number| span[number].as_u64().unwrap())).collect();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (level, code) = (text(&message["level"])?, text(&message["code"]["code"]));
    let is_one_of = |codes: &[&str]| code.as_deref().is_some_and(|code| codes.contains(&code));
    let (other_words, without_a_fix) = (is_one_of(&OTHER_WORDS), is_one_of(&WITHOUT_A_FIX));
    let message_text = if other_words { String::new() } else { text(&message["message"])? };
    let fixes = if without_a_fix || other_words { Vec::new() } else { fixes(message) };
    // The last ones only count the others.
    (!places.is_empty()).then(|| (target.to_owned(), Told { places, level, code, message: message_text, fixes }))
}

/// What a message proposes to write, and in which words.
fn fixes(message: &Value) -> Vec<String> {
    let children = message["children"].as_array().into_iter().flatten();
    let helps = children.filter(|child| child["level"] == "help");
    helps.filter_map(|help| help["message"].as_str().map(str::to_owned)).collect()
}
