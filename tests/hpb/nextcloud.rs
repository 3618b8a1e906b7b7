//! The least of a Nextcloud that a signaling server accepts, written from its side of talk-signaling section 7, so that
//! the stack can be judged apart from our own server.

use std::collections::BTreeSet;
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::http::{self, Message};

/// The path that `hello` names, behind the base address.
pub(crate) const BACKEND_PATH: &str = "/ocs/v2.php/apps/spreed/api/v3/signaling/backend";

const RANDOM: &str = "spreed-signaling-random";
const CHECKSUM: &str = "spreed-signaling-checksum";

/// Lets in whoever names a user, into any room. Its thread lives as long as the test process.
pub(crate) struct Nextcloud {
    url: String,
    seen: Arc<Mutex<BTreeSet<String>>>,
}

/// A listener, and the address to name to the signaling server, before anybody answers there.
pub(crate) fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, format!("http://127.0.0.1:{port}"))
}

impl Nextcloud {
    pub(crate) fn start(listener: TcpListener, url: String, secret: &str) -> Self {
        let seen = Arc::<Mutex<BTreeSet<String>>>::default();
        let (secret, heard) = (secret.to_owned(), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (secret, heard) = (secret.clone(), Arc::clone(&heard));
                std::thread::spawn(move || answer(stream, &secret, &heard));
            }
        });
        Self { url, seen }
    }

    /// What `hello` is to name.
    pub(crate) fn auth_url(&self) -> String {
        format!("{}{BACKEND_PATH}", self.url)
    }

    /// The kinds of requests that came with a true checksum.
    pub(crate) fn seen(&self) -> BTreeSet<String> {
        self.seen.lock().expect("no answer panicked").clone()
    }

    /// Tells the signaling server something about a room.
    pub(crate) fn tell_room(&self, server: &str, secret: &str, room: &str, message: &Value) -> u16 {
        let body = message.to_string();
        let random = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let checksum = checksum(secret, random, body.as_bytes());
        let headers = http::headers(&[
            ("Content-Type", "application/json"),
            ("Spreed-Signaling-Random", random),
            ("Spreed-Signaling-Checksum", &checksum),
            ("Spreed-Signaling-Backend", &self.url),
        ]);
        let host = server.strip_prefix("http://").expect("an http address");
        let path = format!("/api/v1/room/{room}");
        http::request(host, "POST", &path, &headers, body.as_bytes(), Duration::from_secs(30))
            .expect("the signaling server answers")
            .status()
    }
}

fn checksum(secret: &str, random: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(random.as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn answer(mut stream: TcpStream, secret: &str, seen: &Mutex<BTreeSet<String>>) {
    let Ok(copy) = stream.try_clone() else { return };
    let Ok(Some(request)) = Message::read(&mut BufReader::new(copy), false) else { return };
    let data = match request.target() {
        ("POST", path) if path.starts_with(BACKEND_PATH) => {
            let random = request.header(RANDOM).unwrap_or_default();
            let told = request.header(CHECKSUM).unwrap_or_default();
            if random.len() >= 32 && told == checksum(secret, random, &request.body) {
                let (kind, reply) = reply(&request.json());
                seen.lock().expect("no answer panicked").insert(kind);
                reply
            } else {
                json!({"type": "error", "error": {"code": "invalid_request", "message": "wrong checksum"}})
            }
        }
        ("GET", path) if path.starts_with("/ocs/v2.php/cloud/capabilities") => json!({
            "version": {"major": 31},
            "capabilities": {"spreed": {
                "features": ["audio", "video", "signaling-v3"],
                "config": {"signaling": {"session-ping-limit": 200}},
            }},
        }),
        _ => Value::Null,
    };
    let body = json!({"ocs": {"meta": {"status": "ok", "statuscode": 200, "message": "OK"}, "data": data}})
        .to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // Whoever went away needs no answer.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

/// The kind of a request, and what is replied to it.
fn reply(request: &Value) -> (String, Value) {
    let kind = request["type"].as_str().unwrap_or_default().to_owned();
    let reply = match kind.as_str() {
        "auth" => {
            let user = &request["auth"]["params"]["userid"];
            json!({"type": "auth", "auth": {"version": "1.0", "userid": user, "user": {"displayname": user}}})
        }
        "room" => {
            let room = &request["room"]["roomid"];
            json!({"type": "room", "room": {"version": "1.0", "roomid": room, "properties": {"name": "test"}}})
        }
        _ => json!({"type": "room", "room": {"version": "1.0"}}),
    };
    (kind, reply)
}
