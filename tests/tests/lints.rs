//! No lint fires because of an attribute, and those about a body stay. What clippy reports of code
//! as it stands is compared with what it reports without the attributes of this library.
#![allow(clippy::unwrap_used, reason = "a file that cannot be written fails the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// The lint, the file and the line.
type Fired = (String, String, u64);

/// A body that needs the attribute to compile: it has the type of its block from it.
const NEED_IT: &str = "fn unsized_ok(";

/// It stops looking after its first hit in a function, so where it is reported is not comparable.
const FORGETFUL: &str = "clippy::arithmetic_side_effects";

/// Functions and attributes that come out of a macro. These lints are quiet where a body and its
/// function are from two places. The body of an annotated function is a block of its own.
const FROM_MACROS: [&str; 3] = ["drop_order.rs", "from_macros.rs", "sizes.rs"];
const QUIET_IN_MACROS: [&str; 5] = [
    "clippy::absolute_paths",
    "clippy::implicit_return",
    "clippy::redundant_pub_crate",
    "clippy::std_instead_of_core",
    "clippy::use_self",
];

/// What goes silent, in functions that are not async and in those that are. DESIGN.md says why, and
/// has the same names.
const SILENT: [&str; 14] = [
    "implicit_return",
    "items_after_statements",
    "missing_const_for_fn",
    "needless_lifetimes",
    "needless_pass_by_ref_mut",
    "needless_pass_by_value",
    "print_stderr",
    "print_stdout",
    "todo",
    "unimplemented",
    "uninlined_format_args",
    "unnecessary_wraps",
    "unused_async",
    "unwrap_in_result",
];

/// Every shape, with restriction lints too.
#[test]
fn no_lint_fires_because_of_an_attribute() {
    let (bare, guarded) = (fired(&shapes_as("bare", without_attributes)), fired(&shapes_as("guarded", str::to_owned)));
    assert!(guarded.len() > 1000, "{} lints: clippy did not run", guarded.len());
    let new: Vec<_> = guarded.difference(&bare).filter(|fired| counts(fired)).collect();
    assert!(new.is_empty(), "{new:#?}");
}

#[test]
fn lints_about_a_body_stay() {
    let (bare, guarded) = both("kept");
    assert!(bare.len() > 20, "{bare:#?}");
    assert_eq!(guarded, bare);
}

#[test]
fn the_lints_that_go_silent_are_known() {
    let (bare, guarded) = both("silent");
    assert_eq!(guarded.difference(&bare).collect::<Vec<_>>(), Vec::<&Fired>::new());
    let silent: BTreeSet<_> = bare.difference(&guarded).map(|(lint, ..)| lint.trim_start_matches("clippy::")).collect();
    assert_eq!(silent, SILENT.into());
    let design = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../DESIGN.md")).unwrap();
    let untold: Vec<_> = SILENT.iter().filter(|lint| !design.contains(&format!("`{lint}`"))).collect();
    assert!(untold.is_empty(), "DESIGN.md does not name {untold:?}");
}

/// What clippy reports of a file of `broken/`: without its attributes, and as it stands.
fn both(case: &str) -> (BTreeSet<Fired>, BTreeSet<Fired>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("broken").join(case).with_extension("rs");
    let text = fs::read_to_string(file).unwrap();
    let told = |kind, text| {
        let project = package(&format!("{case}-{kind}"));
        fs::write(project.join("lib.rs"), text).unwrap();
        fired(&project)
    };
    (told("bare", without_attributes(&text)), told("guarded", text))
}

/// Whether this is about a function rather than about what its attribute says.
fn counts((lint, file, line): &Fired) -> bool {
    let text = fs::read_to_string(shapes().join(file)).unwrap();
    let in_attribute =
        without_attributes(&text).lines().nth(usize::try_from(*line).unwrap() - 1) != Some(line_of(&text, *line));
    let in_arguments = in_attribute && !line_of(&text, *line).trim_start().starts_with("#[circuit_breaker");
    let in_macro = FROM_MACROS.contains(&file.as_str()) && QUIET_IN_MACROS.contains(&lint.as_str());
    lint != FORGETFUL && !in_macro && !in_arguments
}

fn line_of(text: &str, line: u64) -> &str {
    text.lines().nth(usize::try_from(line).unwrap() - 1).unwrap()
}

fn shapes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes")
}

/// Blanks every attribute of this library, so that all that is left stays at its place.
fn without_attributes(text: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some((at, end)) = attribute(rest) {
        let needed = rest[end..].trim_start().trim_start_matches("async ").starts_with(NEED_IT);
        left += &rest[..at];
        left.extend(rest[at..end].chars().map(|one| if needed || one == '\n' { one } else { ' ' }));
        rest = &rest[end..];
    }
    left + rest
}

/// Where the next of them begins and ends.
fn attribute(text: &str) -> Option<(usize, usize)> {
    const PATHS: [&str; 3] = ["", "::breaker_core::", "breaker_core::"];
    const NAMES: [&str; 3] = ["circuit_breaker", "fallback", "retry"];
    let begins =
        |at: &usize| PATHS.iter().any(|path| NAMES.iter().any(|name| is_at(&text[*at..], &format!("#[{path}{name}"))));
    let at = text.match_indices("#[").map(|(at, _)| at).find(begins)?;
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (offset, one) in text[at..].char_indices() {
        match one {
            _ if std::mem::take(&mut escaped) => {}
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' | '(' | '{' if !quoted => depth += 1,
            ']' | ')' | '}' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 && one == ']' && !quoted {
            return Some((at, at + offset + 1));
        }
    }
    None
}

fn is_at(text: &str, name: &str) -> bool {
    text.strip_prefix(name).is_some_and(|after| !after.starts_with(|one: char| one.is_alphanumeric() || one == '_'))
}

/// A package without its code.
fn package(kind: &str) -> PathBuf {
    let project = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lints").join(kind);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = format!(
        "[package]\nname = \"lints-{kind}\"\nedition = \"2024\"\n\n[workspace]\n\n[lib]\npath = \"lib.rs\"\n\n[dependencies]\n\
         async-recursion = \"1\"\nasync-trait = \"0.1\"\n\n[dependencies.breaker-core]\npath = {:?}\n",
        root.join("../breaker-core")
    );
    fs::create_dir_all(&project).unwrap();
    fs::write(project.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("../Cargo.lock"), project.join("Cargo.lock")).unwrap();
    project
}

/// Writes the shapes as a package with all lints on.
fn shapes_as(kind: &str, change: fn(&str) -> String) -> PathBuf {
    let project = package(kind);
    for file in fs::read_dir(shapes()).unwrap() {
        let file = file.unwrap();
        let mut text = change(&fs::read_to_string(file.path()).unwrap());
        if file.file_name() == "lib.rs" {
            text = with_all_lints(&text);
        }
        fs::write(project.join(file.file_name()), text).unwrap();
    }
    project
}

/// The levels at the head of the shapes are for what they are compiled with elsewhere.
fn with_all_lints(text: &str) -> String {
    let (head, levels) = text.split_once("#![deny(warnings").unwrap();
    let (levels, rest) = levels.split_once("/// Macros").unwrap();
    let lines = "\n".repeat(levels.matches('\n').count());
    format!("{head}#![warn(clippy::pedantic, clippy::nursery, clippy::restriction)]{lines}/// Macros{rest}")
}

fn fired(project: &Path) -> BTreeSet<Fired> {
    let output = Command::new(env::var_os("CARGO").unwrap())
        .args(["clippy", "--offline", "--quiet", "--tests", "--message-format=json", "--target-dir"])
        .arg(project.join("../target"))
        .current_dir(project)
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).filter_map(|line: Value| one(&line)).collect()
}

fn one(line: &Value) -> Option<Fired> {
    let message = line
        .get("message")
        .filter(|_| line["target"]["name"].as_str().is_some_and(|name| name.starts_with("lints")))?;
    let lint = message["code"]["code"].as_str().filter(|lint| lint.starts_with("clippy::"))?;
    let place = message["spans"].as_array()?.iter().find(|span| span["is_primary"] == true)?;
    Some((lint.to_owned(), place["file_name"].as_str()?.to_owned(), place["line_start"].as_u64()?))
}
