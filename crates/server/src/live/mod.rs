//! What lives only as long as the server runs: sessions in rooms, calls, and the signaling between them.
//!
//! ```text
//!            join room                join call
//!  (nobody) ──────────▶ in the room ──────────▶ in the call
//!     ▲  ▲                 │    ▲                  │
//!     │  └─────────────────┘    └──────────────────┘
//!     │     leave, removed,        leave, "end for all", locked, lobby
//!     │     100 s silence                          │
//!     └────────────────────────────────────────────┘
//! ```
//! Pure but for waking sleepers: no clock, no I/O; every function is told the [`Moment`]. Each change of what others
//! see bumps the room's version and wakes the pulls waiting in it at once. What the database has to hear of comes
//! back as [`Effect`]s.

mod calls;
mod hpb_news;
mod mailbox;
mod pulls;
pub(crate) mod web;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

pub(crate) use calls::LeftCall;
pub(crate) use hpb_news::granted;
pub(crate) use pulls::{Pull, PullTicket};

use crate::hpb::Hpb;
use crate::words::{Actor, ParticipantKind, masked_flags};
use bellbird_talk_wire::constants::IN_CALL_PHONE;
use mailbox::Mailbox;
use web::{WebKey, WebSessions};

/// A session's name, known to everybody in its room.
pub(crate) type SessionId = Arc<str>;

/// Not listed in a call any more.
const LISTED_IN_CALL: Duration = Duration::from_secs(30);
/// Not listed in the room any more.
const LISTED_IN_ROOM: Duration = Duration::from_secs(40);
/// Removed.
const EXPIRES: Duration = Duration::from_secs(100);
/// Most sessions in one room; a mesh has long broken down before.
const MAX_SESSIONS_PER_ROOM: usize = 1000;

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Never goes back; what time-outs are measured with.
    pub(crate) at: Instant,
    /// Unix seconds; what people and clients are told.
    pub(crate) unix: i64,
}

/// What others must do after a change here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A call is over: whoever was rung for it has missed it.
    CallEnded { room: i64 },
    /// An attendee's last session has left the room.
    Vacated { room: i64, attendee: i64 },
}

/// What a session has to know of its attendee.
#[derive(Debug, Clone)]
pub(crate) struct AttendeeFacts {
    pub(crate) attendee: i64,
    pub(crate) actor: Actor,
    pub(crate) display_name: String,
    pub(crate) kind: ParticipantKind,
    pub(crate) permissions: u32,
    /// Kept out by the lobby.
    pub(crate) waits: bool,
}

/// What the live side has to know of a room.
#[derive(Debug)]
pub(crate) struct RoomFacts {
    pub(crate) read_only: bool,
    pub(crate) attendees: HashMap<i64, AttendeeFacts>,
}

struct Session {
    id: SessionId,
    web: WebKey,
    facts: AttendeeFacts,
    in_call: u32,
    active: bool,
    last_ping: Instant,
    /// Number of the newest pull, and how many pulls wait.
    pull: u64,
    pulling: u32,
    /// Not listed at the moment, for want of pings.
    hidden: bool,
    mailbox: Mailbox,
    /// The room version last delivered.
    seen: u64,
    wake: Arc<Notify>,
}

impl Session {
    /// In the room, not in its call.
    fn new(id: SessionId, web: WebKey, facts: AttendeeFacts, now: Instant) -> Self {
        Self {
            id,
            web,
            facts,
            in_call: 0,
            active: true,
            last_ping: now,
            pull: 0,
            pulling: 0,
            hidden: false,
            mailbox: Mailbox::default(),
            seen: 0,
            wake: Arc::new(Notify::new()),
        }
    }

    fn age(&self, now: Instant) -> Duration {
        if self.pulling > 0 { Duration::ZERO } else { now.saturating_duration_since(self.last_ping) }
    }

    fn last_ping_unix(&self, now: Moment) -> i64 {
        now.unix - i64::try_from(self.age(now.at).as_secs()).unwrap_or(0)
    }
}

struct Call {
    /// Unix seconds.
    started: i64,
    flags: u32,
    /// Whoever has been in this call: it does not ring for them any more.
    joined: std::collections::HashSet<Actor>,
}

#[derive(Default)]
struct LiveRoom {
    /// Its name in links.
    token: Arc<str>,
    version: u64,
    sessions: Vec<Session>,
    call: Option<Call>,
    /// The list as JSON for this version, see `pulls`.
    users_json: Option<(u64, Instant, Arc<str>)>,
}

impl LiveRoom {
    fn session(&self, id: &str) -> Option<&Session> {
        self.sessions.iter().find(|session| *session.id == *id)
    }

    fn session_mut(&mut self, id: &str) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| *session.id == *id)
    }

    fn changed(&mut self) {
        self.version += 1;
        for session in &self.sessions {
            session.wake.notify_waiters();
        }
    }
}

/// A copy of what others may know of a session.
#[derive(Debug, Clone)]
pub(crate) struct SessionView {
    pub(crate) id: SessionId,
    pub(crate) attendee: i64,
    pub(crate) in_call: u32,
    /// Unix seconds.
    pub(crate) last_ping: i64,
}

/// Everything live.
#[derive(Default)]
pub(crate) struct Live {
    rooms: HashMap<i64, LiveRoom>,
    /// Told of whatever changes, when there is one.
    pub(crate) hpb: Option<Arc<Hpb>>,
    pub(crate) web: WebSessions,
}

impl Live {
    /// Puts a new session into the room. False when the room or the server is full.
    pub(crate) fn enter(
        &mut self,
        (room, token): (i64, &str),
        id: &SessionId,
        web: WebKey,
        facts: AttendeeFacts,
        now: Moment,
    ) -> bool {
        let Some(web_session) = self.web.any(&web) else { return false };
        let live = self.rooms.entry(room).or_default();
        if live.sessions.len() >= MAX_SESSIONS_PER_ROOM {
            return false;
        }
        live.token = token.into();
        web_session.rooms.insert(room, id.clone());
        live.sessions.push(Session::new(id.clone(), web, facts, now.at));
        live.changed();
        true
    }

    /// Takes a session out of its call and room. The cookie forgets it unless it has a newer one.
    pub(crate) fn leave(&mut self, room: i64, id: &str) -> Vec<Effect> {
        let Some(live) = self.rooms.get_mut(&room) else { return Vec::new() };
        let Some(index) = live.sessions.iter().position(|session| *session.id == *id) else {
            return Vec::new();
        };
        let mut session = live.sessions.swap_remove(index);
        if let Some(web) = self.web.any(&session.web)
            && web.rooms.get(&room).is_some_and(|current| **current == *session.id)
        {
            web.rooms.remove(&room);
        }
        session.wake.notify_waiters();
        let mut effects = Vec::new();
        let attendee = session.facts.attendee;
        if !live.sessions.iter().any(|other| other.facts.attendee == attendee) {
            effects.push(Effect::Vacated { room, attendee });
        }
        if session.in_call != 0 {
            session.in_call = 0;
            live.tell_in_call(self.hpb.as_ref(), room, &session);
            effects.extend(live.end_call_if_empty(room));
        }
        live.changed();
        if live.sessions.is_empty() {
            self.rooms.remove(&room);
        }
        effects
    }

    /// The session the cookie holds in the room.
    pub(crate) fn session_of_web(
        &mut self,
        key: &WebKey,
        user: Option<&str>,
        room: i64,
        now: Moment,
    ) -> Option<SessionView> {
        let id = self.web.find(key, user, now.at)?.rooms.get(&room)?.clone();
        self.session(room, &id, now)
    }

    pub(crate) fn session(&self, room: i64, id: &str, now: Moment) -> Option<SessionView> {
        self.rooms.get(&room)?.session(id).map(|session| view(session, now))
    }

    /// The session of an attendee to fall back on without cookie: one in the call if there is one, else the newest.
    pub(crate) fn session_of_attendee(&self, room: i64, attendee: i64, now: Moment) -> Option<SessionView> {
        let mut own = self.rooms.get(&room)?.sessions.iter().filter(|s| s.facts.attendee == attendee);
        let first = own.next()?;
        let best = own.fold(first, |best, s| if best.in_call != 0 && s.in_call == 0 { best } else { s });
        Some(view(best, now))
    }

    /// Sessions of the room that have pinged lately, or all of them.
    pub(crate) fn sessions(&self, room: i64, now: Moment) -> Vec<SessionView> {
        let Some(live) = self.rooms.get(&room) else { return Vec::new() };
        let listed = live.sessions.iter().filter(|session| session.age(now.at) <= LISTED_IN_CALL);
        listed.map(|session| view(session, now)).collect()
    }

    /// The session says whether its window is in front; false when there is no such session.
    pub(crate) fn set_active(&mut self, room: i64, id: &str, active: bool) -> bool {
        match self.rooms.get_mut(&room).and_then(|live| live.session_mut(id)) {
            Some(session) => {
                session.active = active;
                true
            }
            None => false,
        }
    }

    /// Rooms in which anybody is.
    pub(crate) fn occupied_rooms(&self) -> Vec<i64> {
        self.rooms.keys().copied().collect()
    }

    /// Brings the sessions in line with what the database says now: removed attendees go, permissions are taken
    /// over, a locked room has no call, who waits in the lobby is in no call. `None`: the room is gone.
    pub(crate) fn reconcile(&mut self, room: i64, facts: Option<&RoomFacts>) -> Vec<Effect> {
        let Some(live) = self.rooms.get_mut(&room) else { return Vec::new() };
        let mut effects = Vec::new();
        let mut gone = Vec::new();
        let mut changed = false;
        let (mut other_flags, mut other_rights) = (Vec::new(), Vec::new());
        for session in &mut live.sessions {
            let Some(attendee) = facts.and_then(|facts| facts.attendees.get(&session.facts.attendee)) else {
                gone.push(session.id.clone());
                continue;
            };
            let may_call = !attendee.waits && facts.is_some_and(|facts| !facts.read_only);
            let flags = match session.in_call {
                0 => 0,
                _ if !may_call => 0,
                flags => masked_flags(flags, attendee.permissions) | (flags & IN_CALL_PHONE),
            };
            let rights = attendee.permissions != session.facts.permissions
                || attendee.waits != session.facts.waits
                || attendee.kind != session.facts.kind
                || attendee.display_name != session.facts.display_name;
            if rights {
                other_rights.push(session.id.clone());
            }
            if flags != session.in_call {
                other_flags.push(session.id.clone());
            }
            changed |= rights || flags != session.in_call;
            session.in_call = flags;
            session.facts = attendee.clone();
        }
        if changed {
            effects.extend(live.end_call_if_empty(room));
            live.changed();
        }
        live.tell_participants(self.hpb.as_ref(), room, |session| other_rights.contains(&session.id));
        for session in live.sessions.iter().filter(|session| other_flags.contains(&session.id)) {
            live.tell_in_call(self.hpb.as_ref(), room, session);
        }
        match facts {
            Some(_) => live.tell_dismissed(self.hpb.as_ref(), room, &gone),
            None => live.tell_deleted(self.hpb.as_ref(), room),
        }
        for id in gone {
            effects.extend(self.leave(room, &id));
        }
        effects
    }

    /// Hides and removes sessions that no longer ping.
    pub(crate) fn tick(&mut self, now: Moment) -> Vec<Effect> {
        let mut expired = Vec::new();
        for (&room, live) in &mut self.rooms {
            let mut changed = false;
            for session in &mut live.sessions {
                let age = session.age(now.at);
                let hidden = age > LISTED_IN_ROOM;
                changed |= hidden != session.hidden;
                session.hidden = hidden;
                if age > EXPIRES {
                    expired.push((room, session.id.clone()));
                }
            }
            if changed {
                live.changed();
            }
        }
        self.web.forget_idle(now.at);
        expired.into_iter().flat_map(|(room, id)| self.dismiss(room, &id)).collect()
    }

    /// Wakes every waiting pull, for a shutdown.
    pub(crate) fn wake_all(&self) {
        for session in self.rooms.values().flat_map(|live| &live.sessions) {
            session.wake.notify_waiters();
        }
    }
}

fn view(session: &Session, now: Moment) -> SessionView {
    SessionView {
        id: session.id.clone(),
        attendee: session.facts.attendee,
        in_call: session.in_call,
        last_ping: session.last_ping_unix(now),
    }
}

#[cfg(test)]
mod tests;
