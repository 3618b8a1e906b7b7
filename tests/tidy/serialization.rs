//! Serialization lives at the edges: what goes over a wire or into a file is converted there.

use crate::assert_tidy;
use crate::packages::{Edge, Kind, edges};
use crate::tree::{SourceFile, rust_files};

/// Where a type may have a serialized form.
const EDGES: &[&str] = &[
    "crates/contract/src/",
    "crates/talk_wire/src/",
    "crates/talk/src/rest/",
    "crates/talk/src/internal/",
    "crates/server/src/",
    "crates/control/src/",
    "crates/cowork/src/",
    "crates/app/src/settings",
    "crates/app/src/accounts",
    "crates/cli/src/",
    "src-tauri/src/",
    "xtask/src/",
    "tests/",
];

/// Crates whose types must have no serialized form at all.
const WITHOUT: &[&str] = &["call", "session", "devices", "media", "desktop"];

fn check_derives(files: &[SourceFile]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        if EDGES.iter().any(|edge| file.path.starts_with(edge)) || file.is_test() {
            continue;
        }
        for (number, line) in file.code_lines() {
            let derives =
                line.contains("derive(") && (has_word(line, "Serialize") || has_word(line, "Deserialize"));
            let implements =
                line.contains("impl") && (line.contains("Serialize for") || line.contains("Deserialize<"));
            if derives || implements {
                complaints.push(file.complaint(number, "serialization beyond the edges"));
            }
        }
    }
    complaints
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
}

fn check_dependencies(edges: &[Edge]) -> Vec<String> {
    edges
        .iter()
        .filter(|edge| edge.to == "serde" && edge.kind == Kind::Normal)
        .filter_map(|edge| edge.from.strip_prefix("bellbird-"))
        .filter(|from| WITHOUT.contains(from))
        .map(|from| format!("{from} depends on serde"))
        .collect()
}

#[test]
fn only_the_edges_serialize() {
    assert_tidy("Serialization lives at the edges:", &check_derives(&rust_files()));
    assert_tidy("No serialization within:", &check_dependencies(&edges()));
}

#[test]
fn violations_would_be_seen() {
    let file = |path: &str, line: &str| [SourceFile::new(path, line)];
    assert_eq!(check_derives(&file("crates/call/src/view.rs", "#[derive(Clone, Serialize)]")).len(), 1);
    assert_eq!(check_derives(&file("crates/app/src/calls.rs", "#[derive(serde::Deserialize)]")).len(), 1);
    assert_eq!(check_derives(&file("crates/app/src/calls.rs", "impl Serialize for X {")).len(), 1);
    assert_eq!(check_derives(&file("crates/app/src/settings/mod.rs", "#[derive(Serialize)]")).len(), 0);
    assert_eq!(check_dependencies(&[Edge::new("bellbird-call", "serde", Kind::Normal)]).len(), 1);
    assert_eq!(check_dependencies(&[Edge::new("bellbird-server", "serde", Kind::Normal)]).len(), 0);
}
