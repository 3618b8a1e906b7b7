//! The notify_push WebSocket (talk-accounts.md section 4.5), on which our own clients also tell how they are and are steered.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use bellbird_talk_wire::MAX_CLIENT_FRAME;

use super::asked::{Asked, Caller};
use super::auth::{self, Via};
use super::ocs::{Ocs, Version, wrap};
use crate::state::App;

/// Login name and password have to arrive within this time.
const SIGN_IN_TIME: Duration = Duration::from_secs(15);
/// A quiet socket is asked whether it still lives.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Nothing from the client for this long, not even an answer to a ping: it is gone.
const DEAD_AFTER: Duration = Duration::from_secs(100);
/// Largest frame a client may send, bytes.
const MAX_FRAME: usize = MAX_CLIENT_FRAME;

/// `GET|POST /push/pre_auth`: a token that takes the password's place on the socket, once.
pub(super) async fn pre_auth(asked: Asked) -> Response {
    match asked.signed_in() {
        Ok(user) => {
            let now = asked.app.now().at;
            asked.app.push.make_token(&user.account.id, user.via, now).into_response()
        }
        Err(refused) => wrap(Version::Two, refused.into_response()),
    }
}

/// `GET /push/ws`
pub(super) async fn socket(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    upgrade: WebSocketUpgrade,
) -> Response {
    // Hundreds of these rest at once: the buffers are as small as they can be.
    upgrade
        .read_buffer_size(512)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_FRAME)
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| async move { Box::pin(run(app, caller, socket)).await })
}

async fn run(app: App, caller: Caller, mut socket: WebSocket) {
    let signed_in = tokio::time::timeout(SIGN_IN_TIME, sign_in(&app, caller, &mut socket)).await;
    let (account, via) = match signed_in {
        Ok(Some(Ok(who))) => who,
        Ok(Some(Err(refused))) => {
            let words =
                if refused.code() == 429 { "err: Too many tries" } else { "err: Invalid credentials" };
            drop(socket.send(Message::text(words)).await);
            return;
        }
        Ok(None) | Err(_) => return,
    };
    let Some(seat) = app.push.sit(&account, via) else {
        drop(socket.send(Message::text("err: Too many connections")).await);
        return;
    };
    if socket.send(Message::text("authenticated")).await.is_err() {
        return;
    }
    let mut steered = app.clients.connect(&account);
    let mut heard = app.now().at;
    let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
    loop {
        let message = tokio::select! {
            () = seat.wake.notified() => Message::text("notify_notification"),
            _ = ping.tick() => {
                if app.now().at.saturating_duration_since(heard) > DEAD_AFTER {
                    return;
                }
                Message::Ping(Vec::new().into())
            }
            order = steered.next() => Message::text(order.write()),
            frame = socket.recv() => match frame {
                Some(Ok(Message::Text(text))) => {
                    heard = app.now().at;
                    steered.handle(text.as_str(), heard);
                    continue;
                }
                // Answers to pings and pings are dealt with by the socket itself.
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => {
                    heard = app.now().at;
                    continue;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            () = seat.close.cancelled() => {
                drop(socket.send(Message::text("err: Invalid credentials")).await);
                return;
            }
            () = app.closing.cancelled() => {
                drop(socket.send(Message::Close(None)).await);
                return;
            }
        };
        if !matches!(tokio::time::timeout(PING_EVERY, socket.send(message)).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// Two text frames: login name and password, or nothing and a token. `None` when the socket ended before.
async fn sign_in(app: &App, caller: Caller, socket: &mut WebSocket) -> Option<Result<(String, Via), Ocs>> {
    let name = text(socket).await?;
    let password = text(socket).await?;
    if name.is_empty() {
        let now = app.now().at;
        return Some(app.push.use_token(&password, now).ok_or_else(auth::unauthorized));
    }
    let user = auth::authenticate(app, caller.address, &name, &password).await;
    Some(user.map(|user| (user.account.id, user.via)))
}

async fn text(socket: &mut WebSocket) -> Option<String> {
    loop {
        match socket.recv().await?.ok()? {
            Message::Text(text) => return Some(text.as_str().to_owned()),
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Binary(_) | Message::Close(_) => return None,
        }
    }
}
