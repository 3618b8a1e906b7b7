//! What the external signaling server is told of sessions, when there is one.

use std::collections::HashMap;
use std::sync::Arc;

use bellbird_talk_wire::constants::{
    IN_CALL, IN_CALL_AUDIO, IN_CALL_PHONE, IN_CALL_VIDEO, PERMISSION_AUDIO, PERMISSION_SCREEN,
    PERMISSION_VIDEO,
};
use serde_json::{Value, json};

use super::calls::begin_call;
use super::{AttendeeFacts, Effect, Live, LiveRoom, MAX_SESSIONS_PER_ROOM, Moment, Session, SessionId};
use crate::hpb::{Hpb, Item};
use crate::words::{ActorKind, ParticipantKind};

/// What a session may do, in the signaling server's words. Who waits in the lobby may do nothing.
pub(crate) fn granted(facts: &AttendeeFacts) -> Vec<&'static str> {
    if facts.waits {
        return Vec::new();
    }
    let steers = match facts.kind {
        ParticipantKind::Owner | ParticipantKind::Moderator => true,
        ParticipantKind::User
        | ParticipantKind::Guest
        | ParticipantKind::SelfJoined
        | ParticipantKind::GuestModerator => false,
    };
    let media = [
        (PERMISSION_AUDIO, "publish-audio"),
        (PERMISSION_VIDEO, "publish-video"),
        (PERMISSION_SCREEN, "publish-screen"),
    ];
    let media = media.into_iter().filter(|(bit, _)| facts.permissions & bit != 0).map(|(_, word)| word);
    media.chain(steers.then_some("control")).collect()
}

/// A session as the signaling server reads it.
fn entry(session: &Session, hpb: &Hpb) -> Value {
    let facts = &session.facts;
    let mut entry = json!({
        "inCall": session.in_call,
        "lastPing": hpb.unix(session.last_ping),
        "sessionId": &*session.id,
        "nextcloudSessionId": &*session.id,
        "participantType": facts.kind.number(),
        "participantPermissions": facts.permissions,
        "displayName": facts.display_name,
        "actorType": facts.actor.kind.as_str(),
        "actorId": facts.actor.id,
    });
    match facts.actor.kind {
        ActorKind::Users => entry["userId"] = json!(facts.actor.id),
        ActorKind::Guests | ActorKind::Phones => {}
    }
    entry
}

impl LiveRoom {
    /// Tells of one session's flags in the call as they are now.
    pub(super) fn tell_in_call(&self, hpb: Option<&Arc<Hpb>>, room: i64, session: &Session) {
        if let Some(hpb) = hpb {
            let item = Item::InCall { flags: session.in_call, changed: vec![entry(session, hpb)] };
            hpb.push(room, &self.token, item);
        }
    }

    /// Tells that the call is over for everybody.
    pub(super) fn tell_call_ended(&self, hpb: Option<&Arc<Hpb>>, room: i64) {
        if let Some(hpb) = hpb {
            hpb.push(room, &self.token, Item::CallEnded);
        }
    }

    /// Tells of changed roles and permissions, for the sessions that `which` says.
    pub(super) fn tell_participants(
        &self,
        hpb: Option<&Arc<Hpb>>,
        room: i64,
        which: impl Fn(&Session) -> bool,
    ) {
        let Some(hpb) = hpb else { return };
        let with_permissions = |session: &Session| {
            let mut entry = entry(session, hpb);
            entry["permissions"] = json!(granted(&session.facts));
            entry
        };
        let changed: Vec<Value> = self.sessions.iter().filter(|s| which(s)).map(with_permissions).collect();
        if !changed.is_empty() {
            hpb.push(room, &self.token, Item::Participants { changed });
        }
    }

    /// Has the signaling server put sessions out of the room.
    pub(super) fn tell_dismissed(&self, hpb: Option<&Arc<Hpb>>, room: i64, sessions: &[SessionId]) {
        if let Some(hpb) = hpb
            && !sessions.is_empty()
        {
            let ids: Vec<&str> = sessions.iter().map(|id| &**id).collect();
            let body = json!({ "type": "disinvite", "disinvite": { "sessionids": ids } });
            hpb.push(room, &self.token, Item::Removal(body));
        }
    }

    /// Tells that the room is gone, to whoever is in it.
    pub(super) fn tell_deleted(&self, hpb: Option<&Arc<Hpb>>, room: i64) {
        if let Some(hpb) = hpb {
            let users = self.sessions.iter().filter(|s| s.facts.actor.kind == ActorKind::Users);
            let mut ids: Vec<&str> = users.map(|session| session.facts.actor.id.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            let body = json!({ "type": "delete", "delete": { "userids": ids } });
            hpb.push(room, &self.token, Item::Removal(body));
        }
    }
}

impl Live {
    /// Entries of the room's sessions with their permissions, or of those in the call.
    pub(crate) fn hpb_users(&self, room: i64, in_call: bool, hpb: &Hpb) -> Vec<Value> {
        let Some(live) = self.rooms.get(&room) else { return Vec::new() };
        let wanted = live.sessions.iter().filter(|session| !in_call || session.in_call != 0);
        wanted
            .map(|session| {
                let mut entry = entry(session, hpb);
                entry["permissions"] = json!(granted(&session.facts));
                entry
            })
            .collect()
    }

    /// Says again that a session is in the call, if it is.
    pub(crate) fn repeat_in_call(&self, room: i64, id: &str) {
        if let Some(live) = self.rooms.get(&room)
            && let Some(session) = live.session(id).filter(|session| session.in_call != 0)
        {
            live.tell_in_call(self.hpb.as_ref(), room, session);
        }
    }

    /// Who a session is, and whether it is in the call.
    pub(crate) fn facts_of_session(&self, room: i64, id: &str) -> Option<(AttendeeFacts, bool)> {
        let session = self.rooms.get(&room)?.session(id)?;
        Some((session.facts.clone(), session.in_call != 0))
    }

    /// Takes a session out of its room as [`leave`](Self::leave) does, and out of the signaling server's as well.
    pub(crate) fn dismiss(&mut self, room: i64, id: &str) -> Vec<Effect> {
        if let Some(live) = self.rooms.get(&room)
            && let Some(session) = live.session(id)
        {
            live.tell_dismissed(self.hpb.as_ref(), room, std::slice::from_ref(&session.id));
        }
        self.leave(room, id)
    }

    /// The signaling server says that these sessions, each with its user's id (empty for guests), are alive.
    pub(crate) fn pinged(&mut self, alive: &HashMap<String, String>, now: Moment) {
        for session in self.rooms.values_mut().flat_map(|live| &mut live.sessions) {
            if let Some(user) = alive.get(&*session.id)
                // A bridge may give telephones users of its own making.
                && (user.is_empty() || *user == session.facts.actor.id || session.facts.actor.kind == ActorKind::Phones)
            {
                session.last_ping = now.at;
            }
        }
    }

    /// A telephone comes into room and call by the bridge, which names the session. False when the room is full.
    pub(crate) fn bridge_in(
        &mut self,
        (room, token): (i64, &str),
        id: &SessionId,
        facts: AttendeeFacts,
        flags: u32,
        now: Moment,
    ) -> bool {
        let hpb = self.hpb.clone();
        let live = self.rooms.entry(room).or_default();
        live.token = token.into();
        if live.session(id).is_none() {
            if live.sessions.len() >= MAX_SESSIONS_PER_ROOM {
                return false;
            }
            // No cookie has this digest.
            live.sessions.push(Session::new(id.clone(), [0; 32], facts, now.at));
        }
        let flags = (flags & (IN_CALL_AUDIO | IN_CALL_VIDEO)) | IN_CALL | IN_CALL_PHONE;
        begin_call(live, id, flags, now);
        if let Some(session) = live.session(id) {
            live.tell_in_call(hpb.as_ref(), room, session);
        }
        true
    }
}
