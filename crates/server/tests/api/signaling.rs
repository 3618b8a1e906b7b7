//! Internal signaling: settings, messages, long polls.

use serde_json::json;

use crate::support::{World, messages, users};

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
