//! Cameras and screens in calls of two real processes: what is shown here is saved there.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bellbird_testkit::process::LineProcess;
use bellbird_video::{Y4mReader, read_number};
use serde_json::Value;

use crate::stage::{HANG, Stage, error_code, events, is_status, wait_for};

/// The numbers in the pictures of the only film of that kind in a folder, and its name.
fn film(folder: &Path, kind: &str) -> (PathBuf, Vec<u32>) {
    let films: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(&format!("-{kind}.y4m")))
        .collect();
    let [path] = films.as_slice() else { panic!("{films:?} in {}", folder.display()) };
    let mut reader = Y4mReader::new(BufReader::new(File::open(path).unwrap())).unwrap();
    let mut numbers = Vec::new();
    while let Some(frame) = reader.read(Instant::now()).unwrap() {
        numbers.extend(read_number(&frame));
    }
    (path.clone(), numbers)
}

/// A film that keeps time shows a picture twice where one was missing, and never an older one.
fn assert_moves_on(numbers: &[u32]) {
    assert!(numbers.windows(2).all(|pair| pair[0] <= pair[1]), "{numbers:?}");
    let new = numbers.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!(new >= 4 && new * 2 > numbers.len(), "{numbers:?}");
}

fn is_picture(event: &Value, kind: &str) -> bool {
    event["kind"] == kind && event["participant"].is_string()
}

#[test]
fn a_video_call_is_seen_and_saved_on_both_sides() {
    let stage = Stage::open();
    let (of_bob, of_ann) = (stage.path().join("ann's"), stage.path().join("bob's"));
    let saved = of_ann.to_string_lossy();
    let mut bob = stage.listening("bob", &["--camera", "pattern", "--save-video", &saved]);
    let mut call = stage.calling(&["call", "bob", "--video", "--camera", "pattern", "--stats", "1"], "ann");
    let mut ann = LineProcess::start(call.args(["--stdin", "--save-video"]).arg(&of_bob));
    wait_for(&mut bob, "incoming", |event| event["kind"] == "video");
    let seen = wait_for(&mut ann, "media", |event| is_picture(event, "video") && event["first"] == "frame");
    wait_for(&mut bob, "media", |event| is_picture(event, "video") && event["first"] == "frame");
    let stats = wait_for(&mut ann, "stats", |event| {
        let pictures = &event["participants"][0]["video"][0];
        pictures["kind"] == "video" && pictures["frames"].as_u64().is_some_and(|frames| frames >= 20)
    });
    let pictures = &stats["participants"][0]["video"][0];
    assert!(pictures["width"].as_u64().is_some_and(|width| width >= 160), "{pictures}");
    assert!(pictures["fps"].is_f64() && pictures["freezes"].is_u64(), "{pictures}");
    ann.say("end");
    wait_for(&mut ann, "ended", |_| true);
    assert_eq!(ann.wait(HANG).code(), Some(0));
    wait_for(&mut bob, "ended", |_| true);
    bob.signal("INT");
    assert_eq!(bob.wait(HANG).code(), Some(0));
    let told: Vec<Value> =
        ann.seen().iter().map(|line| serde_json::from_str(line).expect("each line is one event")).collect();
    assert!(
        told.iter().any(|event| event["event"] == "track"
            && is_picture(event, "video")
            && event["state"] == "added"),
        "{told:?}"
    );
    let (path, numbers) = film(&of_bob, "camera");
    assert_moves_on(&numbers);
    let participant = seen["participant"].as_str().unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with(&participant[..participant.len().min(16)]), "{name} of {participant}");
    assert_moves_on(&film(&of_ann, "camera").1);
}

#[test]
fn lines_switch_camera_and_screen() {
    let stage = Stage::open();
    let films = stage.path().join("films");
    let mut bob = stage.listening("bob", &["--save-video", &films.to_string_lossy()]);
    let mut call = stage.calling(&["call", "bob", "--camera", "pattern", "--screen", "pattern"], "ann");
    let mut ann = LineProcess::start(call.arg("--stdin"));
    wait_for(&mut ann, "status", |event| is_status(event, "connected"));
    wait_for(&mut bob, "media", |event| is_picture(event, "screen") && event["first"] == "frame");
    ann.say("video off");
    wait_for(&mut bob, "mute", |event| is_picture(event, "video") && event["muted"] == true);
    ann.say("screen off");
    wait_for(&mut bob, "track", |event| is_picture(event, "screen") && event["state"] == "removed");
    ann.say("video on");
    wait_for(&mut bob, "mute", |event| is_picture(event, "video") && event["muted"] == false);
    ann.say("screen on");
    wait_for(&mut bob, "track", |event| is_picture(event, "screen") && event["state"] == "added");
    ann.say("end");
    wait_for(&mut ann, "ended", |_| true);
    assert_eq!(ann.wait(HANG).code(), Some(0));
    bob.signal("INT");
    assert_eq!(bob.wait(HANG).code(), Some(0));
    assert!(!film(&films, "screen").1.is_empty());
}

#[test]
fn a_missing_camera_does_not_end_a_call() {
    let stage = Stage::open();
    let mut bob = stage.listening("bob", &[]);
    // No machine that runs tests has a camera of this name.
    let none = ["call", "bob", "--camera", "device:none that is there", "--duration", "1"];
    let output = stage.calling(&none, "ann").output().unwrap();
    assert!(output.status.success(), "{:?}", events(&output));
    assert!(
        events(&output).iter().any(|event| event["event"] == "error" && event["code"] == "no-camera"),
        "{:?}",
        events(&output)
    );
    wait_for(&mut bob, "ended", |_| true);
    let missing = stage.calling(&["call", "bob", "--camera", "file:/nowhere.y4m"], "ann").output().unwrap();
    assert_eq!(error_code(&missing), "video-file");
}
