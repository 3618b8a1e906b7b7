//! Members: adding, removing, promoting, permissions (talk-rest.md section 5).

use serde_json::json;

use crate::support::{V4, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adding_people() {
    let (world, [owner, member]) = World::with(["owner", "member"]).await;
    for name in ["anna", "ben"] {
        world.user(name).await;
    }
    world.admin(|admin| admin.add_group("team", &["anna".into(), "ben".into()]).unwrap()).await;
    let token = owner.create_room(3, &[]).await;
    let path = format!("{V4}/room/{token}/participants");
    let who = |name: &str, source: &str| json!({ "newParticipant": name, "source": source });
    member.post(&path, who("anna", "users")).await.expect(404);
    // One who came by itself stays for good once invited.
    member.enter(&token).await.expect(200);
    owner.post(&path, who("member", "users")).await.expect(200);
    member.exit(&token).await.expect(200);
    assert_eq!(member.room(&token).await.expect(200)["participantType"], 3);
    member.post(&path, who("anna", "users")).await.expect(403);
    owner.post(&path, who("nobody", "users")).await.refuse(404, "new-participant");
    owner.post(&path, who("none", "groups")).await.refuse(404, "new-participant");
    owner.post(&path, who("", "users")).await.refuse(400, "new-participant");
    owner.post(&path, who("anna", "martians")).await.refuse(400, "source");
    for source in ["emails", "circles", "federated_users", "phones"] {
        owner.post(&path, who("x@y.z", source)).await.expect(501);
    }
    owner.post(&path, who("team", "groups")).await.expect(200);
    owner.post(&path, who("anna", "users")).await.expect(200);
    assert_eq!(owner.get(&path).await.expect(200).as_array().unwrap().len(), 4);
    let pair = owner.one_to_one("anna").await;
    owner.post(&format!("{V4}/room/{pair}/participants"), who("ben", "users")).await.refuse(400, "room-type");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_people_and_oneself() {
    let (_world, [owner, member, other]) = World::with(["owner", "member", "other"]).await;
    let token = owner.create_room(2, &["member", "other"]).await;
    let attendees = format!("{V4}/room/{token}/attendees");
    let me = format!("{V4}/room/{token}/participants/self");
    let own = owner.attendee_id(&token, "owner").await;
    let id = owner.attendee_id(&token, "member").await;
    member.delete(&attendees, json!({ "attendeeId": own })).await.expect(403);
    owner.delete(&attendees, json!({ "attendeeId": 123_456 })).await.refuse(404, "participant");
    owner.delete(&attendees, json!({ "attendeeId": own })).await.refuse(400, "last-moderator");
    owner.delete(&me, json!({})).await.refuse(400, "last-moderator");
    let moderators = format!("{V4}/room/{token}/moderators");
    owner.post(&moderators, json!({ "attendeeId": id })).await.expect(200);
    member.delete(&attendees, json!({ "attendeeId": own })).await.refuse(403, "owner");
    member.enter(&token).await.expect(200);
    member.join(&token).await.expect(200);
    let waiting = tokio::spawn({
        let (member, token) = (member.clone(), token.clone());
        async move {
            member.pull(&token).await.expect(200);
            member.pull(&token).await
        }
    });
    owner.delete(&attendees, json!({ "attendeeId": id })).await.expect(200);
    let status = waiting.await.unwrap().status;
    assert_eq!(status, 404);
    member.room(&token).await.expect(404);
    assert_eq!(owner.room(&token).await.expect(200)["hasCall"], false);
    other.delete(&me, json!({})).await.expect(200);
    other.delete(&me, json!({})).await.expect(404);
    // The last one takes the room along.
    owner.delete(&me, json!({})).await.expect(200);
    owner.room(&token).await.expect(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moderators_are_made_and_unmade() {
    let (world, [owner, member]) = World::with(["owner", "member"]).await;
    let token = owner.create_room(3, &["member"]).await;
    let path = format!("{V4}/room/{token}/moderators");
    let own = owner.attendee_id(&token, "owner").await;
    let id = owner.attendee_id(&token, "member").await;
    member.post(&path, json!({ "attendeeId": id })).await.expect(403);
    owner.post(&path, json!({ "attendeeId": 0 })).await.refuse(404, "participant");
    owner.post(&path, json!({ "attendeeId": own })).await.refuse(403, "self");
    owner.delete(&path, json!({ "attendeeId": id })).await.expect(400);
    owner.post(&path, json!({ "attendeeId": id })).await.expect(200);
    owner.post(&path, json!({ "attendeeId": id })).await.expect(400);
    assert_eq!(member.room(&token).await.expect(200)["permissions"], 254);
    member.delete(&path, json!({ "attendeeId": own })).await.expect(400);
    owner.delete(&path, json!({ "attendeeId": id })).await.expect(200);
    assert_eq!(member.room(&token).await.expect(200)["permissions"], 246);
    let guest = world.guest();
    let guest_id = guest.enter(&token).await.expect(200)["attendeeId"].clone();
    owner.post(&path, json!({ "attendeeId": guest_id })).await.expect(200);
    assert_eq!(guest.room(&token).await.expect(200)["participantType"], 6);
    owner.delete(&path, json!({ "attendeeId": guest_id })).await.expect(200);
    assert_eq!(guest.room(&token).await.expect(200)["participantType"], 4);
    let pair = owner.one_to_one("member").await;
    let id = owner.attendee_id(&pair, "member").await;
    owner.post(&format!("{V4}/room/{pair}/moderators"), json!({ "attendeeId": id })).await.expect(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permissions_of_single_members() {
    let (_world, [owner, member]) = World::with(["owner", "member"]).await;
    let token = owner.create_room(2, &["member"]).await;
    let path = format!("{V4}/room/{token}/attendees/permissions");
    let own = owner.attendee_id(&token, "owner").await;
    let id = owner.attendee_id(&token, "member").await;
    let set = |mode: &str, bits: i64| json!({ "attendeeId": id, "mode": mode, "permissions": bits });
    member.put(&path, set("set", 5)).await.expect(403);
    owner.put(&path, set("set", 256)).await.refuse(400, "value");
    owner.put(&path, set("flip", 5)).await.refuse(400, "mode");
    owner
        .put(&path, json!({ "attendeeId": own, "mode": "set", "permissions": 5 }))
        .await
        .refuse(400, "moderator");
    owner
        .put(&path, json!({ "attendeeId": 0, "mode": "set", "permissions": 5 }))
        .await
        .refuse(404, "participant");
    member.enter(&token).await.expect(200);
    member.join_with(&token, json!({ "flags": 7 })).await.expect(200);
    for (mode, bits, expected, flags) in
        [("remove", 32, 215, 3), ("add", 32, 247, 3), ("set", 6, 7, 1), ("set", 0, 246, 1)]
    {
        owner.put(&path, set(mode, bits)).await.expect(200);
        let room = member.room(&token).await.expect(200);
        assert_eq!((&room["permissions"], &room["participantFlags"]), (&json!(expected), &json!(flags)));
    }
    // A default for all resets what was set for one.
    owner.put(&path, set("set", 6)).await.expect(200);
    owner
        .put(&format!("{V4}/room/{token}/permissions/default"), json!({ "permissions": 20 }))
        .await
        .expect(200);
    assert_eq!(member.room(&token).await.expect(200)["permissions"], 21);
    // What was given for a call ends with it.
    owner.put(&format!("{V4}/room/{token}/permissions/call"), json!({ "permissions": 54 })).await.expect(200);
    assert_eq!(member.room(&token).await.expect(200)["permissions"], 55);
    member.leave(&token).await.expect(200);
    assert_eq!(member.room(&token).await.expect(200)["permissions"], 21);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_says_whether_it_is_in_front() {
    let (_world, [owner]) = World::with(["owner"]).await;
    let token = owner.create_room(2, &[]).await;
    let path = format!("{V4}/room/{token}/participants/state");
    owner.put(&path, json!({ "state": 1 })).await.expect(404);
    owner.enter(&token).await.expect(200);
    owner.put(&path, json!({ "state": 1 })).await.expect(200);
    owner.put(&path, json!({ "state": 2 })).await.refuse(400, "state");
}
