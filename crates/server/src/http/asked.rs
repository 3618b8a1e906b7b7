//! One request, read whole: who asks, from where, what.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::{HeaderMap, header};

use super::auth::{self, User};
use super::ocs::Ocs;
use super::params::Params;
use crate::live::web::WebKey;
use crate::secrets;
use crate::state::App;
use bellbird_talk_wire::constants::MAX_POST_BYTES;

/// Largest body of somebody unknown, bytes.
const MAX_STRANGERS_BODY: usize = 64 * 1024;
/// A body has to be there within this time.
const BODY_TIME: Duration = Duration::from_secs(20);

/// The connection a request came over; put into its extensions by the listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) address: IpAddr,
    pub(crate) local: SocketAddr,
    pub(crate) tls: bool,
}

/// A request with its answerer's tools. Taking it from a request checks the password (401, 429), then reads the body
/// (400, 408, 413).
pub(crate) struct Asked {
    pub(crate) app: App,
    /// `None` for guests.
    pub(crate) user: Option<User>,
    pub(crate) web: Option<WebKey>,
    pub(crate) params: Params,
    pub(crate) headers: HeaderMap,
    pub(crate) caller: Caller,
    path: Vec<(String, String)>,
}

impl FromRequest<App> for Asked {
    type Rejection = Ocs;

    async fn from_request(request: Request, app: &App) -> Result<Self, Ocs> {
        let (mut parts, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut parts, app)
            .await
            .map_err(|_| Ocs::status(400))?
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let caller = *parts.extensions.get::<Caller>().ok_or_else(|| Ocs::status(500))?;
        let user = match auth::basic(&parts.headers)? {
            Some((name, password)) => Some(auth::authenticate(app, caller.address, &name, &password).await?),
            None => None,
        };
        let web = cookie(&parts.headers, &app.cookie_name).map(|value| secrets::digest(&value));
        let known =
            user.is_some() || web.is_some_and(|key| app.live().web.find(&key, None, app.now().at).is_some());
        let most = if known { MAX_POST_BYTES } else { MAX_STRANGERS_BODY };
        let body = tokio::time::timeout(BODY_TIME, to_bytes(body, most))
            .await
            .map_err(|_| Ocs::status(408).message("The body did not arrive in time"))?
            .map_err(|_| Ocs::status(413).message("The body is too large or incomplete"))?;
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        let params = Params::read(parts.uri.query().unwrap_or(""), text(header::CONTENT_TYPE), &body)?;
        Ok(Self { app: app.clone(), user, web, params, headers: parts.headers, caller, path })
    }
}

impl Asked {
    /// A part of the path; empty when the route has no such part.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.path.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The account, for what guests may not do.
    pub(crate) fn signed_in(&self) -> Result<&User, Ocs> {
        self.user.as_ref().ok_or_else(auth::unauthorized)
    }

    /// The account's id.
    pub(crate) fn user_id(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.account.id.as_str())
    }

    /// A header as text.
    pub(crate) fn header_text(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// `http://HOST` or `https://HOST` as the client reached this server.
    pub(crate) fn base_url(&self) -> String {
        base_url(&self.headers, self.caller)
    }
}

/// As [`Asked::base_url`].
pub(crate) fn base_url(headers: &HeaderMap, caller: Caller) -> String {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("");
    let plain = !host.is_empty()
        && host.len() <= 255
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'));
    let host = if plain { host.to_owned() } else { caller.local.to_string() };
    format!("{}://{host}", if caller.tls { "https" } else { "http" })
}

/// A cookie's value.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}
