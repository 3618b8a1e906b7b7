//! The signaling server goes away in the middle of a call.

use bellbird_call::ports::{SignalingCommand, SignalingEvent};
use bellbird_call::{MediaKind, ParticipantId};
use serde_json::json;

use crate::script::in_call;

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_is_resumed_and_nothing_is_missed() {
    let (hpb, nextcloud, client, mut phone) = in_call(&["b"], &["mcu"]).await;
    phone.link().await;
    drop(client);
    phone.wait_for(&SignalingEvent::Interrupted).await;
    // Said during the outage: it is sent when the session is back.
    phone.send(SignalingCommand::AnnounceMute { kind: MediaKind::Audio, muted: true });
    let mut client = hpb.accept().await;
    let hello = client.next("hello").await;
    assert_eq!(hello["hello"], json!({"version":"2.0","resumeid":"resume-me"}));
    client.greet(&hello, "me", &["mcu"]).await;
    phone.wait_for(&SignalingEvent::Restored).await;
    // What happened meanwhile is replayed.
    client.join("c", "carol").await;
    client.in_call(&[("me", 3), ("b", 3), ("c", 3)]).await;
    client.message("mute").await;
    phone
        .wait("Carol", |event| match event {
            SignalingEvent::ParticipantJoined(who) if who.id == ParticipantId::new("c") => Some(()),
            // Media go on as they are.
            SignalingEvent::LinkClosed(_) => panic!("a link was closed"),
            _ => None,
        })
        .await;
    let world = nextcloud.world();
    assert_eq!((world.entered, world.calls.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_forgotten_is_made_anew_without_ringing() {
    let (hpb, nextcloud, client, mut phone) = in_call(&["b"], &["mcu"]).await;
    let link = phone.link().await.id;
    drop(client);
    phone.wait_for(&SignalingEvent::Interrupted).await;
    let mut client = hpb.accept().await;
    let hello = client.next("hello").await;
    client.refuse(&hello, "no_such_session").await;
    let mut client = hpb.admit("me2", &["mcu"]).await;
    client.join("b2", "b").await;
    client.in_call(&[("me2", 3), ("b2", 3)]).await;
    phone.wait_for(&SignalingEvent::LinkClosed(link)).await;
    phone.wait_for(&SignalingEvent::Restored).await;
    let again = phone.link().await.id;
    assert_ne!(link, again);
    let world = nextcloud.world();
    assert_eq!(world.entered, 2);
    let joins: Vec<_> = world.calls.iter().filter(|(method, _)| method == "POST").collect();
    assert_eq!(joins.len(), 2);
    assert_eq!(joins[1].1["silent"], true, "nobody is rung again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_for_a_while_is_knocked_at_until_it_is_back() {
    let (hpb, _nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu"]).await;
    client.send(json!({"type":"bye","bye":{"reason":""}})).await;
    drop(client);
    phone.wait_for(&SignalingEvent::Interrupted).await;
    // Hung up on before and after the WebSocket is there.
    for _ in 0..2 {
        drop(hpb.accept().await);
    }
    let mut client = hpb.accept().await;
    let hello = client.next("hello").await;
    client.greet(&hello, "me", &["mcu"]).await;
    phone.wait_for(&SignalingEvent::Restored).await;
}
