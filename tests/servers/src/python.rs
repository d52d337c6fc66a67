//! Finds the Pythons with packages that `scripts/venv` installs.

use std::path::{Path, PathBuf};

/// The Python in which a script of this name (`scripts/llama`, `scripts/llm-clients`) has installed
/// its packages. Without them it is `None`, and the test's output says so.
#[must_use]
#[allow(clippy::print_stderr, reason = "it is a test's output")]
pub fn python(script: &str) -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools").join(script);
    let python = tools.join("bin/python");
    // The installation writes this file last.
    let is_there = tools.join("installed").exists() && python.exists();
    if !is_there {
        eprintln!("skipped: this is not installed: scripts/{script} install");
    }
    is_there.then_some(python)
}
