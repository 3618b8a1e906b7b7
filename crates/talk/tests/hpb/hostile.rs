//! A server, or a member behind it, that sends what no one would.

use bellbird_call::ports::SignalingEvent;
use bellbird_call::{MediaKind, ParticipantId};
use bellbird_talk_wire::constants::{MAX_CANDIDATE_BYTES, MAX_SDP_BYTES};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::script::in_call;

fn description(kind: &str, sid: &str, sdp: &str) -> Value {
    json!({"type":kind,"roomType":"video","sid":sid,"payload":{"type":kind,"sdp":sdp}})
}

fn candidate(sid: &str, text: &str) -> Value {
    json!({"type":"candidate","roomType":"video","sid":sid,"payload":{"candidate":{"candidate":text,"sdpMid":"0","sdpMLineIndex":0}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_frames_leave_the_call_standing() {
    let (_hpb, nextcloud, mut client, mut phone) = in_call(&["b", "c"], &["mcu"]).await;
    client.message("requestoffer").await;
    client.relay("b", description("offer", "17", "v=0")).await;
    let theirs = phone
        .wait("Bob's link", |event| match event {
            SignalingEvent::LinkOpened(link) => link.participant.as_ref().map(|_| link.id),
            _ => None,
        })
        .await;

    for odd in [
        json!(null),
        json!([]),
        json!(7),
        json!({"type":[],"id":{}}),
        json!({"type":"hello","hello":{"sessionid":"evil","resumeid":"evil"}}),
        json!({"type":"room","room":{"roomid":""}}),
        json!({"type":"welcome","welcome":{"features":{"a":1}}}),
        json!({"type":"error","id":"m18446744073709551616","error":{"code":7}}),
        json!({"type":"error","error":[]}),
        json!({"type":"event","event":{"target":"room","type":"join","join":[null,{"sessionid":7},{"sessionid":"x".repeat(5000)}]}}),
        json!({"type":"event","event":{"target":"participants","type":"update","update":{"roomid":"room1","users":"all"}}}),
        json!({"type":"event","event":{"target":"participants","type":"update","update":{"roomid":"other","incall":0,"all":true}}}),
        json!({"type":"event","event":{"target":"roomlist","type":"disinvite","disinvite":{"roomid":"other"}}}),
        json!({"type":"event","event":{"target":"room","type":"switchto","switchto":{"roomid":""}}}),
        json!({"type":"message","message":{"sender":{"type":"session"},"data":description("offer", "1", "v=0")}}),
        json!({"type":"message","message":{"sender":"b","data":[]}}),
        json!({"type":"transient","transient":{"type":"initial","data":[]}}),
        json!({"type":"transient","transient":{"type":"initial","data":{"sd:b":{"a":[1]},"callstatus_1":7}}}),
        json!({"type":"transient","transient":{"type":"set","key":{"a":1},"value":null,"oldvalue":[]}}),
        json!({"type":"transient","transient":{"type":"remove","key":"x".repeat(100_000)}}),
        json!({"type":"transient","transient":"set"}),
        json!({"type":"event","event":{"target":"participants","type":"flags",
            "flags":{"roomid":"room1","sessionid":"me","flags":u64::MAX}}}),
        json!({"type":"event","event":{"target":"participants","type":"flags","flags":[{"sessionid":{}}]}}),
        json!({"type":"event","event":{"target":"participants","type":"flags"}}),
        json!({"type":"event","event":{"target":"room","type":"federation_interrupted"}}),
        json!({"type":"event","event":{"target":"room","type":"federation_resumed","resumed":"perhaps"}}),
        json!({"type":"event","event":{"target":"room","type":"join",
            "join":[{"sessionid":"f","userid":"f@far","federated":"yes","features":7,"user":[]}]}}),
        json!({"type":"event","event":{"target":"room","type":"message","message":{"roomid":7,"data":{"type":"recording"}}}}),
        json!({"type":"room","room":{"roomid":"room1","bandwidth":"none","federation":[],"properties":3}}),
        json!({"type":"dialout","dialout":{"callid":{}}}),
        json!({"type":"internal","internal":null}),
    ] {
        client.send(odd).await;
    }
    for raw in [
        Message::text("{"),
        Message::text(""),
        Message::binary(vec![0xff; 1000]),
        Message::Ping(vec![1; 100].into()),
    ] {
        client.send_raw(raw).await;
    }
    let bomb = "v".repeat(MAX_SDP_BYTES + 1);
    // Forged senders: the server's word counts, so these are Mallory's, who is not in the call, and nobody's business.
    for sender in ["mallory", "c", "me"] {
        for mut data in [
            description("offer", "99", "v=0 evil"),
            description("offer", "98", &bomb),
            description("answer", "98", &bomb),
        ] {
            data["from"] = json!("b");
            client.relay(if sender == "c" { "mallory" } else { sender }, data).await;
        }
    }
    for round in 0..2000 {
        client.relay("b", candidate("17", &format!("candidate:{round}"))).await;
        client.relay("mallory", candidate("17", "candidate:x")).await;
        client.relay("b", candidate(&round.to_string(), "candidate:y")).await;
    }
    client.relay("b", candidate("17", &"c".repeat(MAX_CANDIDATE_BYTES + 1))).await;
    // Out of order.
    client.relay("b", description("answer", "17", "v=0 answer to nothing")).await;
    // A plain member says what only moderators may.
    client.relay("b", json!({"type":"control","payload":{"action":"forceMute","peerId":"me"}})).await;
    client.relay("b", json!({"type":"mute","payload":{"name":"audio"}})).await;
    let muted = SignalingEvent::RemoteMute {
        participant: ParticipantId::new("b"),
        kind: MediaKind::Audio,
        muted: true,
    };
    let mut candidates = 0;
    loop {
        let event = phone.wait("whatever comes", |event| Some(event.clone())).await;
        match &event {
            SignalingEvent::LinkCandidate { link, candidate } => {
                assert!(*link == theirs && candidate.candidate.len() <= MAX_CANDIDATE_BYTES);
                candidates += 1;
            }
            SignalingEvent::LinkOpened(link) => assert_eq!(link.participant, None, "only what we publish"),
            SignalingEvent::LinkDescription { link, description } => {
                assert_eq!((*link, description.sdp()), (theirs, "v=0"));
            }
            SignalingEvent::MuteRequested
            | SignalingEvent::LinkClosed(_)
            | SignalingEvent::CallEnded(_)
            | SignalingEvent::Failed(_)
            | SignalingEvent::ParticipantLeft(_)
            | SignalingEvent::Interrupted => panic!("{event:?}"),
            _ if event == muted => break,
            _ => {}
        }
    }
    assert!(candidates <= 256, "{candidates}");
    // The same from the server's mouth counts.
    client
        .send(json!({"type":"control","control":{"sender":{"type":"session","sessionid":"b"},
            "data":{"type":"control","payload":{"action":"forceMute","peerId":"me"}}}}))
        .await;
    phone.wait_for(&SignalingEvent::MuteRequested).await;
    assert_eq!(nextcloud.world().calls.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_far_too_long_costs_the_connection_and_nothing_else() {
    let (hpb, _nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu"]).await;
    client.send_raw(Message::text("x".repeat(4 * 1024 * 1024))).await;
    phone.wait_for(&SignalingEvent::Interrupted).await;
    let mut client = hpb.accept().await;
    let hello = client.next("hello").await;
    client.greet(&hello, "me", &["mcu"]).await;
    phone.wait_for(&SignalingEvent::Restored).await;
    let rest = phone.rest();
    assert!(!rest.iter().any(|event| matches!(event, SignalingEvent::LinkClosed(_))), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_cut() {
    let (_hpb, _nextcloud, mut client, mut phone) = in_call(&["b"], &["mcu"]).await;
    let mut users: Vec<Value> =
        (0..5000).map(|n| json!({"sessionId":format!("s{n}"),"inCall":3,"userId":"x"})).collect();
    users.push(json!({"sessionId":"me","inCall":3}));
    client.update(json!(users)).await;
    client.in_call(&[("me", 3)]).await;
    let mut joined = 0;
    let mut left = 0;
    while left < joined || joined <= 1 {
        match phone.wait("comings and goings", |event| Some(event.clone())).await {
            SignalingEvent::ParticipantJoined(_) => joined += 1,
            SignalingEvent::ParticipantLeft(_) => left += 1,
            _ => {}
        }
    }
    assert!(joined <= 201, "{joined}");
}
