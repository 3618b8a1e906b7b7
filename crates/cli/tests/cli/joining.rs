//! Joining by link: as a guest, past consent, and what is told when that cannot be.

use std::process::Command;

use bellbird_testkit::process::LineProcess;

use crate::stage::{HANG, Stage, error_code, events, is_status, wait_for};

/// A public conversation of ann's: its token and its link.
fn conversation(stage: &Stage) -> (String, String) {
    let made = stage.with_account(&["room", "create", "--name", "Open house", "--type", "public"], "ann");
    let told = { made }.output().unwrap();
    assert!(told.status.success(), "{:?}", events(&told));
    let token = events(&told)[0]["token"].as_str().unwrap().to_owned();
    let link = format!("{}/call/{token}", stage.url.trim_end_matches('/'));
    (token, link)
}

/// Someone without any account.
fn guest(stage: &Stage, link: &str, more: &[&str]) -> Command {
    let mut command = stage.cli();
    command.args([
        "join",
        link,
        "--as-guest",
        "Gwen",
        "--no-processing",
        "--mic",
        "tone:600",
        "--speaker",
        "null",
    ]);
    command.args(more).env_remove("BELLBIRD_PASSWORD");
    command
}

#[test]
fn a_guest_joins_by_link_without_any_account() {
    let stage = Stage::open();
    let (token, link) = conversation(&stage);
    let mut ann = LineProcess::start(&mut stage.calling(&["join", &token], "ann"));
    wait_for(&mut ann, "status", |event| is_status(event, "calling"));
    for room in [&link, &token] {
        // The token alone will do where a server is named beside it.
        let server = ["--server", stage.url.as_str(), "--user", "nobody"];
        let more = ["--duration", "1", "--wait", "60"];
        let output = guest(&stage, room, &[&more[..], &server[..]].concat()).output().unwrap();
        assert!(output.status.success(), "{:?}", events(&output));
    }
    let output = guest(&stage, &link, &["--duration", "1", "--wait", "60"]).output().unwrap();
    assert!(output.status.success(), "{:?}", events(&output));
    assert!(events(&output).iter().any(|event| is_status(event, "connected")));
    wait_for(&mut ann, "media", |event| event["first"] == "played");
    ann.signal("INT");
    assert_eq!(ann.wait(HANG).code(), Some(0));
}

#[test]
fn consent_is_given_by_its_option_alone() {
    let stage = Stage::open();
    let (token, link) = conversation(&stage);
    let set =
        stage.cli().args(["config", "set", "recording-consent", "1", "--data"]).arg(stage.served()).status();
    assert!(set.unwrap().success());
    let refused = guest(&stage, &link, &["--wait", "60"]).output().unwrap();
    assert_eq!((refused.status.code(), error_code(&refused).as_str()), (Some(1), "consent-needed"));
    let asked = |event: &&serde_json::Value| event["event"] == "entrance" && event["step"] == "consent";
    assert!(events(&refused).iter().any(|event| asked(&event)), "{:?}", events(&refused));

    let mut ann = LineProcess::start(&mut stage.calling(&["join", &token, "--recording-consent"], "ann"));
    wait_for(&mut ann, "status", |event| is_status(event, "calling"));
    let agreed = guest(&stage, &link, &["--recording-consent", "--duration", "1", "--wait", "60"]).output();
    let agreed = agreed.unwrap();
    assert!(agreed.status.success(), "{:?}", events(&agreed));
    ann.signal("INT");
    assert_eq!(ann.wait(HANG).code(), Some(0));
}

#[test]
fn links_that_cannot_be_joined_say_why() {
    let stage = Stage::open();
    for (link, code) in [
        ("https://cloud.example.org/nothing", "bad-link"),
        ("nextcloudtalk://cloud.example.org/call/abc123", "bad-link"),
        ("abc123", "bad-link"),
        (&format!("{}/call/nosuchroom", stage.url.trim_end_matches('/')), "unknown-room"),
    ] {
        let output = guest(&stage, link, &[]).output().unwrap();
        assert_eq!((output.status.code(), error_code(&output).as_str()), (Some(1), code), "{link}");
    }
}
