//! A recording server's side of the talk with ours, over real sockets: it checks every checksum, keeps what it was
//! asked, and calls back at the address it was told.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::fake_hpb::checksum;
use crate::support::{Answer, Client, HANG, V1, World};

pub(crate) const SECRET: &str = "known to the recorder alone";

/// What a request to the recording server said.
pub(crate) struct Told {
    pub(crate) token: String,
    pub(crate) body: Value,
    /// Where to call back.
    pub(crate) base: String,
}

struct Shared {
    told: mpsc::UnboundedSender<Told>,
    /// Statuses for the next requests; 200 when there is none.
    statuses: Mutex<VecDeque<StatusCode>>,
}

pub(crate) struct FakeRecorder {
    shared: Arc<Shared>,
    told: tokio::sync::Mutex<mpsc::UnboundedReceiver<Told>>,
    pub(crate) url: String,
    folder: tempfile::TempDir,
}

async fn room(
    State(shared): State<Arc<Shared>>,
    UrlPath(token): UrlPath<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
    let random = header("talk-recording-random");
    if random.len() < 32 || header("talk-recording-checksum") != checksum(SECRET, random, &body) {
        return StatusCode::FORBIDDEN;
    }
    let status = shared.statuses.lock().unwrap().pop_front().unwrap_or(StatusCode::OK);
    if !status.is_server_error() {
        let base = header("talk-recording-backend").to_owned();
        let body = serde_json::from_slice(&body).unwrap();
        drop(shared.told.send(Told { token, body, base }));
    }
    status
}

/// The body of an upload in parts: (name, file name, content).
pub(crate) fn multipart(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, content) in parts {
        let file = file.map_or(String::new(), |file| format!("; filename=\"{file}\""));
        body.extend(
            format!("--parts\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes(),
        );
        body.extend_from_slice(content);
        body.extend(b"\r\n");
    }
    body.extend(b"--parts--\r\n");
    body
}

impl FakeRecorder {
    pub(crate) async fn start() -> Self {
        let (told, heard) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { told, statuses: Mutex::default() });
        let router = Router::new().route("/api/v1/room/{token}", post(room)).with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), format!("{SECRET}\n")).unwrap();
        Self { shared, told: tokio::sync::Mutex::new(heard), url, folder }
    }

    pub(crate) fn secret_file(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    /// Has a running server use this recording server.
    pub(crate) async fn configure(&self, world: &World, asks: &Client) {
        world.config("recording-secret-file", self.secret_file().to_str().unwrap()).await;
        world.config("recording-url", &self.url).await;
        can_record(asks, true).await;
    }

    pub(crate) fn answer_next(&self, statuses: &[StatusCode]) {
        self.shared.statuses.lock().unwrap().extend(statuses);
    }

    /// The next thing it was asked, which has to be of this kind.
    pub(crate) async fn expect(&self, kind: &str) -> Told {
        let mut told = self.told.lock().await;
        let told =
            tokio::time::timeout(HANG, told.recv()).await.expect("the recorder was asked nothing").unwrap();
        assert_eq!(told.body["type"], kind, "{}", told.body);
        told
    }

    /// Whether nothing else was asked of it.
    pub(crate) async fn is_idle(&self) -> bool {
        self.told.lock().await.is_empty()
    }

    /// Calls back, proven.
    pub(crate) async fn says(&self, base: &str, kind: &str, inner: Value) -> Answer {
        let body = json!({ "type": kind, kind: inner }).to_string();
        let random = "r".repeat(64);
        let proof = checksum(SECRET, &random, body.as_bytes());
        say(base, &random, &proof, body).await
    }

    /// Uploads parts for a room, proven.
    pub(crate) async fn uploads(&self, base: &str, token: &str, body: Vec<u8>) -> Answer {
        let random = "u".repeat(64);
        upload(base, token, &random, &checksum(SECRET, &random, token.as_bytes()), body).await
    }
}

/// Waits until the capabilities say so.
pub(crate) async fn can_record(asks: &Client, expected: bool) {
    let reached = async {
        loop {
            let told = asks.get("/ocs/v2.php/cloud/capabilities").await.expect(200);
            if told["capabilities"]["spreed"]["config"]["call"]["recording"] == expected {
                return;
            }
        }
    };
    tokio::time::timeout(HANG, reached).await.expect("recording is switched over");
}

pub(crate) async fn say(base: &str, random: &str, proof: &str, body: String) -> Answer {
    let recorder = Client::new(base, "", None);
    let request = recorder
        .request(Method::POST, &format!("{V1}/recording/backend"))
        .header("content-type", "application/json")
        .header("talk-recording-random", random)
        .header("talk-recording-checksum", proof)
        .body(body);
    recorder.send(request).await
}

pub(crate) async fn upload(base: &str, token: &str, random: &str, proof: &str, body: Vec<u8>) -> Answer {
    let recorder = Client::new(base, "", None);
    let request = recorder
        .request(Method::POST, &format!("{V1}/recording/{token}/store"))
        .header("content-type", "multipart/form-data; boundary=parts")
        .header("talk-recording-random", random)
        .header("talk-recording-checksum", proof)
        .body(body);
    recorder.send(request).await
}

/// Every file below the folder of recordings, with its content.
pub(crate) fn stored(data: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![data.join("recordings")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                found.push((name, std::fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}
