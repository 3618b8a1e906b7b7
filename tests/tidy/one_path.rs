//! Our own window asks the core by the call SDK's methods, and by nothing else: what it can do, every program can.

use crate::assert_tidy;
use crate::tree::{SourceFile, files};

/// What only the SDK writes: commands, and sockets to the door.
const TRACES: [&str; 4] = [".command(", "command: \"", "new WebSocket(", "CoreDoor"];

/// The SDK itself, the guests' page that speaks to a server instead, and the tests' scripted core that answers commands.
const OTHERS: [&str; 3] = ["ui/src/sdk/", "ui/src/guest/", "ui/src/platform/fake.ts"];

fn check(files: &[SourceFile]) -> Vec<String> {
    files
        .iter()
        .filter(|file| file.path.starts_with("ui/src/") && file.has_ending(&["ts", "svelte"]))
        .filter(|file| !OTHERS.iter().any(|other| file.path.starts_with(other)))
        .flat_map(|file| {
            file.code_lines()
                .filter(|(_, line)| TRACES.iter().any(|trace| line.contains(trace)))
                .map(|(number, _)| file.complaint(number, "a way to the core beside the SDK's methods"))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_window_asks_the_core_through_the_sdk() {
    let files = files();
    let views = files.iter().filter(|file| file.path.starts_with("ui/src/views/"));
    let asking = views.filter(|file| file.text.contains("app.sdk.")).count();
    assert!(asking > 10, "only {asking} views ask the core for anything: the guard looks in the wrong place");
    assert_tidy("One path to the core:", &check(&files));
}

#[test]
fn violations_would_be_seen() {
    for (path, line, complaints) in [
        ("ui/src/views/Main.svelte", "app.door.command({})", 1),
        ("ui/src/state/app.svelte.ts", "send({ command: \"quit\" })", 1),
        ("ui/src/open.ts", "new WebSocket(url)", 1),
        ("ui/src/views/Main.svelte", "app.sdk.quit()", 0),
        ("ui/src/sdk/own_methods.ts", "door.command(command)", 0),
        ("ui/src/platform/fake.ts", "{ command: \"quit\" }", 0),
        ("tests/e2e/main.rs", "door.command(Command::Quit)", 0),
    ] {
        assert_eq!(check(&[SourceFile::new(path, line)]).len(), complaints, "{path}: {line}");
    }
}
