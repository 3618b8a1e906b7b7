//! Who is rung, when it stops, what is left (talk-accounts.md section 4, talk-rest.md sections 3.5, 3.7 and 10).

use reqwest::Method;
use serde_json::json;

use crate::support::{Client, NOTIFICATIONS, V4, World};

async fn subjects(who: &Client) -> Vec<String> {
    let list = who.notifications().await;
    list.iter().map(|n| n["subject"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_rings_until_it_is_answered() {
    let (_world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let token = alice.one_to_one("bob").await;
    assert_eq!(bob.state(&token).await, 201);
    alice.enter(&token).await.expect(200);
    alice.join(&token).await.expect(200);
    assert_eq!((alice.state(&token).await, bob.state(&token).await), (404, 200));
    let list = bob.notifications().await;
    assert_eq!(list.len(), 1);
    let (first, room) = (&list[0], bob.room(&token).await.expect(200));
    assert_eq!((&first["app"], &first["object_type"]), (&json!("spreed"), &json!("call")));
    assert_eq!(first["object_id"], token.as_str());
    let call = &first["subjectRichParameters"]["call"];
    assert_eq!((&call["call-type"], &call["name"]), (&json!("one2one"), &json!("Alice Test")));
    assert_eq!(call["id"], room["id"].to_string());
    assert_eq!(first["subjectRichParameters"]["user"]["id"], "alice");
    assert!(first["actions"][0]["link"].as_str().unwrap().ends_with("#direct-call"));
    assert!(alice.notifications().await.is_empty());
    // Sitting in the room does not silence it; being in the call does.
    bob.enter(&token).await.expect(200);
    assert_eq!(bob.state(&token).await, 200);
    bob.join(&token).await.expect(200);
    assert_eq!(bob.state(&token).await, 404);
    assert!(bob.notifications().await.is_empty());
    bob.leave(&token).await.expect(200);
    assert_eq!(bob.state(&token).await, 404, "who has been in the call is not rung again");
    alice.leave(&token).await.expect(200);
    assert_eq!(bob.state(&token).await, 201);
    assert!(bob.notifications().await.is_empty(), "an answered call is not missed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unanswered_call_is_missed_and_calling_back_settles_it() {
    let (_world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let token = alice.one_to_one("bob").await;
    alice.enter(&token).await.expect(200);
    alice.join(&token).await.expect(200);
    alice.leave(&token).await.expect(200);
    assert_eq!(bob.state(&token).await, 201);
    assert_eq!(subjects(&bob).await, ["You missed a call from Alice Test"]);
    assert_eq!(bob.notifications().await[0]["actions"], json!([]));
    bob.enter(&token).await.expect(200);
    bob.join(&token).await.expect(200);
    assert!(bob.notifications().await.is_empty());
    assert_eq!(subjects(&alice).await, ["Bob Test is calling you"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_calls_and_ringing_one_person() {
    let (_world, [alice, bob, carol]) = World::with(["alice", "bob", "carol"]).await;
    let token = alice.create_room(2, &["bob", "carol"]).await;
    let elsewhere = alice.create_room(2, &["bob"]).await;
    let bob_id = alice.attendee_id(&token, "bob").await;
    let foreign_id = alice.attendee_id(&elsewhere, "bob").await;
    let ring = |id: i64| format!("{V4}/call/{token}/ring/{id}");
    alice.post(&ring(bob_id), json!({})).await.refuse(400, "in-call");
    alice.enter(&token).await.expect(200);
    alice.join_with(&token, json!({ "flags": 3, "silent": true })).await.expect(200);
    assert!(bob.notifications().await.is_empty() && carol.notifications().await.is_empty());
    carol.post(&ring(bob_id), json!({})).await.refuse(400, "in-call");
    alice.post(&ring(bob_id), json!({})).await.expect(200);
    assert_eq!(bob.notifications().await.len(), 1);
    assert!(carol.notifications().await.is_empty());
    alice.post(&ring(foreign_id), json!({})).await.expect(404);
    alice.post(&ring(0), json!({})).await.expect(404);
    alice.post(&format!("{V4}/call/{token}/ring/x"), json!({})).await.expect(404);
    // Somebody who is in it already is not disturbed; who has left is rung anew, under a new number.
    let old = bob.notifications().await[0]["notification_id"].clone();
    bob.enter(&token).await.expect(200);
    bob.join(&token).await.expect(200);
    alice.post(&ring(bob_id), json!({})).await.expect(200);
    assert!(bob.notifications().await.is_empty());
    bob.leave(&token).await.expect(200);
    alice.post(&ring(bob_id), json!({})).await.expect(200);
    assert_ne!(bob.notifications().await[0]["notification_id"], old);
    assert_eq!(bob.state(&token).await, 200);
    let dnd = json!({ "statusType": "dnd" });
    bob.put("/ocs/v2.php/apps/user_status/api/v1/user_status/status", dnd).await.expect(200);
    alice.post(&ring(bob_id), json!({})).await.refuse(400, "status");
    let remove = json!({ "attendeeId": bob_id });
    alice.delete(&format!("{V4}/room/{token}/attendees"), remove).await.expect(200);
    assert!(bob.notifications().await.is_empty());
    alice.post(&ring(bob_id), json!({})).await.expect(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ringing_is_for_accounts_and_those_who_may_start_calls() {
    let (world, [owner, member]) = World::with(["owner", "member"]).await;
    let token = owner.create_room(3, &["member"]).await;
    let guest = world.guest();
    let id = guest.enter(&token).await.expect(200)["attendeeId"].as_i64().unwrap();
    let own = owner.attendee_id(&token, "owner").await;
    for who in [&owner, &member] {
        who.enter(&token).await.expect(200);
        who.join(&token).await.expect(200);
    }
    owner.post(&format!("{V4}/call/{token}/ring/{id}"), json!({})).await.refuse(400, "actor-type");
    owner
        .put(&format!("{V4}/room/{token}/permissions/default"), json!({ "permissions": 4 }))
        .await
        .expect(200);
    member.post(&format!("{V4}/call/{token}/ring/{own}"), json!({})).await.expect(403);
    assert_eq!(guest.state(&token).await, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_rung() {
    let (world, [owner, member, quiet, passes, chosen]) =
        World::with(["owner", "member", "quiet", "passes", "chosen"]).await;
    let token = owner.create_room(2, &["member", "quiet", "passes", "chosen"]).await;
    let base = format!("{V4}/room/{token}");
    quiet.post(&format!("{base}/notify-calls"), json!({ "level": 0 })).await.expect(200);
    let id = owner.attendee_id(&token, "passes").await;
    let pass = json!({ "attendeeId": id, "mode": "add", "permissions": 8 });
    owner.put(&format!("{base}/attendees/permissions"), pass).await.expect(200);
    owner.enter(&token).await.expect(200);
    let lobby = format!("{base}/webinar/lobby");
    let rung = || async {
        let mut rung = Vec::new();
        for who in [&member, &quiet, &passes, &chosen] {
            let list = who.notifications().await;
            if list.iter().any(|n| n["actions"].as_array().is_some_and(|actions| !actions.is_empty())) {
                rung.push(who.name.clone());
            }
            who.delete(NOTIFICATIONS, json!({})).await.expect(200);
        }
        rung
    };
    let start = json!({ "flags": 3, "silentFor": ["chosen"] });
    owner.join_with(&token, start).await.expect(200);
    assert_eq!(rung().await, ["member", "passes"]);
    owner.leave(&token).await.expect(200);
    owner.put(&lobby, json!({ "state": 1 })).await.expect(200);
    owner.join(&token).await.expect(200);
    assert_eq!(rung().await, ["passes"]);
    owner.leave(&token).await.expect(200);
    // Switching the lobby on takes the ringing away from those who wait now.
    owner.put(&lobby, json!({ "state": 0 })).await.expect(200);
    owner.join(&token).await.expect(200);
    owner.put(&lobby, json!({ "state": 1 })).await.expect(200);
    assert_eq!(rung().await, ["passes"]);
    drop(world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_has_a_tag_and_can_be_cleared() {
    let (world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let token = alice.one_to_one("bob").await;
    alice.enter(&token).await.expect(200);
    let fetch = |tag: String| {
        let bob = bob.clone();
        async move { bob.send(bob.request(Method::GET, NOTIFICATIONS).header("If-None-Match", tag)).await }
    };
    let empty = fetch("\"none\"".into()).await;
    let tag = empty.header("etag").to_owned();
    assert_eq!((empty.status, fetch(tag.clone()).await.status), (200, 304));
    alice.join(&token).await.expect(200);
    let ringing = fetch(tag.clone()).await;
    assert_eq!(ringing.status, 200);
    let ringing_tag = ringing.header("etag").to_owned();
    alice.leave(&token).await.expect(200);
    let missed = fetch(ringing_tag).await;
    assert_eq!(missed.status, 200, "ringing and missed are different lists");
    let id = missed.expect(200)[0]["notification_id"].as_i64().unwrap();
    let exists = bob.post(&format!("{NOTIFICATIONS}/exists"), json!({ "ids": [id, id + 1, "x"] })).await;
    assert_eq!(exists.expect(200), json!([id]));
    assert_eq!(bob.get(&format!("{NOTIFICATIONS}/{id}")).await.expect(200)["notification_id"], id);
    alice.get(&format!("{NOTIFICATIONS}/{id}")).await.expect(404);
    alice.delete(&format!("{NOTIFICATIONS}/{id}"), json!({})).await.expect(200);
    assert_eq!(bob.notifications().await.len(), 1, "others cannot delete it");
    bob.delete(&format!("{NOTIFICATIONS}/{id}"), json!({})).await.expect(200);
    bob.get(&format!("{NOTIFICATIONS}/{id}")).await.expect(404);
    assert!(bob.notifications().await.is_empty());
    world.guest().get(NOTIFICATIONS).await.expect(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_call_is_missed_by_those_who_were_rung_and_silence_leaves_no_trace() {
    let (_world, [owner, member, other]) = World::with(["owner", "member", "other"]).await;
    let token = owner.create_room(2, &["member", "other"]).await;
    owner.enter(&token).await.expect(200);
    owner.join(&token).await.expect(200);
    assert_eq!(subjects(&member).await, ["A call has started in Room"]);
    other.enter(&token).await.expect(200);
    other.join(&token).await.expect(200);
    let call = format!("{V4}/call/{token}");
    owner.delete(&call, json!({ "all": true })).await.expect(200);
    assert_eq!((member.state(&token).await, other.state(&token).await), (201, 201));
    assert_eq!(subjects(&member).await, ["You missed a call in Room"]);
    assert!(other.notifications().await.is_empty(), "who has answered has missed nothing");
    member.delete(NOTIFICATIONS, json!({})).await.expect(200);
    // Silent from start to end, with somebody coming in between.
    owner.join_with(&token, json!({ "silent": true })).await.expect(200);
    assert_eq!(member.state(&token).await, 200, "it runs, though nobody was told");
    other.join(&token).await.expect(200);
    owner.delete(&call, json!({ "all": true })).await.expect(200);
    assert!(member.notifications().await.is_empty() && other.notifications().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lobby_is_no_obstacle_to_ringing_moderators() {
    let (world, [owner, moderator, member]) = World::with(["owner", "moderator", "member"]).await;
    let token = owner.create_room(3, &["moderator", "member"]).await;
    let base = format!("{V4}/room/{token}");
    let id = owner.attendee_id(&token, "moderator").await;
    owner.post(&format!("{base}/moderators"), json!({ "attendeeId": id })).await.expect(200);
    owner.put(&format!("{base}/webinar/lobby"), json!({ "state": 1 })).await.expect(200);
    let joined = world.user("joined").await;
    joined.enter(&token).await.expect(200);
    owner.enter(&token).await.expect(200);
    owner.join(&token).await.expect(200);
    assert_eq!(subjects(&moderator).await, ["A call has started in Room"]);
    for who in [&member, &joined] {
        assert!(who.notifications().await.is_empty());
    }
    // On "do not disturb" one is told of it by status, and still finds it in the list.
    let dnd = json!({ "statusType": "dnd" });
    moderator.put("/ocs/v2.php/apps/user_status/api/v1/user_status/status", dnd).await.expect(200);
    let list = moderator.get(NOTIFICATIONS).await;
    assert_eq!(list.header("x-nextcloud-user-status"), "dnd");
    // Removed from the conversation, one has nothing to miss in it.
    owner.delete(&format!("{base}/attendees"), json!({ "attendeeId": id })).await.expect(200);
    assert!(moderator.notifications().await.is_empty());
    assert_eq!(moderator.state(&token).await, 404);
}
