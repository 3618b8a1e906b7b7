//! The push WebSocket (talk-accounts.md section 4.5).

use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::{Client, HANG, NOTIFICATIONS, World};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(world: &World, frames: [&str; 2]) -> Socket {
    let url = format!("ws://{}/push/ws", world.listening.address);
    let (mut socket, _) = connect_async(url).await.unwrap();
    for frame in frames {
        socket.send(Message::text(frame)).await.unwrap();
    }
    socket
}

/// The next text frame; `None` when the socket has ended.
async fn next(socket: &mut Socket) -> Option<String> {
    loop {
        match timeout(HANG, socket.next()).await.expect("a frame or the end")? {
            Ok(Message::Text(text)) => return Some(text.as_str().to_owned()),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(_) | Err(_) => return None,
        }
    }
}

async fn signed_in(world: &World, who: &Client) -> Socket {
    let mut socket = connect(world, [&who.name, who.password.as_deref().unwrap()]).await;
    assert_eq!(next(&mut socket).await.as_deref(), Some("authenticated"));
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ring_its_withdrawal_and_a_missed_call_are_pushed() {
    let (world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let mut socket = signed_in(&world, &bob).await;
    let token = alice.one_to_one("bob").await;
    alice.enter(&token).await.expect(200);
    alice.join(&token).await.expect(200);
    assert_eq!(next(&mut socket).await.as_deref(), Some("notify_notification"));
    assert_eq!(bob.notifications().await.len(), 1);
    // Answered on another device.
    let phone = bob.other_device();
    phone.enter(&token).await.expect(200);
    phone.join(&token).await.expect(200);
    assert_eq!(next(&mut socket).await.as_deref(), Some("notify_notification"));
    assert!(bob.notifications().await.is_empty());
    for who in [&phone, &alice] {
        who.leave(&token).await.expect(200);
    }
    alice.join(&token).await.expect(200);
    assert_eq!(next(&mut socket).await.as_deref(), Some("notify_notification"));
    alice.leave(&token).await.expect(200);
    assert_eq!(next(&mut socket).await.as_deref(), Some("notify_notification"));
    assert_eq!(bob.state(&token).await, 201);
    bob.delete(NOTIFICATIONS, json!({})).await.expect(200);
    assert_eq!(next(&mut socket).await.as_deref(), Some("notify_notification"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_told_and_the_socket_closed() {
    let (world, [alice]) = World::with(["alice"]).await;
    for frames in [["alice", "wrong"], ["nobody", "x"], ["", "no token"]] {
        let mut socket = connect(&world, frames).await;
        assert!(next(&mut socket).await.unwrap().starts_with("err:"));
        assert_eq!(next(&mut socket).await, None);
    }
    drop(signed_in(&world, &alice).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_takes_the_passwords_place_once() {
    let (world, [alice]) = World::with(["alice"]).await;
    for method in [Method::GET, Method::POST] {
        let answer = alice.send(alice.request(method, "/push/pre_auth")).await;
        assert_eq!((answer.status, answer.body.len()), (200, 64));
        let mut socket = connect(&world, ["", &answer.body]).await;
        assert_eq!(next(&mut socket).await.as_deref(), Some("authenticated"));
        let mut again = connect(&world, ["", &answer.body]).await;
        assert!(next(&mut again).await.unwrap().starts_with("err:"));
    }
    assert_eq!(world.guest().get("/push/pre_auth").await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_app_password_and_a_removed_account_lose_their_sockets() {
    let (world, [alice, bob]) = World::with(["alice", "bob"]).await;
    let mut socket = signed_in(&world, &alice).await;
    let mut other = signed_in(&world, &bob).await;
    alice.delete("/ocs/v2.php/core/apppassword", json!({})).await.expect(200);
    assert!(next(&mut socket).await.unwrap().starts_with("err:"));
    assert_eq!(next(&mut socket).await, None);
    // By the command line, which only the database tells of.
    let admin = bellbird_server::Admin::open(world.data.path()).unwrap();
    admin.remove_user("bob").unwrap();
    assert!(next(&mut other).await.unwrap().starts_with("err:"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_on_the_socket_harms_nobody() {
    let (world, [alice]) = World::with(["alice"]).await;
    let url = format!("ws://{}/push/ws", world.listening.address);
    let (mut socket, _) = connect_async(&url).await.unwrap();
    socket.send(Message::text("x".repeat(100_000))).await.ok();
    assert_eq!(next(&mut socket).await, None);
    let (mut socket, _) = connect_async(&url).await.unwrap();
    socket.send(Message::binary(vec![0, 1, 2])).await.unwrap();
    assert_eq!(next(&mut socket).await, None);
    let mut socket = signed_in(&world, &alice).await;
    socket.send(Message::text("whatever")).await.unwrap();
    let token = alice.create_room(2, &[]).await;
    alice.delete(&format!("{}/room/{token}", crate::support::V4), json!({})).await.expect(200);
    socket.close(None).await.unwrap();
}
