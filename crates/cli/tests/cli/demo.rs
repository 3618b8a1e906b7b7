use crate::stage::{cli, events};

#[test]
fn the_demo_carries_speech_both_ways_and_tells_figures() {
    let folder = tempfile::tempdir().unwrap();
    let output = cli(folder.path()).arg("demo").output().unwrap();
    let events = events(&output);
    let demo = events.iter().find(|event| event["event"] == "demo").unwrap_or_else(|| panic!("{events:?}"));
    assert!(demo["setup_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{demo}");
    assert!(demo["audio_delay_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{demo}");
    assert!(demo["packets_lost"].is_u64(), "{demo}");
    // How good it is depends on what else the machine does; other speech would be far below this.
    assert!(demo["speech_match"].as_f64().is_some_and(|likeness| likeness > 0.3), "{demo}");
    assert_eq!(demo["ok"].as_bool(), Some(output.status.success()), "{demo}");
    let ended = events.iter().find(|event| event["event"] == "ended").unwrap();
    assert_eq!(ended["reason"], "local_hangup");
}
