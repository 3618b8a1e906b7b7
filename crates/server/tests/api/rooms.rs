//! Creating, listing and changing rooms (talk-rest.md section 4).

use serde_json::{Value, json};

use crate::support::{V4, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_to_one_rooms_are_made_once_and_not_with_anybody() {
    let (_world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let room = format!("{V4}/room");
    let with = |invite: &str| json!({ "roomType": 1, "invite": invite });
    alice.post(&room, with("nobody")).await.refuse(404, "invite");
    alice.post(&room, with("")).await.refuse(404, "invite");
    alice.post(&room, with("alice")).await.refuse(403, "invite");
    alice.post(&room, with("bob")).await.expect(201);
    // User ids are the same in any case.
    alice.post(&room, with("BOB")).await.expect(200);
    bob.post(&room, json!({ "roomType": "1", "participants": { "users": ["alice"] } })).await.expect(200);
    assert_eq!(bob.get(&room).await.expect(200).as_array().unwrap().len(), 1);
    let token = alice.one_to_one("bob").await;
    for (path, body) in [
        ("", json!({ "roomName": "x" })),
        ("/read-only", json!({ "state": 1 })),
        ("/listable", json!({ "scope": 1 })),
        ("/webinar/lobby", json!({ "state": 1 })),
        ("/description", json!({ "description": "x" })),
        ("/password", json!({ "password": "x" })),
        ("/permissions/default", json!({ "permissions": 5 })),
    ] {
        alice.put(&format!("{room}/{token}{path}"), body).await.refuse(400, "type");
    }
    alice.post(&format!("{room}/{token}/public"), json!({})).await.refuse(400, "type");
    alice.delete(&format!("{room}/{token}"), json!({})).await.refuse(400, "type");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_to_one_rooms_made_by_both_at_once_are_one() {
    let (_world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let tries = (0..10).map(|n| {
        let (who, other) = if n % 2 == 0 { (alice.clone(), "bob") } else { (bob.clone(), "alice") };
        tokio::spawn(async move { who.one_to_one(other).await })
    });
    let mut tokens = Vec::new();
    for token in tries.collect::<Vec<_>>() {
        tokens.push(token.await.unwrap());
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_field_of_a_new_room_is_named() {
    let (world, [alice]) = World::with(["alice"]).await;
    let room = format!("{V4}/room");
    let long = "x".repeat(256);
    for (field, value, key) in [
        ("roomType", json!(4), "type"),
        ("roomType", json!(6), "type"),
        ("roomType", json!(-1), "type"),
        ("roomName", json!(""), "name"),
        ("roomName", json!("  "), "name"),
        ("roomName", json!(long), "name"),
        ("description", json!("x".repeat(2001)), "description"),
        ("readOnly", json!(2), "read-only"),
        ("listable", json!(3), "listable"),
        ("lobbyState", json!(2), "lobby"),
        ("lobbyTimer", json!(-1), "lobby-timer"),
        ("recordingConsent", json!(2), "recording-consent"),
        ("sipEnabled", json!(1), "sip-enabled"),
        ("permissions", json!(256), "permissions"),
        ("password", json!("not for a group"), "password"),
        ("objectType", json!("phone"), "object-id"),
        ("objectId", json!("x"), "object-type"),
        ("participants", json!("bob"), "invite"),
        ("participants", json!({ "users": [{}] }), "invite"),
    ] {
        let mut body = json!({ "roomType": 2, "roomName": "Room" });
        body[field] = value;
        alice.post(&room, body).await.refuse(400, key);
    }
    alice
        .post(&room, json!({ "roomName": "Room", "invite": "nobody", "source": "users" }))
        .await
        .refuse(404, "invite");
    assert_eq!(alice.get(&room).await.expect(200), json!([]), "nothing was made");
    world.user("bob").await;
    world.admin(|admin| admin.add_group("team", &["bob".to_owned()]).unwrap()).await;
    let some =
        json!({ "users": ["nobody"], "groups": ["team", "none"], "emails": ["a@b.c"], "phones": ["+49301"] });
    let made = alice.post(&room, json!({ "roomName": "Room", "participants": some })).await.expect(202);
    let invalid = json!({
        "users": ["nobody"], "groups": ["none"], "emails": ["a@b.c"], "phones": ["+49301"]
    });
    assert_eq!(made["invalidParticipants"], invalid);
    let token = made["token"].as_str().unwrap();
    alice.attendee_id(token, "bob").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_for_moderators_and_checked() {
    let (_world, [owner, member, stranger]) = World::with(["owner", "member", "stranger"]).await;
    let token = owner.create_room(2, &["member"]).await;
    let base = format!("{V4}/room/{token}");
    for (path, good, wrong, key) in [
        ("", json!({ "roomName": "New" }), json!({ "roomName": "" }), "value"),
        ("/description", json!({ "description": "d" }), json!({ "description": "x".repeat(2001) }), "value"),
        ("/read-only", json!({ "state": 1 }), json!({ "state": 2 }), "value"),
        ("/read-only", json!({ "state": "0" }), json!({}), "value"),
        ("/listable", json!({ "scope": 2 }), json!({ "scope": -1 }), "value"),
        ("/webinar/lobby", json!({ "state": 1, "timer": 0 }), json!({ "state": 1, "timer": -5 }), "value"),
        ("/webinar/lobby", json!({ "state": 0 }), json!({ "state": 7 }), "value"),
        ("/permissions/call", json!({ "permissions": 5 }), json!({ "permissions": 999 }), "value"),
        ("/permissions/default", json!({ "permissions": 0 }), json!({ "permissions": 256 }), "value"),
        ("/recording-consent", json!({ "recordingConsent": 1 }), json!({ "recordingConsent": 2 }), "value"),
    ] {
        let path = format!("{base}{path}");
        stranger.put(&path, good.clone()).await.expect(404);
        member.put(&path, good.clone()).await.expect(403);
        // No moderator beats wrong parameters.
        member.put(&path, wrong.clone()).await.expect(403);
        owner.put(&path, wrong).await.refuse(400, key);
        owner.put(&path, good).await.expect(200);
    }
    owner.put(&format!("{base}/permissions/other"), json!({ "permissions": 1 })).await.refuse(400, "mode");
    owner.put(&format!("{base}/webinar/sip"), json!({ "state": 1 })).await.expect(412);
    owner.put(&format!("{base}/password"), json!({ "password": "x" })).await.refuse(400, "type");
    let room = owner.room(&token).await.expect(200);
    let facts =
        ["name", "description", "readOnly", "listable", "lobbyState", "callPermissions", "recordingConsent"]
            .map(|field| room[field].clone());
    assert_eq!(facts, [json!("New"), json!("d"), json!(0), json!(2), json!(0), json!(5), json!(1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_settle_things_for_themselves() {
    let (world, [owner, member]) = World::with(["owner", "member"]).await;
    let token = owner.create_room(3, &["member"]).await;
    let base = format!("{V4}/room/{token}");
    for (path, level, field, shown) in [
        ("notify", 3, "notificationLevel", json!(3)),
        ("notify-calls", 0, "notificationCalls", json!(0)),
        ("notify-calls", 1, "notificationCalls", json!(1)),
    ] {
        let answer = member.post(&format!("{base}/{path}"), json!({ "level": level })).await.expect(200);
        assert_eq!(answer[field], shown);
        member.post(&format!("{base}/{path}"), json!({ "level": 4 })).await.refuse(400, "level");
    }
    for (mark, field) in [
        ("favorite", "isFavorite"),
        ("important", "isImportant"),
        ("sensitive", "isSensitive"),
        ("archive", "isArchived"),
    ] {
        let path = format!("{base}/{mark}");
        assert_eq!(member.post(&path, json!({})).await.expect(200)[field], true);
        assert_eq!(owner.room(&token).await.expect(200)[field], false);
        assert_eq!(member.delete(&path, json!({})).await.expect(200)[field], false);
    }
    let guest = world.guest();
    guest.enter(&token).await.expect(200);
    guest.post(&format!("{base}/favorite"), json!({})).await.expect(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_a_room_throws_everybody_out() {
    let (_world, [owner, member]) = World::with(["owner", "member"]).await;
    let token = owner.create_room(2, &["member"]).await;
    member.session(&token).await;
    member.pull(&token).await.expect(200);
    let waiting = tokio::spawn({
        let (member, token) = (member.clone(), token.clone());
        async move { member.pull(&token).await }
    });
    member.delete(&format!("{V4}/room/{token}"), json!({})).await.expect(403);
    owner.delete(&format!("{V4}/room/{token}"), json!({})).await.expect(200);
    waiting.await.unwrap().expect(404);
    owner.room(&token).await.expect(404);
    assert_eq!(member.get(&format!("{V4}/room")).await.expect(200), json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_room_list_tells_what_changed_and_when_to_ask_anew() {
    let (world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let quiet = alice.create_room(2, &[]).await;
    let loud = alice.create_room(2, &["bob"]).await;
    let first = alice.get(&format!("{V4}/room")).await;
    let hash = first.header("x-nextcloud-talk-hash").to_owned();
    let before: i64 = first.header("x-nextcloud-talk-modified-before").parse().unwrap();
    assert_eq!(first.expect(200).as_array().unwrap().len(), 2);
    bob.enter(&loud).await.expect(200);
    bob.join(&loud).await.expect(200);
    let later = alice.get(&format!("{V4}/room?modifiedSince={}", before + 1000)).await.expect(200);
    let tokens: Vec<&Value> = later.as_array().unwrap().iter().map(|room| &room["token"]).collect();
    assert_eq!(tokens, [&json!(loud)], "a running call is always news, {quiet} is not");
    let capabilities = alice.get("/ocs/v2.php/cloud/capabilities").await;
    assert_eq!(capabilities.header("x-nextcloud-talk-hash"), hash);
    world.config("recording-consent", "1").await;
    let changed = alice.get(&format!("{V4}/room")).await;
    assert_ne!(changed.header("x-nextcloud-talk-hash"), hash);
    alice.get(&format!("{V4}/room?modifiedSince=x")).await.expect(400);
}
