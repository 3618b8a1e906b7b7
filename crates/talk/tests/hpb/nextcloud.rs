//! A Nextcloud that sends its people to a signaling server.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::Response;
use bellbird_call::Secret;
use bellbird_talk::{ClientName, TalkAccount};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::script::HANG;

pub(crate) const ROOM: &str = "room1";

/// What it is like, and what it was asked.
pub(crate) struct World {
    /// The signaling server.
    pub(crate) server: String,
    /// 1: of two, with Bob.
    pub(crate) room_type: u8,
    /// How often the room was entered; the session is named after it.
    pub(crate) entered: u32,
    /// How often settings were fetched; the token is named after it.
    pub(crate) fetched: u32,
    /// Requests to join or leave the call, with their bodies.
    pub(crate) calls: Vec<(String, Value)>,
    /// How the recording of the call stands, as Nextcloud says in the room.
    pub(crate) recording: u8,
    /// Sessions in the call, as Nextcloud names them.
    pub(crate) peers: Value,
    /// Requests to join the call are carried out, and never answered.
    pub(crate) is_slow: bool,
}

#[derive(Clone)]
pub(crate) struct Nextcloud {
    pub(crate) url: String,
    world: Arc<Mutex<World>>,
    /// Told after each request.
    asked: Arc<Notify>,
}

impl Nextcloud {
    pub(crate) async fn open(server: &str) -> Self {
        let world = World {
            server: server.to_owned(),
            room_type: 2,
            entered: 0,
            fetched: 0,
            calls: Vec::new(),
            recording: 0,
            peers: json!([]),
            is_slow: false,
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let nextcloud = Self { url, world: Arc::new(Mutex::new(world)), asked: Arc::default() };
        let router = Router::new().fallback(answer).with_state(nextcloud.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        nextcloud
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Waits for a request to join or leave the call.
    pub(crate) async fn until_called(&self, method: &str) {
        let called = || self.world().calls.iter().any(|(called, _)| called == method);
        let waiting = async {
            loop {
                let next = self.asked.notified();
                if called() {
                    return;
                }
                next.await;
            }
        };
        tokio::time::timeout(HANG, waiting).await.expect("the request comes");
    }

    pub(crate) async fn sign_in(&self) -> TalkAccount {
        let password = Secret::new("app-password");
        TalkAccount::sign_in(&self.url, "alice", &password, ClientName::default()).await.unwrap()
    }
}

async fn answer(State(nextcloud): State<Nextcloud>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Value = serde_json::from_slice(&to_bytes(body, 1 << 20).await.unwrap()).unwrap_or_default();
    let joins = parts.method == "POST" && parts.uri.path().contains("/call/");
    let data = nextcloud.world().answer(parts.method.as_str(), &parts.uri.to_string(), body);
    nextcloud.asked.notify_waiters();
    if joins && nextcloud.world().is_slow {
        std::future::pending::<()>().await;
    }
    let text = if parts.uri.path().ends_with("status.php") {
        data
    } else {
        json!({ "ocs": { "meta": { "status": "ok", "statuscode": 200, "message": "OK" }, "data": data } })
    };
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(text.to_string()))
        .unwrap()
}

impl World {
    fn answer(&mut self, method: &str, path: &str, body: Value) -> Value {
        let has = |part: &str| path.contains(part);
        if has("/status.php") {
            return json!({ "installed": true, "maintenance": false, "versionstring": "30" });
        }
        if has("/cloud/capabilities") {
            let features = ["conversation-v4", "signaling-v3", "audio", "in-call-flags", "silent-call"];
            let spreed = json!({ "features": features, "config": { "call": { "enabled": true } } });
            return json!({ "version": { "major": 30 }, "capabilities": { "spreed": spreed } });
        }
        if has("/cloud/user") {
            return json!({ "id": "alice", "display-name": "Alice" });
        }
        if has("/core/") {
            return json!({ "apppassword": "app-password" });
        }
        if has("/participants/active") && method == "POST" {
            self.entered += 1;
            return json!({
                "token": ROOM, "type": self.room_type, "name": "bob", "displayName": "Bob", "participantType": 3,
                "permissions": 246, "readOnly": 0, "sessionId": format!("nc-{}", self.entered),
                "callRecording": self.recording,
            });
        }
        if has("/signaling/settings") {
            self.fetched += 1;
            return json!({
                "signalingMode": "external", "server": self.server, "ticket": "t", "userId": "alice",
                "helloAuthParams": {
                    "1.0": { "userid": "alice", "ticket": "t" },
                    "2.0": { "token": format!("token-{}", self.fetched) },
                },
                "stunservers": [], "turnservers": [],
            });
        }
        if has("/call/") && method == "GET" {
            return self.peers.clone();
        }
        if has("/call/") {
            self.calls.push((method.to_owned(), body));
        }
        json!([])
    }
}
