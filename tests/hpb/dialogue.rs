//! A bare client of a signaling server: JSON over a WebSocket, one waiting place.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::harness::stage::PATIENCE;

/// A greeted connection.
pub(crate) struct Dialogue {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The id the signaling server gave us.
    pub(crate) session: String,
    /// What it says it can do.
    pub(crate) features: Vec<String>,
    /// The words with which the session can be taken up again.
    pub(crate) resume_id: String,
}

impl Dialogue {
    /// Connects and greets with a ticket (hello 1.0).
    pub(crate) async fn greet(websocket: &str, auth_url: &str, user: &str) -> Self {
        Self::hello(
            websocket,
            json!({"version": "1.0", "auth": {"url": auth_url, "params": {"userid": user, "ticket": "t"}}}),
        )
        .await
    }

    /// Connects and takes a session up again.
    pub(crate) async fn resume(websocket: &str, resume_id: &str) -> Self {
        Self::hello(websocket, json!({"version": "1.0", "resumeid": resume_id})).await
    }

    async fn hello(websocket: &str, hello: Value) -> Self {
        let (socket, _) = tokio_tungstenite::connect_async(websocket).await.expect("the server listens");
        let mut dialogue =
            Self { socket, session: String::new(), features: Vec::new(), resume_id: String::new() };
        dialogue.say(&json!({"id": "1", "type": "hello", "hello": hello})).await;
        let answer = dialogue.wait_for("hello", |message| message["type"] == "hello").await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        dialogue.session = text(&answer["hello"]["sessionid"]);
        dialogue.resume_id = text(&answer["hello"]["resumeid"]);
        let features = answer["hello"]["server"]["features"].as_array().cloned().unwrap_or_default();
        dialogue.features = features.iter().map(text).collect();
        dialogue
    }

    pub(crate) async fn say(&mut self, message: &Value) {
        self.socket.send(Message::text(message.to_string())).await.expect("the server reads");
    }

    /// Enters a room as the session that the Nextcloud side knows by this name.
    pub(crate) async fn enter(&mut self, room: &str, room_session: &str) {
        self.say(&json!({"id": "2", "type": "room", "room": {"roomid": room, "sessionid": room_session}}))
            .await;
        self.wait_for("room", |message| message["type"] == "room" && message["room"]["roomid"] == room).await;
    }

    /// Reads on until a message fits. An error message fails the test.
    pub(crate) async fn wait_for(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let message = self.socket.next().await.expect("the line stands").expect("the line stands");
                let Message::Text(text) = message else { continue };
                let value: Value = serde_json::from_str(&text).expect("the server speaks JSON");
                assert_ne!(value["type"], "error", "while we wait for {what}: {value}");
                if fits(&value) {
                    return value;
                }
            }
        });
        found.await.unwrap_or_else(|_| panic!("no {what} came"))
    }

    /// Waits until the server is gone.
    pub(crate) async fn wait_for_end(mut self) {
        let ended = tokio::time::timeout(PATIENCE, async {
            while let Some(Ok(message)) = self.socket.next().await {
                if message.is_close() {
                    break;
                }
            }
        });
        ended.await.expect("the line ends");
    }
}

/// Whether nothing at all is answered for a while: no time limit decides more than that it was tried.
pub(crate) async fn is_silent(websocket: &str, length: Duration) -> bool {
    let greeting = async {
        let Ok((mut socket, _)) = tokio_tungstenite::connect_async(websocket).await else { return };
        let _ = socket.next().await;
    };
    tokio::time::timeout(length, greeting).await.is_err()
}
