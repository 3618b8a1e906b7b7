//! Publishing and receiving.

use bellbird_call::ports::{ProblemCode, SignalingCommand, SignalingEvent};
use bellbird_call::{IceCandidate, LinkDirection, LinkRole, MediaKind, ParticipantId, SessionDescription};
use serde_json::{Value, json};

use crate::script::{Client, HANG, Phone, in_call};

fn offer(sid: &str) -> Value {
    json!({"type":"offer","roomType":"video","sid":sid,"payload":{"type":"offer","sdp":"v=0 theirs"}})
}

fn candidate(sid: &str) -> Value {
    json!({"type":"candidate","roomType":"video","sid":sid,
        "payload":{"candidate":{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","sdpMid":"","sdpMLineIndex":0}}})
}

/// Plays the publishing link's offer and the server's answer.
async fn publish(client: &mut Client, phone: &mut Phone) -> bellbird_call::LinkId {
    let link = phone.link().await;
    assert_eq!(
        (link.direction, link.role, &link.participant),
        (LinkDirection::SendOnly, LinkRole::Offerer, &None)
    );
    let description = SessionDescription::Offer("v=0 mine".into());
    phone.send(SignalingCommand::SendDescription { link: link.id, description });
    let frame = client.message("offer").await;
    assert_eq!(frame["message"]["recipient"]["sessionid"], "me", "we publish to ourselves");
    let data = &frame["message"]["data"];
    assert_eq!((&data["roomType"], &data["payload"]["sdp"]), (&json!("video"), &json!("v=0 mine")));
    let sid = data["sid"].as_str().unwrap().to_owned();
    let answer =
        json!({"type":"answer","roomType":"video","sid":sid,"payload":{"type":"answer","sdp":"v=0 server"}});
    client.relay("me", answer).await;
    assert_eq!(phone.description(link.id).await, SessionDescription::Answer("v=0 server".into()));
    link.id
}

#[tokio::test(flavor = "multi_thread")]
async fn we_publish_once_and_receive_each() {
    let (_hpb, _nextcloud, mut client, mut phone) = in_call(&["b", "c"], &["mcu", "recipient-call"]).await;
    // Asked before both are in the call, the server refuses; it is asked again.
    let request = client.message("requestoffer").await;
    let to = request["message"]["recipient"]["sessionid"].as_str().unwrap().to_owned();
    client.refuse(&request, "not_allowed").await;
    let other = client.message("requestoffer").await;
    assert_ne!(other["message"]["recipient"]["sessionid"], to.as_str());
    let ours = publish(&mut client, &mut phone).await;
    let again = client.message("requestoffer").await;
    assert_eq!(again["message"]["recipient"]["sessionid"], to.as_str());

    for (session, sid) in [("b", "17"), ("c", "18")] {
        // The server's candidates can come before its offer, and name no section.
        client.relay(session, candidate(sid)).await;
        client.relay(session, offer(sid)).await;
        let link = phone.link().await;
        assert_eq!((link.direction, link.role), (LinkDirection::ReceiveOnly, LinkRole::Answerer));
        assert_eq!(link.participant, Some(ParticipantId::new(session)));
        phone.description(link.id).await;
        let index = phone
            .wait("a candidate", |event| match event {
                SignalingEvent::LinkCandidate { link: of, candidate } if *of == link.id => {
                    Some(candidate.sdp_mline_index)
                }
                _ => None,
            })
            .await;
        assert_eq!(index, Some(0));
        let description = SessionDescription::Answer("v=0 mine".into());
        phone.send(SignalingCommand::SendDescription { link: link.id, description });
        let answer = client.message("answer").await;
        assert_eq!(answer["message"]["recipient"]["sessionid"], session);
        assert_eq!(answer["message"]["data"]["sid"], sid);
        let candidate = IceCandidate {
            candidate: "candidate:2".into(),
            sdp_mid: Some("0".into()),
            sdp_mline_index: Some(0),
        };
        phone.send(SignalingCommand::SendCandidate { link: link.id, candidate });
        let frame = client.message("candidate").await;
        assert_eq!(frame["message"]["data"]["sid"], sid);
        assert_eq!(frame["message"]["data"]["payload"]["candidate"]["sdpMLineIndex"], 0);
    }

    // Muted: told to the call in one message, and on the one channel that reaches everyone.
    phone.send(SignalingCommand::LinkConnected(ours));
    phone.send(SignalingCommand::AnnounceMute { kind: MediaKind::Audio, muted: true });
    let mute = client.message("mute").await;
    assert_eq!(mute["message"]["recipient"], json!({"type":"call"}));
    phone
        .wait("data to send", |event| match event {
            SignalingEvent::SendData { link, text } if *link == ours => {
                (text == r#"{"type":"audioOff"}"#).then_some(())
            }
            _ => None,
        })
        .await;
    // And by others, both ways.
    client.relay("b", json!({"type":"mute","roomType":"video","payload":{"name":"audio"}})).await;
    let participant = ParticipantId::new("b");
    phone.wait_for(&SignalingEvent::RemoteMute { participant, kind: MediaKind::Audio, muted: true }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_is_made_anew() {
    let (_hpb, _nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu"]).await;
    client.message("requestoffer").await;
    let first = publish(&mut client, &mut phone).await;
    client.relay("b", offer("17")).await;
    let theirs = phone.link().await.id;
    phone.send(SignalingCommand::LinkConnected(theirs));
    phone.send(SignalingCommand::RenewLink(theirs));
    phone.wait_for(&SignalingEvent::LinkClosed(theirs)).await;
    client.message("requestoffer").await;
    phone.send(SignalingCommand::RenewLink(first));
    phone.wait_for(&SignalingEvent::LinkClosed(first)).await;
    let second = publish(&mut client, &mut phone).await;
    assert_ne!(first, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_without_a_word_of_the_server_is_missed() {
    let (_hpb, nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu"]).await;
    client.message("requestoffer").await;
    publish(&mut client, &mut phone).await;
    client.relay("b", offer("17")).await;
    let theirs = phone.link().await.id;
    phone.send(SignalingCommand::LinkConnected(theirs));
    nextcloud.world().peers = json!([]);
    phone.send(SignalingCommand::RenewLink(theirs));
    phone.wait_for(&SignalingEvent::ParticipantLeft(ParticipantId::new("b"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_to_speak_can_be_taken_and_given_back() {
    let (_hpb, _nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu"]).await;
    let ours = publish(&mut client, &mut phone).await;
    let update = |permissions: u32| json!([{"sessionId":"me","inCall":3,"participantPermissions":permissions},{"sessionId":"b","inCall":3}]);
    client.update(update(0b1000_0111)).await;
    phone
        .wait("the word of it", |event| match event {
            SignalingEvent::Trouble(problem) => (problem.code == ProblemCode::Forbidden).then_some(()),
            _ => None,
        })
        .await;
    phone.wait_for(&SignalingEvent::LinkClosed(ours)).await;
    // What the others say is received all the same.
    client.relay("b", offer("17")).await;
    assert_eq!(phone.link().await.direction, LinkDirection::ReceiveOnly);
    client.update(update(254)).await;
    publish(&mut client, &mut phone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_speak_again_says_so_where_the_flags_went_with_the_right() {
    let (_hpb, nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu"]).await;
    let ours = publish(&mut client, &mut phone).await;
    let update = |flags: u32, permissions: u32| json!([{"sessionId":"me","inCall":flags,"participantPermissions":permissions},{"sessionId":"b","inCall":3}]);
    client.update(update(1, 0b1000_0111)).await;
    phone.wait_for(&SignalingEvent::LinkClosed(ours)).await;
    client.update(update(1, 254)).await;
    // As the server does when it was asked; told before, nothing is published.
    let asked = async {
        while nextcloud.world().calls.iter().all(|(method, _)| method != "PUT") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(HANG, asked).await.expect("the flags are told");
    assert_eq!(nextcloud.world().calls.last().unwrap().1["flags"], 3);
    client.update(update(3, 254)).await;
    publish(&mut client, &mut phone).await;
    // Once is enough, however often the list comes.
    client.update(update(1, 254)).await;
    client.in_call(&[("me", 3)]).await;
    phone.wait_for(&SignalingEvent::ParticipantLeft(ParticipantId::new("b"))).await;
    assert_eq!(nextcloud.world().calls.iter().filter(|(method, _)| method == "PUT").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_media_server_it_is_we_who_fall_silent() {
    let (_hpb, _nextcloud, mut client, mut phone) = in_call(&["b"], &[]).await;
    client.update(json!([{"sessionId":"me","inCall":1,"participantPermissions":0b1000_0111},{"sessionId":"b","inCall":3}])).await;
    phone.wait_for(&SignalingEvent::MuteRequested).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_media_server_the_rules_of_the_mesh_hold() {
    let (_hpb, _nextcloud, mut client, mut phone) = in_call(&["b"], &[]).await;
    // "me" is the larger id: we offer.
    let link = phone.link().await;
    assert_eq!((link.direction, link.role), (LinkDirection::SendReceive, LinkRole::Offerer));
    let description = SessionDescription::Offer("v=0 mine".into());
    phone.send(SignalingCommand::SendDescription { link: link.id, description });
    let frame = client.message("offer").await;
    assert_eq!(frame["message"]["recipient"]["sessionid"], "b");
    let sid = &frame["message"]["data"]["sid"];
    client
        .relay(
            "b",
            json!({"type":"answer","roomType":"video","sid":sid,"payload":{"type":"answer","sdp":"v=0 b"}}),
        )
        .await;
    assert_eq!(phone.description(link.id).await, SessionDescription::Answer("v=0 b".into()));
}
