//! Faces and screens in the real window: a video call of two, and a screen that is shared with it.

use std::time::Duration;

use bellbird_contract::Status;

use crate::harness::household::Household;
use crate::harness::stage::Stage;
use crate::harness::web_driver::WebDriver;

/// The mean of the red of a canvas' pixels, -1 while it shows nothing. What is not drawn is black, or nothing.
fn brightness(window: &WebDriver, canvas: &str) -> f64 {
    let script = format!(
        "const canvas = document.querySelector('{canvas}');
         if (!canvas || canvas.dataset.live !== 'true' || canvas.width < 16) return -1;
         const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
         let sum = 0;
         for (let at = 0; at < pixels.length; at += 4) sum += pixels[at];
         return sum * 4 / pixels.length;"
    );
    window.run(&script).as_f64().unwrap_or(-1.0)
}

/// A number that is another for another picture.
fn imprint(window: &WebDriver, canvas: &str) -> Option<f64> {
    let script = format!(
        "const canvas = document.querySelector('{canvas}');
         if (!canvas || canvas.dataset.live !== 'true' || canvas.width < 16) return null;
         const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
         let sum = 0;
         for (let at = 0; at < pixels.length; at += 4) sum = (sum * 31 + pixels[at]) % 1000000007;
         return sum;"
    );
    window.run(&script).as_f64()
}

fn wait_for_picture(window: &WebDriver, canvas: &str) {
    window.wait_for(&format!("{canvas}[data-live=true]"));
    window.wait_until("a picture with something in it", || (brightness(window, canvas) > 4.0).then_some(()));
}

/// Whether pictures go on coming.
fn wait_for_motion(window: &WebDriver, canvas: &str) {
    let first = imprint(window, canvas);
    window.wait_until("a picture that moves", || {
        let now = imprint(window, canvas);
        (now.is_some() && now != first).then_some(())
    });
}

#[test]
fn a_video_call_shows_both_faces_and_a_shared_screen() {
    let stage = Stage::new("pictures");
    let ada = Household::settle_with(&stage, "ada", &["--camera", "pattern"]);
    let window = stage.open_window("ada");
    ada.add_friend(&stage, "bob");
    let options =
        ["--mic", "silence", "--speaker", "null", "--camera", "pattern", "--screen", "pattern", "--stdin"];
    let mut bob = ada.friend_starts(&stage, "bob", &[&["listen"], &options[..]].concat());
    bob.event("registered");
    window.type_into("input[type=search]", "bob");
    window.click("[data-video=bob]");
    ada.door.call(Status::Connected);

    let theirs = "canvas[data-picture=video]:not([data-of=self])";
    let ours = "canvas[data-picture=video][data-of=self]";
    let screen = "canvas[data-picture=screen]";
    wait_for_picture(&window, screen);
    // It was shared from the first moment on; first the faces.
    bob.0.say("screen off");
    window.wait_until_gone(screen);
    wait_for_picture(&window, ours);
    wait_for_picture(&window, theirs);
    wait_for_motion(&window, theirs);
    std::thread::sleep(Duration::from_secs(2));
    stage.keep_picture("video_call");

    // Off and on again, without the other picture minding.
    window.press("v");
    window.wait_until_gone(ours);
    wait_for_motion(&window, theirs);
    window.press("v");
    wait_for_picture(&window, ours);

    bob.0.say("screen on");
    wait_for_picture(&window, screen);
    std::thread::sleep(Duration::from_secs(2));
    stage.keep_picture("screen_share");
    bob.0.say("screen off");
    window.wait_until_gone(screen);

    window.click("[data-action=end]");
    ada.door.no_call();
}

#[test]
fn a_screen_is_chosen_by_its_picture_and_seen_by_the_other_side() {
    let stage = Stage::new("share");
    let ada = Household::settle_with(&stage, "ada", &["--camera", "pattern"]);
    let window = stage.open_window("ada");
    ada.add_friend(&stage, "bob");
    let mut bob = ada.friend_starts(&stage, "bob", &["listen", "--mic", "silence", "--speaker", "null"]);
    bob.event("registered");
    window.type_into("input[type=search]", "bob");
    window.click("[data-contact=bob]");
    ada.door.call(Status::Connected);

    // The core knows of it a moment before the window does.
    window.wait_for("[data-status=connected]");
    window.press("s");
    window.wait_for("[data-screen^=monitor] img");
    stage.keep_picture("choose_screen");
    window.click("[data-screen^=monitor]");
    ada.door
        .wait_until("a shared screen", |state| state.calls.iter().find(|call| call.sharing_screen).cloned());
    bob.event_where("the shared screen", |value| value["event"] == "track" && value["kind"] == "screen");
    window.click("[data-action=stop-sharing]");
    bob.event_where("the end of the share", |value| {
        value["event"] == "track" && value["kind"] == "screen" && value["state"] == "removed"
    });
    window.click("[data-action=end]");
    ada.door.no_call();
}

/// Enter, as WebDriver names it.
const ENTER: &str = "\u{e007}";

#[test]
fn a_call_fills_the_screen_and_moves_into_a_small_window_by_the_keyboard() {
    let stage = Stage::new("small");
    let ada = Household::settle_with(&stage, "ada", &["--camera", "pattern"]);
    let window = stage.open_window("ada");
    ada.add_friend(&stage, "bob");
    let options = ["listen", "--mic", "silence", "--speaker", "null", "--camera", "pattern"];
    let mut bob = ada.friend_starts(&stage, "bob", &options);
    bob.event("registered");
    window.type_into("input[type=search]", "bob");
    window.click("[data-video=bob]");
    ada.door.call(Status::Connected);
    let theirs = "canvas[data-picture=video]:not([data-of=self])";
    wait_for_picture(&window, theirs);

    let fills = || window.run("return document.fullscreenElement !== null") == true;
    window.press("f");
    window.wait_until("the call on the whole screen", || fills().then_some(()));
    wait_for_motion(&window, theirs);
    std::thread::sleep(Duration::from_secs(1));
    stage.keep_picture("full_screen");
    window.press("f");
    window.wait_until("the window again", || (!fills()).then_some(()));

    assert!(!stage.shows_window("Call"));
    window.run("document.querySelector('[data-action=pop-out]').focus()");
    window.press(ENTER);
    window.wait_until("the small window", || stage.shows_window("Call").then_some(()));
    std::thread::sleep(Duration::from_secs(3));
    stage.keep_picture("small_window");
    // It lasts no longer than the call.
    bob.interrupt();
    ada.door.no_call();
    window.wait_until("the small window to go", || (!stage.shows_window("Call")).then_some(()));
}
