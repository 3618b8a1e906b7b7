//! The command line as others rely on it: the demo's promise, the commands our pages tell people to type, and what the
//! logs keep to themselves.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use bellbird_testkit::process::LineProcess;
use serde_json::Value;

use crate::harness::stage::{Cli, PATIENCE, Stage, program};

#[test]
fn the_demo_makes_a_good_call_and_says_so() {
    let stage = Stage::new("demo");
    // It tells the truth about the call it made, and on a machine too busy for sound that call is a bad one: such a
    // report is a true one, but one of some must be good.
    let mut reports = Vec::new();
    for _ in 0..4 {
        let mut demo = stage.start_cli("ada", &["demo"]);
        let report = demo.event("demo");
        let succeeded = demo.0.wait(PATIENCE).success();
        for field in ["setup_ms", "audio_delay_ms", "speech_match", "packets_lost"] {
            assert!(report[field].is_number(), "no {field} in {report}");
        }
        assert_eq!(report["ok"], Value::Bool(succeeded), "{report}");
        if succeeded {
            assert!(report["speech_match"].as_f64().is_some_and(|found| found >= 0.95), "{report}");
            return;
        }
        reports.push(report.to_string());
    }
    panic!("no demo was good:\n{}", reports.join("\n"));
}

#[test]
fn an_interrupted_command_ends_properly() {
    let stage = Stage::new("interrupt");
    let data = stage.folder("ada").join("server");
    let mut server =
        stage.start_cli("ada", &["serve", "--listen", "127.0.0.1:0", "--data", &data.display().to_string()]);
    let listening = server.event("listening");
    assert!(listening["url"].as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:")), "{listening}");
    server.interrupt();
}

#[test]
fn wrong_usage_is_told_from_failure() {
    let stage = Stage::new("usage");
    let status = stage.cli("ada", &["no-such-command"]).status().expect("it runs");
    assert_eq!(status.code(), Some(2));
    // Nobody listens on port 9 of this machine.
    let mut command =
        stage.cli("ada", &["contacts", "--server", "http://127.0.0.1:9", "--user", "ada", "--json"]);
    let mut call = Cli(LineProcess::start(command.env("BELLBIRD_PASSWORD", "correct horse battery")));
    let error = call.event("error");
    assert_eq!(error["code"], "server-unreachable", "{error}");
    assert_eq!(call.0.wait(PATIENCE).code(), Some(1));
}

/// What follows `bellbird-cli` on our pages, up to the first word that is no subcommand.
fn commands_on(page: &str) -> BTreeSet<String> {
    page.match_indices("bellbird-cli ")
        .filter_map(|(at, found)| {
            let rest = &page[at + found.len()..];
            let word: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            let ends = rest[word.len()..].chars().next().is_none_or(|c| !c.is_alphanumeric());
            (ends && !word.is_empty() && !word.starts_with('-')).then_some(word)
        })
        .collect()
}

#[test]
fn every_command_on_our_pages_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];
    let mut named = BTreeSet::new();
    for page in pages {
        // Only what stands in code marks is meant to be typed.
        let text = std::fs::read_to_string(root.join(page)).unwrap_or_default();
        let marked: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
        named.extend(commands_on(&marked.join("\n")));
    }
    assert!(named.contains("demo"), "the pages name no commands: {named:?}");
    for name in named {
        let output = Command::new(program("bellbird-cli")).args([&name, "--help"]).output().expect("it runs");
        assert!(output.status.success(), "`bellbird-cli {name}` does not exist");
    }
    assert_eq!(
        commands_on("bellbird-cli demo\nbellbird-cli call bob"),
        ["call".into(), "demo".into()].into()
    );
}
