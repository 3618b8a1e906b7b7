//! The map and the first page tell the truth: what they name is there.

use crate::assert_tidy;
use crate::tree::{SourceFile, files, root};

/// Folders at the root, by which a path is known from other words in code marks.
const ROOTS: &[&str] =
    &["crates/", "tests/", "ui/", "src-tauri/", "xtask/", "docs/", "fuzz/", "icons/", ".ci/", ".cargo/"];

/// Everything between backticks outside of fenced blocks, and in fenced blocks every word.
fn marked_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            words.extend(line.split_whitespace().map(str::to_owned));
        } else {
            words.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    words
}

/// Links of the form `[text](path)`.
fn linked_paths(text: &str) -> Vec<String> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned).collect()
}

fn is_path(word: &str) -> bool {
    ROOTS.iter().any(|root| word.starts_with(root)) || (word.ends_with(".md") && !word.contains("://"))
}

/// `exists` answers for a path from the root.
fn check_paths(page: &SourceFile, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let from_words = marked_words(&page.text).into_iter().filter(|word| is_path(word));
    let from_links = linked_paths(&page.text)
        .into_iter()
        .filter(|link| !link.contains("://") && !link.starts_with('#') && !link.starts_with("mailto:"))
        .map(|link| if folder.is_empty() { link } else { format!("{folder}/{link}") });
    from_words
        .chain(from_links)
        .map(|path| {
            let path = path.split('#').next().unwrap_or_default().trim_end_matches([',', '.', ':', ';']);
            path.to_owned()
        })
        .flat_map(|path| spell_out(&path))
        .filter(|path| !exists(path))
        .map(|path| format!("{}: {path} is not there", page.path))
        .collect()
}

/// `crates/a/src/{b,c}.rs` names two files.
fn spell_out(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let Some((inside, after)) = rest.split_once('}') else { return vec![path.to_owned()] };
    inside.split(',').map(|choice| format!("{before}{}{after}", choice.trim())).collect()
}

/// Commands that a page tells people to type: `cargo xtask X`.
fn check_xtask_commands(page: &SourceFile, known: &[String]) -> Vec<String> {
    page.text
        .match_indices("cargo xtask ")
        .filter_map(|(at, found)| {
            let rest = &page.text[at + found.len()..];
            let word: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            (!word.is_empty() && !known.contains(&word))
                .then(|| format!("{}: there is no `cargo xtask {word}`", page.path))
        })
        .collect()
}

/// The commands in xtask's own table: lines `Task { name: "run", …`.
fn xtask_commands(source: &str) -> Vec<String> {
    source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("name: \"").or_else(|| line.split("name: \"").nth(1)))
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

/// Pages for people, at the root and in `docs`.
fn pages() -> Vec<SourceFile> {
    files()
        .into_iter()
        .filter(|file| {
            file.has_ending(&["md"]) && (!file.path.contains('/') || file.path.starts_with("docs/"))
        })
        .collect()
}

fn exists_in_tree(path: &str) -> bool {
    let path = path.split('*').next().unwrap_or(path);
    root().join(path).exists()
}

#[test]
fn the_map_is_there_and_true() {
    let pages = pages();
    for page in ["ARCHITECTURE.md", "README.md"] {
        assert!(pages.iter().any(|file| file.path == page), "{page} is missing");
    }
    let complaints: Vec<String> = pages.iter().flat_map(|page| check_paths(page, exists_in_tree)).collect();
    assert_tidy("Paths on our pages exist:", &complaints);
}

#[test]
fn every_crate_is_on_the_map() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("there is a map");
    let missing: Vec<String> = std::fs::read_dir(root().join("crates"))
        .expect("there are crates")
        .flatten()
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| format!("crates/{}", entry.file_name().to_string_lossy()))
        .filter(|path| !map.contains(path.as_str()))
        .collect();
    assert_tidy("Every crate is on the map:", &missing);
}

#[test]
fn commands_on_our_pages_exist() {
    let source = std::fs::read_to_string(root().join("xtask/src/main.rs")).expect("xtask's source");
    let known = xtask_commands(&source);
    assert!(known.len() >= 4, "the table of tasks was not understood: {known:?}");
    let complaints: Vec<String> =
        pages().iter().flat_map(|page| check_xtask_commands(page, &known)).collect();
    assert_tidy("Commands on our pages exist:", &complaints);
}

#[test]
fn violations_would_be_seen() {
    let page = |text: &str| SourceFile::new("docs/page.md", text);
    let exists = |path: &str| path == "crates/call/src/lib.rs" || path == "docs/other.md";
    for (text, complaints) in [
        ("see `crates/call/src/lib.rs`", 0),
        ("see `crates/call/src/gone.rs`", 1),
        ("see `crates/call/src/{lib,gone}.rs`", 1),
        ("```\ncrates/gone/   does things\n```", 1),
        ("[other](other.md#part)", 0),
        ("[other](gone.md)", 1),
        ("[other](https://example.org/gone.md)", 0),
        ("plain crates/gone words", 0),
    ] {
        assert_eq!(check_paths(&page(text), exists).len(), complaints, "{text}");
    }
    let known = xtask_commands("Task { name: \"run\", does: \"x\" },\n    name: \"test\",");
    assert_eq!(known, ["run", "test"]);
    assert_eq!(check_xtask_commands(&page("type `cargo xtask run`"), &known).len(), 0);
    assert_eq!(check_xtask_commands(&page("type `cargo xtask fly`"), &known).len(), 1);
}
