//! Just enough HTTP/1.1 to speak to programs on this machine: one request a connection, no TLS.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longest body taken from anyone.
const LONGEST_BODY: u64 = 64 << 20;

/// A message's headers and body. Header names are in lower case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// `HTTP/1.1 200 OK` or `GET / HTTP/1.1`, without its end of line.
    pub(crate) first_line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Of a response.
    pub(crate) fn status(&self) -> u16 {
        self.first_line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// Method and path with query, of a request.
    pub(crate) fn target(&self) -> (&str, &str) {
        let mut words = self.first_line.split(' ');
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or(serde_json::Value::Null)
    }

    /// Reads one message; `None` when the connection ended before it began.
    pub(crate) fn read(source: &mut impl BufRead, has_body_until_end: bool) -> io::Result<Option<Self>> {
        let mut message = Self::default();
        if source.read_line(&mut message.first_line)? == 0 {
            return Ok(None);
        }
        message.first_line.truncate(message.first_line.trim_end().len());
        loop {
            let mut line = String::new();
            if source.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some((name, value)) = line.split_once(':') else { break };
            message.headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
        }
        let is_chunked = message.header("transfer-encoding").is_some_and(|value| value.contains("chunked"));
        if is_chunked {
            message.body = read_chunks(source)?;
        } else if let Some(length) = message.header("content-length") {
            let length: u64 = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
            if length > LONGEST_BODY {
                return Err(io::ErrorKind::InvalidData.into());
            }
            source.take(length).read_to_end(&mut message.body)?;
        } else if has_body_until_end && !matches!(message.status(), 204 | 304) {
            source.take(LONGEST_BODY).read_to_end(&mut message.body)?;
        }
        Ok(Some(message))
    }
}

fn read_chunks(source: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        source.read_line(&mut line)?;
        let digits = line.trim().split(';').next().unwrap_or_default();
        let length = u64::from_str_radix(digits, 16).map_err(|_| io::ErrorKind::InvalidData)?;
        if body.len() as u64 + length > LONGEST_BODY {
            return Err(io::ErrorKind::InvalidData.into());
        }
        source.take(length).read_to_end(&mut body)?;
        let mut end = String::new();
        source.read_line(&mut end)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

/// Sends a request to `host` (an address with port) and waits for the whole answer.
pub(crate) fn request(
    host: &str,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &[u8],
    patience: Duration,
) -> io::Result<Message> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_nodelay(true)?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || method != "GET" {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    Message::read(&mut BufReader::new(stream), true)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Headers whose names are known while writing.
pub(crate) fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
