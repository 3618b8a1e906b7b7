//! Real-time push by notify_push (talk-accounts section 4.5): says "look now", so that a ring arrives at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bellbird_call::Secret;
use futures_util::{SinkExt, StreamExt};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use url::Url;

use crate::address;
use crate::link::{Backoff, KeepAlive, LinkPolicy, LinkStep};
use crate::orders::{Steered, Steering};
use crate::tcp;

/// Longest frame read; the real ones have a few dozen bytes.
const MAX_FRAME: usize = 16 * 1024;
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: KeepAlive =
    KeepAlive { ping_after: Duration::from_secs(25), lost_after: Duration::from_secs(60) };

/// What push tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PushEvent {
    /// Connected and let in. Nothing is replayed: look once.
    Up,
    /// Not connected, or not any more; it is tried again.
    Down,
    /// The notifications changed: look now.
    Notification,
}

/// Where and as whom.
pub(crate) struct PushConfig {
    /// The `ws:` or `wss:` address.
    pub(crate) url: Url,
    /// The login name.
    pub(crate) login_name: String,
    /// The app password.
    pub(crate) password: Secret,
    /// As for HTTP.
    pub(crate) tls: Arc<ClientConfig>,
    /// For a server that steers its clients.
    pub(crate) steering: Option<Arc<Steering>>,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Whether a push address may be given our password: it has to be encrypted or on this machine, and the server's own
/// word about a loopback address counts only when the server itself is there.
pub(crate) fn is_acceptable(url: &Url, server: &Url) -> bool {
    match url.scheme() {
        "wss" => true,
        "ws" => address::is_loopback(url) && address::is_loopback(server),
        _ => false,
    }
}

/// Keeps a push connection for as long as `events` is listened to.
pub(crate) async fn run(config: PushConfig, events: mpsc::Sender<PushEvent>) {
    let backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));
    let mut link = LinkPolicy::new(KEEP_ALIVE, CONNECT_LIMIT, backoff, Instant::now());
    let mut socket: Option<Socket> = None;
    let mut steered: Option<Steered> = None;
    while !events.is_closed() {
        match link.step(Instant::now(), rand::random()) {
            LinkStep::Connect => match tokio::time::timeout(CONNECT_LIMIT, connect(&config)).await {
                Ok(Ok(connected)) => {
                    socket = Some(connected);
                    steered = config.steering.as_ref().map(Steered::new);
                    link.connected(Instant::now());
                    tell(&events, PushEvent::Up).await;
                }
                Ok(Err(reason)) => {
                    tracing::debug!(reason, "no push connection");
                    link.lost(Instant::now(), rand::random());
                    tell(&events, PushEvent::Down).await;
                }
                Err(_) => {
                    link.lost(Instant::now(), rand::random());
                    tell(&events, PushEvent::Down).await;
                }
            },
            LinkStep::Ping => {
                if !send(&mut socket, Message::Ping(Vec::new().into())).await {
                    link.lost(Instant::now(), rand::random());
                    tell(&events, PushEvent::Down).await;
                }
            }
            LinkStep::Drop => {
                socket = None;
                tell(&events, PushEvent::Down).await;
            }
            LinkStep::Wait(until) => {
                let open = socket.is_some();
                let heard = tokio::select! {
                    () = tokio::time::sleep_until(until.into()) => continue,
                    () = events.closed() => return,
                    heard = next(&mut socket) => heard,
                    text = next_own(open, &mut steered) => Heard::Own(text),
                };
                match heard {
                    Heard::Own(text) => {
                        if !send(&mut socket, Message::text(text)).await {
                            link.lost(Instant::now(), rand::random());
                            tell(&events, PushEvent::Down).await;
                        }
                    }
                    Heard::Text(text) => {
                        link.heard(Instant::now());
                        if let Some(steered) = &steered {
                            steered.handle(text.as_str());
                        }
                    }
                    Heard::Notification => {
                        link.heard(Instant::now());
                        // When the queue is full, a look is due anyway.
                        let _ = events.try_send(PushEvent::Notification);
                    }
                    Heard::Other => link.heard(Instant::now()),
                    Heard::Closed => {
                        socket = None;
                        link.lost(Instant::now(), rand::random());
                        tell(&events, PushEvent::Down).await;
                    }
                }
            }
        }
    }
}

async fn tell(events: &mpsc::Sender<PushEvent>, event: PushEvent) {
    // A closed channel ends the loop at its head.
    let _ = events.send(event).await;
}

/// Sends on the socket, and forgets it when that fails; then `false`.
async fn send(socket: &mut Option<Socket>, message: Message) -> bool {
    let Some(open) = socket else { return true };
    let sent = matches!(tokio::time::timeout(CONNECT_LIMIT, open.send(message)).await, Ok(Ok(())));
    if !sent {
        *socket = None;
    }
    sent
}

/// What we have to say ourselves, while there is a socket to say it on.
async fn next_own(open: bool, steered: &mut Option<Steered>) -> String {
    match steered {
        Some(steered) if open => steered.next().await,
        Some(_) | None => std::future::pending().await,
    }
}

enum Heard {
    /// Not heard, but ours to say.
    Own(String),
    /// Any other text.
    Text(Utf8Bytes),
    Notification,
    Other,
    Closed,
}

async fn next(socket: &mut Option<Socket>) -> Heard {
    let Some(open) = socket else { return std::future::pending().await };
    match open.next().await {
        Some(Ok(Message::Text(text))) if text.as_str() == "notify_notification" => Heard::Notification,
        Some(Ok(Message::Text(text))) => Heard::Text(text),
        Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => Heard::Other,
        Some(Ok(Message::Close(_) | Message::Frame(_)) | Err(_)) | None => Heard::Closed,
    }
}

/// Connects and signs in. The error is a reason for the log, without names.
async fn connect(config: &PushConfig) -> Result<Socket, &'static str> {
    let stream = tcp::connect(&config.url).await?;
    let settings =
        WebSocketConfig::default().max_message_size(Some(MAX_FRAME)).max_frame_size(Some(MAX_FRAME));
    let connector = Connector::Rustls(config.tls.clone());
    let (mut socket, _) =
        client_async_tls_with_config(config.url.as_str(), stream, Some(settings), Some(connector))
            .await
            .map_err(|_| "the push address refuses the WebSocket")?;
    for line in [config.login_name.as_str(), config.password.expose()] {
        socket.send(Message::text(line)).await.map_err(|_| "the connection broke")?;
    }
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text.as_str() == "authenticated" => return Ok(socket),
            Some(Ok(Message::Text(_))) => return Err("push refused the password"),
            Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err("push closed the connection"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_goes_only_where_it_is_safe() {
        for (push, server, expected) in [
            ("wss://push.example.org/ws", "https://cloud.example.org", true),
            ("ws://push.example.org/ws", "https://cloud.example.org", false),
            ("ws://127.0.0.1:1/ws", "https://cloud.example.org", false),
            ("ws://127.0.0.1:1/ws", "http://127.0.0.1:1", true),
            ("http://127.0.0.1:1/ws", "http://127.0.0.1:1", false),
        ] {
            let (push, server) = (Url::parse(push).unwrap(), Url::parse(server).unwrap());
            assert_eq!(is_acceptable(&push, &server), expected, "{push} {server}");
        }
    }
}
