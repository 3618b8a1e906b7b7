//! Public, password and listable rooms, and the sessions in them (talk-rest.md sections 5.1 and 10).

use serde_json::json;

use crate::support::{V1, V4, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_by_the_link_of_a_public_room_vanishes_on_leaving() {
    let (world, [p1, p2, p3]) = World::with(["p1", "p2", "p3"]).await;
    let guest = world.guest();
    let token = p1.create_room(3, &["p2"]).await;
    p1.enter(&token).await.expect(200);
    for (who, kind) in [(&p2, 3), (&p3, 5), (&guest, 4)] {
        if kind == 3 {
            who.peers(&token).await.expect(200);
        } else {
            who.peers(&token).await.expect(404);
        }
        who.join(&token).await.expect(404);
        who.put(&format!("{V4}/call/{token}"), json!({ "flags": 3 })).await.expect(404);
        who.leave(&token).await.expect(404);
        let room = who.enter(&token).await.expect(200);
        assert_eq!(room["participantType"], kind);
        assert_ne!(room["sessionId"], "0");
        who.join(&token).await.expect(200);
        assert_eq!(who.peers(&token).await.expect(200).as_array().unwrap().len(), 1);
        who.leave(&token).await.expect(200);
        assert_eq!(who.peers(&token).await.expect(200), json!([]));
        who.exit(&token).await.expect(200);
        who.peers(&token).await.expect(if kind == 3 { 200 } else { 404 });
        who.join(&token).await.expect(404);
    }
    let members = p1.get(&format!("{V4}/room/{token}/participants")).await.expect(200);
    assert_eq!(members.as_array().unwrap().len(), 2);
    // A public room can be looked at from outside, but nothing else.
    assert_eq!(guest.room(&token).await.expect(200)["sessionId"], "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_keeps_strangers_out_and_members_in() {
    let (world, [p1, p2, p3]) = World::with(["p1", "p2", "p3"]).await;
    let guest = world.guest();
    let token = p1.create_room(3, &["p2"]).await;
    let path = format!("{V4}/room/{token}/password");
    p1.put(&path, json!({ "password": "open sesame" })).await.expect(200);
    assert_eq!(p1.room(&token).await.expect(200)["hasPassword"], true);
    p2.enter(&token).await.expect(200);
    for who in [&p3, &guest] {
        who.enter(&token).await.refuse(403, "password");
        who.enter_with(&token, json!({ "password": "wrong" })).await.refuse(403, "password");
        who.join(&token).await.expect(404);
        who.peers(&token).await.expect(404);
        who.enter_with(&token, json!({ "password": "open sesame" })).await.expect(200);
        who.join(&token).await.expect(200);
        // The web session remembers.
        who.exit(&token).await.expect(200);
        who.enter(&token).await.expect(200);
        who.exit(&token).await.expect(200);
    }
    p1.put(&path, json!({ "password": "another one" })).await.expect(200);
    guest.enter(&token).await.refuse(403, "password");
    p1.put(&path, json!({ "password": "" })).await.expect(200);
    guest.enter(&token).await.expect(200);
    p2.put(&path, json!({ "password": "x" })).await.expect(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_room_passwords_is_slowed_down() {
    let (world, [p1]) = World::with(["p1"]).await;
    let token = p1.create_room(3, &[]).await;
    world.config("brute-force-delays", "0").await;
    p1.put(&format!("{V4}/room/{token}/password"), json!({ "password": "open sesame" })).await.expect(200);
    let guest = world.guest();
    for n in 0..10 {
        guest.enter_with(&token, json!({ "password": format!("guess {n}") })).await.expect(403);
    }
    let refused = guest.enter_with(&token, json!({ "password": "open sesame" })).await;
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    refused.expect(429);
    p1.enter(&token).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_for_rooms_by_guessing_tokens_is_slowed_down() {
    let (world, [p1]) = World::with(["p1"]).await;
    let guest = world.guest();
    world.config("brute-force-delays", "0").await;
    for n in 0..30 {
        guest.room(&format!("guess{n}")).await.expect(404);
    }
    guest.room("guess99").await.expect(429);
    guest.enter("guess99").await.expect(429);
    // Asking for the same lost room again and again is no guessing, and others are not held back.
    for _ in 0..40 {
        p1.room("lost").await.expect(404);
    }
    let token = p1.create_room(3, &[]).await;
    p1.room(&token).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listable_rooms_open_to_whom_they_say() {
    let (world, [owner, account]) = World::with(["owner", "account"]).await;
    let guest_account = world.user_of("visitor", true).await;
    let guest = world.guest();
    for (kind, scope, expected) in [
        (2, 0, [None, None, None]),
        (2, 1, [Some(3), None, None]),
        (2, 2, [Some(3), Some(3), None]),
        (3, 0, [Some(5), Some(5), Some(4)]),
        (3, 1, [Some(3), Some(5), Some(4)]),
        (3, 2, [Some(3), Some(3), Some(4)]),
    ] {
        let token = owner.create_room(kind, &[]).await;
        owner.put(&format!("{V4}/room/{token}/listable"), json!({ "scope": scope })).await.expect(200);
        for (who, kind_of) in [&account, &guest_account, &guest].into_iter().zip(expected) {
            let listed = if who.password.is_some() {
                let list = who.get(&format!("{V4}/listed-room")).await.expect(200);
                list.as_array().unwrap().iter().any(|room| room["token"] == token.as_str())
            } else {
                who.get(&format!("{V4}/listed-room")).await.expect(401);
                false
            };
            assert_eq!(listed, kind_of == Some(3), "room type {kind}, scope {scope}, {}", who.name);
            match kind_of {
                None => {
                    who.enter(&token).await.expect(404);
                    who.peers(&token).await.expect(404);
                    who.join(&token).await.expect(404);
                }
                Some(kind_of) => {
                    assert_eq!(who.enter(&token).await.expect(200)["participantType"], kind_of);
                    who.peers(&token).await.expect(200);
                    who.join(&token).await.expect(200);
                    who.leave(&token).await.expect(200);
                }
            }
        }
        owner.put(&format!("{V4}/room/{token}/listable"), json!({ "scope": 3 })).await.refuse(400, "value");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_cookie_has_one_session_in_a_room() {
    let (_world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let token = alice.one_to_one("bob").await;
    let first = alice.session(&token).await;
    alice.join(&token).await.expect(200);
    let conflict = alice.enter_with(&token, json!({ "force": false })).await.expect(409);
    assert_eq!((&conflict["sessionId"], &conflict["inCall"]), (&json!(first), &json!(3)));
    assert!(conflict["lastPing"].as_i64().unwrap() > 0);
    let second = alice.session(&token).await;
    assert_ne!(first, second);
    assert_eq!(bob.peers(&token).await.expect(200), json!([]), "the old session is out of the call too");
    // Out of the call, force makes no difference.
    alice.enter_with(&token, json!({ "force": false })).await.expect(200);
    let other = alice.other_device();
    other.enter_with(&token, json!({ "force": false })).await.expect(200);
    let members = bob.get(&format!("{V4}/room/{token}/participants")).await.expect(200);
    let alices = members.as_array().unwrap().iter().find(|p| p["actorId"] == "alice").unwrap();
    assert_eq!(alices["sessionIds"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cookie_is_closed_to_scripts_and_to_other_people() {
    let (world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let token = alice.one_to_one("bob").await;
    let answer = alice.enter(&token).await;
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && !cookie.contains("Secure"));
    answer.expect(200);
    // Somebody else's cookie is nobody's.
    let stolen = cookie.split(';').next().unwrap();
    let path = format!("{}/signaling/{token}", crate::support::V3);
    for thief in [bob, world.guest()] {
        let request = thief.request(reqwest::Method::GET, &path).header("cookie", stolen);
        thief.send(request).await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_name_themselves() {
    let (world, [owner]) = World::with(["owner"]).await;
    let token = owner.create_room(3, &[]).await;
    let guest = world.guest();
    let path = format!("{V1}/guest/{token}/name");
    guest.post(&path, json!({ "displayName": "Gus" })).await.expect(404);
    guest.enter(&token).await.expect(200);
    guest.post(&path, json!({ "displayName": "Gus" })).await.expect(200);
    owner.post(&path, json!({ "displayName": "Gus" })).await.expect(403);
    guest.join(&token).await.expect(200);
    assert_eq!(owner.peers(&token).await.expect(200)[0]["displayName"], "Gus");
    guest.exit(&token).await.expect(200);
    guest.enter(&token).await.expect(200);
    guest.join(&token).await.expect(200);
    assert_eq!(owner.peers(&token).await.expect(200)[0]["displayName"], "Gus", "the cookie remembers");
    guest.get(&format!("{V4}/room/{token}/participants")).await.expect(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn making_a_room_private_sends_strangers_away() {
    let (world, [owner, joined]) = World::with(["owner", "joined"]).await;
    let guest = world.guest();
    let token = owner.create_room(2, &[]).await;
    guest.enter(&token).await.expect(404);
    let public = format!("{V4}/room/{token}/public");
    owner.post(&public, json!({})).await.expect(200);
    for who in [&guest, &joined] {
        who.enter(&token).await.expect(200);
        who.join(&token).await.expect(200);
    }
    owner.delete(&public, json!({})).await.expect(200);
    for who in [&guest, &joined] {
        who.peers(&token).await.expect(404);
        who.pull(&token).await.expect(404);
    }
    assert_eq!(owner.room(&token).await.expect(200)["hasCall"], false);
    joined.post(&public, json!({})).await.expect(404);
}
