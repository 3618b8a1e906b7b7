//! The Nextcloud side of an external signaling server (talk-signaling.md section 7).

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bellbird_server::{Server, ServerConfig};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::fake_hpb::{FakeHpb, SECRET, checksum, settings_path};
use crate::support::{V3, V4, World};

const CAPABILITIES: &str = "/ocs/v2.php/cloud/capabilities";

/// The claims of a token whose signature the published key approves.
fn claims(token: &str, public_pem: &str) -> Value {
    let base64: String = public_pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let key = STANDARD.decode(base64).unwrap();
    // The uncompressed point ends a P-256 key in this form (RFC 5480).
    let point = &key[key.len() - 65..];
    let (signed, signature) = token.rsplit_once('.').unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
        .expect("the published key approves the token");
    let part = |index: usize| -> Value {
        let text = signed.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    assert_eq!(part(0), json!({ "typ": "JWT", "alg": "ES256" }));
    part(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_are_sent_to_the_signaling_server_with_what_proves_them() {
    let (hpb, world, [alice]) = FakeHpb::with(["alice"]).await;
    let token = alice.create_room(3, &[]).await;
    let config = world.guest().get(CAPABILITIES).await.expect(200);
    let spreed = &config["capabilities"]["spreed"];
    assert!(spreed["features"].as_array().unwrap().contains(&json!("signaling-v3")));
    let signaling = &spreed["config"]["signaling"];
    assert_eq!((&signaling["mode"], &signaling["session-ping-limit"]), (&json!("external"), &json!(200)));
    let pem = signaling["hello-v2-token-key"].as_str().unwrap();

    let told = alice.get(&settings_path(&token)).await.expect(200);
    assert_eq!((&told["signalingMode"], &told["server"]), (&json!("external"), &json!(hpb.url)));
    let own = claims(told["helloAuthParams"]["2.0"]["token"].as_str().unwrap(), pem);
    assert_eq!((&own["sub"], &own["userdata"]["displayname"]), (&json!("alice"), &json!("Alice Test")));
    assert_eq!(own["exp"].as_i64().unwrap() - own["iat"].as_i64().unwrap(), 60);
    assert_eq!(own["iss"], alice.base.as_str());
    let turn = &told["turnservers"][0];
    assert_eq!(turn["urls"], json!(["turn:127.0.0.1:3478?transport=udp"]));
    assert_eq!(turn["credential"].as_str().unwrap().len(), 28);

    // The signaling server asks about the old greeting's ticket.
    let old = &told["helloAuthParams"]["1.0"];
    assert_eq!((&old["userid"], &old["ticket"]), (&json!("alice"), &told["ticket"]));
    let auth = |params: Value| json!({ "type": "auth", "auth": { "version": "1.0", "params": params } });
    let known = hpb.ask(&world, &auth(old.clone())).await;
    let user = json!({ "displayname": "Alice Test" });
    assert_eq!(
        known,
        json!({ "type": "auth", "auth": { "version": "1.0", "userid": "alice", "user": user } })
    );
    let by_token = hpb.ask(&world, &auth(told["helloAuthParams"]["2.0"].clone())).await;
    assert_eq!(by_token["auth"]["userid"], "alice");
    for wrong in [
        json!({ "userid": "bob", "ticket": old["ticket"] }),
        json!({ "userid": "alice", "ticket": "" }),
        json!({ "token": "a.b.c" }),
        json!(null),
    ] {
        assert_eq!(hpb.ask(&world, &auth(wrong)).await["error"]["code"], "invalid_ticket");
    }

    let guest = world.guest();
    guest.enter(&token).await.expect(200);
    let name = format!("/ocs/v2.php/apps/spreed/api/v1/guest/{token}/name");
    guest.post(&name, json!({ "displayName": "Gus" })).await.expect(200);
    let told = guest.get(&settings_path(&token)).await.expect(200);
    let theirs = claims(told["helloAuthParams"]["2.0"]["token"].as_str().unwrap(), pem);
    assert_eq!((&theirs["sub"], &theirs["userdata"]["displayname"]), (&json!(null), &json!("Gus")));
    let ticket = json!({ "userid": "", "ticket": told["ticket"] });
    assert_eq!(hpb.ask(&world, &auth(ticket)).await["auth"]["userid"], "");

    // The long poll is off.
    alice.enter(&token).await.expect(200);
    let pull = alice.pull(&token).await;
    assert_eq!(pull.status, 400);
    assert!(pull.body.contains("Internal signaling disabled."), "{}", pull.body);
    alice.post(&format!("{V3}/signaling/{token}"), json!({ "messages": "[]" })).await.expect(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_signaling_server_is_heard_at_the_backend() {
    let (hpb, world, [alice]) = FakeHpb::with(["alice"]).await;
    let token = alice.create_room(2, &[]).await;
    let session = alice.session(&token).await;
    let leave = json!({ "type": "room", "room": {
        "version": "1.0", "roomid": token, "sessionid": session, "userid": "alice", "action": "leave",
    } })
    .to_string();
    let random = "x".repeat(64);
    let right = checksum(SECRET, &random, leave.as_bytes());
    let altered = leave.replace("alice", "alicf");
    for (random, proof, body) in [
        (random.as_str(), checksum("another secret", &random, leave.as_bytes()), leave.clone()),
        (&random, right.clone(), altered),
        (&random[1..], right.clone(), leave.clone()),
        (&random, String::new(), leave.clone()),
        ("", right.clone(), leave.clone()),
        ("short", checksum(SECRET, "short", leave.as_bytes()), leave.clone()),
    ] {
        let answer = hpb.ask_raw(&world, random, &proof, body).await.expect(200);
        assert_eq!((&answer["type"], &answer["error"]["code"]), (&json!("error"), &json!("invalid_request")));
    }
    let large = " ".repeat(300 * 1024);
    let proof = checksum(SECRET, &random, large.as_bytes());
    hpb.ask_raw(&world, &random, &proof, large).await.expect(413);
    assert_eq!(alice.room(&token).await.expect(200)["sessionId"], session.as_str(), "nothing was believed");
    for (body, code) in [
        ("{", "invalid_request"),
        ("null", "unknown_type"),
        (r#"{"type":"nonsense"}"#, "unknown_type"),
        (r#"{"type":"room"}"#, "no_such_room"),
        (r#"{"type":"room","room":[1]}"#, "no_such_room"),
        (r#"{"type":"session","session":{"roomid":"unknown","action":"add"}}"#, "no_such_room"),
        (r#"{"type":"auth","auth":{"params":[]}}"#, "invalid_ticket"),
    ] {
        let proof = checksum(SECRET, &random, body.as_bytes());
        let answer = hpb.ask_raw(&world, &random, &proof, body.to_owned()).await.expect(200);
        assert_eq!(answer["error"]["code"], code, "{body}");
    }
    let ping =
        json!({ "type": "ping", "ping": { "roomid": "", "entries": [{ "sessionid": session }, 7, null] } });
    let answer = hpb.ask(&world, &ping).await;
    assert_eq!((&answer["type"], &answer["room"]["version"]), (&json!("room"), &json!("1.0")));
    let added =
        json!({ "type": "session", "session": { "roomid": token, "action": "add", "sessionid": "v" } });
    assert_eq!(hpb.ask(&world, &added).await["session"]["roomid"], token.as_str());
    // Without a signaling server nobody is heard.
    let plain = World::start().await;
    let body = ping.to_string();
    let proof = checksum(SECRET, &random, body.as_bytes());
    let answer = hpb.ask_raw(&plain, &random, &proof, body).await.expect(200);
    assert_eq!(answer["error"]["code"], "invalid_request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_enters_its_own_room_alone() {
    let (hpb, world, [alice, bob]) = FakeHpb::with(["alice", "bob"]).await;
    let (token, other) = (alice.create_room(3, &["bob"]).await, alice.create_room(3, &["bob"]).await);
    let (a, b) = (alice.session(&token).await, bob.session(&token).await);
    let guest = world.guest();
    let g = guest.session(&token).await;
    for (token, session, user) in [
        (&other, &a, "alice"),
        (&token, &a, "bob"),
        (&token, &a, ""),
        (&token, &g, "bob"),
        (&token, &"0".repeat(64), "alice"),
        (&token, &String::new(), "alice"),
        (&"unknown".to_owned(), &a, "alice"),
    ] {
        for action in ["", "join", "leave"] {
            let answer = hpb.room(&world, token, session, user, action).await;
            assert_eq!(answer["error"]["code"], "no_such_room", "{token} {user} {action}");
        }
    }
    let entered = hpb.room(&world, &token, &a, "alice", "").await;
    let room = &entered["room"];
    assert_eq!((&room["roomid"], &room["version"]), (&json!(token), &json!("1.0")));
    assert_eq!((&room["properties"]["name"], &room["properties"]["type"]), (&json!("Room"), &json!(3)));
    let all = json!(["publish-audio", "publish-video", "publish-screen", "control"]);
    assert_eq!(room["permissions"], all);
    let id = alice.attendee_id(&token, "bob").await;
    let set = json!({ "attendeeId": id, "mode": "set", "permissions": 2 + 4 + 16 });
    alice.put(&format!("{V4}/room/{token}/attendees/permissions"), set).await.expect(200);
    let entered = hpb.room(&world, &token, &b, "bob", "join").await;
    assert_eq!(entered["room"]["permissions"], json!(["publish-audio"]));
    let entered = hpb.room(&world, &token, &g, "", "join").await;
    assert_eq!(entered["room"]["permissions"], json!(["publish-audio", "publish-video", "publish-screen"]));

    // Who waits in the lobby publishes nothing.
    alice.put(&format!("{V4}/room/{token}/webinar/lobby"), json!({ "state": 1 })).await.expect(200);
    let entered = hpb.room(&world, &token, &g, "", "join").await;
    assert_eq!(entered["room"]["permissions"], json!([]));
    alice.put(&format!("{V4}/room/{token}/webinar/lobby"), json!({ "state": 0 })).await.expect(200);

    bob.join(&token).await.expect(200);
    assert_eq!(hpb.room(&world, &token, &b, "bob", "leave").await["type"], "room");
    assert_eq!(alice.peers(&token).await.expect(200), json!([]), "it has left the call as well");
    assert_eq!(hpb.room(&world, &token, &b, "bob", "join").await["error"]["code"], "no_such_room");
    bob.exit(&token).await.expect(200);
}

/// Flags of the entries, by session.
fn flags(list: &Value) -> Vec<(&str, u64)> {
    let entry = |user: &Value| user["inCall"].as_u64().unwrap();
    let list = list.as_array().unwrap().iter();
    list.map(|user| (user["sessionId"].as_str().unwrap(), entry(user))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_signaling_server_is_told_of_everything_in_order() {
    let (hpb, world, [alice, bob]) = FakeHpb::with(["alice", "bob"]).await;
    let token = alice.create_room(2, &["bob"]).await;
    let first = hpb.next().await;
    assert_eq!((&first.body["type"], &first.token, &first.backend), (&json!("invite"), &token, &None));
    assert_eq!(first.body["invite"]["userids"], json!(["alice", "bob"]));
    assert_eq!(first.body["invite"]["properties"]["name"], "Room");
    let (a, b) = (alice.session(&token).await, bob.session(&token).await);
    hpb.room(&world, &token, &a, "alice", "").await;

    alice.join_with(&token, json!({ "flags": 7 })).await.expect(200);
    let told = hpb.next().await;
    assert_eq!(told.backend.as_deref(), Some(alice.base.as_str()), "as the signaling server names us");
    let joined = &told.body["incall"];
    assert_eq!((&joined["incall"], flags(&joined["changed"])), (&json!(7), vec![(a.as_str(), 7)]));
    assert_eq!(flags(&joined["users"]), [(a.as_str(), 7)]);
    let entry = &joined["changed"][0];
    assert_eq!((&entry["userId"], &entry["participantType"]), (&json!("alice"), &json!(1)));
    assert_eq!((&entry["nextcloudSessionId"], &entry["participantPermissions"]), (&json!(a), &json!(254)));
    assert!(entry["lastPing"].as_i64().unwrap() > 1_700_000_000);

    bob.join(&token).await.expect(200);
    let joined = hpb.expect("incall").await;
    assert_eq!(flags(&joined["changed"]), [(b.as_str(), 3)]);
    assert_eq!(flags(&joined["users"]), [(a.as_str(), 7), (b.as_str(), 3)]);
    bob.put(&format!("{V4}/call/{token}"), json!({ "flags": 1 })).await.expect(200);
    assert_eq!(flags(&hpb.expect("incall").await["changed"]), [(b.as_str(), 1)]);
    alice.leave(&token).await.expect(200);
    let left = hpb.expect("incall").await;
    assert_eq!((&left["incall"], flags(&left["changed"])), (&json!(0), vec![(a.as_str(), 0)]));
    assert_eq!(flags(&left["users"]), [(b.as_str(), 1)]);

    // Rights that are taken are told with what is left of them.
    bob.put(&format!("{V4}/call/{token}"), json!({ "flags": 3 })).await.expect(200);
    hpb.expect("incall").await;
    let id = alice.attendee_id(&token, "bob").await;
    let set = json!({ "attendeeId": id, "mode": "set", "permissions": 4 });
    alice.put(&format!("{V4}/room/{token}/attendees/permissions"), set).await.expect(200);
    let changed = hpb.expect("participants").await;
    assert_eq!(changed["changed"][0]["permissions"], json!([]));
    assert_eq!(changed["users"].as_array().unwrap().len(), 2);
    assert_eq!(flags(&hpb.expect("incall").await["changed"]), [(b.as_str(), 1)]);
    alice.post(&format!("{V4}/room/{token}/moderators"), json!({ "attendeeId": id })).await.expect(200);
    let changed = hpb.expect("participants").await;
    assert_eq!(changed["changed"][0]["permissions"].as_array().unwrap().len(), 4);

    alice.join(&token).await.expect(200);
    hpb.expect("incall").await;
    alice.delete(&format!("{V4}/call/{token}"), json!({ "all": true })).await.expect(200);
    assert_eq!(hpb.expect("incall").await, json!({ "incall": 0, "all": true }));

    alice.put(&format!("{V4}/room/{token}"), json!({ "roomName": "Other" })).await.expect(200);
    assert_eq!(hpb.expect("update").await["properties"]["name"], "Other");
    alice.delete(&format!("{V4}/room/{token}/attendees"), json!({ "attendeeId": id })).await.expect(200);
    assert_eq!(hpb.expect("disinvite").await["sessionids"], json!([b]));
    let out = hpb.expect("disinvite").await;
    assert_eq!((&out["userids"], &out["alluserids"]), (&json!(["bob"]), &json!(["alice"])));
    let invited = json!({ "newParticipant": "bob" });
    alice.post(&format!("{V4}/room/{token}/participants"), invited).await.expect(200);
    assert_eq!(hpb.expect("invite").await["userids"], json!(["bob"]));
    alice.exit(&token).await.expect(200);
    assert_eq!(hpb.expect("disinvite").await["sessionids"], json!([a]));
    alice.delete(&format!("{V4}/room/{token}"), json!({})).await.expect(200);
    assert_eq!(hpb.expect("delete").await["userids"], json!(["alice", "bob"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_joins_the_same_room_anew_is_not_put_out_of_it() {
    let (hpb, world, [alice]) = FakeHpb::with(["alice"]).await;
    let token = alice.create_room(2, &[]).await;
    hpb.expect("invite").await;
    let first = alice.session(&token).await;
    alice.join(&token).await.expect(200);
    hpb.expect("incall").await;
    let second = alice.session(&token).await;
    let left = hpb.expect("incall").await;
    assert_eq!(flags(&left["changed"]), [(first.as_str(), 0)]);
    alice.join(&token).await.expect(200);
    assert_eq!(flags(&hpb.expect("incall").await["changed"]), [(second.as_str(), 3)]);
    // A signaling server that was restarted hears again who is in the call.
    hpb.room(&world, &token, &second, "alice", "join").await;
    assert_eq!(flags(&hpb.expect("incall").await["changed"]), [(second.as_str(), 3)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_or_failing_signaling_server_delays_nobody_and_misses_nothing() {
    let (hpb, _world, [alice]) = FakeHpb::with(["alice"]).await;
    let token = alice.create_room(2, &[]).await;
    hpb.expect("invite").await;
    let session = alice.session(&token).await;
    hpb.close();
    let call = format!("{V4}/call/{token}");
    alice.join_with(&token, json!({ "flags": 1 })).await.expect(200);
    for flags in [3, 7, 5] {
        alice.put(&call, json!({ "flags": flags })).await.expect(200);
    }
    let broken = StatusCode::INTERNAL_SERVER_ERROR;
    hpb.answer_next(&[broken, StatusCode::TOO_MANY_REQUESTS]);
    hpb.open();
    for expected in [1, 3, 7, 5] {
        assert_eq!(flags(&hpb.expect("incall").await["changed"]), [(session.as_str(), expected)]);
    }
    // What it refuses for good is not said again.
    hpb.answer_next(&[StatusCode::BAD_REQUEST]);
    alice.put(&call, json!({ "flags": 7 })).await.expect(200);
    alice.put(&call, json!({ "flags": 3 })).await.expect(200);
    assert_eq!(flags(&hpb.expect("incall").await["changed"]), [(session.as_str(), 3)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_outage_the_whole_state_is_told() {
    let (hpb, world, [alice]) = FakeHpb::with(["alice"]).await;
    let token = alice.create_room(2, &[]).await;
    hpb.expect("invite").await;
    let session = alice.session(&token).await;
    // As many failures as there are tries.
    hpb.answer_next(&[StatusCode::BAD_GATEWAY; 4]);
    alice.join(&token).await.expect(200);
    let given_up = async {
        while hpb.unanswered() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::support::HANG, given_up).await.unwrap();
    // Any change in the database has the server look around.
    world.config("server-name", "Changed").await;
    let told = hpb.expect("participants").await;
    assert_eq!(told["changed"][0]["permissions"].as_array().unwrap().len(), 4);
    assert_eq!(flags(&hpb.expect("incall").await["users"]), [(session.as_str(), 3)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn telephones_are_called_by_the_bridge() {
    let (hpb, world, [alice, bob]) = FakeHpb::with(["alice", "bob"]).await;
    world.config("sip-dialout", "1").await;
    let people = json!({ "users": ["bob"], "phones": ["+4912345"] });
    let body = json!({ "roomType": 2, "roomName": "Room", "participants": people });
    let room = alice.post(&format!("{V4}/room"), body).await.expect(201);
    let token = room["token"].as_str().unwrap();
    assert!(token.bytes().all(|byte| byte.is_ascii_digit()), "bridges know digits alone: {token}");
    hpb.expect("invite").await;
    let id = alice.attendee_id(token, "+4912345").await;
    let dial = format!("{V4}/call/{token}/dialout/{id}");
    alice.enter(token).await.expect(200);
    alice.post(&dial, json!({})).await.refuse(400, "in-call");
    alice.join(token).await.expect(200);
    hpb.expect("incall").await;

    let error = json!({ "error": { "code": "no_client_available", "message": "No bridge" } });
    hpb.answer_dialing(StatusCode::NOT_FOUND, json!({ "type": "dialout", "dialout": error }));
    let refused = alice.post(&dial, json!({})).await;
    assert_eq!(
        (&refused.data["error"], &refused.data["message"]),
        (&json!("no_client_available"), &json!("No bridge"))
    );
    refused.expect(501);
    hpb.expect("dialout").await;
    hpb.answer_dialing(StatusCode::OK, json!({ "type": "dialout", "dialout": { "callid": "call-7" } }));
    alice.post(&dial, json!({})).await.expect(201);
    let asked = hpb.expect("dialout").await;
    let options =
        json!({ "attendeeId": id, "actorType": "phones", "actorId": "+4912345", "anonymous": true });
    assert_eq!(asked, json!({ "number": "+4912345", "options": options }));
    let listed = |list: Value| -> Value {
        list.as_array().unwrap().iter().find(|p| p["actorId"] == "+4912345").unwrap().clone()
    };
    let path = format!("{V4}/room/{token}/participants");
    assert_eq!(listed(alice.get(&path).await.expect(200))["callId"], "call-7");
    let bob_id = alice.attendee_id(token, "bob").await;
    let set = json!({ "attendeeId": bob_id, "mode": "set", "permissions": 4 });
    alice.put(&format!("{V4}/room/{token}/attendees/permissions"), set).await.expect(200);
    assert_eq!(listed(bob.get(&path).await.expect(200))["callId"], "");

    // The person answers: the bridge brings a session of its own.
    let phone = |action: &str, number: &str| {
        json!({ "type": "room", "room": {
            "version": "1.0", "roomid": token, "sessionid": "bridged", "userid": "", "action": action,
            "actortype": "phones", "actorid": number, "incall": 11,
        } })
    };
    assert_eq!(hpb.ask(&world, &phone("join", "+49999")).await["error"]["code"], "no_such_room");
    let entered = hpb.ask(&world, &phone("join", "+4912345")).await;
    assert_eq!(entered["room"]["session"]["displayname"], "+4912345");
    let joined = hpb.expect("incall").await;
    assert_eq!(flags(&joined["changed"]), [("bridged", 11)]);
    assert_eq!(joined["users"].as_array().unwrap().len(), 2);
    assert_eq!(listed(alice.get(&path).await.expect(200))["inCall"], 11);
    hpb.ask(&world, &phone("leave", "+4912345")).await;
    assert_eq!(listed(alice.get(&path).await.expect(200))["inCall"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_takes_up_a_signaling_server_and_gives_it_back() {
    let hpb = FakeHpb::start().await;
    let (world, [alice]) = World::with(["alice"]).await;
    let mode = async |expected: &str| {
        let reached = async {
            loop {
                let told = alice.get(&settings_path("")).await;
                if told.data["signalingMode"] == expected {
                    return told.data;
                }
            }
        };
        tokio::time::timeout(crate::support::HANG, reached).await.expect(expected)
    };
    let hash = async || alice.get(CAPABILITIES).await.header("x-nextcloud-talk-hash").to_owned();
    let before = hash().await;
    mode("internal").await;
    world.config("hpb-secret-file", hpb.secret_file().to_str().unwrap()).await;
    world.config("hpb-url", &hpb.url).await;
    assert_eq!(mode("external").await["server"], hpb.url.as_str());
    assert_ne!(hash().await, before, "clients have to look again");
    alice.create_room(2, &[]).await;
    hpb.expect("invite").await;
    world.config("hpb-url", "").await;
    mode("internal").await;
    // A secret that cannot be read leaves the server as it is, and usable.
    world.config("hpb-secret-file", "/nowhere/secret").await;
    world.config("hpb-url", &hpb.url).await;
    mode("internal").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_told_to_use_a_signaling_server_does_not_start_without_its_secret() {
    let hpb = FakeHpb::start().await;
    let data = tempfile::tempdir().unwrap();
    for text in [None, Some(""), Some(" \n")] {
        match text {
            None => std::fs::remove_file(hpb.secret_file()).unwrap(),
            Some(text) => std::fs::write(hpb.secret_file(), text).unwrap(),
        }
        let refused = Server::open(hpb.config(data.path())).await.map(drop).unwrap_err();
        assert_eq!(refused.code(), "signaling-server");
        assert!(!refused.to_string().contains(SECRET));
    }
    Server::open(ServerConfig::new(data.path())).await.expect("the folder was given free").shutdown().await;
}
