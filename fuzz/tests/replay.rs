//! Each kept input, and a fixed number of changes of them: the same ones in each run and on each
//! toolchain.

use breaker_fuzz::{TARGETS, Target, macros, mutate, text, written};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// For each target.
const CHANGES: usize = 3000;

#[test]
fn attribute() {
    replay("attribute");
}

#[test]
fn helper() {
    replay("helper");
}

#[test]
fn classify() {
    replay("classify");
}

#[test]
fn environment() {
    replay("environment");
}

#[test]
fn file() {
    replay("file");
}

#[test]
fn attributes_of_the_test_suites() {
    for (name, target) in [("circuit_breaker", macros::attribute as Target), ("fallback", macros::helper)] {
        let inputs: Vec<_> = sources().iter().flat_map(|source| written::inputs(source, name)).collect();
        assert!(inputs.len() > 200, "{name}: {}", inputs.len());
        inputs.iter().for_each(|input| try_one(target, input));
    }
}

/// What must compile, what must not, and every shape of a function.
fn sources() -> Vec<String> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let directories = ["ui/pass", "ui/fail", "shapes", "broken", "tests"].map(|name| fs::read_dir(tests.join(name)));
    let files =
        directories.into_iter().flat_map(|files| files.expect("a directory")).map(|file| file.expect("a file").path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    files.map(|path| fs::read_to_string(path).expect("readable")).collect()
}

fn replay(name: &'static str) {
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).expect("the target");
    // What is nested is read by recursion, for which the stack of a test is small.
    let deep = std::thread::Builder::new().stack_size(256 << 20);
    deep.spawn(move || run(name, target)).expect("a thread").join().expect("no input panics");
}

fn run(name: &str, target: Target) {
    let (corpus, words) = (corpus(name), words());
    assert!(!corpus.is_empty());
    for input in &corpus {
        try_one(target, input);
    }
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..CHANGES {
        try_one(target, &mutate::mutated(&mut rng, &corpus, &words));
    }
}

fn try_one(target: Target, input: &str) {
    let outcome = catch_unwind(AssertUnwindSafe(|| target(input)));
    assert!(outcome.is_ok(), "this input panics; it belongs into the corpus:\n{input}");
}

fn corpus(name: &str) -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> =
        fs::read_dir(directory).expect("the corpus").map(|file| file.expect("a file").path()).collect();
    files.sort();
    let read = |path| text(&fs::read(path).expect("readable")).expect("text that is not too long").to_owned();
    files.into_iter().map(read).collect()
}

/// The words that libFuzzer is given too.
fn words() -> Vec<String> {
    let lines = include_str!("../words.dict").lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    lines.map(|word| word.replace("\\\"", "\"").replace("\\x0a", "\n")).collect()
}
