//! A web server for tests: files of a folder, and before a Talk server a same-origin proxy, so that a page it serves can
//! use that server's API as if it came from there.

use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::http::{Message, request};

/// What is served.
#[derive(Clone)]
pub(crate) struct Served {
    /// Files, by their path in the address.
    pub(crate) folder: PathBuf,
    /// The file that answers for `/call/TOKEN`.
    pub(crate) call_page: Option<&'static str>,
    /// Address and port of a Talk server that gets everything under `/ocs` and `/index.php/apps`.
    pub(crate) talk: Option<String>,
}

/// A running server on loopback. Its threads end with the test's process.
pub(crate) struct WebServer {
    address: String,
}

impl WebServer {
    pub(crate) fn start(served: Served) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = served.clone();
                std::thread::spawn(move || {
                    let _ = serve(stream, &served);
                });
            }
        });
        Self { address }
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(stream: TcpStream, served: &Served) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some(message) = Message::read(&mut reader, false)? {
        let (method, path) = message.target();
        let is_api = path.starts_with("/ocs/") || path.starts_with("/index.php/apps/");
        let answer = match &served.talk {
            Some(talk) if is_api => forward(talk, method, path, &message),
            _ => file(served, path),
        };
        let mut head = format!("HTTP/1.1 {} x\r\nContent-Length: {}\r\n", answer.status, answer.body.len());
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        writer.write_all(head.as_bytes())?;
        writer.write_all(&answer.body)?;
    }
    Ok(())
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn forward(talk: &str, method: &str, path: &str, message: &Message) -> Answer {
    let own = ["host", "connection", "content-length", "transfer-encoding", "origin", "referer"];
    let headers: Vec<(String, String)> =
        message.headers.iter().filter(|(name, _)| !own.contains(&name.as_str())).cloned().collect();
    // A long poll takes 30 s.
    match request(talk, method, path, &headers, &message.body, Duration::from_secs(60)) {
        Ok(answer) => {
            let own = ["connection", "content-length", "transfer-encoding", "keep-alive"];
            Answer {
                status: answer.status(),
                headers: answer
                    .headers
                    .iter()
                    .filter(|(name, _)| !own.contains(&name.as_str()))
                    .cloned()
                    .collect(),
                body: answer.body,
            }
        }
        Err(_) => Answer { status: 502, headers: Vec::new(), body: Vec::new() },
    }
}

fn file(served: &Served, path: &str) -> Answer {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    // A page that is shown at `/call/TOKEN` names its parts relative to that address.
    let relative = match (served.call_page, path.strip_prefix("/call/")) {
        (Some(page), Some(token)) if !token.contains('.') => page,
        (Some(_), Some(part)) => part,
        _ if path == "/" => "index.html",
        _ => path.trim_start_matches('/'),
    };
    let is_inside = Path::new(relative).components().all(|part| matches!(part, Component::Normal(_)));
    let content = if is_inside { std::fs::read(served.folder.join(relative)).ok() } else { None };
    let kind = match relative.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    };
    match content {
        Some(body) => Answer { status: 200, headers: vec![("Content-Type".into(), kind.into())], body },
        None => Answer { status: 404, headers: Vec::new(), body: Vec::new() },
    }
}
