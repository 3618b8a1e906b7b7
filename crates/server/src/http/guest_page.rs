//! The page for guests who open a conversation's link without the app. Built from `ui/src/guest`, carried in the
//! binary. It is the same for every conversation: what is behind the link, the page asks the API as any client does.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use url::Url;

use super::page::{self, GUARDS};
use crate::state::App;

/// Name, type, contents.
type File = (&'static str, &'static str, &'static [u8]);

/// All files of the page; empty in a build without it.
const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/guest_page.rs"));

/// Only our own files and API, and nobody may put the page into a frame to steal clicks on a live microphone. What is
/// appended may be connected to as well.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    font-src 'self'; media-src 'self' blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
    connect-src 'self'";

/// What the page may ask the browser for.
const DEVICES: &str = "microphone=(self), camera=(self), display-capture=(self), speaker-selection=(self), geolocation=(), usb=()";

fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|(known, ..)| *known == name)
}

/// Whether this build has the page.
pub(crate) fn is_built() -> bool {
    find("guest.html").is_some()
}

fn answer(file: &File, cache: &'static str) -> Response {
    let (_, kind, contents) = *file;
    let mut response = contents.into_response();
    let headers = response.headers_mut();
    for (name, value) in GUARDS.into_iter().chain([
        (header::CONTENT_TYPE, kind),
        (header::HeaderName::from_static("permissions-policy"), DEVICES),
        (header::CACHE_CONTROL, cache),
    ]) {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Where the WebSocket of an external signaling server is, as a policy names it.
fn socket_of(server: &str) -> Option<String> {
    let url = Url::parse(server).ok()?;
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    Some(format!("{scheme}://{}{port}", url.host_str()?))
}

/// `GET /call/{token}`: says nothing of whether there is such a conversation.
pub(super) async fn show(State(app): State<App>, Path(token): Path<String>) -> Response {
    let plausible = (4..=30).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !plausible {
        let body = "<p>It does not lead to a conversation. Ask for it once more.</p>";
        return page::page(StatusCode::NOT_FOUND, "This link is incomplete", body);
    }
    match find("guest.html") {
        Some(file) => {
            let mut response = answer(file, "no-cache");
            let signaling = app.hpb.current().and_then(|hpb| socket_of(hpb.public_url()));
            let policy = signaling.map_or(POLICY.to_owned(), |socket| format!("{POLICY} {socket}"));
            // A host is header text; should one ever not be, nothing else is allowed for it.
            let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(POLICY));
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
            response
        }
        None => {
            let body = "<p>This server was built without the page that lets browsers join. \
                        Open the link in the Bellbird app, or another Nextcloud Talk client.</p>";
            page::page(StatusCode::NOT_IMPLEMENTED, "Joining needs the app", body)
        }
    }
}

/// `GET /call/assets/{file}`: names change with their contents.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    match find(&name) {
        Some(file) if name != "guest.html" => answer(file, "public, max-age=31536000, immutable"),
        Some(_) | None => StatusCode::NOT_FOUND.into_response(),
    }
}
