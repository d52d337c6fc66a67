//! Holds the order of the folders of the three crates: a folder uses lower ones only. Each folder
//! has a door, the head of its `mod.rs`, which describes it.
//!
//! It reads imports and paths. A method that a higher folder adds to a type of a lower one has no
//! path, so its calls are not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The folders and single files of breaker-core, the lowest first. Those of one line do not use
/// each other.
const CORE: &[&[&str]] = &[
    &["sync"],
    &["clock"],
    &["config"],
    &["machine"],
    &["breaker"],
    &["telemetry", "call", "classify"],
    &["registry"],
    &["fallback"],
    &["retry"],
    &["macro_support"],
];

/// Helps users' tests, and models races; both may use everything, and nothing uses them.
const CORE_TOP: &[&str] = &["testing", "models", "_guide"];

/// The folders and files of breaker-macros, the lowest first.
const MACROS: &[&[&str]] = &[
    &["spans"],
    &["attributes", "identifiers"],
    &["diagnostics"],
    &["parse"],
    &["item"],
    &["validate"],
    &["expand"],
    &["impl_block", "derive_classify", "companion_attributes"],
];

/// The folders and files of the dashboard of breaker-axum, the lowest first.
const DASHBOARD: &[&[&str]] = &[&["text", "response"], &["audit", "assets"], &["auth"], &["live"], &["api"]];

/// More files than this in one circle of imports are not understood apart from each other.
const LARGEST_CIRCLE: usize = 5;

const LONGEST_FILE: usize = 400;

/// Folders without modules: expansions that a test compares, and files that a browser gets.
const DATA: &[&str] = &["snapshots", "page"];

/// The modules of a crate, each with those that it names.
type Uses = BTreeMap<String, BTreeSet<String>>;

fn source(package: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(package).join("src")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// `machine::window` for `machine/window/mod.rs`; nothing for `lib.rs`.
fn module(file: &Path, root: &Path) -> String {
    let relative = file.strip_prefix(root).expect("a file below the root").with_extension("");
    let parts: Vec<_> = relative.iter().map(|part| part.to_str().expect("a name in UTF-8")).collect();
    match parts.split_last() {
        Some((&("mod" | "lib"), folder)) => folder.join("::"),
        _ => parts.join("::"),
    }
}

/// The text without comments and without modules of tests.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut until = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        match until {
            Some(end) => {
                if indent == end && line.trim_start().starts_with('}') {
                    until = None;
                }
            }
            None if line.trim_start() == "mod tests {" => until = Some(indent),
            None => {
                // A visibility names a folder and uses nothing of it.
                code.push_str(&without_comment(line).replace("pub(in crate::", "pub(in "));
                code.push('\n');
            }
        }
    }
    code
}

/// The line up to a `//` that is not in a text.
fn without_comment(line: &str) -> &str {
    let is_outside = |(at, _): &(usize, &str)| line[..*at].matches('"').count().is_multiple_of(2);
    line.match_indices("//").find(is_outside).map_or(line, |(at, _)| &line[..at])
}

/// Each path that begins with `crate`, `self` or `super`, as one from the root of the crate; of a
/// group, each of its paths. What a `mod.rs` imports of the files in its folder by their bare names
/// is not among them: these are its contents.
fn paths(code: &str, module: &str) -> Vec<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (at, first) in ["crate::", "super::", "self::"].into_iter().flat_map(|first| code.match_indices(first)) {
        if code[..at].ends_with(|c: char| is_name(c) || c == ':') {
            continue;
        }
        let own = || module.split("::").chain(modules_around(&code[..at])).collect();
        let mut base: Vec<&str> = if first == "crate::" { Vec::new() } else { own() };
        let mut rest = if first == "crate::" { &code[at + first.len()..] } else { &code[at..] };
        while let Some(after) = rest.strip_prefix("super::") {
            base.pop();
            rest = after;
        }
        let rest = rest.strip_prefix("self::").unwrap_or(rest);
        let end = rest.find(|c: char| !is_name(c) && c != ':').unwrap_or(rest.len());
        go_on(&mut base, &rest[..end]);
        if let Some(group) = rest[end..].strip_prefix('{') {
            add_group(&base, group, &mut found);
        } else {
            found.push(base.join("::"));
        }
    }
    found
}

/// The modules `mod NAME { .. }` of a file that are open after this code.
fn modules_around(code: &str) -> Vec<&str> {
    let mut open = Vec::new();
    for line in code.lines() {
        let (indent, line) = (line.len() - line.trim_start().len(), line.trim());
        let name = line.strip_suffix(" {").and_then(|line| line.split_once("mod ")).map(|(_, name)| name);
        match name {
            Some(name) => open.push((indent, name)),
            None if line == "}" => open.retain(|(begin, _)| *begin != indent),
            None => {}
        }
    }
    open.into_iter().map(|(_, name)| name).collect()
}

/// Continues `base` with the parts of a path.
fn go_on<'c>(base: &mut Vec<&'c str>, path: &'c str) {
    for part in path.split("::") {
        match part {
            "" | "self" => {}
            "super" => drop(base.pop()),
            "crate" => base.clear(),
            part => base.push(part),
        }
    }
}

/// Adds the paths of a group, which begins after its brace, and of the groups inside it.
fn add_group(base: &[&str], group: &str, found: &mut Vec<String>) {
    let (mut bases, mut names) = (vec![base.to_vec()], Vec::new());
    let mut rest = group;
    while let Some(end) = rest.find([',', '{', '}', ';']) {
        let name = rest[..end].trim().split(' ').next().unwrap_or_default();
        let mut path = bases.last().cloned().unwrap_or_default();
        go_on(&mut path, name);
        match rest.as_bytes()[end] {
            b'{' => bases.push(path),
            b';' => break,
            mark => {
                if !name.is_empty() {
                    names.push(path.join("::"));
                }
                if mark == b'}' {
                    bases.pop();
                }
            }
        }
        if bases.is_empty() {
            break;
        }
        rest = &rest[end + 1..];
    }
    found.extend(names);
}

/// The modules of the names at the root of the crate, by name: `Registry` is of `registry`. These
/// are what `lib.rs` re-exports, and exported macros.
fn exports(package: &str) -> BTreeMap<String, String> {
    let root = fs::read_to_string(source(package).join("lib.rs")).expect("a source");
    let code = code(&root).replace("pub use ", "pub use crate::").replace("crate::crate::", "crate::");
    let of_path = |path: String| path.rsplit_once("::").map(|(module, name)| (name.to_owned(), module.to_owned()));
    let uses = code.split("pub use ").skip(1).map(|rest| rest.split(';').next().unwrap_or_default());
    let uses = uses.flat_map(|one| paths(&format!("{one};"), "")).filter_map(of_path);
    uses.chain([("__rt".to_owned(), "macro_support".to_owned())]).chain(exported_macros(package)).collect()
}

fn exported_macros(package: &str) -> Vec<(String, String)> {
    let root = source(package);
    let of_file = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source");
        let after = text.split("#[macro_export]").skip(1).filter_map(|rest| rest.split_once("macro_rules! "));
        let names = after.map(|(_, rest)| rest.split([' ', '{']).next().unwrap_or_default().to_owned());
        names.map(|name| (name, module(&path, &root))).collect::<Vec<_>>()
    };
    rust_files(&root).into_iter().flat_map(of_file).collect()
}

/// The files of a package by module, tests left out. What is of no module is of the root, `""`.
fn files(package: &str) -> Uses {
    let root = source(package);
    let all = rust_files(&root);
    let modules: BTreeSet<_> = all.iter().map(|path| module(path, &root)).collect();
    let exports = exports(package);
    let is_test = |module: &String| module.split("::").any(|part| part == "tests");
    let file = |path: PathBuf| {
        let own = module(&path, &root);
        let code = code(&fs::read_to_string(&path).expect("a source"));
        let known = |path: String| {
            let first = folder(&path);
            let path = exports.get(first).filter(|_| !modules.contains(first)).cloned().unwrap_or(path);
            let parts: Vec<_> = path.split("::").collect();
            let mut bases = (1..=parts.len()).rev().map(|length| parts[..length].join("::"));
            bases.find(|path| modules.contains(path)).unwrap_or_default()
        };
        // Under another name anything of the root could be used.
        let renamed = ["extern crate ", "crate as ", "super as "].iter().any(|rename| code.contains(rename));
        let uses = paths(&code, &own).into_iter().map(known).chain(renamed.then(String::new));
        let uses = uses.filter(|used| *used != own).collect();
        (own, uses)
    };
    all.into_iter().map(file).filter(|(module, _)| !is_test(module) && !module.is_empty()).collect()
}

fn folder(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

/// Each use of a higher folder, of one beside it, or of the root, which may export anything.
fn climbs(files: &Uses, order: &[&[&str]], top: &[&str]) -> Vec<String> {
    let floor = |name: &str| order.iter().position(|floor| floor.contains(&name));
    let mut climbs = Vec::new();
    for (module, uses) in files {
        let own = folder(module);
        for used in uses {
            let other = folder(used);
            let is_lower = match (floor(own), floor(other)) {
                _ if own == other || top.contains(&own) => true,
                _ if used.is_empty() => false,
                (Some(own), Some(other)) => other < own,
                (Some(_), None) => !top.contains(&other),
                (None, _) => true,
            };
            if !is_lower {
                climbs.push(format!("{module} uses {used}"));
            }
        }
    }
    climbs
}

/// The modules that are reached from `start`.
fn reached<'f>(files: &'f Uses, start: &'f str) -> BTreeSet<&'f str> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![start]);
    while let Some(module) = next.pop() {
        let uses = files.get(module).into_iter().flatten();
        next.extend(uses.map(String::as_str).filter(|used| seen.insert(*used)));
    }
    seen
}

/// The modules that reach each other, where they are more than [`LARGEST_CIRCLE`].
fn large_circles(files: &Uses) -> BTreeSet<Vec<&str>> {
    let reached: BTreeMap<_, _> = files.keys().map(|module| (module.as_str(), reached(files, module))).collect();
    let circle = |module: &&str| {
        let both = |other: &&str| {
            reached[module].contains(other) && reached.get(other).is_some_and(|back| back.contains(module))
        };
        reached[module].iter().copied().filter(both).collect::<Vec<_>>()
    };
    reached.keys().map(circle).filter(|circle| circle.len() > LARGEST_CIRCLE).collect()
}

/// The folders below this one.
fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).expect("a folder of sources").map(|entry| entry.expect("an entry").path());
    let below = |folder: PathBuf| [folder.clone()].into_iter().chain(folders(&folder));
    entries.filter(|path| path.is_dir()).flat_map(below).collect()
}

fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|stem| stem.to_str()).expect("a name in UTF-8")
}

/// The head of a folder's door: of its `mod.rs`, or of the file beside it.
fn door(folder: &Path) -> String {
    let inside = folder.join("mod.rs");
    let file = if inside.exists() { inside } else { folder.with_extension("rs") };
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let comments = text.lines().take_while(|line| line.is_empty() || line.starts_with("//"));
    comments.map(|line| line.trim_start_matches(['/', '!', ' '])).collect::<Vec<_>>().join(" ")
}

/// What a door leaves out of these names, and of the two parts that follow them.
fn left_out<'n>(door: &str, names: &BTreeSet<&'n str>) -> Vec<&'n str> {
    let names = names.iter().copied().filter(|name| !door.contains(&format!("`{name}`")));
    names.chain(["May use: ", "To add "].into_iter().filter(|part| !door.contains(part))).collect()
}

#[test]
fn a_folder_of_the_library_uses_lower_ones_only() {
    let files = files("breaker-core");
    let known: BTreeSet<_> = CORE.iter().copied().flatten().chain(CORE_TOP).copied().collect();
    let unknown: BTreeSet<_> = files.keys().map(|module| folder(module)).filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "not in the order of the folders: {unknown:?}");
    assert_eq!(climbs(&files, CORE, CORE_TOP), [""; 0]);
    let root = fs::read_to_string(source("breaker-core").join("lib.rs")).expect("a source");
    assert!(!root.contains("extern crate"), "a second name of the crate would be no path that is read");
}

#[test]
fn a_stage_of_the_attributes_uses_earlier_ones_only() {
    let files = files("breaker-macros");
    let known: BTreeSet<_> = MACROS.iter().copied().flatten().copied().collect();
    let unknown: BTreeSet<_> = files.keys().map(|module| folder(module)).filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "not in the order of the folders: {unknown:?}");
    assert_eq!(climbs(&files, MACROS, &[]), [""; 0]);
}

#[test]
fn a_folder_of_the_dashboard_uses_lower_ones_only() {
    let inside = |module: &String| module.strip_prefix("dashboard::").map(str::to_owned);
    let files: Uses = files("breaker-axum")
        .into_iter()
        .filter_map(|(module, uses)| Some((inside(&module)?, uses.iter().filter_map(inside).collect())))
        .collect();
    let known: BTreeSet<_> = DASHBOARD.iter().copied().flatten().copied().collect();
    let unknown: BTreeSet<_> = files.keys().map(|module| folder(module)).filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "not in the order of the folders: {unknown:?}");
    assert_eq!(climbs(&files, DASHBOARD, &[]), [""; 0]);
}

/// Each form of an import that a climb could have.
#[test]
fn each_form_of_an_import_is_read() {
    for (code, expected) in [
        ("use crate::registry::Registry;", &["registry::Registry"][..]),
        (
            "use crate::{registry::Registry, sync::{Arc, counter::{self, Totals}}};",
            &["registry::Registry", "sync::Arc", "sync::counter", "sync::counter::Totals"],
        ),
        ("use super::super::call::{self, Permit as P};", &["call", "call::Permit"]),
        ("    crate::breaker::log::notice(text);", &["breaker::log::notice"]),
        (
            "use super::{super::registry::Registry, Phase, self};",
            // The second reading of the inner path, from the wrong folder, finds no module.
            &["registry::Registry", "machine::Phase", "machine", "machine::registry::Registry"],
        ),
        ("use super::super as root;", &[""]),
        ("mod inner {\n    fn f() {\n    }\n    use super::super::Machine;\n}", &["machine::Machine"]),
        ("use crate::*;", &[""]),
        ("use super::{Machine, Phase};", &["machine::Machine", "machine::Phase"]),
        ("($crate::fallback::step)", &["fallback::step"]),
        ("use other_crate::registry; my_crate::x();", &[]),
    ] {
        assert_eq!(paths(code, "machine::window"), expected, "{code}");
    }
    assert_eq!(exports("breaker-core")["Registry"], "registry");
    assert_eq!(exports("breaker-core")["CircuitBreaker"], "breaker::handle");
    assert_eq!(exports("breaker-core")["__breaker_callsite"], "macro_support::declare");
    assert_eq!(
        code("let at = \"http://x\"; crate::registry::find(at) // crate::retry"),
        code("let at = \"http://x\"; crate::registry::find(at) ")
    );
}

#[test]
fn what_the_root_exports_is_no_way_up() {
    let uses = |used: &str| Uses::from([("machine::trip".to_owned(), BTreeSet::from([used.to_owned()]))]);
    for used in ["", "registry", "macro_support::declare", "breaker::handle"] {
        assert_eq!(climbs(&uses(used), CORE, CORE_TOP), [format!("machine::trip uses {used}")]);
    }
    assert_eq!(climbs(&uses("config::keys"), CORE, CORE_TOP), [""; 0]);
}

/// A door says what is inside, what it may use, and how to add to it.
#[test]
fn each_folder_has_a_door_that_names_its_files() {
    for package in ["breaker-core", "breaker-macros", "breaker-axum", "breaker-tower"] {
        for folder in folders(&source(package)).iter().filter(|folder| !DATA.contains(&stem(folder))) {
            let entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            let names: BTreeSet<_> = entries.iter().map(|path| stem(path)).filter(|name| *name != "mod").collect();
            if names.iter().all(|name| *name == "tests") {
                continue;
            }
            assert_eq!(left_out(&door(folder), &names), [""; 0], "{}", folder.display());
        }
    }
}

#[test]
fn what_a_door_leaves_out_is_found() {
    let names = BTreeSet::from(["gate", "report"]);
    assert_eq!(left_out("| `gate`, `report` | May use: `sync`. To add a gate, ..", &names), [""; 0]);
    assert_eq!(left_out("`gate`, report", &names), ["report", "May use: ", "To add "]);
}

#[test]
fn no_circle_of_imports_has_more_than_five_files() {
    for package in ["breaker-core", "breaker-macros", "breaker-axum", "breaker-tower"] {
        assert_eq!(large_circles(&files(package)), BTreeSet::new(), "{package}");
    }
}

#[test]
fn no_file_of_the_libraries_is_above_400_lines() {
    for package in ["breaker-core", "breaker-macros", "breaker-axum", "breaker-tower"] {
        for path in rust_files(&source(package)) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= LONGEST_FILE, "{} has {lines} lines", path.display());
        }
    }
}
