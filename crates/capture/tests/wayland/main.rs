//! Sharing the screen of a real Wayland desktop: sway draws it, xdg-desktop-portal asks, PipeWire carries it.
//!
//! Needs `cargo xtask setup test`, which unpacks the packages of all that.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what its cases share too")]

mod desk;
mod watcher;

use desk::{Desk, Part, SCREEN};
use watcher::{PATIENCE, Watcher};

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const BLUE: [u8; 3] = [0, 0, 255];
const GREY: [u8; 3] = [128, 128, 128];
const CURSOR: [u8; 3] = [255, 0, 255];

const QUARTERS: &str = "paint ff0000 00ff00 0000ff 808080";

/// The size of the screen.
const SIZE: (u32, u32) = (800, 600);

/// A share that goes on, of a screen that shows the quarters, and the number of the last picture of it.
fn shared(desk: &mut Desk) -> (Watcher, u64) {
    let mut watcher = Watcher::start(desk);
    desk.draw("paint 808080 0000ff 00ff00 ff0000");
    watcher.picture_in_use(desk, SIZE, &[GREY, BLUE, GREEN, RED]);
    desk.draw(QUARTERS);
    let number = watcher.picture_in_use(desk, SIZE, &[RED, GREEN, BLUE, GREY]);
    (watcher, number)
}

#[test]
fn a_shared_screen_looks_as_it_does_there() {
    let Some(mut desk) = Desk::without(&[]) else { return };
    let (mut watcher, first) = shared(&mut desk);
    // Nothing changes and nothing comes, until it is asked for again.
    let last = watcher.rest(first);
    watcher.say("refresh");
    assert_eq!(watcher.picture(SIZE, &[RED, GREEN, BLUE, GREY]), last + 1);
    // A small part changes, and is seen where it is.
    desk.draw("patch 150 100 100 100 00ff00");
    watcher.picture_in_use(&mut desk, SIZE, &[GREEN, GREEN, BLUE, GREY]);
    desk.draw("point 590 440");
    watcher.picture_in_use(&mut desk, SIZE, &[GREEN, GREEN, BLUE, CURSOR]);
    watcher.say("format 400 400 5");
    watcher.picture_in_use(&mut desk, (400, 300), &[GREEN, GREEN, BLUE, CURSOR]);
    // One share a desktop: this portal now and then crashes at the end of one.
    watcher.stop();
}

#[test]
fn a_screen_that_changes_its_size_or_is_turned_stays_the_right_way_up() {
    let Some(mut desk) = Desk::without(&[]) else { return };
    let (mut watcher, _) = shared(&mut desk);
    for (resolution, size) in
        [("1366x768", (1_366, 768)), ("641x481", (640, 480)), ("3840x2160", (1_920, 1_080))]
    {
        desk.sway(&["output", SCREEN, "resolution", resolution]);
        watcher.picture_in_use(&mut desk, size, &[RED, GREEN, BLUE, GREY]);
    }
    desk.sway(&["output", SCREEN, "resolution", "640x480"]);
    watcher.picture_in_use(&mut desk, (640, 480), &[RED, GREEN, BLUE, GREY]);
    for turned in ["90", "180", "270", "flipped", "flipped-90", "flipped-180", "flipped-270", "normal"] {
        desk.sway(&["output", SCREEN, "transform", turned]);
        let size = if turned.ends_with("90") || turned.ends_with("270") { (480, 640) } else { (640, 480) };
        // Two ways up may follow one another with the same picture, which comes once then.
        desk.draw("paint 00ff00 ff0000 808080 0000ff");
        watcher.picture_in_use(&mut desk, size, &[GREEN, RED, GREY, BLUE]);
        desk.draw(QUARTERS);
        watcher.picture_in_use(&mut desk, size, &[RED, GREEN, BLUE, GREY]);
    }
    watcher.stop();
}

#[test]
fn whoever_chooses_nothing_shares_nothing() {
    let Some(desk) = Desk::without(&[]) else { return };
    desk.choose("");
    let mut watcher = Watcher::start(&desk);
    assert_eq!(watcher.end(), ("denied".into(), "sharing the screen was refused".into()));
    watcher.stop();
}

fn ends_with(part: Part) {
    let Some(mut desk) = Desk::without(&[]) else { return };
    let (mut watcher, _) = shared(&mut desk);
    desk.kill(part);
    assert_eq!(watcher.end(), ("lost".into(), "what was shared is gone".into()), "{part:?}");
    watcher.stop();
}

#[test]
fn a_share_ends_with_the_compositor() {
    ends_with(Part::Sway);
}

#[test]
fn a_share_ends_with_pipewire() {
    ends_with(Part::PipeWire);
}

#[test]
fn a_share_ends_with_the_half_of_the_portal_that_copies() {
    ends_with(Part::PortalOfWlroots);
}

#[test]
fn a_share_ends_with_the_half_of_the_portal_that_watches_over_it() {
    ends_with(Part::Portal);
}

/// A portal that does as it is told, in place of the real one, and what a share of it ends with.
fn ends_when_told(order: &str) -> Option<(String, String)> {
    let desk = Desk::without(&[Part::PortalOfWlroots, Part::Portal])?;
    let mut portal = desk.pretended_portal();
    let mut watcher = Watcher::start(&desk);
    portal.wait_for("share", PATIENCE, |line| line.contains("OpenPipeWireRemote").then_some(()));
    portal.say(order);
    let end = watcher.end();
    watcher.stop();
    Some(end)
}

#[test]
fn a_person_ends_a_share_from_the_desktop() {
    let Some(end) = ends_when_told("close") else { return };
    assert_eq!(end, ("lost".into(), "what was shared is gone".into()));
}

#[test]
fn a_connection_that_pipewire_closes_at_once_is_told() {
    let Some(end) = ends_when_told("hang-up") else { return };
    let words = "no screen or window can be shared: PipeWire does not deliver what was chosen";
    assert_eq!(end, ("none".into(), words.into()));
}

#[test]
fn a_desktop_without_pipewire_is_told() {
    let Some(desk) = Desk::without(&[Part::PipeWire, Part::WirePlumber]) else { return };
    let mut watcher = Watcher::start(&desk);
    let (code, words) = watcher.end();
    assert_eq!(code, "none");
    assert_eq!(words, "no screen or window can be shared: this desktop's portal cannot share screens");
    watcher.stop();
}

#[test]
fn a_desktop_where_nobody_brings_screens_and_watchers_together_is_told() {
    let Some(desk) = Desk::without(&[Part::WirePlumber]) else { return };
    let mut watcher = Watcher::start(&desk);
    let (code, words) = watcher.end();
    assert_eq!(
        (code.as_str(), words.as_str()),
        ("none", "no screen or window can be shared: PipeWire does not deliver what was chosen")
    );
    watcher.stop();
}
