use std::path::Path;

use bellbird_testkit::process::LineProcess;
use serde_json::Value;

use crate::stage::{HANG, cli, error_code, events, wait_for};

fn start(folder: &Path) -> (LineProcess, Value) {
    let mut command = cli(folder);
    command.args(["core", "--background", "--no-desktop", "--mic", "tone:600", "--speaker", "null"]);
    let mut core = LineProcess::start(&mut command);
    let ready = wait_for(&mut core, "ready", |_| true);
    (core, ready)
}

fn ctl(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = cli(folder).arg("ctl").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {:?}", events(&output));
    events(&output)
}

/// Watches until the state shows something.
fn watch(folder: &Path, what: &str, fits: impl Fn(&Value) -> bool) {
    let mut watch = LineProcess::start(cli(folder).args(["ctl", "watch"]));
    wait_for(&mut watch, "state", |event| {
        let shown = fits(&event["state"]);
        if !shown {
            eprintln!("not yet: {what}");
        }
        shown
    });
}

#[test]
fn a_core_starts_here_calls_echo_and_comes_back_after_being_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut core, ready) = start(folder.path());
    assert_eq!(ready["accounts"], serde_json::json!([]));
    assert!(ready["control"].as_str().is_some_and(|url| url.starts_with("ws://127.0.0.1:")));
    assert!(Path::new(ready["token_file"].as_str().unwrap()).is_file());

    ctl(folder.path(), &["start-here"]);
    let contacts = ctl(folder.path(), &["contacts"]);
    assert_eq!((&contacts[0]["id"], &contacts[0]["echo"]), (&Value::from("echo"), &Value::from(true)));
    ctl(folder.path(), &["call", "echo"]);
    watch(folder.path(), "the call to echo", |state| {
        state["calls"][0]["status"] == "connected" && state["calls"][0]["echo"] == true
    });
    ctl(folder.path(), &["mute"]);
    watch(folder.path(), "the mute", |state| state["calls"][0]["muted"] == true);
    ctl(folder.path(), &["end"]);
    core.signal("KILL");
    core.wait(HANG);

    let (mut core, ready) = start(folder.path());
    assert_eq!(ready["accounts"], serde_json::json!(["local"]), "the account is back without a form");
    ctl(folder.path(), &["call", "echo"]);
    watch(folder.path(), "the call to echo", |state| state["calls"][0]["status"] == "connected");
    ctl(folder.path(), &["quit"]);
    assert_eq!(core.wait(HANG).code(), Some(0));
    assert!(!folder.path().join("app/door.json").exists());
}

#[test]
fn one_core_runs_per_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (mut core, _) = start(folder.path());
    let second = cli(folder.path()).args(["core", "--no-desktop"]).output().unwrap();
    assert_eq!((second.status.code(), error_code(&second).as_str()), (Some(1), "already-running"));
    core.signal("INT");
    assert_eq!(core.wait(HANG).code(), Some(0));
}

#[test]
fn an_invitation_leads_a_second_core_to_the_first() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_first, _) = start(here.path());
    let (_second, _) = start(there.path());
    let early = cli(here.path()).args(["ctl", "invite"]).output().unwrap();
    assert_eq!(error_code(&early), "not-now");
    ctl(here.path(), &["start-here"]);
    let invitation = &ctl(here.path(), &["invite"])[0];
    let link = invitation["link"].as_str().unwrap();
    assert!(link.starts_with("https://") && link.contains("#fp="), "{link}");
    let open = &ctl(here.path(), &["create-room", "--name", "Open", "--type", "public"])[0];
    let way_in = open["link"].as_str().unwrap();
    assert_eq!(way_in.split('#').nth(1), link.split('#').nth(1), "{way_in}");
    let accept = ["accept", link, "--user", "guest", "--display-name", "A Guest"];
    ctl(there.path(), &accept);
    watch(there.path(), "the new account", |state| state["accounts"][0]["state"]["state"] == "online");

    // No key store here: said, and the login works until the core ends.
    watch(there.path(), "the problem", |state| {
        state["problems"].as_array().is_some_and(|all| all.iter().any(|one| one["code"] == "no-key-store"))
    });
    ctl(here.path(), &["call", "guest"]);
    watch(there.path(), "the call", |state| state["calls"][0]["can_answer"] == true);
    ctl(there.path(), &["answer"]);
    watch(there.path(), "the connection", |state| state["calls"][0]["status"] == "connected");
    let used = cli(there.path()).args(["ctl", "accept", link, "--user", "another"]).output().unwrap();
    assert_eq!(error_code(&used), "invitation-expired");
}
