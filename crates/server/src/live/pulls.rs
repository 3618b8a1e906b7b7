//! Internal signaling: messages in, long polls out (talk-signaling.md section 2).

use std::sync::Arc;
use std::time::{Duration, Instant};

use bellbird_talk_wire::UserInRoom;
use bellbird_talk_wire::constants::PERMISSION_SCREEN;
use serde_json::Value;
use tokio::sync::Notify;

use super::{LISTED_IN_ROOM, Live, LiveRoom, Moment, Session, SessionId};
use crate::words::{ActorKind, ParticipantKind};

/// The list's `lastPing`s may be this old when nothing else has changed.
const LIST_KEEPS: Duration = Duration::from_secs(5);

/// One waiting pull.
pub(crate) struct PullTicket {
    pub(crate) room: i64,
    pub(crate) session: SessionId,
    number: u64,
    wake: Arc<Notify>,
}

impl PullTicket {
    pub(crate) fn wake(&self) -> &Notify {
        &self.wake
    }
}

/// What a pull finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pull {
    /// Messages in order, and everybody in the room as JSON.
    News { messages: Vec<String>, users: Arc<str> },
    /// Nothing yet.
    Wait,
    /// The session is no longer in the room.
    Gone,
}

impl Live {
    /// Begins a pull, which counts as a ping for as long as it waits. A pull of the same session that still waits is
    /// told to give up: its connection is probably dead, and it must not take the messages.
    pub(crate) fn begin_pull(&mut self, room: i64, id: &str, now: Moment) -> Option<PullTicket> {
        let live = self.rooms.get_mut(&room)?;
        let session = live.session_mut(id)?;
        session.pull += 1;
        session.pulling += 1;
        session.last_ping = now.at;
        session.wake.notify_waiters();
        let ticket = PullTicket {
            room,
            session: session.id.clone(),
            number: session.pull,
            wake: Arc::clone(&session.wake),
        };
        if std::mem::take(&mut session.hidden) {
            live.changed();
        }
        Some(ticket)
    }

    /// What there is to deliver. With `at_once` there is always an answer, be it only the list.
    pub(crate) fn check_pull(&mut self, ticket: &PullTicket, at_once: bool, now: Moment) -> Pull {
        let Some(live) = self.rooms.get_mut(&ticket.room) else { return Pull::Gone };
        let version = live.version;
        let Some(session) = live.session_mut(&ticket.session) else { return Pull::Gone };
        if session.pull != ticket.number {
            let users = live.users(ticket.room, &ticket.session, now);
            return Pull::News { messages: Vec::new(), users };
        }
        if !at_once && session.seen == version && session.mailbox.is_empty() {
            return Pull::Wait;
        }
        session.seen = version;
        let messages = session.mailbox.take();
        let users = live.users(ticket.room, &ticket.session, now);
        Pull::News { messages, users }
    }

    /// Ends a pull, however it went.
    pub(crate) fn end_pull(&mut self, ticket: &PullTicket, now: Instant) {
        if let Some(session) =
            self.rooms.get_mut(&ticket.room).and_then(|live| live.session_mut(&ticket.session))
        {
            session.pulling = session.pulling.saturating_sub(1);
            session.last_ping = now;
        }
    }

    /// Queues a peer message for its `to` and wakes it. `message` is what the sender wrote; it is dropped silently
    /// when it is not an object, names nobody in the room, or is a control message of somebody who may not send any.
    pub(crate) fn post_message(&mut self, room: i64, from: &str, message: Value) {
        let Some(live) = self.rooms.get_mut(&room) else { return };
        let Some(sender) = live.session(from) else { return };
        if sender.facts.waits {
            return;
        }
        let (sender_id, kind) = (sender.id.clone(), sender.facts.kind);
        let Value::Object(mut message) = message else { return };
        let may_control = match kind {
            ParticipantKind::Owner | ParticipantKind::Moderator => true,
            ParticipantKind::User
            | ParticipantKind::Guest
            | ParticipantKind::SelfJoined
            | ParticipantKind::GuestModerator => false,
        };
        if message.get("type").and_then(Value::as_str) == Some("control") && !may_control {
            return;
        }
        // In a mesh the one who shares offers, so this is the place where sharing can be refused.
        let says = |name: &str, value: &str| message.get(name).and_then(Value::as_str) == Some(value);
        let may_share = sender.facts.permissions & PERMISSION_SCREEN != 0;
        if says("roomType", "screen") && says("type", "offer") && !may_share {
            return;
        }
        let Some(recipient) = message
            .get("to")
            .and_then(Value::as_str)
            .and_then(|to| live.sessions.iter().position(|s| *s.id == *to))
        else {
            return;
        };
        message.insert("from".into(), Value::from(&*sender_id));
        let recipient = &mut live.sessions[recipient];
        if recipient.mailbox.push(&sender_id, Value::Object(message).to_string()) {
            recipient.wake.notify_waiters();
        } else {
            tracing::debug!(room, "a session's message queue is full; message dropped");
        }
    }
}

impl Live {
    /// Queues a message of the server's own for everybody in the room's call.
    pub(crate) fn tell_all_in_call(&mut self, room: i64, text: &str) {
        let Some(live) = self.rooms.get_mut(&room) else { return };
        let server: SessionId = "".into();
        for session in live.sessions.iter_mut().filter(|session| session.in_call != 0) {
            if session.mailbox.push(&server, text.to_owned()) {
                session.wake.notify_waiters();
            }
        }
    }
}

impl LiveRoom {
    /// The list as one session may see it. Who waits in the lobby sees nobody but itself.
    fn users(&mut self, room: i64, viewer: &str, now: Moment) -> Arc<str> {
        if let Some(session) = self.session(viewer)
            && session.facts.waits
        {
            return as_json(room, [session].into_iter(), now);
        }
        if let Some((version, made, json)) = &self.users_json
            && *version == self.version
            && now.at.saturating_duration_since(*made) < LIST_KEEPS
        {
            return Arc::clone(json);
        }
        let json = as_json(room, self.sessions.iter().filter(|s| s.age(now.at) <= LISTED_IN_ROOM), now);
        self.users_json = Some((self.version, now.at, Arc::clone(&json)));
        json
    }
}

fn as_json<'a>(room: i64, sessions: impl Iterator<Item = &'a Session>, now: Moment) -> Arc<str> {
    let users: Vec<UserInRoom> = sessions
        .map(|session| {
            let actor = &session.facts.actor;
            UserInRoom {
                user_id: match actor.kind {
                    ActorKind::Users => actor.id.clone(),
                    ActorKind::Guests | ActorKind::Phones => String::new(),
                },
                actor_type: actor.kind.as_str().into(),
                actor_id: actor.id.clone(),
                display_name: session.facts.display_name.clone(),
                room_id: room,
                last_ping: session.last_ping_unix(now),
                session_id: session.id.to_string(),
                in_call: session.in_call,
                participant_permissions: session.facts.permissions,
            }
        })
        .collect();
    serde_json::to_string(&users).unwrap_or_else(|_| "[]".into()).into()
}
