//! A signaling server's side of the talk with ours, over real sockets: it checks every checksum and keeps what it was
//! told.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bellbird_server::{HpbConfig, Server, ServerConfig, TurnConfig};
use hmac::{Hmac, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::{Semaphore, mpsc};

use crate::support::{Answer, Client, HANG, V3, World};

pub(crate) const SECRET: &str = "what both servers know";
pub(crate) const BACKEND: &str = "/ocs/v2.php/apps/spreed/api/v3/signaling/backend";

/// What a request to the signaling server said.
pub(crate) struct Told {
    pub(crate) token: String,
    pub(crate) body: Value,
    /// How our server named itself.
    pub(crate) backend: Option<String>,
}

struct Shared {
    told: mpsc::UnboundedSender<Told>,
    /// Statuses for the next requests; 200 when there is none.
    statuses: Mutex<VecDeque<StatusCode>>,
    /// What is answered to dialing out.
    dial: Mutex<(StatusCode, Value)>,
    /// A request needs a permit to be answered.
    gate: Semaphore,
}

pub(crate) struct FakeHpb {
    shared: Arc<Shared>,
    told: tokio::sync::Mutex<mpsc::UnboundedReceiver<Told>>,
    pub(crate) url: String,
    /// In which the secret file lies.
    folder: tempfile::TempDir,
}

pub(crate) fn checksum(secret: &str, random: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let bytes = mac.chain_update(random).chain_update(body).finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

async fn room(
    State(shared): State<Arc<Shared>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let random = header(&headers, "spreed-signaling-random");
    let given = header(&headers, "spreed-signaling-checksum");
    if random.len() < 32 || given != checksum(SECRET, random, &body) {
        return (StatusCode::FORBIDDEN, "Authentication check failed".into());
    }
    if !header(&headers, "content-type").starts_with("application/json")
        || headers.get("content-length").is_none()
    {
        return (StatusCode::BAD_REQUEST, String::new());
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    let _passed = shared.gate.acquire().await.unwrap();
    let status = shared.statuses.lock().unwrap().pop_front().unwrap_or(StatusCode::OK);
    let answer = if body["type"] == "dialout" {
        let (status, answer) = shared.dial.lock().unwrap().clone();
        (status, answer.to_string())
    } else {
        (status, "{}".to_owned())
    };
    if answer.0.is_success() || body["type"] == "dialout" {
        let backend = headers.get("spreed-signaling-backend").map(|name| name.to_str().unwrap().to_owned());
        drop(shared.told.send(Told { token, body, backend }));
    }
    answer
}

impl FakeHpb {
    pub(crate) async fn start() -> Self {
        let (told, heard) = mpsc::unbounded_channel();
        let dial =
            Mutex::new((StatusCode::OK, json!({ "type": "dialout", "dialout": { "callid": "call-1" } })));
        let gate = Semaphore::new(1000);
        let shared = Arc::new(Shared { told, statuses: Mutex::default(), dial, gate });
        let router = Router::new().route("/api/v1/room/{token}", post(room)).with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), format!("{SECRET}\n")).unwrap();
        std::fs::write(folder.path().join("turn"), "turn secret").unwrap();
        Self { shared, told: tokio::sync::Mutex::new(heard), url, folder }
    }

    pub(crate) fn secret_file(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    pub(crate) fn config(&self, data: &std::path::Path) -> ServerConfig {
        let mut config = ServerConfig::new(data);
        config.hpb = Some(HpbConfig::new(&self.url, self.secret_file()).unwrap());
        config.turn = Some(TurnConfig {
            urls: vec!["turn:127.0.0.1:3478?transport=udp".into()],
            secret_file: self.folder.path().join("turn"),
        });
        config
    }

    /// Our server with this signaling server, and accounts that are signed in.
    pub(crate) async fn with<const N: usize>(names: [&str; N]) -> (Self, World, [Client; N]) {
        let hpb = Self::start().await;
        let data = tempfile::tempdir().unwrap();
        let server = Server::open(hpb.config(data.path())).await.unwrap();
        let listening = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let world = World { server, listening, data };
        let mut clients = Vec::new();
        for name in names {
            clients.push(world.user(name).await);
        }
        let Ok(clients) = clients.try_into() else { panic!("as many clients as names") };
        (hpb, world, clients)
    }

    pub(crate) fn answer_next(&self, statuses: &[StatusCode]) {
        self.shared.statuses.lock().unwrap().extend(statuses);
    }

    pub(crate) fn unanswered(&self) -> usize {
        self.shared.statuses.lock().unwrap().len()
    }

    pub(crate) fn answer_dialing(&self, status: StatusCode, answer: Value) {
        *self.shared.dial.lock().unwrap() = (status, answer);
    }

    /// No request is answered until `open`.
    pub(crate) fn close(&self) {
        self.shared.gate.forget_permits(1000);
    }

    pub(crate) fn open(&self) {
        self.shared.gate.add_permits(1000);
    }

    /// The next message it was told.
    pub(crate) async fn next(&self) -> Told {
        let mut told = self.told.lock().await;
        tokio::time::timeout(HANG, told.recv()).await.expect("the signaling server was told nothing").unwrap()
    }

    /// The next message, which has to be of this kind; its inner part.
    pub(crate) async fn expect(&self, kind: &str) -> Value {
        let told = self.next().await;
        assert_eq!(told.body["type"], kind, "{}", told.body);
        told.body[kind].clone()
    }

    /// Asks our server as the signaling server would.
    pub(crate) async fn ask(&self, world: &World, body: &Value) -> Value {
        let random = "r".repeat(64);
        let text = body.to_string();
        let proof = checksum(SECRET, &random, text.as_bytes());
        self.ask_raw(world, &random, &proof, text).await.expect(200)
    }

    pub(crate) async fn ask_raw(&self, world: &World, random: &str, proof: &str, body: String) -> Answer {
        let guest = world.guest();
        let request = guest
            .http
            .request(Method::POST, format!("{}{BACKEND}", guest.base))
            .header("content-type", "application/json")
            .header("spreed-signaling-random", random)
            .header("spreed-signaling-checksum", proof)
            .timeout(HANG)
            .body(body);
        guest.send(request).await
    }

    /// A session enters (or leaves) a conversation on the signaling server.
    pub(crate) async fn room(
        &self,
        world: &World,
        token: &str,
        session: &str,
        user: &str,
        action: &str,
    ) -> Value {
        let inner = json!({
            "version": "1.0", "roomid": token, "sessionid": session, "userid": user, "action": action,
        });
        self.ask(world, &json!({ "type": "room", "room": inner })).await
    }
}

pub(crate) fn settings_path(token: &str) -> String {
    format!("{V3}/signaling/settings?token={token}")
}
