//! The stack itself: it starts, lets in, passes on, and its parts can go and come back.

use std::time::Duration;

use bellbird_testkit::hpb_stack::{HpbOptions, HpbStack, HpbVersion, Part};
use serde_json::json;

use crate::dialogue::{Dialogue, is_silent};
use crate::nextcloud::{Nextcloud, listen};
use crate::team::turn;

#[tokio::test]
async fn version_1_serves_a_room_and_comes_back() {
    Box::pin(serves_a_room_and_comes_back(HpbVersion::V1)).await;
}

#[tokio::test]
async fn version_2_serves_a_room_and_comes_back() {
    Box::pin(serves_a_room_and_comes_back(HpbVersion::V2)).await;
}

#[allow(
    clippy::await_holding_lock,
    reason = "holding it is its purpose, and each test has a thread of its own"
)]
async fn serves_a_room_and_comes_back(version: HpbVersion) {
    let _turn = turn();
    let (listener, url) = listen();
    let mut stack = HpbStack::start(HpbOptions::new(version, &url).with_turn());
    let nextcloud = Nextcloud::start(listener, url, stack.secret());
    let (websocket, auth) = (stack.websocket(), nextcloud.auth_url());

    let mut ada = Dialogue::greet(&websocket, &auth, "ada").await;
    assert!(ada.features.iter().any(|feature| feature == "mcu"), "Janus is not used: {:?}", ada.features);
    let mut bob = Dialogue::greet(&websocket, &auth, "bob").await;
    ada.enter("room1", "ada-rest-session").await;
    bob.enter("room1", "bob-rest-session").await;
    let bobs = bob.session.clone();
    ada.wait_for("Bob's joining", |message| {
        message["event"]["type"] == "join"
            && message["event"]["join"]
                .as_array()
                .is_some_and(|joined| joined.iter().any(|one| one["sessionid"] == bobs.as_str()))
    })
    .await;

    // What the Nextcloud side tells a room reaches those in it, with ids made theirs.
    let in_call = json!({"sessionId": "bob-rest-session", "inCall": 7});
    let told = json!({"type": "incall", "incall": {"incall": 7, "changed": [in_call], "users": [in_call]}});
    let status = nextcloud.tell_room(&stack.url(), stack.secret(), "room1", &told);
    assert_eq!(status, 200);
    ada.wait_for("Bob's call flags", |message| {
        message["event"]["target"] == "participants"
            && message["event"]["update"]["users"]
                .as_array()
                .is_some_and(|users| users.iter().any(|user| user["sessionId"] == bobs.as_str()))
    })
    .await;
    assert_eq!(nextcloud.tell_room(&stack.url(), "another secret", "room1", &told), 403);

    // A message from one to the other, before and after the sender's line was cut and taken up again.
    let hand = json!({"id": "3", "type": "message", "message": {
        "recipient": {"type": "session", "sessionid": ada.session}, "data": {"type": "nickChanged", "roomType": "video"},
    }});
    bob.say(&hand).await;
    ada.wait_for("Bob's message", |message| message["message"]["sender"]["sessionid"] == bobs.as_str()).await;
    let resume_id = bob.resume_id.clone();
    drop(bob);
    let mut bob = Dialogue::resume(&websocket, &resume_id).await;
    assert_eq!(bob.session, bobs);
    bob.say(&hand).await;
    ada.wait_for("Bob's message", |message| message["message"]["sender"]["sessionid"] == bobs.as_str()).await;

    // A paused server keeps its port and says nothing.
    stack.pause(Part::Hpb);
    assert!(is_silent(&websocket, Duration::from_secs(1)).await);
    stack.resume(Part::Hpb);
    bob.say(&hand).await;
    ada.wait_for("Bob's message", |message| message["message"]["sender"]["sessionid"] == bobs.as_str()).await;

    // A restarted one has forgotten everyone and listens where it did.
    stack.restart_hpb();
    ada.wait_for_end().await;
    let mut ada = Dialogue::greet(&websocket, &auth, "ada").await;
    ada.enter("room1", "ada-rest-session-2").await;
    assert!(ada.features.iter().any(|feature| feature == "mcu"), "{:?}", ada.features);

    // Janus may go, and is found again when it is back.
    stack.restart_janus();
    assert!(stack.ended(Part::Hpb).is_none() && stack.ended(Part::Turn).is_none());
    assert!(stack.id(Part::Janus).is_some());
    let seen = nextcloud.seen();
    assert!(["auth", "room"].iter().all(|kind| seen.contains(*kind)), "{seen:?}");
}

#[test]
fn nothing_is_left_of_a_stack() {
    let _turn = turn();
    let (_listener, url) = listen();
    let stack = HpbStack::start(HpbOptions::new(HpbVersion::V1, &url).with_turn());
    let ids: Vec<u32> =
        [Part::Hpb, Part::Janus, Part::Turn].into_iter().filter_map(|part| stack.id(part)).collect();
    assert_eq!(ids.len(), 3);
    let folder = stack.folder().to_owned();
    assert!(folder.is_dir() && !stack.turn_secret().is_empty() && stack.turn_server().contains(':'));
    drop(stack);
    assert!(!folder.exists());
    for id in ids {
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists(), "process {id} still runs");
    }
}
