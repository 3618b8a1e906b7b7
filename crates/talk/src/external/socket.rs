//! The WebSocket to a signaling server.

use std::sync::Arc;

use bellbird_call::ports::{Problem, ProblemCode};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use url::Url;

use crate::rest::untrusted;
use crate::{address, tcp};

/// Longest frame read. Lists of a large room are the longest there are.
const MAX_FRAME: usize = 1024 * 1024;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The address of the WebSocket for a signaling server named in a server's settings.
///
/// # Errors
/// `not-a-talk-server` when it is no address, or would send our credentials unencrypted over a network: an
/// unencrypted one counts only on this machine, and only when the server itself is there.
pub(super) fn address(server: &str, nextcloud: &Url) -> Result<Url, Problem> {
    let bad = |detail: &str| Problem::new(ProblemCode::NotATalkServer, detail);
    let mut url = Url::parse(server.trim())
        .map_err(|_| bad("the server names a signaling server without a usable address"))?;
    let scheme = match url.scheme() {
        "https" | "wss" => "wss",
        "http" | "ws" if address::is_loopback(&url) && address::is_loopback(nextcloud) => "ws",
        "http" | "ws" => return Err(bad("the server names a signaling server without encryption")),
        _ => return Err(bad("the server names a signaling server without a usable address")),
    };
    let same_kind = url.set_scheme(scheme).is_ok();
    if !same_kind || !url.has_host() {
        return Err(bad("the server names a signaling server without a usable address"));
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = format!("{}/spreed", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

/// Why there is no connection.
pub(super) enum Unreached {
    /// For the log, without names.
    Reason(&'static str),
    /// Whoever answers has a certificate that we do not trust.
    Untrusted(Problem),
}

/// Connects.
pub(super) async fn connect(url: &Url, tls: Arc<ClientConfig>) -> Result<Socket, Unreached> {
    let stream = tcp::connect(url).await.map_err(Unreached::Reason)?;
    let settings =
        WebSocketConfig::default().max_message_size(Some(MAX_FRAME)).max_frame_size(Some(MAX_FRAME));
    let connector = Connector::Rustls(tls);
    let connecting = client_async_tls_with_config(url.as_str(), stream, Some(settings), Some(connector));
    match connecting.await {
        Ok((socket, _)) => Ok(socket),
        Err(error) => {
            Err(untrusted(&error).map_or(Unreached::Reason("it refuses the WebSocket"), Unreached::Untrusted))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_those_of_the_socket() {
        for (server, nextcloud, expected) in [
            ("https://hpb.example.org/", "https://cloud.example.org", Some("wss://hpb.example.org/spreed")),
            (
                "https://a.org/standalone-signaling",
                "https://a.org",
                Some("wss://a.org/standalone-signaling/spreed"),
            ),
            ("wss://a.org:8443", "https://a.org", Some("wss://a.org:8443/spreed")),
            ("http://127.0.0.1:8080", "http://localhost:1", Some("ws://127.0.0.1:8080/spreed")),
            ("http://127.0.0.1:8080", "https://cloud.example.org", None),
            ("http://hpb.example.org", "https://cloud.example.org", None),
            ("ftp://hpb.example.org", "https://cloud.example.org", None),
            ("", "https://cloud.example.org", None),
            ("hpb.example.org", "https://cloud.example.org", None),
        ] {
            let nextcloud = Url::parse(nextcloud).unwrap();
            let url = address(server, &nextcloud).ok();
            assert_eq!(url.as_ref().map(Url::as_str), expected, "{server}");
        }
    }
}
