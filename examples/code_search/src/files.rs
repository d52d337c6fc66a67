//! Lists the source files of a directory, in the order of their names.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::functions::Language;

/// Directories with generated files.
const SKIPPED: &[&str] = &["target", "node_modules", "__pycache__", "venv"];

/// The largest file that is read; larger ones come from generators.
const MAX_BYTES: u64 = 1 << 20;

/// The source files at or below `path`. It skips hidden and generated directories, and follows no
/// links.
///
/// # Errors
/// `path` cannot be read, or a directory below it.
pub fn source_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if path.is_file() {
        found.push(path.to_owned());
    } else {
        collect(path, &mut found)?;
    }
    found.sort();
    Ok(found)
}

/// Visits the directories with a list instead of recursion: they can be nested deeper than any
/// stack.
fn collect(path: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut directories = vec![path.to_owned()];
    while let Some(directory) = directories.pop() {
        let told = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", directory.display()));
        for entry in fs::read_dir(&directory).map_err(told)? {
            let entry = entry.map_err(told)?;
            let (name, kind) = (entry.file_name(), entry.file_type().map_err(told)?);
            let name = name.to_string_lossy();
            if kind.is_dir() && !name.starts_with('.') && !SKIPPED.contains(&&*name) {
                directories.push(entry.path());
            }
            if kind.is_file() && Language::of(&name).is_some() && entry.metadata().map_err(told)?.len() <= MAX_BYTES {
                found.push(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::source_files;

    #[test]
    fn what_tools_have_made_is_left_out() {
        let directory = tempfile::tempdir().expect("there is room");
        for path in ["b.rs", "a/x.py", "a/notes.md", "target/y.rs", ".git/z.rs"] {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("there is room");
            fs::write(path, "").expect("there is room");
        }
        let found = source_files(directory.path()).expect("it can be read");
        let names: Vec<_> =
            found.iter().filter_map(|path| path.strip_prefix(directory.path()).ok()?.to_str()).collect();
        assert_eq!(names, ["a/x.py", "b.rs"]);
        let missing = source_files(&directory.path().join("missing")).expect_err("there is none");
        assert!(missing.to_string().contains("missing"), "{missing}");
    }
}
