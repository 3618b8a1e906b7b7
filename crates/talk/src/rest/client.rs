//! Requests and answers: base address, credentials, cookies, envelope, bounds.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bellbird_call::Secret;
use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_talk_wire::constants::{MAX_RESPONSE_BYTES, OCS_HEADER};
use bellbird_talk_wire::{ErrorData, Ocs};
use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, USER_AGENT,
};
use reqwest::{Client, Method, redirect};
use rustls::ClientConfig;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use url::Url;

use super::error::{RestError, unreachable};
use super::facts::ServerFacts;
use crate::address::is_loopback;

/// How long an ordinary request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// HTTP/2 connections that do not answer a ping for that long are given up, so that a vanished network is noticed.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Login name and password as sent with every request.
#[derive(Clone)]
pub(crate) struct Credentials(HeaderValue);

impl Credentials {
    /// HTTP Basic (RFC 7617), marked so that no log shows it.
    pub(crate) fn new(login_name: &str, password: &Secret) -> Self {
        let pair = STANDARD.encode(format!("{login_name}:{}", password.expose()));
        let mut value = HeaderValue::try_from(format!("Basic {pair}"))
            .unwrap_or_else(|_| HeaderValue::from_static("Basic"));
        value.set_sensitive(true);
        Self(value)
    }
}

/// One server: its base address and a pool of connections, shared by all sessions of an account.
#[derive(Clone)]
pub(crate) struct RestClient {
    http: Client,
    base: Url,
    user_agent: HeaderValue,
    credentials: Option<Credentials>,
    facts: Arc<ServerFacts>,
}

impl RestClient {
    /// Prepares requests below `base`, which may have a path. Opens nothing.
    ///
    /// # Errors
    /// `internal` when the HTTP library refuses its settings.
    pub(crate) fn new(
        base: Url,
        tls: &Arc<ClientConfig>,
        user_agent: &str,
        credentials: Option<Credentials>,
    ) -> Result<Self, Problem> {
        let mut tls = ClientConfig::clone(tls);
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            // Credentials go with every request: a redirection must not take them elsewhere.
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .http2_adaptive_window(true)
            .tcp_nodelay(true);
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| {
            Problem::new(ProblemCode::Internal, format_args!("HTTP could not be set up: {error}"))
        })?;
        let user_agent =
            HeaderValue::try_from(user_agent).unwrap_or_else(|_| HeaderValue::from_static("Bellbird"));
        Ok(Self { http, base, user_agent, credentials, facts: Arc::default() })
    }

    /// The same server and connections with other credentials.
    pub(crate) fn with_credentials(&self, credentials: Option<Credentials>) -> Self {
        Self { credentials, ..self.clone() }
    }

    /// The base address.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// What answers taught about the server.
    pub(crate) fn facts(&self) -> &ServerFacts {
        &self.facts
    }

    /// A new session with a cookie jar of its own.
    pub(crate) fn session(&self) -> Session {
        Session { client: self.clone(), jar: Arc::default() }
    }

    fn url(&self, path: &str, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        let whole = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&whole);
        if let Ok(mut tail) = url.path_segments_mut() {
            tail.extend(segments);
        }
        url
    }
}

/// A body and its type.
struct Body {
    kind: &'static str,
    bytes: Vec<u8>,
}

/// A request to be made.
pub(crate) struct Request<'a> {
    method: Method,
    path: &'a str,
    segments: &'a [&'a str],
    query: Vec<(&'a str, String)>,
    body: Option<Body>,
    header: Option<(HeaderName, HeaderValue)>,
    timeout: Duration,
}

impl<'a> Request<'a> {
    /// A request to `path` below the base, with further segments that are escaped as needed.
    pub(crate) fn new(method: Method, path: &'a str, segments: &'a [&'a str]) -> Self {
        Self { method, path, segments, query: Vec::new(), body: None, header: None, timeout: REQUEST_TIMEOUT }
    }

    /// Adds a query parameter.
    pub(crate) fn query(mut self, key: &'a str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    /// Sets a JSON body.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        // Only types of the wire crate come here; their maps have text keys, which is all that could fail.
        self.body = serde_json::to_vec(body).ok().map(|bytes| Body { kind: "application/json", bytes });
        self
    }

    /// Sets a form of one field as the body.
    pub(crate) fn form(mut self, key: &str, value: &str) -> Self {
        let text = url::form_urlencoded::Serializer::new(String::new()).append_pair(key, value).finish();
        self.body = Some(Body { kind: "application/x-www-form-urlencoded", bytes: text.into_bytes() });
        self
    }

    /// Sets a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    /// Waits longer, or less long.
    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// The data in the envelope of a success.
    pub(crate) fn data<T: DeserializeOwned>(&self) -> Result<T, RestError> {
        if !(200..300).contains(&self.status) {
            return Err(self.refusal());
        }
        serde_json::from_slice::<Ocs<T>>(&self.body)
            .map(|envelope| envelope.ocs.data)
            .map_err(|_| RestError::NotTalk("the answer is not one of Talk's API"))
    }

    /// A success without data worth reading.
    pub(crate) fn done(&self) -> Result<(), RestError> {
        self.data::<IgnoredAny>().map(drop)
    }

    /// The body of a success that is no JSON.
    pub(crate) fn bytes(&self) -> Result<&[u8], RestError> {
        if (200..300).contains(&self.status) { Ok(&self.body) } else { Err(self.refusal()) }
    }

    /// JSON without an envelope.
    pub(crate) fn plain<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    fn refusal(&self) -> RestError {
        #[derive(Deserialize)]
        struct Bare {
            #[serde(default)]
            error: String,
        }
        let key = serde_json::from_slice::<Ocs<ErrorData>>(&self.body)
            .map(|envelope| envelope.ocs.data.error)
            .or_else(|_| serde_json::from_slice::<Bare>(&self.body).map(|bare| bare.error))
            .unwrap_or_default();
        RestError::Refused { status: self.status, key }
    }
}

/// Requests that share cookies: the account as a whole, or one call of it.
#[derive(Clone)]
pub(crate) struct Session {
    client: RestClient,
    jar: Arc<Jar>,
}

impl Session {
    /// Makes a request and reads the whole answer, whatever its status.
    pub(crate) async fn send(&self, request: Request<'_>) -> Result<Answer, RestError> {
        let mut url = self.client.url(&self.client.facts.path(request.path), request.segments);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let mut builder = self
            .client
            .http
            .request(request.method, url.clone())
            .timeout(request.timeout)
            .header(HeaderName::from_static(OCS_HEADER), "true")
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, self.client.user_agent.clone());
        if let Some(Credentials(value)) = &self.client.credentials {
            builder = builder.header(AUTHORIZATION, value.clone());
        }
        if let Some(cookies) = self.jar.cookies(&url) {
            builder = builder.header(COOKIE, cookies);
        }
        if let Some((name, value)) = request.header {
            builder = builder.header(name, value);
        }
        if let Some(Body { kind, bytes }) = request.body {
            builder = builder.header(reqwest::header::CONTENT_TYPE, kind).body(bytes);
        }
        let mut response = builder.send().await.map_err(unreachable)?;
        self.jar.set_cookies(&mut response.headers().get_all(SET_COOKIE).iter(), &url);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                return Err(RestError::NotTalk("the server's answer is far too long"));
            }
            body.extend_from_slice(&chunk);
        }
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        self.client.facts.notice(&headers);
        Ok(Answer { status, headers, body })
    }

    /// Makes a request and reads the data of its success.
    pub(crate) async fn data<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<T, RestError> {
        self.send(request).await?.data()
    }

    /// Makes a request whose success has no data worth reading.
    pub(crate) async fn done(&self, request: Request<'_>) -> Result<(), RestError> {
        self.send(request).await?.done()
    }

    /// The server.
    pub(crate) fn client(&self) -> &RestClient {
        &self.client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_appended_and_segments_escaped() {
        let tls = super::super::client_config(&Url::parse("http://localhost").unwrap(), None).unwrap();
        for (base, segments, expected) in [
            ("http://localhost:1", &["a", "b"][..], "http://localhost:1/ocs/a/b"),
            ("http://localhost/cloud/", &["x y"][..], "http://localhost/cloud/ocs/x%20y"),
            ("http://localhost/cloud", &["a/b?c#d"][..], "http://localhost/cloud/ocs/a%2Fb%3Fc%23d"),
            ("http://localhost/cloud", &["..", "a"][..], "http://localhost/cloud/ocs/a"),
        ] {
            let client = RestClient::new(Url::parse(base).unwrap(), &tls, "Bellbird", None).unwrap();
            assert_eq!(client.url("/ocs", segments).as_str(), expected);
        }
    }
}
