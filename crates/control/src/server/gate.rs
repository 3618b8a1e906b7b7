//! Which requests are heard at all. Pure: headers in, a verdict out.

use std::net::SocketAddr;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Where the window's own pages come from: Tauri's scheme on Linux and macOS, and on Windows.
const WINDOW_ORIGINS: [&str; 3] = ["tauri://localhost", "http://tauri.localhost", "https://tauri.localhost"];

/// The rules of one door.
pub(crate) struct Gate {
    hosts: [String; 2],
    origins: Vec<String>,
}

/// How a request came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// From a page in a web view or browser, of an origin that is let in.
    Page,
    /// From a program: browsers always send an origin.
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
    pub(crate) fn new(address: SocketAddr, mut origins: Vec<String>) -> Self {
        origins.extend(WINDOW_ORIGINS.map(String::from));
        Self { hosts: [address.to_string(), format!("localhost:{}", address.port())], origins }
    }

    /// Judges a request by its headers, before anything is said.
    pub(crate) fn judge(&self, headers: &HeaderMap) -> Result<Way, Refusal> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).ok_or(Refusal::ForeignHost)?;
        if hosts.next().is_some() || !self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)) {
            return Err(Refusal::ForeignHost);
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return Ok(Way::Program) };
        let known = origin.to_str().is_ok_and(|origin| self.origins.iter().any(|allowed| allowed == origin));
        if known && origins.next().is_none() { Ok(Way::Page) } else { Err(Refusal::ForeignOrigin) }
    }
}

impl Refusal {
    /// Its name in the audit.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ForeignHost => "foreign-host",
            Self::ForeignOrigin => "foreign-origin",
        }
    }
}

/// The token that a request shows (cowork-calls section 1): after `Bearer`, or as the password of `Basic`, whose name
/// is left to whoever answers the request.
pub(crate) fn token_of(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        return pair.split_once(':').map(|(_, token)| token.to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn check(headers: &[(HeaderName, &'static str)], expected: Result<Way, Refusal>) {
        let gate =
            Gate::new("127.0.0.1:4000".parse().expect("an address"), vec!["http://127.0.0.1:5173".into()]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        assert_eq!(gate.judge(&map), expected, "{headers:?}");
    }

    #[test]
    fn tokens_come_as_bearer_or_as_a_password() {
        let token = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            token_of(&headers)
        };
        let secret = Some("s:ecret".to_owned());
        assert_eq!(token(&["Bearer s:ecret"]), secret);
        assert_eq!(token(&["bearer  s:ecret "]), secret);
        // "ann:s:ecret"
        assert_eq!(token(&["Basic YW5uOnM6ZWNyZXQ="]), secret);
        for none in ["", "Bearer", "Digest s:ecret", "Basic ???", "Basic YW5u", "Basic /////w=="] {
            assert_eq!(token(&[none]), None, "{none}");
        }
        assert_eq!(token(&["Bearer s:ecret", "Bearer other"]), None);
        assert_eq!(token(&[]), None);
    }

    #[test]
    fn only_our_own_name_and_known_origins_are_let_in() {
        let host = (HOST, "127.0.0.1:4000");
        check(std::slice::from_ref(&host), Ok(Way::Program));
        check(&[(HOST, "LOCALHOST:4000")], Ok(Way::Program));
        check(&[host.clone(), (ORIGIN, "tauri://localhost")], Ok(Way::Page));
        check(&[host.clone(), (ORIGIN, "http://127.0.0.1:5173")], Ok(Way::Page));
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
