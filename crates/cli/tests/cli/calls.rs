use bellbird_testkit::process::LineProcess;

use crate::stage::{HANG, Stage, error_code, events, is_status, tone_of, wait_for};

#[test]
fn a_call_carries_sound_from_file_to_file() {
    let stage = Stage::open();
    let heard = stage.path().join("bob.wav");
    let speaker = format!("file:{}", heard.display());
    let mut bob = stage.listening("bob", &["--mic", "silence", "--speaker", &speaker]);
    let mut call = stage.calling(&["call", "bob"], "ann");
    let output = call.args(["--duration", "3", "--stats", "1"]).output().unwrap();
    assert!(output.status.success(), "{:?}", events(&output));

    let told = events(&output);
    let position = |find: &dyn Fn(&serde_json::Value) -> bool| {
        told.iter().position(find).unwrap_or_else(|| panic!("{told:?}"))
    };
    let calling = position(&|event| is_status(event, "calling"));
    let connected = position(&|event| is_status(event, "connected"));
    let ended = position(&|event| event["event"] == "ended");
    assert!(calling < connected && connected < ended);
    assert!(told.iter().any(|event| event["event"] == "stats" && event["rss_mb"].is_f64()));
    assert!(told[ended]["duration_s"].as_f64().is_some_and(|seconds| seconds >= 2.9), "{}", told[ended]);

    let incoming = wait_for(&mut bob, "incoming", |event| event["from"] == "ann" && event["kind"] == "audio");
    assert!(incoming["call_id"].is_string() && incoming["room"].is_string());
    wait_for(&mut bob, "ended", |event| event["reason"] == "remote_hangup");
    bob.signal("INT");
    assert_eq!(bob.wait(HANG).code(), Some(0));
    let (hz, rms) = tone_of(&heard);
    // A playout that skips on a busy machine bends the count, never the tone.
    assert!((550.0..650.0).contains(&hz) && rms > 0.02, "{hz} Hz, {rms}");
}

#[test]
fn the_echo_contact_returns_what_it_hears() {
    let stage = Stage::open();
    let heard = stage.path().join("echo.wav");
    let mut call = stage.with_account(&["call", "echo", "--mic", "tone:600", "--no-processing"], "ann");
    call.arg("--speaker").arg(format!("file:{}", heard.display()));
    let output = call.args(["--duration", "3", "--wait", "60"]).output().unwrap();
    assert!(output.status.success(), "{:?}", events(&output));
    let (hz, rms) = tone_of(&heard);
    assert!((550.0..650.0).contains(&hz) && rms > 0.02, "{hz} Hz, {rms}");
}

#[test]
fn a_declined_call_and_a_busy_one_are_told_apart() {
    let stage = Stage::open();
    for (policy, status, code) in [("decline", "busy", "declined"), ("busy", "engaged", "engaged")] {
        let mut bob = stage.listening("bob", &["--on-call", policy]);
        let output = stage.calling(&["call", "bob"], "ann").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(error_code(&output), code);
        assert!(events(&output).iter().any(|event| event["status"] == status), "{:?}", events(&output));
        bob.signal("TERM");
        assert_eq!(bob.wait(HANG).code(), Some(0));
    }
}

#[test]
fn a_call_nobody_answers_is_given_up_after_the_wait() {
    let stage = Stage::open();
    let mut bob = stage.listening("bob", &["--on-call", "ignore"]);
    let output = stage.calling(&["call", "bob", "--wait", "2"], "ann").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(error_code(&output), "timed-out");
    wait_for(&mut bob, "ended", |event| event["reason"] == "missed");
}

#[test]
fn an_interrupted_call_ends_properly() {
    let stage = Stage::open();
    let mut bob = stage.listening("bob", &[]);
    let mut ann = LineProcess::start(&mut stage.calling(&["call", "bob"], "ann"));
    wait_for(&mut ann, "status", |event| is_status(event, "connected"));
    ann.signal("INT");
    wait_for(&mut ann, "ended", |event| event["reason"] == "local_hangup");
    assert_eq!(ann.wait(HANG).code(), Some(0));
    wait_for(&mut bob, "ended", |event| event["reason"] == "remote_hangup");
}

#[test]
fn lines_and_ctl_steer_a_call() {
    let stage = Stage::open();
    let mut bob = stage.listening("bob", &[]);
    let mut ann = LineProcess::start(&mut stage.calling(&["call", "bob", "--stdin"], "ann"));
    wait_for(&mut ann, "status", |event| is_status(event, "connected"));
    ann.say("mute");
    wait_for(&mut bob, "mute", |event| event["muted"] == true && event["participant"].is_string());
    ann.say("unmute");
    wait_for(&mut bob, "mute", |event| event["muted"] == false);
    ann.say("sing");
    wait_for(&mut ann, "error", |event| event["code"] == "unknown-command");
    ann.say("hold");
    wait_for(&mut ann, "status", |event| is_status(event, "hold"));
    ann.say("resume");
    wait_for(&mut ann, "status", |event| is_status(event, "connected"));
    // The first command of a folder has its door: bob's.
    let ended = stage.cli().args(["ctl", "end"]).output().unwrap();
    assert!(ended.status.success(), "{:?}", events(&ended));
    wait_for(&mut ann, "ended", |_| true);
    assert_eq!(ann.wait(HANG).code(), Some(0));
}
