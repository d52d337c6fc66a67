//! Pythons with packages, as `scripts/venv` installs them.

use std::path::{Path, PathBuf};

/// The Python in which a script of this name (`scripts/llama`, `scripts/llm-clients`) has installed
/// its packages, or `None` where it has not, which it says on the test's output.
#[must_use]
#[allow(clippy::print_stderr, reason = "it is a test's output")]
pub fn python(script: &str) -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools").join(script);
    let python = tools.join("bin/python");
    // The last file that is written.
    let is_there = tools.join("installed").exists() && python.exists();
    if !is_there {
        eprintln!("skipped: this is not installed: scripts/{script} install");
    }
    is_there.then_some(python)
}
