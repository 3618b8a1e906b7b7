//! Measures the server as a process of its own: memory with 500 idle clients (a push socket and a long poll each), and
//! the time to join calls at 100 joins a second. Prints one JSON line per figure.
//!
//! `cargo run --release -p bellbird-server --example load [CLIENTS]`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring program: it prints, and fails by panicking"
)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bellbird_server::{Admin, Server, ServerConfig};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::{connect_async, tungstenite::Message};

const ACCOUNTS: usize = 10;
const JOINS: usize = 1000;
const JOINS_PER_SECOND: u64 = 100;

fn main() {
    let mut args = std::env::args().skip(1);
    let first = args.next();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match first.as_deref() {
        Some("serve") => runtime.block_on(serve(args.next().unwrap())),
        clients => runtime.block_on(measure(clients.map_or(500, |count| count.parse().unwrap()))),
    }
}

/// The process that is measured; ends with its standard input.
async fn serve(folder: String) {
    let server = Server::open(ServerConfig::new(folder)).await.unwrap();
    println!("{}", server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap().url);
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    server.shutdown().await;
}

#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    base: String,
    name: String,
    password: String,
    cookie: String,
}

impl Client {
    async fn ask(&mut self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.try_ask(method, path, body).await.unwrap()
    }

    async fn try_ask(&mut self, method: &str, path: &str, body: Value) -> reqwest::Result<(u16, Value)> {
        let url = format!("{}ocs/v2.php/apps/spreed/api/{path}", self.base);
        let request = self.http.request(method.parse().unwrap(), url).json(&body);
        let request = request.header("OCS-APIRequest", "true").header("Cookie", &self.cookie);
        let response =
            request.basic_auth(&self.name, Some(&self.password)).send().await?.error_for_status()?;
        if let Some(cookie) = response.headers().get("set-cookie") {
            self.cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        }
        let status = response.status().as_u16();
        let body: Value = response.json().await?;
        Ok((status, body["ocs"]["data"].clone()))
    }
}

async fn measure(clients: usize) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let folder = tempfile::tempdir().unwrap();
    let admin = Admin::open(folder.path()).unwrap();
    let names: Vec<String> = (0..ACCOUNTS).map(|n| format!("user{n}")).collect();
    for name in &names {
        admin.add_user(name, None, "long enough", false).unwrap();
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("serve")
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut base = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut base).unwrap();
    let base = base.trim().to_owned();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let client = |name: &str| Client {
        http: http.clone(),
        base: base.clone(),
        name: name.to_owned(),
        password: admin.new_app_password(name).unwrap(),
        cookie: String::new(),
    };
    let mut accounts: Vec<Client> = names.iter().map(|name| client(name)).collect();
    println!("{}", json!({ "figure": "server_empty_rss_mb", "value": rss_mb(child.id()) }));

    let body =
        |n: usize| json!({ "roomType": 2, "roomName": format!("r{n}"), "participants": { "users": names } });
    let mut rooms = Vec::new();
    for n in 0..clients.div_ceil(ACCOUNTS) {
        let (_, room) = accounts[0].ask("POST", "v4/room", body(n)).await;
        rooms.push(room["token"].as_str().unwrap().to_owned());
    }
    for n in 0..clients {
        let mut client = Client { cookie: String::new(), ..accounts[n % ACCOUNTS].clone() };
        let room = rooms[n / ACCOUNTS].clone();
        let entered = client.ask("POST", &format!("v4/room/{room}/participants/active"), json!({})).await;
        assert_eq!(entered.0, 200);
        let socket = base.replace("http", "ws");
        let (mut socket, _) = connect_async(format!("{socket}push/ws")).await.unwrap();
        socket.send(Message::text(&client.name)).await.unwrap();
        socket.send(Message::text(&client.password)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("authenticated"));
        tokio::spawn(async move { while let Some(Ok(_)) = socket.next().await {} });
        tokio::spawn(async move {
            // Until the server is killed in the end.
            while client.try_ask("GET", &format!("v3/signaling/{room}"), json!({})).await.is_ok() {}
        });
    }
    // Everybody's list has settled when nothing has been delivered for a while.
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!(
        "{}",
        json!({ "figure": "server_idle_rss_mb", "clients": clients, "value": rss_mb(child.id()) })
    );

    let mut joiners = Vec::new();
    for n in 0..100 {
        let mut client = accounts[n % ACCOUNTS].clone();
        let (_, room) = client.ask("POST", "v4/room", body(n)).await;
        let token = room["token"].as_str().unwrap().to_owned();
        client.ask("POST", &format!("v4/room/{token}/participants/active"), json!({})).await;
        joiners.push((client, token));
    }
    let cpu_before = cpu_seconds(child.id());
    let mut tick = tokio::time::interval(Duration::from_millis(1000 / JOINS_PER_SECOND));
    let mut joins = Vec::new();
    for n in 0..JOINS {
        tick.tick().await;
        let (mut client, token) = joiners[n % joiners.len()].clone();
        joins.push(tokio::spawn(async move {
            let path = format!("v4/call/{token}");
            let begun = Instant::now();
            let (status, _) = client.ask("POST", &path, json!({ "flags": 3 })).await;
            let took = begun.elapsed();
            assert_eq!(status, 200);
            client.ask("DELETE", &path, json!({})).await;
            took
        }));
    }
    let mut took = Vec::new();
    for join in joins {
        took.push(join.await.unwrap());
    }
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{}",
        json!({ "figure": "call_join_ms", "per_second": JOINS_PER_SECOND, "p50": at(0.5), "p99": at(0.99) })
    );
    if let (Some(before), Some(after)) = (cpu_before, cpu_seconds(child.id())) {
        let value = (after - before) * 1e3 / JOINS as f64;
        println!("{}", json!({ "figure": "server_cpu_ms_per_join_and_leave", "value": value }));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Seconds of processor time a process has used, where the system tells.
fn cpu_seconds(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in brackets may hold spaces; user and system time are the 12th and 13th fields after it, in 1/100 s.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / 100.0)
}

/// Resident memory of a process in MB, where the system tells.
fn rss_mb(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some((kilobytes / 102.4).round() / 10.0)
}
