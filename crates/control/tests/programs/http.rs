//! Requests, written out so that nothing is put right on the way.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::core::{Fixture, within};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Fixture {
    /// Sends a request with these header lines (each with its end), and yields the answer.
    pub(crate) async fn request(&self, line: &str, headers: &str, body: &[u8]) -> Answer {
        let host = format!("Host: {}\r\n", self.address());
        self.request_to(line, &host, headers, body).await
    }

    pub(crate) async fn request_to(&self, line: &str, host: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address()).await.unwrap();
        let length = if body.is_empty() || headers.contains("chunked") {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let head = format!("{line} HTTP/1.1\r\n{host}{headers}{length}Connection: close\r\n\r\n");
        within(async {
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(body).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            let answer = String::from_utf8(answer).unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
        })
        .await
    }
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}
