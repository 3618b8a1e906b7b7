//! Who is in which call.

use std::collections::HashSet;

use bellbird_talk_wire::constants::IN_CALL;

use super::{Call, Effect, LISTED_IN_CALL, Live, LiveRoom, Moment, SessionView, view};
use crate::words::{Actor, masked_flags};

/// A running call as the room object tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallFacts {
    /// Unix seconds.
    pub(crate) started: i64,
    /// Union of the flags that joiners brought.
    pub(crate) flags: u32,
}

/// Who leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftCall<'a> {
    /// One session.
    Session(&'a str),
    /// Everybody, because a moderator said so.
    Everybody,
}

impl LiveRoom {
    pub(super) fn end_call_if_empty(&mut self, room: i64) -> Option<Effect> {
        if self.call.is_none() || self.sessions.iter().any(|session| session.in_call != 0) {
            return None;
        }
        self.call = None;
        Some(Effect::CallEnded { room })
    }
}

/// Puts a session into the call with these flags, and starts the call when it is the first. `None` without such a
/// session; else whether the call was started.
pub(super) fn begin_call(live: &mut LiveRoom, id: &str, flags: u32, now: Moment) -> Option<bool> {
    let session = live.session_mut(id)?;
    session.in_call = flags;
    session.last_ping = now.at;
    let actor = session.facts.actor.clone();
    let started = live.call.is_none();
    let call = live.call.get_or_insert_with(|| Call { started: now.unix, flags: 0, joined: HashSet::new() });
    call.flags |= flags;
    call.joined.insert(actor);
    live.changed();
    Some(started)
}

impl Live {
    /// The call that runs in the room.
    pub(crate) fn call(&self, room: i64) -> Option<CallFacts> {
        let call = self.rooms.get(&room)?.call.as_ref()?;
        Some(CallFacts { started: call.started, flags: call.flags })
    }

    /// The session joins (flags are masked by its permissions). `None` without such a session; else whether it
    /// started the call.
    pub(crate) fn join_call(&mut self, room: i64, id: &str, flags: u32, now: Moment) -> Option<bool> {
        let live = self.rooms.get_mut(&room)?;
        let session = live.session(id)?;
        let flags = masked_flags(flags, session.facts.permissions) | IN_CALL;
        let started = begin_call(live, id, flags, now)?;
        live.tell_in_call(self.hpb.as_ref(), room, live.session(id)?);
        Some(started)
    }

    /// New flags for a session in the call; false when it is not in it.
    pub(crate) fn update_flags(&mut self, room: i64, id: &str, flags: u32) -> bool {
        let Some(live) = self.rooms.get_mut(&room) else { return false };
        let Some(session) = live.session_mut(id).filter(|session| session.in_call != 0) else { return false };
        let masked = masked_flags(flags, session.facts.permissions) | IN_CALL;
        if masked != session.in_call {
            session.in_call = masked;
            if let Some(session) = live.session(id) {
                live.tell_in_call(self.hpb.as_ref(), room, session);
            }
            live.changed();
        }
        true
    }

    pub(crate) fn leave_call(&mut self, room: i64, who: LeftCall<'_>) -> Vec<Effect> {
        let Some(live) = self.rooms.get_mut(&room) else { return Vec::new() };
        let mut changed = false;
        for session in &mut live.sessions {
            let leaves = match who {
                LeftCall::Session(id) => *session.id == *id,
                LeftCall::Everybody => true,
            };
            if leaves && session.in_call != 0 {
                session.in_call = 0;
                changed = true;
            }
        }
        if !changed {
            return Vec::new();
        }
        match who {
            LeftCall::Session(id) => {
                if let Some(session) = live.session(id) {
                    live.tell_in_call(self.hpb.as_ref(), room, session);
                }
            }
            LeftCall::Everybody => live.tell_call_ended(self.hpb.as_ref(), room),
        }
        let ended = live.end_call_if_empty(room);
        live.changed();
        ended.into_iter().collect()
    }

    /// Sessions in the call that pinged lately, oldest ping first, with their actors and names.
    pub(crate) fn peers(&self, room: i64, now: Moment) -> Vec<(SessionView, Actor, String)> {
        let Some(live) = self.rooms.get(&room) else { return Vec::new() };
        let in_call = live
            .sessions
            .iter()
            .filter(|session| session.in_call != 0 && session.age(now.at) <= LISTED_IN_CALL);
        let mut peers: Vec<_> = in_call
            .map(|session| {
                (view(session, now), session.facts.actor.clone(), session.facts.display_name.clone())
            })
            .collect();
        peers.sort_by_key(|(session, ..)| session.last_ping);
        peers
    }

    /// Whoever is or has been in the running call; `None` without one.
    pub(crate) fn joined(&self, room: i64) -> Option<Vec<Actor>> {
        let call = self.rooms.get(&room)?.call.as_ref()?;
        Some(call.joined.iter().cloned().collect())
    }

    /// Whether any session of the attendee is in the call.
    pub(crate) fn is_in_call(&self, room: i64, attendee: i64) -> bool {
        self.rooms
            .get(&room)
            .is_some_and(|live| live.sessions.iter().any(|s| s.facts.attendee == attendee && s.in_call != 0))
    }

    /// Whether the actor has ever been in the running call.
    pub(crate) fn has_joined(&self, room: i64, actor: &Actor) -> bool {
        let call = self.rooms.get(&room).and_then(|live| live.call.as_ref());
        call.is_some_and(|call| call.joined.contains(actor))
    }

    /// The call rings again for somebody who has left it.
    pub(crate) fn forget_joined(&mut self, room: i64, actor: &Actor) {
        if let Some(call) = self.rooms.get_mut(&room).and_then(|live| live.call.as_mut()) {
            call.joined.remove(actor);
        }
    }
}
