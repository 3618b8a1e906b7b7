//! One process falls, the other stands: a window that is killed takes no call along, and a window whose core was killed
//! gets a new one.

use bellbird_contract::{Command, Media, Status};

use crate::harness::household::Household;
use crate::harness::process_list::{kill, running};
use crate::harness::stage::{PATIENCE, Stage, program};

#[test]
fn a_window_killed_in_a_call_leaves_the_call_and_the_next_one_shows_it() {
    let stage = Stage::new("window-killed");
    let ada = Household::settle(&stage, "ada");
    let window = stage.open_window("ada");
    window.click("[data-contact=echo]");
    window.wait_for("[data-status=connected]");
    let before = ada.door.call(Status::Connected);

    let ids = running(&program("bellbird"), &stage.folder("ada").join("data"));
    assert_eq!(ids.len(), 1, "one window process");
    kill(ids[0]);
    drop(window);
    let after = ada.door.call(Status::Connected);
    assert_eq!(
        (after.id, after.connected_at_ms),
        (before.id, before.connected_at_ms),
        "the same call goes on"
    );

    let window = stage.open_window("ada");
    window.wait_for("[data-status=connected]");
    window.click("[data-action=end]");
    ada.door.no_call();
}

#[test]
fn a_window_whose_core_was_killed_starts_a_new_one() {
    let stage = Stage::new("core-killed");
    let window = stage.open_window("ada");
    window.click("[data-action=start-here]");
    window.click("[data-contact=echo]");
    window.wait_for("[data-status=connected]");
    let data = stage.folder("ada").join("data");
    let ids = running(&program("bellbird-cli"), &data);
    assert_eq!(ids.len(), 1, "one core process: {ids:?}");
    kill(ids[0]);

    // The account is still there, nobody is asked anything, and a call can be made again.
    window.wait_until_gone("[data-status=connected]");
    window.click("[data-contact=echo]");
    window.wait_for("[data-status=connected]");
    let now = running(&program("bellbird-cli"), &data);
    assert!(now.len() == 1 && now != ids, "a new core: {now:?}");
    window.click("[data-action=end]");
    stage.door("ada").command(Command::Quit);
}

#[test]
fn closing_the_window_leaves_the_core_and_quitting_ends_it() {
    let stage = Stage::new("window-closed");
    let mut ada = Household::settle(&stage, "ada");
    let window = stage.open_window("ada");
    window.wait_for("[data-contact=echo]");
    window.close();
    drop(window);
    let call =
        ada.door.command(Command::MakeCall { account: None, contact: "echo".into(), media: Media::Voice });
    ada.door.call(Status::Connected);
    ada.door.command(Command::Quit);
    assert!(ada.core.0.wait(PATIENCE).success(), "the core ends properly after {call:?}");
}
