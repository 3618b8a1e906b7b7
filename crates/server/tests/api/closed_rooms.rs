//! Locked rooms and rooms with a lobby, for everybody who can be in one (talk-rest.md sections 2 and 10).

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::support::{Client, HANG, V4, World};

/// A public room with an invited member, somebody who came by the link, and a guest.
struct Open {
    world: World,
    owner: Client,
    member: Client,
    joined: Client,
    guest: Client,
    token: String,
}

impl Open {
    async fn new() -> Self {
        let (world, [owner, member, joined]) = World::with(["owner", "member", "joined"]).await;
        let token = owner.create_room(3, &["member"]).await;
        let guest = world.guest();
        Self { world, owner, member, joined, guest, token }
    }

    async fn set(&self, what: &str, body: serde_json::Value) {
        self.owner.put(&format!("{V4}/room/{}/{what}", self.token), body).await.expect(200);
    }
}

fn unix() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_room_is_entered_but_not_called_in_by_anybody() {
    let open = Open::new().await;
    let token = &open.token;
    open.set("read-only", json!({ "state": 1 })).await;
    let all = [&open.owner, &open.member, &open.joined, &open.guest];
    for who in all {
        assert_eq!(who.enter(token).await.expect(200)["readOnly"], 1);
        who.peers(token).await.expect(403);
        who.join(token).await.expect(403);
        assert_eq!(who.room(token).await.expect(200)["participantFlags"], 0);
        // Nobody is in a call: nothing to change, nothing to leave.
        who.put(&format!("{V4}/call/{token}"), json!({ "flags": 3 })).await.expect(400);
        who.leave(token).await.expect(200);
    }
    open.set("read-only", json!({ "state": 0 })).await;
    for (count, who) in all.into_iter().enumerate() {
        who.join(token).await.expect(200);
        assert_eq!(who.peers(token).await.expect(200).as_array().unwrap().len(), count + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lobby_lets_everybody_into_the_room_and_only_moderators_into_the_call() {
    let open = Open::new().await;
    let Open { world, owner, member, joined, guest, token } = &open;
    open.set("webinar/lobby", json!({ "state": 1 })).await;
    let guest_moderator = world.guest();
    let id = guest_moderator.enter(token).await.expect(200)["attendeeId"].clone();
    let moderators = format!("{V4}/room/{token}/moderators");
    owner.post(&moderators, json!({ "attendeeId": id })).await.expect(200);
    for who in [member, joined, guest] {
        assert_eq!(who.enter(token).await.expect(200)["lobbyState"], 1);
        who.peers(token).await.expect(412);
        who.join(token).await.expect(412);
    }
    owner.enter(token).await.expect(200);
    for (count, who) in [owner, &guest_moderator].into_iter().enumerate() {
        who.join(token).await.expect(200);
        assert_eq!(who.peers(token).await.expect(200).as_array().unwrap().len(), count + 1);
    }
    open.set("webinar/lobby", json!({ "state": 0 })).await;
    for who in [member, joined, guest] {
        who.join(token).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lobby_with_a_timer_opens_by_itself() {
    let open = Open::new().await;
    let Open { owner, member, token, .. } = &open;
    for who in [owner, member] {
        who.enter(token).await.expect(200);
    }
    let until = unix() + 3;
    open.set("webinar/lobby", json!({ "state": 1, "timer": until })).await;
    let room = member.room(token).await.expect(200);
    if room["lobbyState"] == 1 {
        assert_eq!(room["lobbyTimer"], until);
    }
    let opened = async {
        // Each pull lasts until something changes, as the opening of the lobby does.
        loop {
            member.pull(token).await.expect(200);
            let room = member.room(token).await.expect(200);
            if room["lobbyState"] == 0 {
                return room;
            }
        }
    };
    let room = tokio::time::timeout(HANG, opened).await.unwrap();
    assert_eq!(room["lobbyTimer"], 0);
    assert!(unix() >= until);
    member.join(token).await.expect(200);
    // For good: it says the same to those who come later.
    assert_eq!(owner.room(token).await.expect(200)["lobbyState"], 0);
    owner
        .put(&format!("{V4}/room/{token}/webinar/lobby"), json!({ "state": 1, "timer": -1 }))
        .await
        .expect(400);
    member.put(&format!("{V4}/room/{token}/webinar/lobby"), json!({ "state": 1 })).await.expect(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_has_expired_lets_in_members_alone() {
    let open = Open::new().await;
    let Open { world, owner, member, joined, guest, token } = &open;
    let path = format!("/ocs/v2.php/apps/bellbird/api/v1/room/{token}/link");
    member.put(&path, json!({ "expires": 1 })).await.expect(403);
    world.guest().put(&path, json!({ "expires": 1 })).await.expect(404);
    owner.put(&path, json!({ "expires": -1 })).await.refuse(400, "value");
    let later = unix() + 3600;
    let room = owner.put(&path, json!({ "expires": later })).await.expect(200);
    assert_eq!(room["linkExpires"], later);
    guest.enter(token).await.expect(200);
    guest.join(token).await.expect(200);
    // It ends while somebody is inside.
    owner.put(&path, json!({ "expires": 1 })).await.expect(200);
    guest.peers(token).await.expect(200);
    for stranger in [joined, &world.guest()] {
        stranger.enter(token).await.expect(404);
        stranger.room(token).await.expect(404);
        stranger.join(token).await.expect(404);
    }
    member.enter(token).await.expect(200);
    guest.exit(token).await.expect(200);
    guest.enter(token).await.expect(404);
    owner.put(&path, json!({ "expires": 0 })).await.expect(200);
    guest.enter(token).await.expect(200);
    // Private and public again: no old date is left.
    owner.put(&path, json!({ "expires": later })).await.expect(200);
    owner.delete(&format!("{V4}/room/{token}/public"), json!({})).await.expect(200);
    owner.put(&path, json!({ "expires": later })).await.refuse(400, "type");
    let room = owner.post(&format!("{V4}/room/{token}/public"), json!({})).await.expect(200);
    assert_eq!(room["linkExpires"], 0);
}
