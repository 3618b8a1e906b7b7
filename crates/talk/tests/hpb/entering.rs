//! Ways in and out.

use bellbird_call::ports::{CallEndedBy, ProblemCode, SignalingCommand, SignalingEvent};
use bellbird_call::{ContactId, Invitation, LeaveScope, MediaKinds, ParticipantId, RoomId};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::nextcloud::{Nextcloud, ROOM};
use crate::script::{HANG, Hpb, Phone, in_call};

#[tokio::test(flavor = "multi_thread")]
async fn the_call_is_joined_only_when_the_room_was_entered() {
    let hpb = Hpb::open().await;
    let nextcloud = Nextcloud::open(&hpb.url).await;
    let account = nextcloud.sign_in().await;
    let mut phone = Phone::dial(&account);
    let mut client = hpb.accept().await;
    client.send(json!({"type":"welcome","welcome":{"features":["hello-v2"]}})).await;
    let hello = client.next("hello").await;
    assert_eq!(hello["hello"]["version"], "2.0");
    assert_eq!(hello["hello"]["auth"]["params"]["token"], "token-1");
    // The credentials turn out to be too old: they are fetched anew, once more.
    client.refuse(&hello, "token_expired").await;
    let hello = client.next("hello").await;
    assert_eq!(hello["hello"]["auth"]["params"]["token"], "token-2");
    client.greet(&hello, "me", &["mcu"]).await;
    let room = client.next("room").await;
    assert_eq!(room["room"], json!({"roomid":ROOM,"sessionid":"nc-1"}));
    assert!(nextcloud.world().calls.is_empty(), "in-call events would be lost");
    client.send(json!({"id":room["id"],"type":"room","room":{"roomid":ROOM}})).await;
    let local = phone
        .wait("joining", |event| match event {
            SignalingEvent::Joined { local, .. } => Some(local.clone()),
            _ => None,
        })
        .await;
    assert_eq!(local, ParticipantId::new("me"));
    client.join("b", "bob").await;
    client.in_call(&[("me", 3), ("b", 7)]).await;
    let bob = phone
        .wait("Bob", |event| match event {
            SignalingEvent::ParticipantJoined(participant) => Some(participant.clone()),
            _ => None,
        })
        .await;
    assert_eq!((bob.contact, bob.display_name.as_str()), (Some(ContactId::new("bob")), "BOB"));
    assert_eq!(bob.media, MediaKinds::VIDEO);

    phone.send(SignalingCommand::Leave(LeaveScope::Us));
    let leave = client.next("room").await;
    assert_eq!(leave["room"], json!({"roomid":""}));
    assert_eq!(nextcloud.world().calls.last().unwrap().0, "DELETE", "the call is left before the room");
    client.next("bye").await;
    account.calls_settled(HANG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_server_without_a_welcome_gets_the_ticket() {
    let hpb = Hpb::open().await;
    let nextcloud = Nextcloud::open(&hpb.url).await;
    let account = nextcloud.sign_in().await;
    let _phone = Phone::dial(&account);
    let mut client = hpb.accept().await;
    let hello = client.next("hello").await;
    assert_eq!(hello["hello"]["version"], "1.0");
    assert_eq!(hello["hello"]["auth"]["params"], json!({"userid":"alice","ticket":"t"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_reach_the_person() {
    for (code, expected) in
        [("invalid_backend", ProblemCode::Forbidden), ("auth_failed", ProblemCode::ServerFailed)]
    {
        let hpb = Hpb::open().await;
        let nextcloud = Nextcloud::open(&hpb.url).await;
        let account = nextcloud.sign_in().await;
        let mut phone = Phone::dial(&account);
        let mut client = hpb.accept().await;
        let hello = client.next("hello").await;
        client.refuse(&hello, code).await;
        let problem = phone
            .wait("a failure", |event| match event {
                SignalingEvent::Failed(problem) => Some(problem.clone()),
                _ => None,
            })
            .await;
        assert_eq!(problem.code, expected, "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_rings_is_seen_declined_and_withdrawn() {
    let hpb = Hpb::open().await;
    let nextcloud = Nextcloud::open(&hpb.url).await;
    {
        let mut world = nextcloud.world();
        world.room_type = 1;
        // The signaling server does not tell those who only enter the room who is in the call: Nextcloud does.
        world.peers = json!([{"actorType":"users","actorId":"bob","sessionId":"nc-of-b","token":ROOM}]);
    }
    let account = nextcloud.sign_in().await;
    let invitation = || Invitation {
        room: RoomId::new(ROOM),
        from: Some(ContactId::new("bob")),
        display_name: "Bob".into(),
        one_to_one: true,
        media: MediaKinds::VOICE,
    };
    let mut phone = Phone::new(&account);
    phone.send(SignalingCommand::Ring(invitation()));
    let mut client = hpb.admit("me", &["mcu"]).await;
    client.join("b", "bob").await;
    client.in_call(&[("b", 3)]).await;
    let ringing = client.message("ringing").await;
    assert_eq!(ringing["message"]["recipient"], json!({"type":"session","sessionid":"b"}));
    // Whatever is offered while it only rings, nothing of ours answers.
    client
        .relay(
            "b",
            json!({"type":"offer","roomType":"video","sid":"1","payload":{"type":"offer","sdp":"v=0"}}),
        )
        .await;
    client.in_call(&[]).await;
    phone.wait_for(&SignalingEvent::InvitationWithdrawn).await;
    assert!(nextcloud.world().calls.is_empty());
    client.next("bye").await;

    let mut phone = Phone::new(&account);
    phone.send(SignalingCommand::Ring(invitation()));
    let mut client = hpb.admit("me", &["mcu"]).await;
    client.join("b", "bob").await;
    client.in_call(&[("b", 3)]).await;
    client.message("ringing").await;
    phone.send(SignalingCommand::Decline);
    let declined = client.message("declined").await;
    assert_eq!(declined["message"]["recipient"]["sessionid"], "b");
    assert!(nextcloud.world().calls.is_empty());

    // Declined before it was known who is there.
    let mut phone = Phone::new(&account);
    phone.send(SignalingCommand::Ring(invitation()));
    phone.send(SignalingCommand::Decline);
    let mut client = hpb.admit("me", &["mcu"]).await;
    client.join("b", "bob").await;
    let declined = client.message("declined").await;
    assert_eq!(declined["message"]["recipient"]["sessionid"], "b");
    assert!(nextcloud.world().calls.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_callee_says_before_we_know_them_is_heard() {
    let hpb = Hpb::open().await;
    let nextcloud = Nextcloud::open(&hpb.url).await;
    {
        let mut world = nextcloud.world();
        world.room_type = 1;
        world.is_slow = true;
    }
    let account = nextcloud.sign_in().await;
    let mut phone = Phone::dial(&account);
    let mut client = hpb.admit("me", &["mcu"]).await;
    // Before the answer to our request to join.
    client.relay("b", json!({ "type": "ringing" })).await;
    client.join("b", "bob").await;
    client.in_call(&[("me", 3)]).await;
    phone.joined().await;
    phone.wait_for(&SignalingEvent::RemoteRinging).await;
    // Before we are told whose device it is: a second one of theirs, and a stranger's.
    client.relay("x", json!({ "type": "busy" })).await;
    client.relay("c", json!({ "type": "ringing" })).await;
    client.join("x", "eve").await;
    client.join("c", "bob").await;
    phone.wait_for(&SignalingEvent::RemoteRinging).await;
    client.relay("c", json!({ "type": "declined" })).await;
    phone.wait_for(&SignalingEvent::RemoteDeclined).await;
    let heard = phone.everything();
    assert!(!heard.iter().any(|event| event.contains("Engaged")), "a stranger was believed: {heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ends_a_call_for_all_stays_until_the_server_has_ended_it() {
    let (_hpb, nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu"]).await;
    phone.send(SignalingCommand::Leave(LeaveScope::Everyone));
    nextcloud.until_called("DELETE").await;
    // A word to and fro: whatever was sent before its answer came.
    client.send_raw(Message::Ping("?".into())).await;
    let before = client.until_pong().await;
    assert!(before.iter().all(|frame| frame["type"] != "room"), "left while the call ends: {before:#?}");
    client
        .send(json!({"type":"event","event":{"target":"participants","type":"update",
            "update":{"roomid":ROOM,"incall":0,"all":true}}}))
        .await;
    assert_eq!(client.next("room").await["room"], json!({"roomid":""}));
    client.next("bye").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_for_all_and_a_disinvitation_end_the_call() {
    let (_hpb, _nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu"]).await;
    client
        .send(json!({"type":"event","event":{"target":"participants","type":"update",
            "update":{"roomid":ROOM,"incall":0,"all":true}}}))
        .await;
    phone.wait_for(&SignalingEvent::CallEnded(CallEndedBy::Moderator)).await;

    let (_hpb, _nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu"]).await;
    client
        .send(json!({"type":"event","event":{"target":"roomlist","type":"disinvite",
            "disinvite":{"roomid":ROOM,"reason":"disinvited"}}}))
        .await;
    phone.wait_for(&SignalingEvent::CallEnded(CallEndedBy::Moderator)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_the_call_is_recorded_is_known_at_once_and_told_while_it_changes() {
    let recorded = async |phone: &mut Phone, expected: bool| {
        let what = format!("recorded: {expected}");
        let told = phone.wait(&what, |event| match event {
            SignalingEvent::Facts(facts) => (facts.recorded == expected).then_some(()),
            _ => None,
        });
        told.await;
    };
    let (_hpb, _nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu"]).await;
    let say = |room: &str, recording: serde_json::Value| {
        let data = json!({ "type": "recording", "recording": recording });
        json!({"type":"event","event":{"target":"room","type":"message","message":{"roomid":room,"data":data}}})
    };
    // About another room, and nonsense, which change nothing.
    for (room, recording) in [
        ("room2", json!({ "status": 1 })),
        (ROOM, json!({ "status": 5 })),
        (ROOM, json!({ "status": 300 })),
        (ROOM, json!({ "status": "1" })),
        (ROOM, json!(null)),
    ] {
        client.send(say(room, recording)).await;
    }
    client.in_call(&[("me", 3), ("b", 3), ("c", 3)]).await;
    phone.wait("Carol", |event| matches!(event, SignalingEvent::ParticipantJoined(_)).then_some(())).await;
    for (status, expected) in [(3, true), (0, false), (2, true), (5, false)] {
        client.send(say(ROOM, json!({ "status": status }))).await;
        recorded(&mut phone, expected).await;
    }
    let told = phone.rest();
    assert!(!told.iter().any(|event| matches!(event, SignalingEvent::Facts(_))), "{told:?}");

    // One that ran before we came.
    let hpb = Hpb::open().await;
    let nextcloud = Nextcloud::open(&hpb.url).await;
    nextcloud.world().recording = 1;
    let account = nextcloud.sign_in().await;
    let mut late = Phone::dial(&account);
    let _client = hpb.admit("me", &["mcu"]).await;
    recorded(&mut late, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_leads_into_another_room() {
    let (hpb, nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu"]).await;
    client
        .send(
            json!({"type":"event","event":{"target":"room","type":"switchto","switchto":{"roomid":"room1"}}}),
        )
        .await;
    phone.wait_for(&SignalingEvent::ParticipantLeft(ParticipantId::new("b"))).await;
    let mut next = hpb.admit("me2", &["mcu"]).await;
    next.join("c", "carol").await;
    next.in_call(&[("me2", 3), ("c", 3)]).await;
    phone
        .wait("Carol", |event| match event {
            SignalingEvent::ParticipantJoined(who) if who.id == ParticipantId::new("c") => Some(()),
            _ => None,
        })
        .await;
    let world = nextcloud.world();
    let join = world.calls.iter().rfind(|(method, _)| method == "POST").unwrap();
    assert_eq!(join.1["silent"], true, "nobody is rung again");
}
