//! Calls in group, one-to-one, public and password rooms (talk-rest.md section 10).

use serde_json::json;

use crate::support::{V4, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn group_call_from_first_join_to_last_leave() {
    let (world, [p1, p2, p3]) = World::with(["p1", "p2", "p3"]).await;
    let guest = world.guest();
    assert_eq!(p1.get(&format!("{V4}/room")).await.expect(200), json!([]));
    let token = p1.create_room(2, &["p2"]).await;
    for (count, who) in [(1, &p1), (2, &p2)] {
        who.enter(&token).await.expect(200);
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
        stranger.enter(&token).await.expect(404);
        stranger.join(&token).await.expect(404);
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
