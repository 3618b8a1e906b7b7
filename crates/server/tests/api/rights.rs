//! Permissions of a call, and recording (talk-rest.md sections 3, 6 and 7).

use serde_json::{Value, json};

use crate::support::{V1, V4, World, messages};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_permission_opens_what_it_names_and_nothing_else() {
    let (_world, [owner, member]) = World::with(["owner", "member"]).await;
    let token = owner.create_room(2, &["member"]).await;
    for who in [&owner, &member] {
        who.enter(&token).await.expect(200);
    }
    let set = async |mode: &str, bits: u32| {
        let path = format!("{V4}/room/{token}/permissions/{mode}");
        owner.put(&path, json!({ "permissions": bits })).await.expect(200);
    };
    let start = async || {
        let status = member.join_with(&token, json!({ "flags": 7 })).await.status;
        let flags = member.room(&token).await.expect(200)["participantFlags"].as_u64().unwrap();
        member.leave(&token).await.expect(200);
        (status, flags)
    };
    // (bits, starting a call, joining a running one), each with the flags that are left of 7.
    for (bits, starting, joining) in [
        (1 | 2 | 4, (200, 1), (200, 1)),
        (1 | 4, (403, 0), (200, 1)),
        (1 | 2, (200, 1), (403, 0)),
        (1 | 128, (403, 0), (403, 0)),
        (2 | 4 | 16, (200, 3), (200, 3)),
        (2 | 4 | 32, (200, 5), (200, 5)),
        (2 | 4 | 16 | 32 | 64, (200, 7), (200, 7)),
    ] {
        set("default", bits).await;
        let room = member.room(&token).await.expect(200);
        assert_eq!((&room["permissions"], &room["canStartCall"]), (&json!(bits | 1), &json!(bits & 2 != 0)));
        assert_eq!(start().await, starting, "starting with {bits}");
        owner.join(&token).await.expect(200);
        assert_eq!(start().await, joining, "joining with {bits}");
        // Moderators are above all of it.
        assert_eq!(owner.room(&token).await.expect(200)["permissions"], 254);
        owner.leave(&token).await.expect(200);
    }
    // Those of the call come before those of the room, and end with the call.
    owner.join(&token).await.expect(200);
    set("call", 1 | 4 | 16).await;
    assert_eq!(start().await, (200, 3));
    owner.leave(&token).await.expect(200);
    assert_eq!(member.room(&token).await.expect(200)["callPermissions"], 0);
    // Those of the member come before both.
    let id = owner.attendee_id(&token, "member").await;
    let own = json!({ "attendeeId": id, "mode": "set", "permissions": 1 | 2 | 32 });
    owner.put(&format!("{V4}/room/{token}/attendees/permissions"), own).await.expect(200);
    assert_eq!(start().await, (200, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_that_is_no_longer_allowed_is_taken_away_in_the_call() {
    let (_world, [owner, member]) = World::with(["owner", "member"]).await;
    let token = owner.create_room(2, &["member"]).await;
    for who in [&owner, &member] {
        who.enter(&token).await.expect(200);
        who.join_with(&token, json!({ "flags": 7 })).await.expect(200);
    }
    let flags = async || member.room(&token).await.expect(200)["participantFlags"].clone();
    let set = format!("{V4}/room/{token}/attendees/permissions");
    let id = owner.attendee_id(&token, "member").await;
    let body = |mode: &str, bits: u32| json!({ "attendeeId": id, "mode": mode, "permissions": bits });
    owner.put(&set, body("remove", 16)).await.expect(200);
    assert_eq!(flags().await, 5);
    // Asking for it again does not help; given back, it does.
    member.put(&format!("{V4}/call/{token}"), json!({ "flags": 7 })).await.expect(200);
    assert_eq!(flags().await, 5);
    owner.put(&set, body("add", 16)).await.expect(200);
    member.put(&format!("{V4}/call/{token}"), json!({ "flags": 7 })).await.expect(200);
    assert_eq!(flags().await, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_is_offered_only_by_those_who_may_share_it() {
    let (_world, [owner, member]) = World::with(["owner", "member"]).await;
    let token = owner.create_room(2, &["member"]).await;
    let (to, own) = (owner.session(&token).await, member.session(&token).await);
    for who in [&owner, &member] {
        who.join(&token).await.expect(200);
    }
    owner.pull(&token).await.expect(200);
    let default = format!("{V4}/room/{token}/permissions/default");
    let mut got = Vec::new();
    for (round, bits) in [1 | 4 | 16, 1 | 4 | 16 | 64].into_iter().enumerate() {
        owner.put(&default, json!({ "permissions": bits })).await.expect(200);
        let sid = round.to_string();
        for room_type in ["screen", "video"] {
            let offer = json!({ "to": to, "type": "offer", "roomType": room_type, "sid": &sid });
            member.signal(&token, &own, offer).await.expect(200);
        }
        // The last one is always let through; what was to come has come before it.
        while !got
            .iter()
            .any(|message: &Value| message["sid"] == sid.as_str() && message["roomType"] == "video")
        {
            got.extend(messages(&owner.pull(&token).await.expect(200)));
        }
    }
    let seen: Vec<_> =
        got.iter().map(|m| (m["roomType"].as_str().unwrap(), m["sid"].as_str().unwrap())).collect();
    assert_eq!(seen, [("video", "0"), ("screen", "1"), ("video", "1")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recording_is_refused_in_order_and_stopping_is_harmless() {
    let (world, [owner, member, stranger]) = World::with(["owner", "member", "stranger"]).await;
    let token = owner.create_room(3, &["member"]).await;
    let guest = world.guest();
    for who in [&owner, &member, &guest] {
        who.enter(&token).await.expect(200);
    }
    let path = format!("{V1}/recording/{token}");
    let video = json!({ "status": 1 });
    guest.post(&path, video.clone()).await.expect(401);
    stranger.post(&path, video.clone()).await.expect(404);
    member.post(&path, video.clone()).await.expect(403);
    member.delete(&path, json!({})).await.expect(403);
    owner.post(&path, json!({ "status": 3 })).await.refuse(400, "status");
    owner.post(&path, json!({})).await.refuse(400, "status");
    owner.post(&path, video.clone()).await.refuse(400, "call");
    owner.join(&token).await.expect(200);
    for status in [1, 2] {
        owner.post(&path, json!({ "status": status })).await.refuse(400, "config");
    }
    assert_eq!(owner.room(&token).await.expect(200)["callRecording"], 0);
    for _ in 0..2 {
        owner.delete(&path, json!({})).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rooms_capabilities_are_those_of_talk() {
    let (world, [owner, stranger]) = World::with(["owner", "stranger"]).await;
    let token = owner.create_room(2, &[]).await;
    let path = format!("{V4}/room/{token}/capabilities");
    let answer = owner.get(&path).await;
    assert!(!answer.header("x-nextcloud-talk-hash").is_empty());
    let talk = answer.expect(200);
    let all = owner.get("/ocs/v2.php/cloud/capabilities").await.expect(200);
    assert_eq!(talk, all["capabilities"]["spreed"]);
    assert_eq!(talk["config"]["call"]["recording"], false);
    stranger.get(&path).await.expect(404);
    world.guest().get(&path).await.expect(404);
}
