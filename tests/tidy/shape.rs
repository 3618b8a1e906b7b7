//! The shape of files: short, and named for what they are.

use crate::assert_tidy;
use crate::tree::{SourceFile, files};

/// Past this a file has more than one idea in it. The aim is 500.
const MOST_LINES: usize = 800;

/// Files longer than that, with their exact length. The list only shrinks: split a file, or take its new number down.
const LONGER: &[(&str, usize)] = &[];

/// Files written by a program, whose length nobody chooses.
const GENERATED: &[&str] = &["ui/src/sdk/contract.ts", "ui/package-lock.json", "Cargo.lock"];

const CODE: &[&str] = &["rs", "ts", "js", "mjs", "svelte", "css", "html", "py", "sh", "sql"];

/// Names that say nothing, so that anything fits in.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"];

fn check_length(files: &[SourceFile], longer: &[(&str, usize)]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.has_ending(CODE) && !GENERATED.contains(&file.path.as_str()))
    {
        let lines = file.text.lines().count();
        match longer.iter().find(|(path, _)| *path == file.path) {
            None if lines > MOST_LINES => {
                complaints
                    .push(format!("{} has {lines} lines, {MOST_LINES} are the limit: split it", file.path));
            }
            Some((_, known)) if lines > *known => {
                complaints.push(format!("{} grew from {known} to {lines} lines: split it", file.path));
            }
            Some((_, known)) if lines < *known => {
                complaints
                    .push(format!("{} shrank from {known} to {lines} lines: update the list", file.path));
            }
            None | Some(_) => {}
        }
    }
    for (path, _) in longer {
        if !files.iter().any(|file| file.path == *path) {
            complaints.push(format!("{path} is gone: take it off the list"));
        }
    }
    complaints
}

fn check_names(files: &[SourceFile]) -> Vec<String> {
    files
        .iter()
        .filter(|file| file.has_ending(CODE))
        .filter(|file| {
            file.path.split('/').any(|part| {
                let stem = part.split('.').next().unwrap_or(part).to_lowercase();
                EMPTY_NAMES.contains(&stem.as_str())
            })
        })
        .map(|file| format!("{}: a name that says nothing", file.path))
        .collect()
}

#[test]
fn files_are_short() {
    assert_tidy("One idea a file:", &check_length(&files(), LONGER));
}

#[test]
fn names_say_what_is_inside() {
    assert_tidy("Names say what is inside:", &check_names(&files()));
}

#[test]
fn violations_would_be_seen() {
    let file = |lines: usize| [SourceFile::new("crates/call/src/machine.rs", &"x\n".repeat(lines))];
    let listed: &[(&str, usize)] = &[("crates/call/src/machine.rs", 900)];
    assert_eq!(check_length(&file(MOST_LINES), &[]).len(), 0);
    assert_eq!(check_length(&file(MOST_LINES + 1), &[]).len(), 1);
    assert_eq!(check_length(&file(900), listed).len(), 0);
    assert_eq!(check_length(&file(901), listed).len(), 1);
    assert_eq!(check_length(&file(850), listed).len(), 1);
    assert_eq!(check_length(&[], listed).len(), 1);

    for (path, complaints) in [
        ("crates/app/src/utils.rs", 1),
        ("crates/app/src/common/mod.rs", 1),
        ("ui/src/Helpers.ts", 1),
        ("crates/app/src/calls.rs", 0),
    ] {
        assert_eq!(check_names(&[SourceFile::new(path, "")]).len(), complaints, "{path}");
    }
}
