//! Two accounts, two processes: they ring, answer, talk and end, and what they logged keeps their secrets.

use std::time::Duration;

use bellbird_testkit::log_watch::indiscretion;
use bellbird_testkit::speech;

use crate::harness::likeness::share_heard;
use crate::harness::pair::{ANSWERER, CALLER, PASSWORD, Pair};
use crate::harness::stage::Stage;

#[test]
fn two_people_talk_and_their_logs_say_nothing_private() {
    let stage = Stage::new("two-people");
    let heard = stage.folder(CALLER).join("heard.wav");
    let speaker = format!("file:{}", heard.display());
    // Only one speaks, as it is: what cleaning does to a voice is for the ear to judge, and the same sample from both ends
    // would be one end's echo to the other's canceller.
    let mic = format!("loop:{}", speech::sample_path().display());
    let pair = Pair::start_with(&stage, &["--mic", &mic, "--speaker", "null", "--no-processing"]);
    let mut call = pair.call(&stage, &["--mic", "silence", "--speaker", &speaker]);
    call.status("connected");
    call.event_where("first sound", |value| value["event"] == "media" && value["first"] == "played");
    std::thread::sleep(Duration::from_secs(12));
    call.interrupt();

    let share = share_heard(&speech::sample(), &speech::read_wav(&heard));
    assert!(share >= 0.7, "what is heard is not what was said: {share:.2}");
    for person in [CALLER, ANSWERER, "server"] {
        let log = stage.log(person);
        assert!(!log.is_empty(), "{person} logged nothing: the wrong place is watched");
        if let Some(found) = indiscretion(&log, &[PASSWORD]) {
            panic!("{person} logged what is private: {found}");
        }
    }
}
