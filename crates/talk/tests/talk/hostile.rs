//! A member of the conversation who sends what no client would.

use bellbird_call::ports::{CallEndedBy, SignalingEvent};
use bellbird_talk_wire::constants::{MAX_CANDIDATE_BYTES, MAX_SDP_BYTES};
use reqwest::Client;
use serde_json::{Value, json};

use crate::stage::{PASSWORD, Phone, Stage, negotiate};

/// Bob's second device, hand-made.
struct Rogue {
    http: Client,
    base: String,
    cookie: String,
    token: String,
    session: String,
}

impl Rogue {
    async fn enter(stage: &Stage, name: &str, token: &str) -> Self {
        let base = format!("{}ocs/v2.php/apps/spreed/api", stage.url);
        // The library wants a provider even for plain HTTP; another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().build().unwrap();
        let answer = http
            .post(format!("{base}/v4/room/{token}/participants/active"))
            .basic_auth(name, Some(PASSWORD))
            .header("OCS-APIRequest", "true")
            .header("Accept", "application/json")
            .send()
            .await
            .unwrap();
        let cookie = answer.headers().get_all("set-cookie").iter();
        let cookie = cookie.map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned());
        let cookie = cookie.collect::<Vec<_>>().join("; ");
        let room: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let session = room["ocs"]["data"]["sessionId"].as_str().unwrap().to_owned();
        Self { http, base, cookie, token: token.to_owned(), session }
    }

    async fn request(&self, method: reqwest::Method, path: &str, body: Value) -> u16 {
        let request = self
            .http
            .request(method, format!("{}/{path}/{}", self.base, self.token))
            .basic_auth("bob", Some(PASSWORD))
            .header("OCS-APIRequest", "true")
            .header("Accept", "application/json")
            .header("Cookie", &self.cookie)
            .header("Content-Type", "application/json")
            .body(body.to_string());
        request.send().await.unwrap().status().as_u16()
    }

    async fn say(&self, messages: &[Value]) {
        for chunk in messages.chunks(50) {
            let list: Vec<Value> = chunk
                .iter()
                .map(|message| {
                    json!({ "ev": "message", "fn": message.to_string(), "sessionId": self.session })
                })
                .collect();
            let body = json!({ "messages": Value::from(list).to_string() });
            assert_eq!(self.request(reqwest::Method::POST, "v3/signaling", body).await, 200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_messages_leave_the_call_standing() {
    let stage = Stage::open().await;
    let (alice, bob) = (stage.person("alice").await, stage.person("bob").await);
    let mut caller = Phone::dial(&alice, "bob");
    let mut callee = Phone::dial(&bob, "alice");
    let mut room = None;
    let mut local = None;
    while room.is_none() || local.is_none() {
        match caller.events.next().await {
            SignalingEvent::RoomEntered { room: id, .. } => room = Some(id),
            SignalingEvent::Joined { local: id, .. } => local = Some(id),
            _ => {}
        }
    }
    let (room, local) = (room.unwrap(), local.unwrap());
    let (link, _) = negotiate(&mut caller, &mut callee).await;
    caller.events.rest();

    // From the room, but not in its call: nothing of it may reach the call.
    let rogue = Rogue::enter(&stage, "bob", room.as_str()).await;
    let to = local.as_str();
    let message = |kind: &str, payload: Value| json!({ "to": to, "type": kind, "roomType": "video", "sid": "1", "payload": payload });
    let big = "x".repeat(MAX_SDP_BYTES + 1);
    let long = "c".repeat(MAX_CANDIDATE_BYTES + 1);
    let nonsense = vec![
        message("ringing", Value::Null),
        message("declined", Value::Null),
        message("busy", Value::Null),
        message("mute", json!({ "name": "audio" })),
        message("nickChanged", json!({ "name": "Mallory" })),
        message("offer", json!({ "type": "offer", "sdp": "v=0 forged" })),
        message("answer", json!({ "type": "answer", "sdp": "v=0 forged" })),
        message("offer", json!({ "type": "offer", "sdp": big })),
        message("offer", json!({ "sdp": [1, 2, 3] })),
        message("candidate", json!({ "candidate": { "candidate": long } })),
        message("candidate", json!("flat")),
        message("control", json!({ "action": "forceMute", "peerId": 17 })),
        message("raiseHand", json!({ "state": true, "timestamp": 1 })),
        message("reaction", json!({ "reaction": "👍" })),
        json!({ "to": to, "type": "offer", "roomType": "screen", "sid": "1", "payload": { "sdp": "v=0 forged" } }),
        json!({ "to": to, "type": "offer", "roomType": "screen", "sid": "2", "broadcaster": to, "payload": { "sdp": big } }),
        json!({ "to": to, "type": "answer", "roomType": "screen", "sid": "1", "payload": { "sdp": "v=0 forged" } }),
        json!({ "to": to, "type": "unshareScreen", "roomType": "screen", "broadcaster": to }),
        json!({ "to": to, "type": "sendoffer", "roomType": "screen" }),
        json!({ "to": to, "type": "selectStream", "payload": { "substream": -1, "video": "perhaps" } }),
        json!({ "to": to, "type": { "a": 1 } }),
        json!({ "to": to }),
        json!({ "to": to, "from": "somebody else", "type": "offer", "payload": { "sdp": "v=0" } }),
    ];
    rogue.say(&nonsense).await;
    // A barrier: what follows from the callee comes after all of it.
    let mute = bellbird_call::ports::SignalingCommand::AnnounceMute {
        kind: bellbird_call::MediaKind::Audio,
        muted: true,
    };
    callee.send(mute);
    let mut came = Vec::new();
    loop {
        match caller.events.next().await {
            SignalingEvent::RemoteMute { participant, .. } => {
                assert_ne!(participant.as_str(), rogue.session);
                break;
            }
            other => came.push(other),
        }
    }
    assert!(came.is_empty(), "{came:?}");

    // In the call, it may open connections of its own, but only so many, and ours with the callee stays.
    assert_eq!(rogue.request(reqwest::Method::POST, "v4/call", json!({ "flags": 3 })).await, 200);
    caller
        .events
        .wait("the rogue", |event| match event {
            SignalingEvent::ParticipantJoined(remote) if remote.id.as_str() == rogue.session => Some(()),
            _ => None,
        })
        .await;
    let flood: Vec<Value> = (0..250)
        .map(|sid| {
            json!({ "to": to, "type": "offer", "roomType": "video", "sid": format!("f{sid}"),
                    "payload": { "type": "offer", "sdp": "v=0" } })
        })
        .collect();
    rogue.say(&flood).await;
    // What is no hand and no emoji is nothing.
    rogue
        .say(&[
            message("raiseHand", json!({ "state": "up", "timestamp": 1 })),
            message("reaction", json!({ "reaction": "call me at 555" })),
            message("reaction", json!({ "reaction": "👍".repeat(1000) })),
            message("reaction", json!({ "reaction": ["👍"] })),
            message("videoSwitch", json!({ "action": ["accept"] })),
            message("videoSwitch", json!({ "action": "accept".repeat(1000) })),
            message("videoSwitch", json!("accept")),
            message("control", json!({ "action": "forceMute", "peerId": to })),
            message("mute", json!({ "name": "audio" })),
        ])
        .await;
    let mut opened = 0;
    loop {
        match caller.events.next().await {
            SignalingEvent::RemoteMute { .. } => break,
            SignalingEvent::LinkOpened(_) => opened += 1,
            SignalingEvent::LinkClosed(closed) => assert_ne!(closed, link),
            event @ (SignalingEvent::RemoteHand { .. }
            | SignalingEvent::RemoteReaction { .. }
            | SignalingEvent::RemoteVideoSwitch { .. }) => panic!("{event:?} of nonsense"),
            _ => {}
        }
    }
    assert!(opened <= 21, "{opened} links");

    callee.leave();
    caller.wait_for(&SignalingEvent::CallEnded(CallEndedBy::Remote)).await;
}
