//! Someone rings: the notification's buttons, the window's buttons, the caller's change of mind.

use bellbird_contract::Status;
use serde_json::Value;

use crate::harness::household::Household;
use crate::harness::stage::Stage;

fn is_incoming(value: &Value) -> bool {
    value["event"] == "notify" && value["hints"]["category"] == "call.incoming"
}

#[test]
fn the_notification_answers_and_the_window_ends() {
    let mut stage = Stage::new("notification-answer");
    let ada = Household::settle(&stage, "ada");
    let window = stage.open_window("ada");
    window.wait_for("[data-contact=echo]");
    let mut bob = ada.rung_by(&stage, "bob");
    let shown = stage.notification("an incoming call", is_incoming);
    assert!(shown["body"].as_str().is_some_and(|body| body.starts_with("bob is calling")), "{shown}");
    let ringing = ada.door.wait_until("a call that can be answered", |state| {
        state.calls.iter().find(|call| call.can_answer).cloned()
    });
    assert_eq!(stage.sound().recordings(), 0, "no microphone is open before the person answers");

    stage.click_notification(&shown["id"], "answer", || {
        ada.door.state().calls.iter().any(|call| call.id == ringing.id && !call.can_answer)
    });
    ada.door.call(Status::Connected);
    bob.status("connected");
    stage.notification("the notification's end", |value| {
        value["event"] == "close" && value["id"] == shown["id"]
    });
    window.wait_for("[data-status=connected]");
    window.click("[data-action=end]");
    ada.door.no_call();
    let ended = bob.event("ended");
    assert_eq!(ended["reason"], "remote_hangup", "{ended}");
}

#[test]
fn the_notification_declines() {
    let mut stage = Stage::new("notification-decline");
    let ada = Household::settle(&stage, "ada");
    let mut bob = ada.rung_by(&stage, "bob");
    let shown = stage.notification("an incoming call", is_incoming);
    stage.click_notification(&shown["id"], "decline", || {
        ada.door.state().calls.iter().all(|call| !call.can_answer)
    });
    ada.door.no_call();
    bob.status("busy");
    let ended = bob.event("ended");
    assert_eq!(ended["reason"], "remote_decline", "{ended}");
    assert_eq!(stage.sound().recordings(), 0, "declining opens no microphone");
}

#[test]
fn the_window_declines() {
    let stage = Stage::new("window-decline");
    let ada = Household::settle(&stage, "ada");
    let window = stage.open_window("ada");
    window.wait_for("[data-contact=echo]");
    let mut bob = ada.rung_by(&stage, "bob");
    window.click("[data-action=decline]");
    ada.door.no_call();
    let ended = bob.event("ended");
    assert_eq!(ended["reason"], "remote_decline", "{ended}");
}

#[test]
fn the_caller_gives_up_and_the_call_is_noted_as_missed() {
    let mut stage = Stage::new("missed");
    let ada = Household::settle(&stage, "ada");
    let bob = ada.rung_by(&stage, "bob");
    let shown = stage.notification("an incoming call", is_incoming);
    bob.interrupt();
    // Two conversations with the daemon: either may come first.
    let (mut withdrawn, mut missed) = (false, false);
    while !(withdrawn && missed) {
        let next = stage.notification("withdrawal and missed call", |value| {
            value["event"] == "close" || value["event"] == "notify"
        });
        withdrawn |= next["event"] == "close" && next["id"] == shown["id"];
        missed |= next["hints"]["category"] == "call.unanswered";
    }
    ada.door.no_call();
}
