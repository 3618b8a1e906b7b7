//! What nobody well-meaning sends.

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Client, PASSWORD, V3, V4, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_pages_cannot_ask_without_the_ocs_header() {
    let (world, [alice]) = World::with(["alice"]).await;
    let url = format!("{}ocs/v2.php/cloud/user", world.listening.url);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = http.get(url).basic_auth("alice", alice.password).send().await.unwrap();
    assert_eq!(response.status(), 412);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_paths_and_methods_have_an_envelope() {
    let (_world, [alice]) = World::with(["alice"]).await;
    alice.get("/ocs/v2.php/apps/spreed/api/v1/chat/abc").await.expect(404);
    alice.get("/ocs/v2.php").await.expect(404);
    alice.call(Method::PATCH, &format!("{V4}/room"), json!({})).await.expect(405);
    assert_eq!(alice.get("/").await.status, 404);
    assert_eq!(alice.get("/%ff/%00").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_and_broken_bodies_are_refused() {
    let (world, [alice, _bob]) = World::with(["alice", "bob"]).await;
    let token = alice.one_to_one("bob").await;
    let path = format!("{V4}/call/{token}");
    let raw = |body: String| {
        alice.request(Method::POST, &path).header("Content-Type", "application/json").body(body)
    };
    alice.enter(&token).await.expect(200);
    for body in ["{", "[1]", "\"x\"", "{\"flags\":1e400}", "\u{0}", "{\"a\":\"\\ud800\"}"] {
        alice.send(raw(body.into())).await.expect(400);
    }
    alice.send(raw("[".repeat(100_000))).await.expect(400);
    alice.send(raw(format!("{{\"x\":\"{}\"}}", "a".repeat(1 << 20)))).await.expect(413);
    for flags in ["-1", "4294967296", "99999999999999999999", "1.5", "{}", "[]"] {
        alice.send(raw(format!("{{\"flags\":{flags}}}"))).await.expect(400);
    }
    // Strangers may send less.
    let guest = world.guest();
    let public = alice.create_room(3, &[]).await;
    let request = guest.request(Method::POST, &format!("{V4}/room/{public}/participants/active"));
    guest.send(request.json(&json!({ "password": "x".repeat(100_000) }))).await.expect(413);
    alice.join(&token).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_messages_stays_bounded_and_harms_nobody_else() {
    let (_world, [owner, noisy, quiet]) = World::with(["owner", "noisy", "quiet"]).await;
    let token = owner.create_room(2, &["noisy", "quiet"]).await;
    let target = owner.session(&token).await;
    let (n, q) = (noisy.session(&token).await, quiet.session(&token).await);
    let message = json!({ "to": target, "type": "candidate", "payload": "x".repeat(2000) }).to_string();
    let element = json!({ "ev": "message", "fn": message, "sessionId": n });
    let batch = json!(vec![element; 200]).to_string();
    for _ in 0..5 {
        noisy.post(&format!("{V3}/signaling/{token}"), json!({ "messages": batch })).await.expect(200);
    }
    quiet.signal(&token, &q, json!({ "to": target, "type": "offer" })).await.expect(200);
    let got = crate::support::messages(&owner.pull(&token).await.expect(200));
    assert!(got.len() < 500, "{}", got.len());
    assert_eq!(got.last().unwrap()["from"], q);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_http_do_not_stop_the_server() {
    let (world, [alice]) = World::with(["alice"]).await;
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        [b"GET / HTTP/1.1\r\nx: ".to_vec(), vec![b'a'; 100_000]].concat(),
        b"POST /ocs/v2.php/cloud/user HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"
            .to_vec(),
    ] {
        let mut stream = TcpStream::connect(world.listening.address).await.unwrap();
        // The server may close before everything is written.
        drop(stream.write_all(&bytes).await);
        drop(stream.shutdown().await);
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
    }
    alice.get(&format!("{V4}/room")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_are_answered_later_and_later() {
    let (world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let user = "/ocs/v2.php/cloud/user";
    let with = |who: &Client, password: &str| Client { password: Some(password.into()), ..who.clone() };
    // The time a try took; the server waits at least so long, and a slow machine longer.
    let took = async |who: Client, status: u16| {
        let begun = std::time::Instant::now();
        who.get(user).await.expect(status);
        begun.elapsed().as_millis()
    };
    took(with(&alice, "guess 1"), 401).await;
    assert!(took(with(&alice, "guess 2"), 401).await >= 200);
    // Against another account it goes on; the right password waits as a wrong one does.
    assert!(took(with(&bob, "guess 3"), 401).await >= 400);
    assert!(took(with(&bob, PASSWORD), 200).await >= 800);
    // Which forgives what was tried against that account.
    assert!(took(with(&alice, PASSWORD), 200).await >= 400);
    let token = alice.create_room(3, &[]).await;
    let password = json!({ "password": "open sesame" });
    alice.put(&format!("{V4}/room/{token}/password"), password.clone()).await.expect(200);
    let guest = world.guest();
    for n in 0..2 {
        guest.enter_with(&token, json!({ "password": format!("guess {n}") })).await.expect(403);
    }
    let begun = std::time::Instant::now();
    guest.enter_with(&token, password).await.expect(200);
    assert!(begun.elapsed().as_millis() >= 400);
}
