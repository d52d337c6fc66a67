//! rustc reports a broken body as without the attribute: the same messages at the same places, the
//! lints' too. The bodies are the files of `broken/`; each is compiled as it stands, and once more
//! without its attributes.
#![allow(clippy::unwrap_used, reason = "a file that cannot be written fails the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::{env, fs};

use serde_json::Value;

#[path = "common/private.rs"]
#[allow(dead_code, reason = "signatures need the rest")]
mod private;

use private::private_name;

const CASES: [&str; 4] = ["types", "borrows", "lints", "syntax"];

/// It has a line of its own, so that without it every other token stays where it is.
const ATTRIBUTE: &str = "#[circuit_breaker";

/// What rustc proposes for these without the attribute, and not with it. Their bodies are
/// `async move` blocks, or `move` closures where they use a `self` or a reference. In both, rustc
/// proposes neither a clone nor a `&mut` for what is captured.
const WITHOUT_A_FIX: [&str; 15] = [
    "assigned_behind_self",
    "assigned_behind_self_sync",
    "assigned_through_a_reference",
    "behind_a_shared_reference",
    "behind_a_shared_reference_sync",
    "changed_behind_self",
    "changed_behind_self_sync",
    "in_a_block",
    "in_a_block_async",
    "moved_out_of_a_reference",
    "moved_out_of_a_reference_sync",
    "moved_out_of_self",
    "moved_out_of_self_sync",
    "provided_async",
    "used_after_a_move",
];

/// What the compiler has said of all cases.
static MESSAGES: LazyLock<Vec<Message>> = LazyLock::new(|| check(&project()));

struct Message {
    /// The name of its binary: `CASE_KIND`.
    target: String,
    told: Told,
    fixes: Vec<String>,
    rendered: String,
}

/// One message: its level, code and text, and the places that it is about.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    places: Vec<[u64; 4]>,
    level: String,
    code: Option<String>,
    message: String,
}

#[test]
fn a_broken_body_is_told_as_without_the_attribute() {
    for case in CASES {
        let told = |kind| of(case, kind).iter().map(|message| &message.told).collect::<Vec<_>>();
        let bare = told("bare");
        assert!(!bare.is_empty(), "{case} is not broken");
        assert_eq!(told("guarded"), bare, "{case}");
    }
}

#[test]
fn what_rustc_proposes_stays_but_for_what_is_captured() {
    let mut lost = BTreeSet::new();
    for case in CASES {
        for (bare, guarded) in of(case, "bare").into_iter().zip(of(case, "guarded")) {
            if guarded.fixes != bare.fixes {
                assert!(guarded.fixes.is_empty(), "of its own: {}", guarded.rendered);
                lost.insert(function_at(case, bare.told.places[0][0]));
            }
        }
    }
    assert_eq!(lost, WITHOUT_A_FIX.map(str::to_owned).into());
}

/// Neither in a label nor in a note or a help.
#[test]
fn nothing_that_is_told_names_what_is_private() {
    for Message { rendered, .. } in MESSAGES.iter() {
        assert_eq!(private_name(rendered), None, "{rendered}");
    }
}

fn of(case: &str, kind: &str) -> Vec<&'static Message> {
    let target = format!("{case}_{kind}");
    let mut messages: Vec<_> = MESSAGES.iter().filter(|message| message.target == target).collect();
    messages.sort_by_key(|message| &message.told);
    messages
}

/// The function that the line is in.
fn function_at(case: &str, line: u64) -> String {
    let text = text(case);
    let before = text.lines().take(usize::try_from(line).unwrap());
    let name = |line: &str| {
        let (_, after) = line.trim_start().trim_start_matches("async ").split_once("fn ")?;
        Some(after.split(['(', '<']).next()?.to_owned())
    };
    before.filter_map(name).last().unwrap()
}

fn text(case: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("broken").join(case).with_extension("rs")).unwrap()
}

fn without_attributes(text: &str) -> String {
    let is_one = |line: &str| line.trim_start().starts_with(ATTRIBUTE);
    text.lines().flat_map(|line| [if is_one(line) { "" } else { line }, "\n"]).collect()
}

/// Writes a package with a binary for each case and kind.
fn project() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken");
    let mut manifest = format!(
        "[package]\nname = \"broken\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\nfutures-core = \"0.3\"\n\n\
         [dependencies.breaker-core]\npath = {:?}\ndefault-features = false\nfeatures = [\"macros\", \"stream\"]\n",
        root.join("../breaker-core")
    );
    fs::create_dir_all(&project).unwrap();
    for case in CASES {
        let guarded = text(case);
        for (kind, text) in [("bare", without_attributes(&guarded)), ("guarded", guarded)] {
            let name = format!("{case}_{kind}");
            fs::write(project.join(&name).with_extension("rs"), text).unwrap();
            manifest += &format!("\n[[bin]]\nname = {name:?}\npath = \"{name}.rs\"\n");
        }
    }
    fs::write(project.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("../Cargo.lock"), project.join("Cargo.lock")).unwrap();
    project
}

/// Compiles it, and gives all that is said.
fn check(project: &Path) -> Vec<Message> {
    let output = Command::new(env::var_os("CARGO").unwrap())
        .args(["check", "--offline", "--quiet", "--keep-going", "--bins", "--message-format=json", "--target-dir"])
        .arg(project.join("target"))
        .current_dir(project)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let messages: Vec<_> = lines.filter_map(|line: Value| message(&line)).collect();
    assert!(!messages.is_empty(), "cargo: {}", String::from_utf8_lossy(&output.stderr));
    messages
}

fn message(line: &Value) -> Option<Message> {
    let (target, message) = (line["target"]["name"].as_str()?, line.get("message")?);
    let spans = message["spans"].as_array()?.iter().filter(|span| span["is_primary"] == true);
    let numbers = ["line_start", "column_start", "line_end", "column_end"];
    let places: Vec<_> = spans.map(|span| numbers.map(|number| span[number].as_u64().unwrap())).collect();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (level, code) = (text(&message["level"])?, text(&message["code"]["code"]));
    let told = Told { places, level, code, message: text(&message["message"])? };
    let (target, fixes, rendered) = (target.to_owned(), fixes(message), text(&message["rendered"])?);
    // The last ones only count the others.
    (!told.places.is_empty()).then_some(Message { target, told, fixes, rendered })
}

/// What a message proposes to write, and in which words.
fn fixes(message: &Value) -> Vec<String> {
    let children = message["children"].as_array().into_iter().flatten();
    let helps = children.filter(|child| child["level"] == "help");
    helps.filter_map(|help| help["message"].as_str().map(str::to_owned)).collect()
}
