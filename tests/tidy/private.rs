//! Nothing of one machine in what everyone gets: no paths of it, no addresses its packages came from.

use crate::assert_tidy;
use crate::tree::{SourceFile, files};

/// Pieces are joined here so that this file does not contain what it looks for.
fn traces() -> Vec<String> {
    let hosts = [
        ("index.crates", "io"),
        ("static.crates", "io"),
        ("registry.npmjs", "org"),
        ("files.pythonhosted", "org"),
        ("deb.debian", "org"),
        ("proxy.golang", "org"),
    ];
    let folders = ["work", "root", "home", "Users"];
    let mut traces: Vec<String> = hosts.iter().map(|(name, top)| format!("{name}.{top}")).collect();
    traces.extend(folders.iter().map(|folder| format!("/{folder}/")));
    traces.push(format!("{}-key", "BEGIN PRIVATE"));
    traces
}

/// Where such words are someone else's and mean nothing about a machine of ours.
fn is_innocent(line: &str, at: usize, trace: &str) -> bool {
    // The middle of a longer path or address (`$HOME/…`, `https://host/home/…`) names no folder at a root.
    let before = line[..at].chars().next_back();
    trace.starts_with('/')
        && before.is_some_and(|c| {
            c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '}' | ')' | '~' | '*')
        })
}

fn check(files: &[SourceFile]) -> Vec<String> {
    let traces = traces();
    let mut complaints = Vec::new();
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            for trace in &traces {
                let found = line.match_indices(trace.as_str()).any(|(at, _)| !is_innocent(line, at, trace));
                if found {
                    complaints.push(file.complaint(index + 1, &format!("a trace of some machine: {trace}")));
                }
            }
        }
    }
    complaints
}

#[test]
fn no_traces_of_a_machine() {
    assert_tidy("No traces of a machine:", &check(&files()));
}

#[test]
fn violations_would_be_seen() {
    for trace in traces() {
        let line = format!("see {trace}something");
        assert_eq!(check(&[SourceFile::new("README.md", &line)]).len(), 1, "{trace}");
    }
    let innocent: String = traces()
        .iter()
        .filter(|trace| trace.starts_with('/'))
        .map(|trace| format!("https://example.org{trace}x "))
        .collect();
    assert_eq!(check(&[SourceFile::new("README.md", &innocent)]), [""; 0]);
}
