//! The kernel and its drivers, out of an unpacked package.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The kernel itself.
///
/// # Panics
/// When there is none.
pub(super) fn kernel(root: &Path) -> PathBuf {
    let entries = std::fs::read_dir(root.join("boot")).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz-")))
        .unwrap_or_else(|| panic!("there is no kernel in {}", root.display()))
}

/// These drivers and all that they need, in the order in which they are to be loaded: names and contents.
///
/// # Panics
/// When one is not there.
pub(super) fn with_needs(root: &Path, drivers: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for folder in ["lib/modules", "usr/lib/modules"] {
        find_all(&root.join(folder), &mut all);
    }
    let mut ordered = Vec::new();
    for driver in drivers {
        add(&all, driver, &mut ordered);
    }
    ordered
}

fn add(all: &[(String, PathBuf)], name: &str, ordered: &mut Vec<(String, Vec<u8>)>) {
    if ordered.iter().any(|(known, _)| known == name) {
        return;
    }
    let (_, path) = all
        .iter()
        .find(|(known, _)| known == name)
        .unwrap_or_else(|| panic!("the kernel has no driver {name}"));
    let content = unpacked(path);
    for need in needs(&content) {
        add(all, &need, ordered);
    }
    ordered.push((name.to_owned(), content));
}

fn find_all(folder: &Path, found: &mut Vec<(String, PathBuf)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // A link leads to folders of headers that are not there.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find_all(&path, found);
        } else if let Some((name, "ko" | "ko.xz")) =
            path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once('.'))
        {
            found.push((name.replace('-', "_"), path));
        }
    }
}

/// Debian packs drivers from its release 13 on.
fn unpacked(path: &Path) -> Vec<u8> {
    if path.extension().is_some_and(|ending| ending == "xz") {
        let unpacked = Command::new("xz").args(["--decompress", "--stdout"]).arg(path).output();
        return unpacked.expect("xz can be run").stdout;
    }
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a driver says it needs: a list with commas behind `depends=` among the words about it, each ended by a zero.
fn needs(driver: &[u8]) -> Vec<String> {
    const WORD: &[u8] = b"\0depends=";
    let Some(at) = driver.windows(WORD.len()).position(|window| window == WORD) else { return Vec::new() };
    let list = driver[at + WORD.len()..].split(|byte| *byte == 0).next().unwrap_or_default();
    let names = String::from_utf8_lossy(list).replace('-', "_");
    names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_come_before_those_that_need_them_and_once() {
        let folder = tempfile_folder();
        let modules = folder.join("lib/modules/6.1/kernel/media");
        std::fs::create_dir_all(&modules).unwrap();
        for (name, words) in [
            ("camera", "\0license=GPL\0depends=base,to-draw\0x"),
            ("to-draw", "\0depends=base\0"),
            ("base", "\0depends=\0"),
        ] {
            std::fs::write(modules.join(format!("{name}.ko")), words).unwrap();
        }
        let names: Vec<String> = with_needs(&folder, &["camera"]).into_iter().map(|(name, _)| name).collect();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names, ["base", "to_draw", "camera"]);
    }

    fn tempfile_folder() -> PathBuf {
        let folder = std::env::temp_dir().join(format!("bellbird-drivers-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}
