//! One conversation through the door.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bellbird_contract::{ClientFrame, CoreFrame, Event, Outcome};
use futures_util::stream::{FuturesUnordered, SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{Semaphore, broadcast};

use super::gate::Visitor;
use super::outbox::Outbox;
use super::{Core, Shared};

/// The longest frame a client may send: a link and a name are far below it.
const MAX_FRAME: usize = 64 << 10;

/// How long a client may take to show its token.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one frame may take to be taken by a client that stopped reading.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// Commands of one client in the works, or answered and not yet sent. Further ones wait unread.
const MAX_COMMANDS: usize = 32;

/// Open conversations at most, the ones without a token included.
pub(super) const MAX_CLIENTS: usize = 32;

/// Judges the request and, when it may come in, turns it into a conversation.
pub(super) async fn upgrade<C: Core>(
    State(shared): State<Arc<Shared<C>>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    match enter(&shared, &headers, upgrade) {
        Some((visitor, upgrade)) => upgrade.on_upgrade(move |socket| converse(shared, visitor, socket)),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

/// Judges a request by its headers, and bounds what a client may send. `None`: it is turned away.
pub(super) fn enter<C: Core>(
    shared: &Shared<C>,
    headers: &HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Option<(Visitor, WebSocketUpgrade)> {
    match shared.gate.judge(headers) {
        Ok(visitor) => Some((
            visitor,
            upgrade.read_buffer_size(16 << 10).max_message_size(MAX_FRAME).max_frame_size(MAX_FRAME),
        )),
        Err(refusal) => {
            tracing::warn!(?refusal, "turned away at the door");
            None
        }
    }
}

async fn converse<C: Core>(shared: Arc<Shared<C>>, visitor: Visitor, mut socket: WebSocket) {
    let clients = Counted::enter(&shared.clients);
    if clients.now > MAX_CLIENTS {
        return close(&mut socket, close_code::AGAIN, "too many clients").await;
    }
    if let Err(reason) = greet(&shared, &mut socket).await {
        tracing::warn!(reason, "no greeting at the control door");
        return close(&mut socket, close_code::POLICY, reason).await;
    }
    let _window = match visitor {
        Visitor::Page => Some(Counted::enter(&shared.windows)),
        Visitor::Program => None,
    };
    // Subscribed before the first state is taken, so that no change falls between the two.
    let events = shared.core.events();
    let outbox = Outbox::default();
    outbox.put_reply(CoreFrame::Welcome { version: shared.version.clone() }, None);
    outbox.put_first_state(shared.core.state());

    let (sink, stream) = socket.split();
    tokio::select! {
        () = send_all(&outbox, sink) => {}
        () = receive_all(&shared, &outbox, stream) => {}
        () = follow(&shared, &outbox, events) => {}
        () = shared.stop.cancelled() => {}
    }
}

/// Takes the `hello` with the token.
pub(super) async fn greet<C: Core>(shared: &Shared<C>, socket: &mut WebSocket) -> Result<(), &'static str> {
    let first = tokio::select! {
        first = tokio::time::timeout(HELLO_TIMEOUT, socket.recv()) => first,
        () = shared.stop.cancelled() => return Err("the core ends"),
    };
    let Ok(Some(Ok(Message::Text(text)))) = first else { return Err("no hello") };
    match serde_json::from_str(&text) {
        Ok(ClientFrame::Hello { token }) if shared.gate.opens(&token) => Ok(()),
        Ok(ClientFrame::Hello { .. }) => Err("wrong token"),
        Ok(ClientFrame::Command { .. }) | Err(_) => Err("the first frame is no hello"),
    }
}

/// Sends what gathers in the outbox, until the client goes or takes nothing any more.
async fn send_all(outbox: &Outbox, mut sink: SplitSink<WebSocket, Message>) {
    loop {
        let (frame, _ticket) = outbox.next().await;
        let ends = matches!(&frame, CoreFrame::Event { event: Event::Stopping });
        let text = match serde_json::to_string(&frame) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "a frame could not be written");
                continue;
            }
        };
        match tokio::time::timeout(SEND_TIMEOUT, sink.send(Message::text(text))).await {
            Ok(Ok(())) if ends => return drop(sink.close().await),
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => return tracing::warn!("a client stopped reading and is dropped"),
        }
    }
}

/// Begins commands in the order they come; each is answered when it is done.
async fn receive_all<C: Core>(shared: &Shared<C>, outbox: &Outbox, mut stream: SplitStream<WebSocket>) {
    let permits = Arc::new(Semaphore::new(MAX_COMMANDS));
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            // Commands first: one that is begun must make its first step before the next is read.
            biased;
            Some(()) = running.next() => {}
            permit = permits.clone().acquire_owned(), if permits.available_permits() == 0 => drop(permit),
            message = stream.next(), if permits.available_permits() > 0 => {
                let text = match message {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Binary(_) | Message::Close(_)) | Err(_)) | None => return,
                };
                let Ok(ClientFrame::Command { id, command }) = serde_json::from_str(&text) else {
                    tracing::warn!("a frame of a client is not understood");
                    return;
                };
                let Ok(ticket) = permits.clone().try_acquire_owned() else { continue };
                running.push(async move {
                    tracing::debug!(?command, "command");
                    let outcome = match Box::pin(shared.core.handle(command)).await {
                        Ok(reply) => Outcome::Done { reply },
                        Err(problem) => Outcome::Failed { problem },
                    };
                    outbox.put_reply(CoreFrame::Reply { id, outcome }, Some(ticket));
                });
            }
        }
    }
}

/// Puts every event of the core into the outbox.
async fn follow<C: Core>(shared: &Shared<C>, outbox: &Outbox, mut events: broadcast::Receiver<Event>) {
    loop {
        match events.recv().await {
            Ok(event) => outbox.put_event(event),
            // What was missed is in the sum.
            Err(broadcast::error::RecvError::Lagged(_)) => {
                outbox.put_event(Event::State { state: Box::new(shared.core.state()) });
            }
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

pub(super) async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    let _ = tokio::time::timeout(HELLO_TIMEOUT, socket.send(Message::Close(Some(frame)))).await;
}

/// Counts a conversation while it lives.
pub(super) struct Counted<'a> {
    count: &'a std::sync::atomic::AtomicUsize,
    pub(super) now: usize,
}

impl<'a> Counted<'a> {
    pub(super) fn enter(count: &'a std::sync::atomic::AtomicUsize) -> Self {
        Self { count, now: count.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}
