//! Cameras and screens through a media server.

use bellbird_call::ports::{SignalingCommand, SignalingEvent};
use bellbird_call::{
    Link, LinkDirection, LinkId, LinkRole, LinkSource, MediaKind, MediaKinds, ParticipantId,
    SessionDescription, VideoLayer,
};
use serde_json::{Value, json};

use crate::script::{Client, HANG, Phone, in_call};

fn offer(room_type: &str, sid: &str) -> Value {
    json!({"type":"offer","roomType":room_type,"sid":sid,"payload":{"type":"offer","sdp":"v=0 theirs"}})
}

fn data(frame: &Value) -> &Value {
    &frame["message"]["data"]
}

fn recipient(frame: &Value) -> &Value {
    &frame["message"]["recipient"]
}

async fn link(phone: &mut Phone, source: LinkSource, direction: LinkDirection) -> Link {
    phone
        .wait("a link", |event| match event {
            SignalingEvent::LinkOpened(link) if (link.source, link.direction) == (source, direction) => {
                Some(link.clone())
            }
            _ => None,
        })
        .await
}

/// Plays the offer of our screen, the server's answer, and a path.
async fn publish_screen(client: &mut Client, phone: &mut Phone) -> LinkId {
    let link = link(phone, LinkSource::Screen, LinkDirection::SendOnly).await;
    assert_eq!((link.participant, link.role, link.simulcast), (None, LinkRole::Offerer, false));
    assert_eq!(link.may_send, MediaKinds { audio: false, video: true });
    let description = SessionDescription::Offer("v=0 screen".into());
    phone.send(SignalingCommand::SendDescription { link: link.id, description });
    let frame = client.message("offer").await;
    assert_eq!(recipient(&frame)["sessionid"], "me");
    assert_eq!((&data(&frame)["roomType"], &data(&frame)["broadcaster"]), (&json!("screen"), &json!("me")));
    let sid = data(&frame)["sid"].clone();
    let payload = json!({"type":"answer","sdp":"v=0 server"});
    client.relay("me", json!({"type":"answer","roomType":"screen","sid":sid,"payload":payload})).await;
    assert_eq!(phone.description(link.id).await, SessionDescription::Answer("v=0 server".into()));
    phone.send(SignalingCommand::LinkConnected(link.id));
    link.id
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_published_in_the_sizes_the_server_takes() {
    for (features, simulcast) in [(&["mcu"][..], false), (&["mcu", "simulcast"], true)] {
        let (_hpb, _nextcloud, _client, mut phone) = in_call(&["b"], features).await;
        let ours = link(&mut phone, LinkSource::Person, LinkDirection::SendOnly).await;
        assert_eq!((ours.may_send, ours.simulcast), (MediaKinds::VIDEO, simulcast));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_switched_on_is_told_to_server_and_call() {
    let (_hpb, nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu", "recipient-call"]).await;
    for (muted, flags, word) in [(false, 7, "unmute"), (true, 3, "mute")] {
        phone.send(SignalingCommand::AnnounceMute { kind: MediaKind::Video, muted });
        let told = client.message(word).await;
        assert_eq!(
            (recipient(&told), &data(&told)["payload"]),
            (&json!({"type":"call"}), &json!({"name":"video"}))
        );
        let last = async {
            loop {
                let calls = nextcloud.world().calls.clone();
                if calls.last() == Some(&("PUT".to_owned(), json!({ "flags": flags }))) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(HANG, last).await.expect("flags are told");
    }
    // And the other way, in both forms.
    client.relay("b", json!({"type":"unmute","roomType":"video","payload":{"name":"video"}})).await;
    let on = |muted| SignalingEvent::RemoteMute {
        participant: ParticipantId::new("b"),
        kind: MediaKind::Video,
        muted,
    };
    phone.wait_for(&on(false)).await;
    client.relay("b", offer("video", "17")).await;
    let theirs = link(&mut phone, LinkSource::Person, LinkDirection::ReceiveOnly).await;
    let text = r#"{"type":"videoOff"}"#.to_owned();
    phone.send(SignalingCommand::DataReceived { link: theirs.id, text });
    phone.wait_for(&on(true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_to_a_camera_changes_what_is_published() {
    let (_hpb, _nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu"]).await;
    let rights = |camera| {
        move |event: &SignalingEvent| match event {
            SignalingEvent::Facts(facts) => (facts.may_publish_video == camera).then_some(()),
            _ => None,
        }
    };
    let mut before = link(&mut phone, LinkSource::Person, LinkDirection::SendOnly).await;
    for (permissions, may_send) in [
        (1 | 2 | 4 | 16, MediaKinds::VOICE),
        (254, MediaKinds::VIDEO),
        (1 | 32, MediaKinds { audio: false, video: true }),
    ] {
        let flags = if permissions & 16 == 0 { 5 } else { 3 };
        client
            .update(json!([{"sessionId":"me","inCall":flags,"participantPermissions":permissions},
                {"sessionId":"b","inCall":3}]))
            .await;
        if permissions & 16 != 0 {
            phone.wait("the right", rights(may_send.video)).await;
        }
        phone.wait_for(&SignalingEvent::LinkClosed(before.id)).await;
        before = link(&mut phone, LinkSource::Person, LinkDirection::SendOnly).await;
        assert_eq!(before.may_send, may_send);
        // A list that does not tell changes nothing.
        client.in_call(&[("me", flags), ("b", 3)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_looked_at_is_sent() {
    let (_hpb, _nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu", "simulcast"]).await;
    client.message("requestoffer").await;
    client.relay("b", offer("video", "17")).await;
    let theirs = link(&mut phone, LinkSource::Person, LinkDirection::ReceiveOnly).await;
    phone.send(SignalingCommand::LinkConnected(theirs.id));
    let first = client.message("selectStream").await;
    assert_eq!(recipient(&first)["sessionid"], "b");
    assert_eq!(
        (&data(&first)["roomType"], &data(&first)["payload"]),
        (&json!("video"), &json!({"video":false}))
    );
    for (layer, payload) in [
        (Some(VideoLayer::Low), json!({"substream":0,"temporal":2,"video":true})),
        (Some(VideoLayer::High), json!({"substream":2,"temporal":2,"video":true})),
        (None, json!({"video":false})),
    ] {
        let participant = ParticipantId::new("b");
        phone.send(SignalingCommand::SelectLayer { participant, kind: MediaKind::Video, layer });
        assert_eq!(data(&client.message("selectStream").await)["payload"], payload);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_screen_is_published_once_and_offered_to_each() {
    let (_hpb, _nextcloud, mut client, mut phone) = in_call(&["b", "c"], &["mcu"]).await;
    phone.send(SignalingCommand::ShareScreen(true));
    let first = publish_screen(&mut client, &mut phone).await;
    let mut asked = Vec::new();
    for _ in 0..2 {
        let frame = client.message("sendoffer").await;
        assert_eq!(data(&frame)["roomType"], "screen");
        asked.push(recipient(&frame)["sessionid"].as_str().unwrap().to_owned());
    }
    asked.sort();
    assert_eq!(asked, ["b", "c"]);
    // A newcomer; the first attempt comes too early for the server.
    client.join("d", "d").await;
    client.in_call(&[("me", 3), ("b", 3), ("c", 3), ("d", 3)]).await;
    let frame = client.message("sendoffer").await;
    assert_eq!(recipient(&frame)["sessionid"], "d");
    client.refuse(&frame, "client_not_found").await;
    assert_eq!(recipient(&client.message("sendoffer").await)["sessionid"], "d");

    // A lost path: the server forgets it, and everyone is offered the new one.
    phone.send(SignalingCommand::RenewLink(first));
    phone.wait_for(&SignalingEvent::LinkClosed(first)).await;
    let frame = client.message("unshareScreen").await;
    assert_eq!(recipient(&frame)["sessionid"], "me");
    let second = publish_screen(&mut client, &mut phone).await;
    for _ in 0..3 {
        client.message("sendoffer").await;
    }
    phone.send(SignalingCommand::ShareScreen(false));
    phone.wait_for(&SignalingEvent::LinkClosed(second)).await;
    let frame = client.message("unshareScreen").await;
    assert_eq!((recipient(&frame), &data(&frame)["roomType"]), (&json!({"type":"room"}), &json!("screen")));
    assert_eq!(recipient(&client.message("unshareScreen").await)["sessionid"], "me");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_of_theirs_comes_beside_their_person() {
    let (_hpb, _nextcloud, mut client, mut phone) = in_call(&["b", "c"], &["mcu"]).await;
    client.message("requestoffer").await;
    client.message("requestoffer").await;
    client.relay("b", offer("video", "17")).await;
    link(&mut phone, LinkSource::Person, LinkDirection::ReceiveOnly).await;
    client.relay("b", offer("screen", "18")).await;
    let screen = link(&mut phone, LinkSource::Screen, LinkDirection::ReceiveOnly).await;
    assert_eq!(screen.participant, Some(ParticipantId::new("b")));
    let description = SessionDescription::Answer("v=0 mine".into());
    phone.send(SignalingCommand::SendDescription { link: screen.id, description });
    let answer = client.message("answer").await;
    assert_eq!((&data(&answer)["roomType"], &data(&answer)["sid"]), (&json!("screen"), &json!("18")));
    assert_eq!(recipient(&answer)["sessionid"], "b");
    phone.send(SignalingCommand::LinkConnected(screen.id));
    let choice = client.message("selectStream").await;
    assert_eq!(
        (&data(&choice)["roomType"], &data(&choice)["payload"]),
        (&json!("screen"), &json!({"video":false}))
    );
    let (participant, kind) = (ParticipantId::new("b"), MediaKind::Screen);
    phone.send(SignalingCommand::SelectLayer { participant, kind, layer: Some(VideoLayer::High) });
    assert_eq!(data(&client.message("selectStream").await)["payload"], json!({"video":true}));

    // Nobody but its owner can end it.
    client.relay("c", json!({"type":"unshareScreen","roomType":"screen","broadcaster":"b"})).await;
    client.relay("c", json!({"type":"unshareScreen","roomType":"screen"})).await;
    // Lost, it is asked for; whoever shares no more says so.
    phone.send(SignalingCommand::RenewLink(screen.id));
    phone.wait_for(&SignalingEvent::LinkClosed(screen.id)).await;
    let request = client.message("requestoffer").await;
    assert_eq!(
        (&recipient(&request)["sessionid"], &data(&request)["roomType"]),
        (&json!("b"), &json!("screen"))
    );
    client.relay("b", offer("screen", "19")).await;
    let again = link(&mut phone, LinkSource::Screen, LinkDirection::ReceiveOnly).await;
    client.relay("b", json!({"type":"unshareScreen","roomType":"screen"})).await;
    phone.wait_for(&SignalingEvent::LinkClosed(again.id)).await;
    // Floods of connections end somewhere.
    for sid in 100..200 {
        client.relay("c", offer("screen", &sid.to_string())).await;
    }
    client.relay("b", json!({"type":"mute","roomType":"video","payload":{"name":"audio"}})).await;
    let muted = SignalingEvent::RemoteMute {
        participant: ParticipantId::new("b"),
        kind: MediaKind::Audio,
        muted: true,
    };
    let count = std::cell::Cell::new(0);
    phone
        .wait("the last word", |event| {
            if let SignalingEvent::LinkOpened(link) = event {
                count.set(count.get() + u32::from(link.source == LinkSource::Screen));
            }
            (*event == muted).then_some(())
        })
        .await;
    assert_eq!(count.get(), 20);
}
