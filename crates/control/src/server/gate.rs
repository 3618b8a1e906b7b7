//! Who may speak to the core. Pure: headers in, a verdict out.

use std::net::SocketAddr;

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

use super::token;

/// Where the window's own pages come from: Tauri's scheme on Linux and macOS, and on Windows.
const WINDOW_ORIGINS: [&str; 3] = ["tauri://localhost", "http://tauri.localhost", "https://tauri.localhost"];

/// The rules of one door.
pub(crate) struct Gate {
    hosts: [String; 2],
    token: String,
    origins: Vec<String>,
}

/// How a request came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Visitor {
    /// A page in a web view or browser, from an origin that is let in.
    Page,
    /// A program: browsers always send an origin.
    Program,
}

/// Why a request is turned away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// The name it was reached by is not ours: a page whose name was rebound to this machine.
    ForeignHost,
    /// A page of a foreign origin.
    ForeignOrigin,
}

impl Gate {
    pub(crate) fn new(address: SocketAddr, token: String, mut origins: Vec<String>) -> Self {
        origins.extend(WINDOW_ORIGINS.map(String::from));
        Self { hosts: [address.to_string(), format!("localhost:{}", address.port())], token, origins }
    }

    /// Judges a request by its headers, before anything is said.
    pub(crate) fn judge(&self, headers: &HeaderMap) -> Result<Visitor, Refusal> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).ok_or(Refusal::ForeignHost)?;
        if hosts.next().is_some() || !self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)) {
            return Err(Refusal::ForeignHost);
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return Ok(Visitor::Program) };
        let known = origin.to_str().is_ok_and(|origin| self.origins.iter().any(|allowed| allowed == origin));
        if known && origins.next().is_none() { Ok(Visitor::Page) } else { Err(Refusal::ForeignOrigin) }
    }

    /// Whether this is the token of the door file.
    pub(crate) fn opens(&self, token: &str) -> bool {
        token::equal(&self.token, token)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn check(headers: &[(HeaderName, &'static str)], expected: Result<Visitor, Refusal>) {
        let gate = Gate::new(
            "127.0.0.1:4000".parse().expect("an address"),
            "token".into(),
            vec!["http://127.0.0.1:5173".into()],
        );
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        assert_eq!(gate.judge(&map), expected, "{headers:?}");
    }

    #[test]
    fn only_our_own_name_and_known_origins_are_let_in() {
        let host = (HOST, "127.0.0.1:4000");
        check(std::slice::from_ref(&host), Ok(Visitor::Program));
        check(&[(HOST, "LOCALHOST:4000")], Ok(Visitor::Program));
        check(&[host.clone(), (ORIGIN, "tauri://localhost")], Ok(Visitor::Page));
        check(&[host.clone(), (ORIGIN, "http://127.0.0.1:5173")], Ok(Visitor::Page));
        check(&[host.clone(), (ORIGIN, "http://127.0.0.1:5174")], Err(Refusal::ForeignOrigin));
        check(&[host.clone(), (ORIGIN, "https://evil.example")], Err(Refusal::ForeignOrigin));
        check(&[host.clone(), (ORIGIN, "null")], Err(Refusal::ForeignOrigin));
        check(
            &[host.clone(), (ORIGIN, "tauri://localhost"), (ORIGIN, "https://evil.example")],
            Err(Refusal::ForeignOrigin),
        );
        check(&[], Err(Refusal::ForeignHost));
        check(&[(HOST, "rebound.example:4000")], Err(Refusal::ForeignHost));
        check(&[(HOST, "127.0.0.1:4001")], Err(Refusal::ForeignHost));
        check(&[(HOST, "rebound.example:4000"), (ORIGIN, "tauri://localhost")], Err(Refusal::ForeignHost));
        check(&[host.clone(), (HOST, "rebound.example")], Err(Refusal::ForeignHost));
    }
}
