//! A client that programs steer through the embedded server: its state, its orders, its answers, over real sockets.

use std::sync::Arc;
use std::time::Instant;

use bellbird_call::{RoomId, Secret};
use bellbird_talk::{
    ClientCall, ClientName, ClientState, ConnectionState, JoinWith, Order, OrderRefusal, OrderTicket,
    RoomKind, TalkAccount,
};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;

use crate::foreign::{APP_PASSWORD, Foreign, LOGIN};
use crate::stage::{Bell, HANG, PASSWORD, Stage};

const ID: &str = "cowork-390e29ba-fe73-4dd0-affc-b78ea328769b";

/// A program that knows ann's password.
struct Program {
    http: reqwest::Client,
    base: String,
}

impl Program {
    fn new(stage: &Stage) -> Self {
        // Several tests in one process: the first sets it, the others find it set.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http =
            reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(HANG).build().unwrap();
        Self { http, base: format!("{}/api/cowork", stage.url.trim_end_matches('/')) }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let response = request.basic_auth("ann", Some(PASSWORD)).send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.http.get(format!("{}/{path}", self.base))).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(self.http.post(format!("{}/{path}", self.base)).json(&body)).await
    }

    /// Waits until ann's clients look so.
    async fn until(&self, fine: impl Fn(&Value) -> bool) {
        let wait = async {
            loop {
                if fine(&self.get("user").await.1["clients"]) {
                    return;
                }
            }
        };
        tokio::time::timeout(HANG, wait).await.expect("the clients to be so");
    }
}

fn state(open: Option<&RoomId>) -> ClientState {
    ClientState {
        client_id: ID.to_owned(),
        last_interaction: Instant::now(),
        open_channel: open.cloned(),
        call: None,
    }
}

fn camera() -> ConnectionState {
    ConnectionState { media: "camera".to_owned(), ..ConnectionState::default() }
}

fn orders(account: &TalkAccount) -> UnboundedReceiver<OrderTicket> {
    let (sender, orders) = unbounded_channel();
    account.set_order_sink(Some(Arc::new(move |ticket| drop(sender.send(ticket)))));
    orders
}

async fn next(orders: &mut UnboundedReceiver<OrderTicket>) -> OrderTicket {
    tokio::time::timeout(HANG, orders.recv()).await.expect("an order").unwrap()
}

/// Ann, watched and with a conversation.
async fn ann(stage: &Stage) -> (TalkAccount, RoomId, Bell) {
    let ann = stage.person("ann").await;
    let room = ann.create_room("Room", RoomKind::Group, &[]).await.unwrap().id;
    let bell = Bell::hang(&ann).await;
    (ann, room, bell)
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_arrive_and_answers_return() {
    let stage = Stage::open().await;
    let (ann, room, _bell) = ann(&stage).await;
    let program = Program::new(&stage);
    let mut orders = orders(&ann);
    ann.set_client_state(Some(state(Some(&room))));
    program.until(|clients| clients[0]["clientId"] == ID).await;

    let (answer, ()) = tokio::join!(program.post("user/calls/join", json!({ "joinType": "VIDEO" })), async {
        let OrderTicket { order, answer } = next(&mut orders).await;
        assert_eq!(order, Order::Join { channel: room.clone(), kind: JoinWith::Video });
        let connections = vec![ConnectionState { video: true, ..camera() }];
        let call = Some(ClientCall { channel: room.clone(), connections: connections.clone() });
        ann.set_client_state(Some(ClientState { call, ..state(Some(&room)) }));
        answer.done(connections);
    });
    assert_eq!((answer.0, &answer.1[0]["video"], &answer.1[0]["userId"]), (200, &json!(true), &json!("ann")));
    assert_eq!(program.get("user/calls").await.1[0]["states"][0]["clientId"], ID);

    for (path, body, expected) in [
        ("audio", json!({ "muted": true }), Order::SetAudio { muted: Some(true), silent: None }),
        ("video", json!({ "video": false }), Order::SetVideo { video: false }),
        ("raise", json!({ "raise": true }), Order::Raise { raise: true }),
        ("leave", json!({}), Order::Leave { media: None }),
    ] {
        let path = format!("user/calls/{path}");
        let (answer, ()) = tokio::join!(program.post(&path, body), async {
            let OrderTicket { order, answer } = next(&mut orders).await;
            assert_eq!(order, expected);
            answer.refuse(OrderRefusal::Forbidden, "The person does not allow it");
        });
        assert_eq!(answer, (403, json!({ "error": "The person does not allow it" })));
    }

    // One that is thrown away unanswered is refused at once, not waited for.
    let (answer, ()) = tokio::join!(program.post("user/calls/leave", json!({})), async {
        drop(next(&mut orders).await);
    });
    assert_eq!(answer.0, 409);
    ann.set_order_sink(None);
    assert_eq!(program.post("user/calls/leave", json!({})).await.0, 409);
    ann.set_client_state(None);
    program.until(|clients| *clients == json!([])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_is_told_again_after_a_reconnection_and_goes_with_the_watch() {
    let mut stage = Stage::open().await;
    let (ann, room, bell) = ann(&stage).await;
    let program = Program::new(&stage);
    let mut orders = orders(&ann);
    ann.set_client_state(Some(state(Some(&room))));
    program.until(|clients| clients[0]["clientId"] == ID).await;
    stage.server.shutdown().await;
    stage.reopen().await;
    program.until(|clients| clients[0]["channelId"] == json!(room.as_str())).await;
    let (answer, ()) = tokio::join!(program.post("user/calls/join", json!({})), async {
        next(&mut orders).await.answer.done(vec![camera()]);
    });
    assert_eq!(answer.0, 200);
    drop(bell);
    program.until(|clients| *clients == json!([])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_a_lost_connection_goes_nowhere() {
    let mut stage = Stage::open().await;
    let (ann, room, _bell) = ann(&stage).await;
    let program = Program::new(&stage);
    let mut orders = orders(&ann);
    ann.set_client_state(Some(state(Some(&room))));
    program.until(|clients| clients[0]["clientId"] == ID).await;
    let asked = tokio::spawn({
        let (http, url) = (program.http.clone(), format!("{}/user/calls/join", program.base));
        async move { http.post(url).basic_auth("ann", Some(PASSWORD)).send().await }
    });
    let old = next(&mut orders).await;
    stage.server.shutdown().await;
    drop(asked.await.unwrap());
    stage.reopen().await;
    program.until(|clients| clients[0]["clientId"] == ID).await;
    let (answer, ()) = tokio::join!(program.post("user/calls/join", json!({})), async {
        let new = next(&mut orders).await;
        old.answer.done(vec![ConnectionState { muted: true, ..camera() }]);
        new.answer.done(vec![camera()]);
    });
    assert_eq!((answer.0, &answer.1[0]["muted"]), (200, &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_server_that_steers_is_told() {
    for (own, steers) in [
        (json!({ "client-orders": true }), true),
        (json!({ "client-orders": "yes" }), false),
        (json!({ "ringing-messages": true }), false),
        (Value::Null, false),
    ] {
        let push = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let foreign = Foreign::open().await;
        let address = format!("ws://{}/push/ws", push.local_addr().unwrap());
        foreign.world().more_capabilities = json!({
            "bellbird": own,
            "notify_push": { "type": ["notifications"], "endpoints": { "websocket": address } },
        });
        let password = Secret::new(APP_PASSWORD);
        let account =
            TalkAccount::sign_in(&foreign.url, LOGIN, &password, ClientName::default()).await.unwrap();
        account.set_client_state(Some(state(None)));
        let bell = Bell::hang_unready(&account);
        let (stream, _) = tokio::time::timeout(HANG, push.accept()).await.unwrap().unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        for _ in 0..2 {
            assert!(matches!(socket.next().await, Some(Ok(Message::Text(_)))), "a login");
        }
        socket.send(Message::text("authenticated")).await.unwrap();
        if steers {
            let said = tokio::time::timeout(HANG, socket.next()).await.unwrap().unwrap().unwrap();
            assert!(said.to_text().unwrap().starts_with("bellbird-client {"), "{said:?}");
            // What is no order, or one that nobody knows, harms nothing; the latter is answered.
            for text in [
                "bellbird-order",
                "bellbird-order {}",
                "x",
                "bellbird-order {\"id\":5,\"order\":{\"type\":\"dance\"}}",
            ] {
                socket.send(Message::text(text)).await.unwrap();
            }
            let said = tokio::time::timeout(HANG, socket.next()).await.unwrap().unwrap().unwrap();
            assert!(said.to_text().unwrap().starts_with("bellbird-answer {\"id\":5,\"refusal\""), "{said:?}");
            continue;
        }
        // By the time it has asked twice more, it would have said something.
        for _ in 0..2 {
            let before = foreign.asked("notifications").len();
            socket.send(Message::text("notify_notification")).await.unwrap();
            foreign.until_asked("notifications", before + 1).await;
        }
        drop(bell);
        while let Some(Ok(frame)) = socket.next().await {
            assert!(!frame.is_text(), "a server that does not steer was told {frame:?}");
        }
    }
}
