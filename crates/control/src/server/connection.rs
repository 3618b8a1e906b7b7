//! One conversation through the door.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bellbird_contract::{ClientFrame, CoreFrame, Event};
use futures_util::stream::{FuturesUnordered, SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio::sync::{Semaphore, broadcast};

use super::Core;
use super::gate::Way;
use super::outbox::Outbox;
use super::shared::{Crowd, Shared, failed};
use super::sockets::{Rank, Seat};
use super::visitor::{Errand, Guest, Visitor};
use crate::{CONTROL_PATH, NOT_UNDERSTOOD, PROGRAMS_OFF};

/// The longest frame a client may send: a link and a name are far below it.
const MAX_FRAME: usize = 64 << 10;

/// How long a client may take to show its token.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one frame may take to be taken by a client that stopped reading.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// Commands of one client in the works, or answered and not yet sent. Further ones wait unread.
const MAX_COMMANDS: usize = 32;

/// Open WebSockets of one kind at most.
const MAX_CLIENTS: usize = 32;

/// Those of programs among them, so that the person always finds room.
const MAX_PROGRAM_CLIENTS: usize = 24;

/// Why a conversation ends, when it is we who end it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Farewell {
    pub(super) code: u16,
    pub(super) reason: &'static str,
}

impl Farewell {
    fn policy(reason: &'static str) -> Self {
        Self { code: close_code::POLICY, reason }
    }

    /// For a frame that makes no sense.
    pub(super) fn not_understood() -> Self {
        Self { code: close_code::UNSUPPORTED, reason: NOT_UNDERSTOOD }
    }

    /// For a frame that could not be read: too long, most of all. Whether the far end still listens is its affair.
    pub(super) fn unreadable() -> Self {
        Self { code: close_code::SIZE, reason: "a frame is too long or broken" }
    }
}

/// Judges the request and, when it may come in, turns it into a conversation.
pub(super) async fn upgrade<C: Core>(
    State(shared): State<Arc<Shared<C>>>,
    Extension(seat): Extension<Arc<Seat>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    match enter(&shared, CONTROL_PATH, &headers, upgrade) {
        Some((way, upgrade)) => upgrade.on_upgrade(async move |mut socket| {
            tokio::select! {
                () = Box::pin(converse(&shared, way, &mut socket, &seat)) => {}
                () = seat.lost() => {}
            }
        }),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

/// Judges a request by its headers, and bounds what a client may send. `None`: it is turned away.
pub(super) fn enter<C: Core>(
    shared: &Shared<C>,
    path: &str,
    headers: &HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Option<(Way, WebSocketUpgrade)> {
    match shared.gate.judge(headers) {
        Ok(way) => {
            let bounded = upgrade.read_buffer_size(16 << 10).max_message_size(MAX_FRAME);
            Some((way, bounded.max_frame_size(MAX_FRAME)))
        }
        Err(refusal) => {
            tracing::warn!(?refusal, "turned away at the door");
            shared.audit.turned_away(None, path, refusal.name());
            None
        }
    }
}

async fn converse<C: Core>(shared: &Arc<Shared<C>>, way: Way, socket: &mut WebSocket, seat: &Seat) {
    let Some(Entry { visitor, guest, _counted }) =
        let_in(shared, CONTROL_PATH, Errand::Conversation, &shared.conversations, way, socket, seat).await
    else {
        return;
    };
    let _window = match (&visitor, way) {
        (Visitor::Window, Way::Page) => Some(Counted::enter(&shared.windows)),
        (Visitor::Window, Way::Program) | (Visitor::Person | Visitor::Program(_), _) => None,
    };
    // Subscribed before the first state is taken, so that no change falls between the two.
    let events = shared.core.events();
    let outbox = Outbox::default();
    outbox.put_reply(CoreFrame::Welcome { version: shared.version.clone() }, None);
    outbox.put_first_state(shared.state_for(&visitor));

    let (mut sink, stream) = socket.split();
    let farewell = tokio::select! {
        () = send_all(&outbox, &mut sink) => None,
        farewell = receive_all(shared, &visitor, &outbox, stream) => farewell,
        () = follow(shared, &visitor, &outbox, events) => None,
        () = guest.asked_to_leave() => Some(why_not(shared, &visitor, Errand::Conversation)),
        () = shared.stop.cancelled() => None,
    };
    if let Some(farewell) = farewell {
        say(&mut sink, farewell).await;
    }
}

/// Someone who was let in.
pub(super) struct Entry<'a> {
    pub(super) visitor: Visitor,
    pub(super) guest: Guest,
    pub(super) _counted: [Option<Counted<'a>>; 2],
}

/// Takes the greeting and finds room, or says why not.
pub(super) async fn let_in<'a, C: Core>(
    shared: &'a Shared<C>,
    path: &str,
    errand: Errand,
    crowd: &'a Crowd,
    way: Way,
    socket: &mut WebSocket,
    seat: &Seat,
) -> Option<Entry<'a>> {
    let refused = match greet(shared, way, socket).await {
        Ok(visitor) => match find_room(shared, errand, crowd, visitor) {
            Ok(entry) => {
                seat.set_rank(Rank::Guest);
                shared.audit.asked(&entry.visitor, path.to_owned()).ended("let-in");
                return Some(entry);
            }
            Err((visitor, farewell)) => (Some(visitor), farewell),
        },
        Err(reason) => (None, Farewell::policy(reason)),
    };
    let (visitor, farewell) = refused;
    tracing::warn!(reason = farewell.reason, path, "turned away at the door");
    shared.audit.turned_away(visitor.as_ref(), path, farewell.reason);
    say(socket, farewell).await;
    None
}

fn find_room<'a, C: Core>(
    shared: &Shared<C>,
    errand: Errand,
    crowd: &'a Crowd,
    visitor: Visitor,
) -> Result<Entry<'a>, (Visitor, Farewell)> {
    let full = Farewell { code: close_code::AGAIN, reason: "too many clients" };
    let all = Counted::enter(&crowd.all);
    let programs = match &visitor {
        Visitor::Program(_) => Some(Counted::enter(&crowd.programs)),
        Visitor::Window | Visitor::Person => None,
    };
    if all.now > MAX_CLIENTS || programs.as_ref().is_some_and(|programs| programs.now > MAX_PROGRAM_CLIENTS) {
        return Err((visitor, full));
    }
    // On the list first: whoever loses the right to be here between the two is seen by one of them.
    let guest = shared.guests.enter(&visitor, errand);
    match shared.may_stay(&visitor, errand) {
        Ok(()) => Ok(Entry { visitor, guest, _counted: [Some(all), programs] }),
        Err(reason) => Err((visitor, Farewell::policy(reason.name()))),
    }
}

/// Takes the `hello` with the token.
async fn greet<C: Core>(
    shared: &Shared<C>,
    way: Way,
    socket: &mut WebSocket,
) -> Result<Visitor, &'static str> {
    let first = tokio::select! {
        first = tokio::time::timeout(HELLO_TIMEOUT, socket.recv()) => first,
        () = shared.stop.cancelled() => return Err("the core ends"),
    };
    let Ok(Some(Ok(Message::Text(text)))) = first else { return Err("no hello") };
    match serde_json::from_str(&text) {
        Ok(ClientFrame::Hello { token, window }) => {
            shared.recognise(&token, way, window == Some(true)).map_err(|no| no.name())
        }
        Ok(ClientFrame::Command { .. }) | Err(_) => Err("the first frame is no hello"),
    }
}

/// Why someone has to leave who was asked to.
pub(super) fn why_not<C: Core>(shared: &Shared<C>, visitor: &Visitor, errand: Errand) -> Farewell {
    // They may be welcome again by now, and have to come anew all the same.
    Farewell::policy(shared.may_stay(visitor, errand).err().map_or(PROGRAMS_OFF, |reason| reason.name()))
}

/// Sends what gathers in the outbox, until the client goes or takes nothing any more.
async fn send_all(outbox: &Outbox, sink: &mut SplitSink<&mut WebSocket, Message>) {
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

/// A frame that asks for something we do not know, or with something of the wrong kind.
#[derive(Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
enum Unclear {
    Command { id: u32 },
}

/// Begins commands in the order they come; each is answered when it is done. Yields why we end the conversation, when
/// it is we.
async fn receive_all<C: Core>(
    shared: &Shared<C>,
    visitor: &Visitor,
    outbox: &Outbox,
    mut stream: SplitStream<&mut WebSocket>,
) -> Option<Farewell> {
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
                    Some(Ok(Message::Close(_))) | None => return None,
                    Some(Ok(Message::Binary(_))) => return Some(Farewell::not_understood()),
                    Some(Err(_)) => return Some(Farewell::unreadable()),
                };
                let Ok(ticket) = permits.clone().try_acquire_owned() else { continue };
                match serde_json::from_str(&text) {
                    Ok(ClientFrame::Command { id, command }) => running.push(async move {
                        let outcome = shared.carry_out(visitor, command).await;
                        outbox.put_reply(CoreFrame::Reply { id, outcome }, Some(ticket));
                    }),
                    Ok(ClientFrame::Hello { .. }) => return Some(Farewell::not_understood()),
                    Err(error) => {
                        let Ok(Unclear::Command { id }) = serde_json::from_str(&text) else {
                            tracing::warn!("a frame of a client is not understood");
                            return Some(Farewell::not_understood());
                        };
                        shared.audit.turned_away(Some(visitor), "command", NOT_UNDERSTOOD);
                        let outcome = failed(NOT_UNDERSTOOD, error.to_string());
                        outbox.put_reply(CoreFrame::Reply { id, outcome }, Some(ticket));
                    }
                }
            }
        }
    }
}

/// Puts every event of the core into the outbox.
async fn follow<C: Core>(
    shared: &Shared<C>,
    visitor: &Visitor,
    outbox: &Outbox,
    mut events: broadcast::Receiver<Event>,
) {
    loop {
        match events.recv().await {
            Ok(event) if shared.hears(visitor) => outbox.put_event(event),
            Ok(Event::State { .. }) | Err(broadcast::error::RecvError::Lagged(_)) => {
                // What was missed is in the sum.
                outbox.put_event(Event::State { state: Box::new(shared.state_for(visitor)) });
            }
            // That the core ends is no secret of the person's.
            Ok(Event::Stopping) => outbox.put_event(Event::Stopping),
            Ok(
                Event::Call { .. }
                | Event::Levels { .. }
                | Event::Quality { .. }
                | Event::Sdk { .. }
                | Event::RaiseWindow,
            ) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Says goodbye; whether it is heard does not matter.
pub(super) async fn say(sink: &mut (impl SinkExt<Message> + Unpin), farewell: Farewell) {
    let frame = CloseFrame { code: farewell.code, reason: farewell.reason.into() };
    let _ = tokio::time::timeout(HELLO_TIMEOUT, sink.send(Message::Close(Some(frame)))).await;
}

/// Counts something while it lives.
pub(super) struct Counted<'a> {
    count: &'a AtomicUsize,
    now: usize,
}

impl<'a> Counted<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        Self { count, now: count.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}
