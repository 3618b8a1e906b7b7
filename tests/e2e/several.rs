//! A call of several in the real window: who joins is seen and heard of, and a hand goes up on both sides.

use crate::harness::household::Household;
use crate::harness::stage::{Cli, Stage};

#[test]
fn a_team_meets_in_the_window() {
    let stage = Stage::new("several");
    let ada = Household::settle_with(&stage, "ada", &["--camera", "pattern"]);
    for friend in ["bob", "cyn"] {
        ada.add_friend(&stage, friend);
    }
    let room = ["room", "create", "--name", "Team", "--invite", &ada.user, "--invite", "cyn"];
    let made =
        ada.friend_starts(&stage, "bob", &room).event_where("a room", |value| value["event"] == "room");
    let token = made["token"].as_str().expect("a room has a token").to_owned();
    let join = |friend: &str| -> Cli {
        let sound = ["--mic", "silence", "--speaker", "null"];
        let rest = ["--camera", "pattern", "--stdin"];
        ada.friend_starts(&stage, friend, &[&["join", token.as_str()], &sound[..], &rest[..]].concat())
    };

    let window = stage.open_window("ada");
    window.wait_for("[data-contact=bob]");
    let mut bob = join("bob");
    let mut cyn = join("cyn");
    bob.status("connected");
    cyn.status("connected");
    // It rings here, as a call in any conversation of ours does.
    window.click("[data-action=answer]");
    for person in ["bob", "cyn"] {
        window.wait_for_text(person);
    }
    let faces = "return document.querySelectorAll('canvas[data-picture=video][data-live=true]:not([data-of=self])').length";
    window.wait_until("two faces", || (window.run(faces) == 2).then_some(()));

    bob.0.say("hand up");
    window.wait_for("[data-hand=true]");
    window.press("h");
    bob.event_where("ada's hand", |value| {
        value["event"] == "hand" && value["raised"] == true && value["local"] == false
    });
    stage.keep_picture("several");

    window.click("[data-action=layout]");
    window.wait_for("[data-layout=person]");
    window.click("[data-action=end]");
    ada.door.no_call();
    for person in [bob, cyn] {
        person.interrupt();
    }
}
