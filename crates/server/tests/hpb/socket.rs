//! A client of the real signaling server, on its WebSocket.

use std::collections::VecDeque;

use futures_util::{SinkExt as _, StreamExt as _};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::HANG;

pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Messages that came while another was waited for.
    earlier: VecDeque<Value>,
    /// Its name on the signaling server.
    pub(crate) id: String,
}

impl Socket {
    /// Greets the signaling server with the parameters of the settings, in this version of the greeting.
    pub(crate) async fn greet(websocket: &str, backend: &str, settings: &Value, version: &str) -> Self {
        let auth = json!({ "url": backend, "params": settings["helloAuthParams"][version] });
        Self::hello(websocket, json!({ "version": version, "auth": auth })).await
    }

    /// Greets as a telephone bridge that knows this secret, for a Nextcloud.
    pub(crate) async fn bridge(websocket: &str, backend: &str, secret: &str) -> Self {
        let random = "0123456789".repeat(4);
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(&random);
        let token: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let params = json!({ "random": random, "token": token, "backend": backend });
        let auth = json!({ "type": "internal", "params": params });
        Self::hello(websocket, json!({ "version": "1.0", "features": ["start-dialout"], "auth": auth })).await
    }

    async fn hello(websocket: &str, hello: Value) -> Self {
        let (stream, _) = connect_async(websocket).await.unwrap();
        let mut socket = Self { stream, earlier: VecDeque::new(), id: String::new() };
        let hello = json!({ "id": "1", "type": "hello", "hello": hello });
        socket.send(&hello).await;
        let answer = socket.wait("a greeting", |m| m["id"] == "1").await;
        assert_eq!(answer["type"], "hello", "{answer}");
        socket.id = answer["hello"]["sessionid"].as_str().unwrap().to_owned();
        socket
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.stream.send(Message::text(message.to_string())).await.unwrap();
    }

    /// Enters a room; what the signaling server answers.
    pub(crate) async fn enter(&mut self, token: &str, session: &str) -> Value {
        let room = json!({ "roomid": token, "sessionid": session });
        self.send(&json!({ "id": "2", "type": "room", "room": room })).await;
        self.wait("an answer to entering", |m| m["id"] == "2").await
    }

    /// The next message of this kind; others are kept for later.
    pub(crate) async fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(index) = self.earlier.iter().position(&wanted) {
            return self.earlier.remove(index).unwrap();
        }
        let arrived = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let message: Value = serde_json::from_str(&text).unwrap();
                        if wanted(&message) {
                            return message;
                        }
                        self.earlier.push_back(message);
                    }
                    Some(Ok(_)) => {}
                    ended => panic!("waiting for {what}, the socket ended: {ended:?}"),
                }
            }
        };
        let arrived = tokio::time::timeout(HANG, arrived).await;
        arrived.unwrap_or_else(|_| panic!("{what} did not come; instead {:?}", self.earlier))
    }

    /// Waits until somebody's flags in the call are told as these.
    pub(crate) async fn in_call(&mut self, id: &str, flags: u64) -> Value {
        self.wait(&format!("{id} with flags {flags}"), |m| {
            let update = &m["event"]["update"];
            m["event"]["target"] == "participants"
                && update["users"].as_array().is_some_and(|users| {
                    users.iter().any(|user| user["sessionId"] == id && user["inCall"] == flags)
                })
        })
        .await
    }

    /// Waits until the signaling server has closed the socket.
    pub(crate) async fn closed(&mut self) {
        let ended = async { while let Some(Ok(_)) = self.stream.next().await {} };
        tokio::time::timeout(HANG, ended).await.expect("the socket stays open");
    }
}
