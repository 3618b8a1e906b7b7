//! Calls in group, one-to-one, public and password rooms (talk-rest.md section 10).

use serde_json::json;

use crate::support::{V4, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn group_call_from_first_join_to_last_leave() {
    let (world, [p1, p2, p3]) = World::with(["p1", "p2", "p3"]).await;
    let guest = world.guest();
    assert_eq!(p1.get(&format!("{V4}/room")).await.expect(200), json!([]));
    let token = p1.create_room(2, &["p2"]).await;
    assert_eq!(p1.peers(&token).await.expect(200), json!([]), "a member may ask before it enters");
    for (count, who) in [(1, &p1), (2, &p2)] {
        who.enter(&token).await.expect(200);
        // Being in the room is not being in its call.
        assert_eq!(who.peers(&token).await.expect(200).as_array().unwrap().len(), count - 1);
        who.join_with(&token, json!({ "flags": 7 })).await.expect(200);
        let peers = p1.peers(&token).await.expect(200);
        assert_eq!(peers.as_array().unwrap().len(), count);
        assert_eq!(peers[0]["actorType"], "users");
    }
    let room = p2.room(&token).await.expect(200);
    assert_eq!((&room["hasCall"], &room["callFlag"]), (&json!(true), &json!(7)));
    assert!(room["callStartTime"].as_i64().unwrap() > 0);
    for stranger in [&p3, &guest] {
        stranger.peers(&token).await.expect(404);
        stranger.enter(&token).await.expect(404);
        stranger.join(&token).await.expect(404);
        stranger.leave(&token).await.expect(404);
        stranger.exit(&token).await.expect(200);
    }
    for (count, who) in [(1, &p2), (0, &p1)] {
        who.leave(&token).await.expect(200);
        let peers = p2.peers(&token).await.expect(200);
        assert_eq!(peers.as_array().unwrap().len(), count);
        who.exit(&token).await.expect(200);
        who.join(&token).await.expect(404);
    }
    let room = p1.room(&token).await.expect(200);
    assert_eq!((&room["hasCall"], &room["callStartTime"]), (&json!(false), &json!(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_to_one_call_and_refill() {
    let (world, [p1, p2, p3]) = World::with(["p1", "p2", "p3"]).await;
    let guest = world.guest();
    let body = json!({ "roomType": 1, "invite": "p2" });
    let room = p1.post(&format!("{V4}/room"), body.clone()).await.expect(201);
    assert_eq!((&room["displayName"], &room["name"]), (&json!("P2 Test"), &json!("p2")));
    let token = room["token"].as_str().unwrap().to_owned();
    p1.post(&format!("{V4}/room"), body).await.expect(200);
    let back = p2.post(&format!("{V4}/room"), json!({ "roomType": 1, "invite": "p1" })).await.expect(200);
    assert_eq!(back["token"], token.as_str());
    for who in [&p1, &p2] {
        who.enter(&token).await.expect(200);
        who.join(&token).await.expect(200);
    }
    assert_eq!(p1.peers(&token).await.expect(200).as_array().unwrap().len(), 2);
    for stranger in [&p3, &guest] {
        stranger.peers(&token).await.expect(404);
        stranger.enter(&token).await.expect(404);
        stranger.join(&token).await.expect(404);
        stranger.leave(&token).await.expect(404);
        stranger.exit(&token).await.expect(200);
    }
    for who in [&p1, &p2] {
        who.leave(&token).await.expect(200);
    }
    p2.delete(&format!("{V4}/room/{token}/participants/self"), json!({})).await.expect(200);
    p2.room(&token).await.expect(404);
    p1.join(&token).await.expect(200);
    assert_eq!(p2.room(&token).await.expect(200)["hasCall"], true);
    assert_eq!(p2.state(&token).await, 200, "the one who was brought back is rung");
    p1.delete(&format!("{V4}/room/{token}"), json!({})).await.expect(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_are_updated_only_inside_of_a_call_and_never_leave_it() {
    let (world, [owner, moderator, member, joined]) =
        World::with(["owner", "moderator", "member", "joined"]).await;
    let (guest, guest_moderator) = (world.guest(), world.guest());
    let token = owner.create_room(3, &["moderator", "member"]).await;
    let base = format!("{V4}/room/{token}");
    let id = owner.attendee_id(&token, "moderator").await;
    owner.post(&format!("{base}/moderators"), json!({ "attendeeId": id })).await.expect(200);
    let all = [&owner, &moderator, &member, &joined, &guest, &guest_moderator];
    for who in all {
        let room = who.enter(&token).await.expect(200);
        if std::ptr::eq(who, &guest_moderator) {
            let id = &room["attendeeId"];
            owner.post(&format!("{base}/moderators"), json!({ "attendeeId": id })).await.expect(200);
        }
    }
    let call = format!("{V4}/call/{token}");
    let kinds = [1, 2, 3, 5, 4, 6];
    for (who, kind) in all.into_iter().zip(kinds) {
        let own = || async { who.room(&token).await.expect(200) };
        assert_eq!(own().await["participantType"], kind);
        who.put(&call, json!({ "flags": 7 })).await.expect(400);
        assert_eq!(own().await["participantFlags"], 0);
        who.join_with(&token, json!({ "flags": 7 })).await.expect(200);
        who.put(&call, json!({ "flags": 3 })).await.expect(200);
        assert_eq!(own().await["participantFlags"], 3);
        for wrong in [json!(0), json!(2), json!("x"), json!([1]), json!(-1)] {
            who.put(&call, json!({ "flags": wrong })).await.expect(400);
            assert_eq!(own().await["participantFlags"], 3, "still in the call after {wrong}");
        }
        // As text, as PHP clients send it.
        who.put(&call, json!({ "flags": "7" })).await.expect(200);
        assert_eq!(own().await["participantFlags"], 7);
    }
    let stranger = world.guest();
    stranger.put(&call, json!({ "flags": 7 })).await.expect(404);
    stranger.enter(&token).await.expect(200);
    stranger.exit(&token).await.expect(200);
    stranger.put(&call, json!({ "flags": 7 })).await.expect(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ending_for_all_is_for_moderators() {
    let (_world, [owner, member]) = World::with(["owner", "member"]).await;
    let token = owner.create_room(2, &["member"]).await;
    for who in [&owner, &member] {
        who.enter(&token).await.expect(200);
        who.join(&token).await.expect(200);
    }
    let call = format!("{V4}/call/{token}");
    member.delete(&call, json!({ "all": true })).await.expect(200);
    assert_eq!(owner.peers(&token).await.expect(200).as_array().unwrap().len(), 1);
    member.join(&token).await.expect(200);
    owner.delete(&call, json!({ "all": true })).await.expect(200);
    assert_eq!(member.peers(&token).await.expect(200), json!([]));
    assert_eq!(member.room(&token).await.expect(200)["hasCall"], false);
    // Leaving while out is harmless.
    member.leave(&token).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starting_can_be_limited_to_groups_and_kinds() {
    let (world, [owner, member]) = World::with(["owner", "member"]).await;
    let token = owner.create_room(3, &["member"]).await;
    let guest = world.guest();
    for who in [&owner, &member, &guest] {
        who.enter(&token).await.expect(200);
    }
    let try_start = |who: crate::support::Client| {
        let token = token.clone();
        async move {
            let status = who.join(&token).await.status;
            who.leave(&token).await.expect(200);
            status
        }
    };
    world.admin(|admin| admin.add_group("callers", &["member".to_owned()]).unwrap()).await;
    world.config("start-calls-groups", "callers").await;
    assert_eq!(owner.room(&token).await.expect(200)["canStartCall"], false);
    assert_eq!(try_start(owner.clone()).await, 403);
    assert_eq!(try_start(guest.clone()).await, 403);
    member.join(&token).await.expect(200);
    owner.join(&token).await.expect(200);
    guest.join(&token).await.expect(200);
    for who in [&member, &owner, &guest] {
        who.leave(&token).await.expect(200);
    }
    world.admin(|admin| admin.add_group("callers", &["owner".to_owned()]).unwrap()).await;
    assert_eq!(try_start(owner.clone()).await, 200);
    world.config("start-calls-groups", "").await;
    for (policy, expected) in
        [("0", [200, 200, 200]), ("1", [200, 200, 403]), ("2", [200, 403, 403]), ("3", [403, 403, 403])]
    {
        world.config("start-calls", policy).await;
        for (who, status) in [&owner, &member, &guest].into_iter().zip(expected) {
            assert_eq!(try_start(who.clone()).await, status, "policy {policy} {}", who.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_call_of_listeners_has_their_media_stripped() {
    let (world, [owner]) = World::with(["owner"]).await;
    let names: Vec<String> = (0..70).map(|n| format!("u{n}")).collect();
    let invited: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut members = Vec::new();
    for name in &names {
        members.push(world.user(name).await);
    }
    let token = owner.create_room(2, &invited).await;
    let permissions = format!("{V4}/room/{token}/permissions/default");
    owner.put(&permissions, json!({ "permissions": 5 })).await.expect(200);
    owner.session(&token).await;
    let starts = &members[0];
    starts.enter(&token).await.expect(200);
    starts.join(&token).await.expect(403);
    owner.join_with(&token, json!({ "flags": 7 })).await.expect(200);
    let joins = members.iter().map(|member| {
        let (member, token) = (member.clone(), token.clone());
        tokio::spawn(async move {
            member.enter(&token).await.expect(200);
            member.join_with(&token, json!({ "flags": 7 })).await.expect(200);
            member.room(&token).await.expect(200)["participantFlags"].clone()
        })
    });
    for join in joins.collect::<Vec<_>>() {
        assert_eq!(join.await.unwrap(), 1);
    }
    let peers = owner.peers(&token).await.expect(200);
    assert_eq!(peers.as_array().unwrap().len(), 71);
    assert_eq!(owner.room(&token).await.expect(200)["participantFlags"], 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_of_one_account_are_two_peers() {
    let (_world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let token = alice.one_to_one("bob").await;
    let phone = bob.other_device();
    for who in [&alice, &bob, &phone] {
        who.enter(&token).await.expect(200);
        who.join(&token).await.expect(200);
    }
    let peers = alice.peers(&token).await.expect(200);
    let bobs = peers.as_array().unwrap().iter().filter(|peer| peer["actorId"] == "bob").count();
    assert_eq!(bobs, 2);
    phone.leave(&token).await.expect(200);
    assert_eq!(alice.peers(&token).await.expect(200).as_array().unwrap().len(), 2);
    // Without its cookie, a request means another session of the same attendee.
    bob.other_device().leave(&token).await.expect(200);
    assert_eq!(alice.peers(&token).await.expect(200).as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dial_out_needs_a_number_and_a_bridge() {
    let (world, [owner, member]) = World::with(["owner", "member"]).await;
    let token = owner.create_room(2, &["member"]).await;
    let participants = format!("{V4}/room/{token}/participants");
    let number = json!({ "newParticipant": "+4930123456", "source": "phones" });
    owner.post(&participants, number.clone()).await.expect(501);
    world.config("sip-dialout", "1").await;
    owner.post(&participants, json!({ "newParticipant": "123", "source": "phones" })).await.expect(400);
    owner.post(&participants, number).await.expect(200);
    let phone = owner.attendee_id(&token, "+4930123456").await;
    let person = owner.attendee_id(&token, "member").await;
    let dial = |id: i64| format!("{V4}/call/{token}/dialout/{id}");
    owner.post(&dial(phone), json!({})).await.refuse(400, "in-call");
    owner.enter(&token).await.expect(200);
    owner.join(&token).await.expect(200);
    member.post(&dial(phone), json!({})).await.expect(400);
    owner.post(&dial(person), json!({})).await.expect(404);
    owner.post(&dial(999_999), json!({})).await.expect(404);
    let refused = owner.post(&dial(phone), json!({})).await.expect(501);
    assert!(!refused["message"].as_str().unwrap().is_empty());
    owner
        .put(&format!("{V4}/room/{token}/permissions/default"), json!({ "permissions": 5 }))
        .await
        .expect(200);
    member.post(&dial(phone), json!({})).await.expect(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moderators_can_have_a_table_of_those_in_the_call() {
    let (world, [owner, member]) = World::with(["owner", "member"]).await;
    let token = owner.create_room(3, &["member"]).await;
    let path = format!("{V4}/call/{token}/download");
    let guest = world.guest();
    owner.get(&path).await.expect(400);
    for who in [&owner, &member, &guest] {
        who.enter(&token).await.expect(200);
    }
    let name = json!({ "displayName": "=1+1, \"x\"" });
    guest.post(&format!("{}/guest/{token}/name", crate::support::V1), name).await.expect(200);
    for who in [&owner, &member, &guest] {
        who.join(&token).await.expect(200);
    }
    // Who has left is in it still.
    member.leave(&token).await.expect(200);
    member.get(&path).await.expect(403);
    guest.get(&path).await.expect(403);
    owner.get(&format!("{path}?format=pdf")).await.expect(400);
    let table = owner.get(&format!("{path}?format=csv")).await;
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(table.header("content-disposition"), format!("attachment; filename=\"{token}.csv\""));
    let lines: Vec<&str> = table.body.lines().collect();
    assert_eq!(lines[0], "name,email,type,identifier");
    assert!(
        lines.contains(&"\"Owner Test\",,users,owner") && lines.contains(&"\"Member Test\",,users,member")
    );
    assert!(lines.iter().any(|line| line.starts_with("\"'=1+1, \"\"x\"\"\",,guests,")), "{lines:?}");
    assert_eq!(lines.len(), 4);
}
