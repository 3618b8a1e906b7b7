//! Our own programs among the processes of this machine, told apart by the data folder they were given.

use std::path::Path;

/// Ids of processes that run this program for this data folder.
pub(crate) fn running(program: &Path, data: &Path) -> Vec<u32> {
    let wanted = format!("BELLBIRD_DATA={}", data.display());
    std::fs::read_dir("/proc")
        .expect("there is a process list")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|id| std::fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|path| path == program))
        .filter(|id| {
            let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
        })
        .collect()
}

/// Ends a process without giving it a chance to say goodbye.
pub(crate) fn kill(id: u32) {
    // It may just have ended by itself.
    let _ = std::process::Command::new("kill").args(["-KILL", &id.to_string()]).status();
}

/// Ids of the processes that this one started, and of those that they started.
pub(crate) fn descendants(id: u32) -> Vec<u32> {
    let parent_of = |child: u32| -> Option<u32> {
        let text = std::fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
        // The name in parentheses may contain blanks; the parent is the second field after it.
        text.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
    };
    let all: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .expect("there is a process list")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|child| Some((child, parent_of(child)?)))
        .collect();
    let mut found = vec![id];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        next += 1;
        found.extend(all.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
    }
    found.split_off(1)
}
