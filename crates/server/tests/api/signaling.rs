//! Internal signaling: settings, messages, long polls.

use serde_json::json;

use crate::support::{V3, V4, World, messages, users};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_reach_the_peer_in_order_with_their_true_sender() {
    let (_world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let token = alice.one_to_one("bob").await;
    let (a, b) = (alice.session(&token).await, bob.session(&token).await);
    let first = bob.pull(&token).await.expect(200);
    assert_eq!(users(&first), [("alice".to_owned(), 0), ("bob".to_owned(), 0)]);
    let waiting = tokio::spawn({
        let (bob, token) = (bob.clone(), token.clone());
        async move { bob.pull(&token).await.expect(200) }
    });
    alice
        .signal(&token, &a, json!({ "to": b, "from": "forged", "type": "offer", "sid": "1" }))
        .await
        .expect(200);
    let mut got = messages(&waiting.await.unwrap());
    alice.signal(&token, &a, json!({ "to": b, "type": "candidate", "sid": "2" })).await.expect(200);
    got.extend(messages(&bob.pull(&token).await.expect(200)));
    let seen: Vec<_> =
        got.iter().map(|m| (m["type"].as_str().unwrap(), m["from"].as_str().unwrap())).collect();
    assert_eq!(seen, [("offer", a.as_str()), ("candidate", a.as_str())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_internal_and_carry_the_configured_servers() {
    let (world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let room = alice.create_room(2, &[]).await;
    let path = |token: &str| format!("{V3}/signaling/settings?token={token}");
    let told = alice.get(&path(&room)).await.expect(200);
    assert_eq!((&told["signalingMode"], &told["userId"]), (&json!("internal"), &json!("alice")));
    assert_eq!((&told["stunservers"], &told["turnservers"]), (&json!([]), &json!([])));
    bob.get(&path(&room)).await.expect(404);
    alice.get(&path("unknown")).await.expect(404);
    world.config("stun-servers", "stun.example.org:3478").await;
    world.config("turn-servers", "turn+turns turn.example.org:443 udp").await;
    world.config("turn-secret", "shared").await;
    let told = world.guest().get(&path("")).await.expect(200);
    assert_eq!(told["userId"], json!(null));
    assert_eq!(told["stunservers"][0]["urls"], json!(["stun:stun.example.org:3478"]));
    let turn = &told["turnservers"][0];
    assert_eq!(turn["urls"][1], "turns:turn.example.org:443?transport=udp");
    let until: i64 = turn["username"].as_str().unwrap().split(':').next().unwrap().parse().unwrap();
    assert!(until > 1_700_000_000);
    assert_eq!(turn["credential"].as_str().unwrap().len(), 28, "HMAC-SHA1 in base64");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_pull_hears_of_everything_that_changes() {
    let (_world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let token = alice.create_room(2, &["bob"]).await;
    alice.enter(&token).await.expect(200);
    let two = |a: u64, b: u64| vec![("alice".to_owned(), a), ("bob".to_owned(), b)];
    let next = || async { users(&alice.pull(&token).await.expect(200)) };
    next().await;
    let call = format!("{V4}/call/{token}");
    bob.enter(&token).await.expect(200);
    assert_eq!(next().await, two(0, 0));
    bob.join(&token).await.expect(200);
    assert_eq!(next().await, two(0, 3));
    bob.put(&call, json!({ "flags": 1 })).await.expect(200);
    assert_eq!(next().await, two(0, 1));
    let waiting = {
        let (alice, token) = (alice.clone(), token.clone());
        tokio::spawn(async move { users(&alice.pull(&token).await.expect(200)) })
    };
    let id = alice.attendee_id(&token, "bob").await;
    let set = json!({ "attendeeId": id, "mode": "set", "permissions": 5 });
    alice.put(&format!("{V4}/room/{token}/attendees/permissions"), set).await.expect(200);
    assert_eq!(waiting.await.unwrap(), two(0, 1));
    bob.leave(&token).await.expect(200);
    assert_eq!(next().await, two(0, 0));
    bob.exit(&token).await.expect(200);
    assert_eq!(next().await, two(0, 0)[..1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_needs_the_cookie_and_ends_when_the_session_does() {
    let (world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let token = alice.one_to_one("bob").await;
    alice.pull(&token).await.expect(404);
    let session = alice.session(&token).await;
    alice.other_device().pull(&token).await.expect(404);
    world.guest().pull(&token).await.expect(404);
    alice.pull("unknown").await.expect(404);
    alice.pull(&token).await.expect(200);
    let pull = |who: &crate::support::Client| {
        let (who, token) = (who.clone(), token.clone());
        tokio::spawn(async move { who.pull(&token).await })
    };
    // Replaced by the same cookie, which the waiting one is told. A pull that comes late belongs to the new session
    // already and is answered at once, so this may take more than one try.
    let mut told = 0;
    for _ in 0..50 {
        let waiting = pull(&alice);
        alice.room(&token).await.expect(200);
        assert_ne!(session, alice.session(&token).await);
        told = waiting.await.unwrap().status;
        if told == 409 {
            break;
        }
    }
    assert_eq!(told, 409);
    let newer = alice.session(&token).await;
    // Left.
    alice.pull(&token).await.expect(200);
    let waiting = pull(&alice);
    alice.exit(&token).await.expect(200);
    let left = waiting.await.unwrap().expect(404);
    assert_eq!(users(&left), []);
    alice.signal(&token, &newer, json!({ "to": "x", "type": "offer" })).await.expect(404);
    drop(bob);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_and_malformed_messages_go_nowhere() {
    let (_world, [owner, member, other]) = World::with(["owner", "member", "other"]).await;
    let token = owner.create_room(2, &["member", "other"]).await;
    let (o, m) = (owner.session(&token).await, member.session(&token).await);
    let elsewhere = other.create_room(2, &[]).await;
    let outside = other.session(&elsewhere).await;
    member.pull(&token).await.expect(200);
    owner.pull(&token).await.expect(200);
    let path = format!("{V3}/signaling/{token}");
    // Not the own session, not a member, not JSON, not a list.
    member.signal(&token, &o, json!({ "to": o, "type": "offer" })).await.expect(200);
    member.signal(&token, &m, json!({ "to": outside, "type": "offer" })).await.expect(200);
    member.signal(&token, &m, json!({ "to": o, "type": "control", "payload": {} })).await.expect(200);
    other.signal(&token, &outside, json!({ "to": o, "type": "offer" })).await.expect(404);
    for (messages, status) in [
        (json!("{"), 400),
        (json!("{}"), 400),
        (json!(7), 400),
        (json!(null), 400),
        (json!("[1, null, {\"ev\": 3}]"), 200),
        (json!([{ "ev": "message", "sessionId": m, "fn": "not json" }]), 200),
        (json!([{ "ev": "message", "sessionId": m, "fn": { "to": o } }]), 200),
        (json!(format!("[{}1]", "1,".repeat(300))), 400),
    ] {
        member.post(&path, json!({ "messages": messages })).await.expect(status);
    }
    // What a moderator may send arrives, and is the first thing that does.
    owner
        .signal(&token, &o, json!({ "to": m, "type": "control", "payload": { "action": "forceMute" } }))
        .await
        .expect(200);
    member.signal(&token, &m, json!({ "to": o, "type": "unmute" })).await.expect(200);
    let got = messages(&owner.pull(&token).await.expect(200));
    assert_eq!((got.len(), &got[0]["type"]), (1, &json!("unmute")));
    assert_eq!(messages(&member.pull(&token).await.expect(200))[0]["type"], "control");
    other.pull(&elsewhere).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_sent_as_a_form_arrive() {
    let (_world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let token = alice.one_to_one("bob").await;
    let (a, b) = (alice.session(&token).await, bob.session(&token).await);
    let message = json!({ "to": b, "type": "offer", "payload": { "sdp": "v=0\r\n" } }).to_string();
    let list = json!([{ "ev": "message", "fn": message, "sessionId": a }]).to_string();
    let request = alice.request(reqwest::Method::POST, &format!("{V3}/signaling/{token}"));
    alice.send(request.form(&[("messages", list)])).await.expect(200);
    let got = messages(&bob.pull(&token).await.expect(200));
    assert_eq!((&got[0]["payload"]["sdp"], &got[0]["from"]), (&json!("v=0\r\n"), &json!(a)));
}
