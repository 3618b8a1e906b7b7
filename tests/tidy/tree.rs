//! The project's own text files.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the project.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    /// From the root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn has_ending(&self, endings: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending))
    }

    /// Whether it is only built into tests.
    pub(crate) fn is_test(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        parts.contains(&"tests") || self.path.ends_with("/tests.rs") || self.path.ends_with("_tests.rs")
    }

    /// The lines that are code of the product, numbered from 1: no comments, nothing after the test module begins.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Like [`Self::code_lines`], tests included.
    pub(crate) fn all_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    pub(crate) fn complaint(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests package lies in the workspace")
        .to_owned()
}

/// Every text file that is, or is about to be, under version control.
pub(crate) fn files() -> Vec<SourceFile> {
    let root = root();
    paths(&root)
        .into_iter()
        .filter_map(|path| {
            let text = String::from_utf8(std::fs::read(root.join(&path)).ok()?).ok()?;
            (!text.contains('\0')).then_some(SourceFile { path, text })
        })
        .collect()
}

/// Rust files of a folder (or a single file), for guards that speak about a place.
pub(crate) fn rust_files() -> Vec<SourceFile> {
    files().into_iter().filter(|file| file.has_ending(&["rs"])).collect()
}

fn paths(root: &Path) -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output();
    if let Ok(listed) = listed
        && listed.status.success()
    {
        return String::from_utf8_lossy(&listed.stdout).split_terminator('\0').map(str::to_owned).collect();
    }
    // A copy without its history: what git would ignore is known by name.
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if ["target", "node_modules", "dist", ".git", "gen", "binaries"]
            .iter()
            .any(|ignored| name == *ignored)
        {
            continue;
        }
        if path.is_dir() {
            walk(root, &path, found);
        } else if let Ok(inside) = path.strip_prefix(root) {
            found.push(inside.to_string_lossy().replace('\\', "/"));
        }
    }
}

#[test]
fn the_tree_is_read_from_its_root() {
    let files = files();
    for path in ["Cargo.toml", "tests/tidy/tree.rs", "crates/call/src/lib.rs"] {
        assert!(files.iter().any(|file| file.path == path), "{path} is not seen");
    }
    assert!(!files.iter().any(|file| file.path.starts_with("target/")));
}

#[test]
fn comments_and_tests_are_no_code() {
    let file = SourceFile::new("a.rs", "/// one\nfn two() {}\n#[cfg(test)]\nmod tests {}\n");
    let lines: Vec<_> = file.code_lines().collect();
    assert_eq!(lines, [(2, "fn two() {}")]);
}
