//! The embedded server with many clients.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::figure::{Figure, percentile};
use crate::harness::http::{Message, headers, request};
use crate::harness::stage::{PATIENCE, Stage};
use crate::processes::{processor, resident};

const CLIENTS: usize = 500;
const JOINS_PER_SECOND: u32 = 100;
const JOINS: usize = 1000;
/// Participants who join and leave in turn; each is in the room already, as a client is before it joins a call.
const JOINERS: usize = 50;
const ROOMS: usize = 10;
const PASSWORD: &str = "correct horse battery";

/// One account with what a client keeps: its app password and the session's cookie.
#[derive(Clone)]
struct Client {
    host: Arc<str>,
    name: String,
    authorization: String,
    password: String,
    cookie: Option<String>,
}

impl Client {
    fn ask(&self, method: &str, path: &str, body: &Value) -> Message {
        let mut all = headers(&[
            ("OCS-APIRequest", "true"),
            ("Accept", "application/json"),
            ("Content-Type", "application/json"),
            ("Authorization", &self.authorization),
        ]);
        if let Some(cookie) = &self.cookie {
            all.push(("Cookie".to_owned(), cookie.clone()));
        }
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        request(&self.host, method, path, &all, &body, PATIENCE).expect("the server answers")
    }

    fn enter(&mut self, room: &str) {
        let path = format!("/ocs/v2.php/apps/spreed/api/v4/room/{room}/participants/active");
        let answer = self.ask("POST", &path, &json!({}));
        assert_eq!(answer.status(), 200, "{} enters the room: {}", self.name, answer.json());
        let pairs: Vec<&str> = answer
            .headers
            .iter()
            .filter(|(name, _)| name == "set-cookie")
            .filter_map(|(_, value)| value.split(';').next())
            .collect();
        self.cookie = Some(pairs.join("; "));
    }
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}")))
}

pub(crate) fn measure() {
    let stage = Stage::new("bench-server");
    let data = stage.folder("server").join("data").display().to_string();
    let mut server =
        stage.start_cli("server", &["serve", "--listen", "127.0.0.1:0", "--data", &data, "--no-echo"]);
    let url = server.event("listening")["url"].as_str().expect("an address").to_owned();
    let host: Arc<str> = url.trim_start_matches("http://").trim_end_matches('/').into();

    eprintln!("making {CLIENTS} accounts");
    let clients: Vec<Client> = (0..CLIENTS)
        .map(|number| {
            let name = format!("client{number}");
            let mut add = stage.cli("server", &["user", "add", &name, "--data", &data]);
            let made = add.env("BELLBIRD_PASSWORD", PASSWORD).output().expect("bellbird-cli runs");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            let printed = stage.cli("server", &["user", "app-password", &name, "--data", &data]).output();
            let printed = String::from_utf8_lossy(&printed.expect("bellbird-cli runs").stdout).into_owned();
            let password = printed.split_whitespace().last().expect("an app password").to_owned();
            let authorization = basic(&name, &password);
            Client { host: Arc::clone(&host), name, authorization, password, cookie: None }
        })
        .collect();

    idle(&clients, server.0.id());
    joins(clients);
    server.interrupt();
}

/// Every client holds its push socket, as a registered one does.
fn idle(clients: &[Client], server: u32) {
    let capabilities = clients[0].ask("GET", "/ocs/v2.php/cloud/capabilities", &Value::Null).json();
    let endpoint =
        capabilities["ocs"]["data"]["capabilities"]["notify_push"]["endpoints"]["websocket"].clone();
    let endpoint = endpoint.as_str().expect("the server has push").to_owned();
    let runtime = tokio::runtime::Runtime::new().expect("an async runtime");
    let sockets = runtime.block_on(async {
        let mut sockets = Vec::new();
        for client in clients {
            let (mut socket, _) =
                tokio_tungstenite::connect_async(&endpoint).await.expect("the push socket opens");
            for text in [&client.name, &client.password] {
                socket.send(Frame::text(text.clone())).await.expect("it takes the login");
            }
            let answer = socket.next().await.expect("it answers").expect("it answers");
            assert_eq!(answer.into_text().expect("text").as_str(), "authenticated");
            sockets.push(socket);
        }
        sockets
    });
    std::thread::sleep(Duration::from_secs(3));
    Figure::at_most("server_memory_500_idle", "MB", 80.0).print(&[resident(server)]);
    Figure::at_most("server_processor_500_idle", "%", 2.0)
        .print(&[processor(server, Duration::from_secs(5))]);
    drop(sockets);
}

/// A hundred times a second somebody joins a call; each joining is timed from the request to the whole answer.
fn joins(mut clients: Vec<Client>) {
    let rooms: Vec<String> = (0..ROOMS)
        .map(|number| {
            let body = json!({"roomType": 3, "roomName": format!("Room {number}")});
            let made = clients[0].ask("POST", "/ocs/v2.php/apps/spreed/api/v4/room", &body).json();
            made["ocs"]["data"]["token"].as_str().expect("a room has a token").to_owned()
        })
        .collect();
    clients.truncate(JOINERS);
    for (number, client) in clients.iter_mut().enumerate() {
        client.enter(&rooms[number % ROOMS]);
    }
    let begin = Instant::now();
    let mut readings = Vec::with_capacity(JOINS);
    let mut running = Vec::new();
    for number in 0..JOINS {
        let due = begin + Duration::from_secs(1) / JOINS_PER_SECOND * number as u32;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let client = clients[number % JOINERS].clone();
        let path = format!("/ocs/v2.php/apps/spreed/api/v4/call/{}", rooms[number % JOINERS % ROOMS]);
        running.push(std::thread::spawn(move || {
            let asked = Instant::now();
            let answer = client.ask("POST", &path, &json!({"flags": 3, "silent": true}));
            let took = asked.elapsed().as_secs_f64() * 1000.0;
            assert_eq!(answer.status(), 200, "{}", answer.json());
            client.ask("DELETE", &path, &Value::Null);
            took
        }));
        if running.len() >= JOINERS / 2 {
            readings.push(running.remove(0).join().expect("a joining succeeds"));
        }
    }
    readings.extend(running.into_iter().map(|thread| thread.join().expect("a joining succeeds")));
    Figure::at_most("server_join_p99_100_per_s", "ms", 20.0).print(&[percentile(&readings, 0.99)]);
    Figure::at_most("server_join_median_100_per_s", "ms", 10.0).print(&readings);
}
