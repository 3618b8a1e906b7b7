//! People who are kept out.

use serde_json::{Value, json};

use crate::support::{V1, V4, World};

fn ban(kind: &str, id: &str) -> Value {
    json!({ "actorType": kind, "actorId": id, "internalNote": "was loud" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_banned_account_is_put_out_and_stays_out_until_it_is_forgiven() {
    let (_world, [owner, bob, carol]) = World::with(["owner", "bob", "carol"]).await;
    let token = owner.create_room(3, &["bob", "carol"]).await;
    let (bans, call) = (format!("{V1}/ban/{token}"), format!("{V4}/call/{token}"));
    for who in [&owner, &bob] {
        who.enter(&token).await.expect(200);
        who.join(&token).await.expect(200);
    }
    let made = owner.post(&bans, ban("users", "bob")).await.expect(200);
    assert_eq!((&made["bannedActorType"], &made["bannedActorId"]), (&json!("users"), &json!("bob")));
    assert_eq!((&made["bannedDisplayName"], &made["internalNote"]), (&json!("Bob Test"), &json!("was loud")));
    assert_eq!(
        (&made["moderatorActorId"], &made["moderatorDisplayName"]),
        (&json!("owner"), &json!("Owner Test"))
    );
    assert!(made["bannedTime"].as_i64().unwrap() > 0);
    assert_eq!(owner.peers(&token).await.expect(200).as_array().unwrap().len(), 1, "put out of the call");
    bob.get(&call).await.expect(404);
    bob.enter(&token).await.refuse(403, "ban");
    bob.join(&token).await.expect(404);
    // By no way: not invited, not by a group, not found among open rooms, nor with the password.
    let participants = format!("{V4}/room/{token}/participants");
    owner.post(&participants, json!({ "newParticipant": "bob" })).await.refuse(400, "ban");
    owner.put(&format!("{V4}/room/{token}/listable"), json!({ "scope": 1 })).await.expect(200);
    bob.enter(&token).await.refuse(403, "ban");
    assert_eq!(bob.get(&format!("{V4}/listed-room")).await.expect(200), json!([]));
    owner.put(&format!("{V4}/room/{token}/password"), json!({ "password": "open sesame" })).await.expect(200);
    bob.enter_with(&token, json!({ "password": "wrong" })).await.refuse(403, "ban");

    // A second ban of the same changes nothing.
    assert_eq!(owner.post(&bans, ban("users", "bob")).await.expect(200), made);
    assert_eq!(owner.get(&bans).await.expect(200), json!([made]));
    carol.get(&bans).await.expect(403);
    let id = made["id"].as_i64().unwrap();
    carol.delete(&format!("{bans}/{id}"), json!({})).await.expect(403);
    let elsewhere = format!("{V1}/ban/{}", owner.create_room(2, &[]).await);
    owner.delete(&format!("{elsewhere}/{id}"), json!({})).await.expect(200);
    assert_eq!(owner.get(&bans).await.expect(200), json!([made]), "it is another room's");
    for _ in 0..2 {
        owner.delete(&format!("{bans}/{id}"), json!({})).await.expect(200);
    }
    bob.enter_with(&token, json!({ "password": "open sesame" })).await.expect(200);
    bob.join(&token).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_invited_without_those_who_are_banned() {
    let (world, [owner, bob, carol]) = World::with(["owner", "bob", "carol"]).await;
    world.admin(|admin| admin.add_group("choir", &["bob".to_owned(), "carol".to_owned()]).unwrap()).await;
    let token = owner.create_room(2, &[]).await;
    owner.post(&format!("{V1}/ban/{token}"), ban("users", "bob")).await.expect(200);
    let choir = json!({ "newParticipant": "choir", "source": "groups" });
    owner.post(&format!("{V4}/room/{token}/participants"), choir).await.expect(200);
    carol.enter(&token).await.expect(200);
    bob.enter(&token).await.expect(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_banned_guest_does_not_come_back_with_another_cookie() {
    let (world, [owner, bob]) = World::with(["owner", "bob"]).await;
    let token = owner.create_room(3, &[]).await;
    let bans = format!("{V1}/ban/{token}");
    let (loud, other) = (world.guest(), world.guest());
    let id = loud.enter(&token).await.expect(200)["actorId"].as_str().unwrap().to_owned();
    other.enter(&token).await.expect(200);
    for who in [&owner, &other] {
        who.enter(&token).await.expect(200);
        who.join(&token).await.expect(200);
    }
    owner.post(&bans, ban("guests", &id)).await.expect(200);
    loud.peers(&token).await.expect(404);
    // Others at the same address are not held to account, until the banned one tries again.
    other.peers(&token).await.expect(200);
    loud.enter(&token).await.refuse(403, "ban");
    let all = owner.get(&bans).await.expect(200);
    let kinds: Vec<&Value> = all.as_array().unwrap().iter().map(|ban| &ban["bannedActorType"]).collect();
    assert_eq!(kinds, ["guests", "ip"]);
    assert_eq!(all[1]["bannedActorId"], "127.0.0.1");
    world.guest().enter(&token).await.refuse(403, "ban");
    other.peers(&token).await.refuse(403, "ban");
    // Accounts are told apart by more than their address.
    bob.enter(&token).await.expect(200);
    owner.delete(&format!("{bans}/{}", all[1]["id"]), json!({})).await.expect(200);
    world.guest().enter(&token).await.expect(200);
    owner.post(&bans, ban("ip", "127.0.0.0/8")).await.expect(200);
    world.guest().enter(&token).await.refuse(403, "ban");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_and_what_can_be_banned() {
    let (world, [owner, member, helper]) = World::with(["owner", "member", "helper"]).await;
    let token = owner.create_room(3, &["member", "helper"]).await;
    let id = owner.attendee_id(&token, "helper").await;
    owner.post(&format!("{V4}/room/{token}/moderators"), json!({ "attendeeId": id })).await.expect(200);
    let path = format!("{V1}/ban/{token}");
    member.post(&path, ban("users", "helper")).await.expect(403);
    world.guest().post(&path, ban("users", "helper")).await.expect(404);
    for (body, key) in [
        (ban("groups", "choir"), "bannedActor"),
        (ban("", "x"), "bannedActor"),
        (ban("users", ""), "bannedActor"),
        (ban("ip", "somewhere"), "bannedActor"),
        (ban("ip", "10.0.0.0/40"), "bannedActor"),
        (ban("guests", &"x".repeat(300)), "bannedActor"),
        (ban("users", "owner"), "self"),
        (ban("users", "helper"), "moderator"),
        (
            json!({ "actorType": "users", "actorId": "member", "internalNote": "x".repeat(4001) }),
            "internalNote",
        ),
    ] {
        owner.post(&path, body).await.refuse(400, key);
    }
    // Also whoever never was there; a moderator that is none of the owner's may.
    let made = helper.post(&path, ban("users", "nobody")).await.expect(200);
    assert_eq!(made["bannedDisplayName"], "nobody");
    let pair = owner.one_to_one("member").await;
    owner.post(&format!("{V1}/ban/{pair}"), ban("users", "member")).await.refuse(400, "room");
    let capabilities = owner.get("/ocs/v2.php/cloud/capabilities").await.expect(200);
    let features = capabilities["capabilities"]["spreed"]["features"].as_array().unwrap().clone();
    assert!(features.contains(&json!("ban-v1")));
}
