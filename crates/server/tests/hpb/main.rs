//! The embedded server as the Nextcloud side of Nextcloud's real signaling server, in both versions, with the real
//! Janus behind it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the clients of the API tests can do more than is needed here")]

#[path = "../api/fake_hpb.rs"]
mod fake_hpb;
#[path = "../api/fake_recorder.rs"]
mod fake_recorder;
mod socket;
#[path = "../api/support.rs"]
mod support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bellbird_server::{HpbConfig, Server, ServerConfig};
use bellbird_testkit::hpb_stack::{HpbOptions, HpbStack, HpbVersion, free_port};
use fake_recorder::{FakeRecorder, multipart, stored};
use serde_json::{Value, json};
use socket::Socket;
use support::{Client, HANG, V1, V3, V4, World};

struct Stage {
    stack: HpbStack,
    world: World,
}

impl Stage {
    async fn start(version: HpbVersion) -> Self {
        let port = free_port(IpAddr::from(Ipv4Addr::LOCALHOST));
        let backend = format!("http://127.0.0.1:{port}");
        let starting = move || HpbStack::start(HpbOptions::new(version, &backend));
        let stack = tokio::task::spawn_blocking(starting).await.unwrap();
        let data = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::new(data.path());
        config.hpb = Some(HpbConfig::new(&stack.url(), stack.secret_file()).unwrap());
        let server = Server::open(config).await.unwrap();
        let listening = server.listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.unwrap();
        Self { stack, world: World { server, listening, data } }
    }

    async fn socket(&self, client: &Client, token: &str, version: &str) -> Socket {
        let settings = client.get(&format!("{V3}/signaling/settings?token={token}")).await.expect(200);
        let backend = format!("{}{V3}/signaling/backend", client.base);
        Socket::greet(&self.stack.websocket(), &backend, &settings, version).await
    }

    /// In the room here and there.
    async fn enter(&self, client: &Client, token: &str, version: &str) -> (Socket, String) {
        let session = client.session(token).await;
        let mut socket = self.socket(client, token, version).await;
        let entered = socket.enter(token, &session).await;
        assert_eq!(entered["room"]["roomid"], token, "{entered}");
        (socket, session)
    }
}

async fn a_whole_call(version: HpbVersion) {
    let mut stage = Stage::start(version).await;
    let (alice, bob) = (stage.world.user("alice").await, stage.world.user("bob").await);
    let carol = stage.world.user("carol").await;
    let guest = stage.world.guest();
    let token = alice.create_room(3, &["bob", "carol"]).await;
    let other = alice.create_room(3, &["bob"]).await;
    let (mut a, a_session) = stage.enter(&alice, &token, "2.0").await;
    let (mut b, _) = stage.enter(&bob, &token, "1.0").await;
    let (mut g, _) = stage.enter(&guest, &token, "2.0").await;
    a.wait("bob's arrival", |m| {
        m["event"]["join"].as_array().is_some_and(|list| list.iter().any(|who| who["userid"] == "bob"))
    })
    .await;

    // Somebody else's session, or one of another room, opens nothing. (It is one that is not connected: the signaling
    // server closes an older connection of the same session before it asks.)
    let carols = carol.session(&token).await;
    let mut stranger = stage.socket(&bob, &token, "2.0").await;
    assert_eq!(stranger.enter(&token, &carols).await["error"]["code"], "no_such_room");
    assert_eq!(stranger.enter(&other, &carols).await["error"]["code"], "no_such_room");

    for (who, id, flags) in [(&alice, a.id.clone(), 7), (&bob, b.id.clone(), 3), (&guest, g.id.clone(), 1)] {
        who.join_with(&token, json!({ "flags": flags })).await.expect(200);
        for hears in [&mut a, &mut b, &mut g] {
            hears.in_call(&id, flags).await;
        }
    }
    bob.put(&format!("{V4}/call/{token}"), json!({ "flags": 7 })).await.expect(200);
    a.in_call(&b.id, 7).await;

    // What the signaling server pings stays alive here.
    let path = format!("{V4}/room/{token}/participants");
    let last_ping = async || -> i64 {
        let list = alice.get(&path).await.expect(200);
        list.as_array().unwrap().iter().find(|p| p["actorId"] == "bob").unwrap()["lastPing"].as_i64().unwrap()
    };
    let before = last_ping().await;
    let pinged = async {
        // Rounding to whole seconds may add one.
        while last_ping().await <= before + 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(HANG, pinged).await.expect("the signaling server pings");

    // Rights that are taken here are gone there: an offer of sound is refused.
    let id = alice.attendee_id(&token, "bob").await;
    let set = json!({ "attendeeId": id, "mode": "set", "permissions": 4 });
    alice.put(&format!("{V4}/room/{token}/attendees/permissions"), set).await.expect(200);
    a.in_call(&b.id, 1).await;
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\n";
    let offer = json!({
        "to": b.id, "type": "offer", "roomType": "video", "sid": "1", "payload": { "type": "offer", "sdp": sdp },
    });
    let to = json!({ "type": "session", "sessionid": b.id });
    b.send(&json!({ "id": "3", "type": "message", "message": { "recipient": to, "data": offer } })).await;
    let refused = b.wait("a refusal", |m| m["id"] == "3").await;
    assert_eq!(refused["error"]["code"], "not_allowed", "{refused}");

    // The signaling server loses everything; who comes back into the room is in the call again.
    let stack = tokio::task::spawn_blocking(move || {
        stage.stack.restart_hpb();
        stage
    });
    let stage = stack.await.unwrap();
    let mut a = stage.socket(&alice, &token, "2.0").await;
    assert_eq!(a.enter(&token, &a_session).await["room"]["roomid"], token.as_str());
    a.in_call(&a.id.clone(), 7).await;
    let (mut b, _) = stage.enter(&bob, &token, "2.0").await;
    bob.join(&token).await.expect(200);
    a.in_call(&b.id, 1).await;

    alice.delete(&format!("{V4}/call/{token}"), json!({ "all": true })).await.expect(200);
    b.wait("the end for all", |m| {
        let update: &Value = &m["event"]["update"];
        update["all"] == true && update["incall"] == 0
    })
    .await;
    alice.delete(&format!("{V4}/room/{token}/attendees"), json!({ "attendeeId": id })).await.expect(200);
    b.wait("being put out", |m| m["event"]["target"] == "roomlist" && m["event"]["type"] == "disinvite")
        .await;
    b.closed().await;

    // Leaving there is leaving here.
    a.send(&json!({ "id": "4", "type": "room", "room": { "roomid": "" } })).await;
    let gone = async {
        while alice.room(&token).await.expect(200)["sessionId"] != "0" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(HANG, gone).await.expect("the session ends");
}

async fn a_call_to_a_telephone(version: HpbVersion) {
    let stage = Stage::start(version).await;
    let alice = stage.world.user("alice").await;
    stage.world.config("sip-dialout", "1").await;
    let people = json!({ "phones": ["+4912345"] });
    let body = json!({ "roomType": 2, "roomName": "Room", "participants": people });
    let room = alice.post(&format!("{V4}/room"), body).await.expect(201);
    let token = room["token"].as_str().unwrap();
    let (mut a, _) = stage.enter(&alice, token, "2.0").await;
    alice.join(token).await.expect(200);
    let id = alice.attendee_id(token, "+4912345").await;
    let dial = format!("{V4}/call/{token}/dialout/{id}");
    alice.post(&dial, json!({})).await.refuse(501, "no_client_available");

    let config = std::fs::read_to_string(stage.stack.folder().join("hpb.conf")).unwrap();
    let secret = config.lines().find_map(|line| line.strip_prefix("internalsecret = ")).unwrap();
    let mut bridge = Socket::bridge(&stage.stack.websocket(), &alice.base, secret).await;
    let dialing = tokio::spawn({
        let (alice, dial) = (alice.clone(), dial.clone());
        async move { alice.post(&dial, json!({})).await.status }
    });
    let asked = bridge.wait("a number to call", |m| m["internal"]["type"] == "dialout").await;
    let request = &asked["internal"]["dialout"]["request"];
    assert_eq!((&request["number"], &request["options"]["attendeeId"]), (&json!("+4912345"), &json!(id)));
    let status = |id: &Value, word: &str| {
        let status = json!({ "callid": "call-1", "status": word });
        let dialout = json!({ "type": "status", "roomid": token, "status": status });
        json!({ "id": id, "type": "internal", "internal": { "type": "dialout", "dialout": dialout } })
    };
    bridge.send(&status(&asked["id"], "accepted")).await;
    assert_eq!(dialing.await.unwrap(), 201);
    bridge.send(&status(&json!("5"), "ringing")).await;
    a.wait("the telephone's ringing", |m| {
        let transient = &m["transient"];
        transient["key"] == "callstatus_call-1" && transient["value"]["status"] == "ringing"
    })
    .await;

    // The person answers.
    let add = json!({
        "sessionid": "line-1", "roomid": token, "user": { "type": "phone", "callid": "call-1" },
        "options": { "actorId": "+4912345", "actorType": "phones" },
    });
    bridge
        .send(&json!({ "type": "internal", "internal": { "type": "addsession", "addsession": add } }))
        .await;
    let path = format!("{V4}/room/{token}/participants");
    let in_call = async |expected: u64| {
        let reached = async {
            loop {
                let list = alice.get(&path).await.expect(200);
                let phone = list.as_array().unwrap().iter().find(|p| p["actorType"] == "phones").unwrap();
                assert_eq!(phone["callId"], "call-1");
                if phone["inCall"] == expected {
                    break;
                }
            }
        };
        tokio::time::timeout(HANG, reached)
            .await
            .unwrap_or_else(|_| panic!("the telephone is not {expected}"));
    };
    in_call(9).await;
    let joined = a
        .wait("the telephone's arrival", |m| {
            let joined = m["event"]["join"].as_array();
            joined.is_some_and(|list| list.iter().any(|who| who["user"]["callid"] == "call-1"))
        })
        .await;
    let joined = joined["event"]["join"].as_array().unwrap();
    let phone =
        joined.iter().find(|who| who["user"]["callid"] == "call-1").unwrap()["sessionid"].as_str().unwrap();
    a.in_call(phone, 9).await;
    let remove = json!({ "sessionid": "line-1", "roomid": token });
    let remove = json!({ "type": "removesession", "removesession": remove });
    bridge.send(&json!({ "type": "internal", "internal": remove })).await;
    in_call(0).await;
}

async fn a_recorded_call(version: HpbVersion) {
    let stage = Stage::start(version).await;
    let (alice, bob) = (stage.world.user("alice").await, stage.world.user("bob").await);
    let recorder = FakeRecorder::start().await;
    recorder.configure(&stage.world, &alice).await;
    let token = alice.create_room(2, &["bob"]).await;
    let (mut a, _) = stage.enter(&alice, &token, "2.0").await;
    let (mut b, _) = stage.enter(&bob, &token, "2.0").await;
    for (who, id) in [(&alice, a.id.clone()), (&bob, b.id.clone())] {
        who.join_with(&token, json!({ "flags": 3 })).await.expect(200);
        b.in_call(&id, 3).await;
    }
    let hear = async |socket: &mut Socket, status: u64| {
        let what = format!("recording {status}");
        let heard = socket.wait(&what, |m| {
            let data = &m["event"]["message"]["data"];
            m["event"]["target"] == "room"
                && data["type"] == "recording"
                && data["recording"]["status"] == status
        });
        heard.await;
    };
    let path = format!("{V1}/recording/{token}");
    alice.post(&path, json!({ "status": 2 })).await.expect(200);
    let base = recorder.expect("start").await.base;
    hear(&mut b, 4).await;

    // The recorder takes part by its own door, invited by nobody.
    let config = std::fs::read_to_string(stage.stack.folder().join("hpb.conf")).unwrap();
    let secret = config.lines().find_map(|line| line.strip_prefix("internalsecret = ")).unwrap();
    let mut listens = Socket::bridge(&stage.stack.websocket(), &alice.base, secret).await;
    assert_eq!(listens.enter(&token, "recorder").await["room"]["roomid"], token.as_str());
    let in_call = |m: &Value| m["event"]["target"] == "participants" && m["event"]["type"] == "update";
    let update = listens.wait("who is in the call", in_call).await;
    let users = update["event"]["update"]["users"].as_array().unwrap();
    assert_eq!(
        users.iter().filter(|user| user["actorType"] == "users" && user["inCall"] == 3).count(),
        2,
        "{update}"
    );
    recorder.says(&base, "started", json!({ "token": token, "status": 2 })).await.expect(200);
    for hears in [&mut a, &mut b] {
        hear(hears, 2).await;
    }
    assert_eq!(bob.room(&token).await.expect(200)["callRecording"], 2);

    alice.delete(&format!("{V4}/call/{token}"), json!({ "all": true })).await.expect(200);
    recorder.expect("stop").await;
    recorder.says(&base, "stopped", json!({ "token": token })).await.expect(200);
    hear(&mut b, 0).await;
    let file: [(&str, Option<&str>, &[u8]); 2] =
        [("owner", None, b"alice"), ("file", Some("Recording.ogg"), b"OggS and what was said")];
    recorder.uploads(&base, &token, multipart(&file)).await.expect(200);
    assert_eq!(stored(stage.world.data.path()).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_version_tells_that_a_call_is_recorded() {
    Box::pin(a_recorded_call(HpbVersion::V1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_version_tells_that_a_call_is_recorded() {
    Box::pin(a_recorded_call(HpbVersion::V2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_version_carries_a_call() {
    Box::pin(a_whole_call(HpbVersion::V1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_version_carries_a_call() {
    Box::pin(a_whole_call(HpbVersion::V2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_version_calls_a_telephone() {
    Box::pin(a_call_to_a_telephone(HpbVersion::V1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_version_calls_a_telephone() {
    Box::pin(a_call_to_a_telephone(HpbVersion::V2)).await;
}
