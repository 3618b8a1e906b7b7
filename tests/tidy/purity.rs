//! What pure code must not do, and what tests must not rest on.

use crate::assert_tidy;
use crate::tree::{SourceFile, rust_files};

/// Told the time, never asking: what depends on a clock cannot be tested on a virtual one.
const TOLD_THE_TIME: &[&str] = &[
    "crates/call/src",
    "crates/media/src/audio",
    "crates/media/src/receive",
    "crates/media/src/video/rates",
    "crates/session/src/reconnect",
    "crates/talk/src/link",
    "crates/talk/src/mesh",
    "crates/video/src/receive",
];

const CLOCK_READS: &[&str] = &["Instant::now", "SystemTime::now", "Utc::now", "Local::now", ".elapsed()"];

/// States there are matched by name, so that a new one forces thought.
const WITHOUT_WILDCARDS: &str = "crates/call/src/machine";

/// Files whose tests sleep between two looks at something they wait for, or to play a network's delay, with how often. Such
/// a sleep decides nothing. The list only shrinks.
const PACED: &[(&str, usize)] = &[
    ("crates/media/tests/calls/harness.rs", 1),
    ("crates/media/tests/calls/links.rs", 1),
    ("crates/media/tests/calls/one_way.rs", 1),
    ("crates/media/tests/calls/relay.rs", 1),
    ("crates/media/tests/video/wire.rs", 1),
];

const SLEEPS: &[&str] = &["thread::sleep", "time::sleep", "sleep_until", "sleep_ms"];

fn lies_in(file: &SourceFile, place: &str) -> bool {
    file.path == place || file.path == format!("{place}.rs") || file.path.starts_with(&format!("{place}/"))
}

fn check_clocks(files: &[SourceFile]) -> Vec<String> {
    let mut complaints = Vec::new();
    for place in TOLD_THE_TIME {
        let there: Vec<_> = files.iter().filter(|file| lies_in(file, place)).collect();
        if there.is_empty() {
            complaints.push(format!("{place} is gone: this guard has to follow it"));
        }
        for file in there.into_iter().filter(|file| !file.is_test()) {
            for (number, line) in file.code_lines() {
                for read in CLOCK_READS {
                    if line.contains(read) {
                        complaints.push(file.complaint(number, &format!("reads a clock ({read})")));
                    }
                }
            }
        }
    }
    complaints
}

fn check_wildcards(files: &[SourceFile]) -> Vec<String> {
    let there: Vec<_> = files.iter().filter(|file| lies_in(file, WITHOUT_WILDCARDS)).collect();
    if there.is_empty() {
        return vec![format!("{WITHOUT_WILDCARDS} is gone: this guard has to follow it")];
    }
    let mut complaints = Vec::new();
    for file in there.into_iter().filter(|file| !file.is_test()) {
        for (number, line) in file.code_lines() {
            if is_wildcard_arm(line) {
                complaints.push(file.complaint(number, "a wildcard arm: name the states"));
            }
        }
    }
    complaints
}

/// `_ =>`, `_ if … =>`, `(_, _) =>`, `.. | _ =>`: an arm that swallows what nobody named.
fn is_wildcard_arm(line: &str) -> bool {
    let Some((pattern, _)) = line.split_once("=>") else { return false };
    let pattern = pattern.split(" if ").next().unwrap_or(pattern);
    pattern.split('|').any(|part| {
        let bare: String = part.chars().filter(|c| !c.is_whitespace() && !"(),".contains(*c)).collect();
        !bare.is_empty() && bare.chars().all(|c| c == '_')
    })
}

/// A test that waits for time to pass is either slow or wrong one time in fifty.
fn check_sleeps(files: &[SourceFile], paced: &[(&str, usize)]) -> Vec<String> {
    let mut complaints = Vec::new();
    let exempt = ["tests/e2e", "tests/bench", "tests/tidy"];
    for file in files.iter().filter(|file| !exempt.iter().any(|place| lies_in(file, place))) {
        let mut in_tests = file.is_test();
        let mut found = Vec::new();
        for (number, line) in file.all_lines() {
            in_tests |= line.trim() == "#[cfg(test)]";
            if in_tests && SLEEPS.iter().any(|sleep| line.contains(sleep)) {
                found.push(file.complaint(number, "a test sleeps: wait for what happens instead"));
            }
        }
        let known = paced.iter().find(|(path, _)| *path == file.path).map_or(0, |(_, count)| *count);
        if found.len() > known {
            complaints.append(&mut found);
        } else if found.len() < known {
            complaints.push(format!(
                "{} sleeps {} times, not {known}: update the list",
                file.path,
                found.len()
            ));
        }
    }
    complaints
}

#[test]
fn pure_code_is_told_the_time() {
    assert_tidy("Pure code reads no clock:", &check_clocks(&rust_files()));
}

#[test]
fn states_of_a_call_are_matched_by_name() {
    assert_tidy("No wildcard arms in the call machine:", &check_wildcards(&rust_files()));
}

#[test]
fn tests_do_not_sleep() {
    assert_tidy("No sleep in tests outside tests/e2e:", &check_sleeps(&rust_files(), PACED));
}

#[test]
fn violations_would_be_seen() {
    let present: Vec<SourceFile> = TOLD_THE_TIME
        .iter()
        .map(|place| format!("{place}.rs"))
        .map(|path| SourceFile::new(&path, "fn pure(now: Instant) {}"))
        .collect();
    assert_eq!(check_clocks(&present), [""; 0]);
    for read in CLOCK_READS {
        let mut files = present.clone();
        files.push(SourceFile::new("crates/call/src/machine/dial.rs", &format!("let a = x{read};")));
        assert_eq!(check_clocks(&files).len(), 1, "{read}");
    }
    assert_eq!(check_clocks(&present[1..]).len(), 1, "a place that is gone");

    for (line, is_one) in [
        ("    _ => {}", true),
        ("    _ if self.ready => {}", true),
        ("    (_, _) => None,", true),
        ("    State::Idle | _ => {}", true),
        ("    (State::Idle, _) => None,", false),
        ("    State::Active { .. } => {}", false),
        ("    let _ = output;", false),
        ("    links.iter().map(|_| ())", false),
    ] {
        assert_eq!(is_wildcard_arm(line), is_one, "{line}");
    }
    assert_eq!(check_wildcards(&[]).len(), 1);

    let sleepy = "fn product() { tokio::time::sleep(a) }\n#[cfg(test)]\nmod tests { std::thread::sleep(b) }";
    assert_eq!(check_sleeps(&[SourceFile::new("crates/app/src/a.rs", sleepy)], &[]).len(), 1);
    assert_eq!(check_sleeps(&[SourceFile::new("crates/app/tests/a.rs", "thread::sleep(b)")], &[]).len(), 1);
    let paced = |count| {
        check_sleeps(
            &[SourceFile::new("crates/app/tests/a.rs", "thread::sleep(b)")],
            &[("crates/app/tests/a.rs", count)],
        )
    };
    assert_eq!((paced(1).len(), paced(2).len()), (0, 1));
    assert_eq!(check_sleeps(&[SourceFile::new("tests/e2e/a.rs", "thread::sleep(b)")], &[]).len(), 0);
}
