//! Who is in the room and in its call, gathered from a signaling server's events into whole lists such as internal
//! signaling tells (talk-signaling section 6.5). Pure.

use std::collections::{BTreeMap, BTreeSet};

use bellbird_talk_wire::constants::{
    ACTOR_GUESTS, ACTOR_USERS, IN_CALL, IN_CALL_AUDIO, IN_CALL_NONE, IN_CALL_VIDEO, MAX_PARTICIPANTS,
    MAX_SESSION_ID_BYTES,
};
use bellbird_talk_wire::{CallPeer, CallSession, RoomSession, ServerEvent, UserInRoom};

/// Most sessions kept.
const MAX_SESSIONS: usize = MAX_PARTICIPANTS * 4;

/// The sessions of one room.
pub(crate) struct Census {
    own_session: String,
    sessions: BTreeMap<String, Entry>,
}

struct Entry {
    user: UserInRoom,
    /// The id of the session at the Nextcloud server.
    room_session: String,
    /// A join told of it: it stays when it leaves the call.
    in_room: bool,
    /// A recorder or a telephone bridge.
    internal: bool,
}

impl Census {
    /// An empty room, seen by `own_session`.
    pub(crate) fn new(own_session: &str) -> Self {
        Self { own_session: own_session.to_owned(), sessions: BTreeMap::new() }
    }

    /// Takes an event. Returns whether it may have changed the list.
    pub(crate) fn apply(&mut self, event: ServerEvent) -> bool {
        match event {
            ServerEvent::Joined(sessions) | ServerEvent::Changed(sessions) => {
                for session in sessions {
                    self.come(session);
                }
            }
            ServerEvent::Left(sessions) => {
                for session in sessions {
                    self.sessions.remove(&session);
                }
            }
            ServerEvent::InCall { room: _, users } => self.in_call(users),
            ServerEvent::CallEnded { room: _ } => {
                for entry in self.sessions.values_mut() {
                    entry.user.in_call = IN_CALL_NONE;
                }
                self.sweep();
            }
            ServerEvent::SwitchTo { .. }
            | ServerEvent::Disinvited { .. }
            | ServerEvent::Recording { .. }
            | ServerEvent::Other => return false,
        }
        true
    }

    /// Takes from the Nextcloud server who is in the call: to those who only enter the room, the signaling server
    /// does not tell. Nor does anybody tell what they send before we join; a microphone is what nearly all do.
    pub(crate) fn seed(&mut self, peers: &[CallPeer]) {
        for entry in self.sessions.values_mut().filter(|entry| entry.user.in_call == IN_CALL_NONE) {
            let same = |peer: &&CallPeer| {
                if entry.room_session.is_empty() {
                    peer.actor_type == entry.user.actor_type && peer.actor_id == entry.user.actor_id
                } else {
                    peer.session_id == entry.room_session
                }
            };
            if peers.iter().take(MAX_SESSIONS).any(|peer| same(&peer)) {
                entry.user.in_call = IN_CALL | IN_CALL_AUDIO;
            }
        }
    }

    /// Takes those of `sessions` out of the call that the Nextcloud server does not list there. Returns whether any was.
    pub(crate) fn dismiss(&mut self, sessions: &BTreeSet<String>, peers: &[CallPeer]) -> bool {
        let mut any = false;
        for session in sessions {
            let Some(entry) = self.sessions.get_mut(session) else { continue };
            let listed = peers.iter().any(|peer| peer.session_id == entry.room_session);
            // Without its id there, nothing can be said of it.
            if entry.user.in_call != IN_CALL_NONE && !entry.room_session.is_empty() && !listed {
                entry.user.in_call = IN_CALL_NONE;
                any = true;
            }
        }
        self.sweep();
        any
    }

    /// Everyone, as internal signaling would tell.
    pub(crate) fn users(&self) -> Vec<UserInRoom> {
        let sends = |user: &UserInRoom| user.in_call & (IN_CALL_AUDIO | IN_CALL_VIDEO) != 0;
        let shown = self.sessions.values().filter(|entry| !entry.internal || sends(&entry.user));
        shown.map(|entry| entry.user.clone()).collect()
    }

    /// Sessions in the room that are not of the account `own_user`.
    pub(crate) fn of_others(&self, own_user: &str) -> Vec<String> {
        let others = self.sessions.iter().filter(|(session, entry)| {
            **session != self.own_session && entry.user.user_id != own_user && !entry.internal
        });
        others.map(|(session, _)| session.clone()).collect()
    }

    fn come(&mut self, session: RoomSession) {
        let RoomSession { session_id, user_id, display_name, room_session_id } = session;
        let Some(entry) = self.entry(&session_id) else { return };
        entry.in_room = true;
        entry.room_session = room_session_id;
        if !display_name.is_empty() {
            entry.user.display_name = display_name;
        }
        name(entry, &session_id, user_id, String::new(), String::new());
    }

    fn in_call(&mut self, users: Vec<CallSession>) {
        let told: BTreeSet<&str> = users.iter().map(|user| user.session_id.as_str()).collect();
        for (session, entry) in &mut self.sessions {
            // Our own absence says only that the list was made before the server knew us.
            if !told.contains(session.as_str()) && *session != self.own_session {
                entry.user.in_call = IN_CALL_NONE;
            }
        }
        for user in users {
            let session = user.session_id.clone();
            let Some(entry) = self.entry(&session) else { continue };
            entry.user.in_call = user.in_call;
            entry.user.participant_permissions = user.participant_permissions;
            entry.internal = user.internal;
            if !user.display_name.is_empty() {
                entry.user.display_name = user.display_name;
            }
            if entry.room_session.is_empty() {
                entry.room_session = user.nextcloud_session_id;
            }
            name(entry, &session, user.user_id, user.actor_type, user.actor_id);
        }
        self.sweep();
    }

    /// Forgets those who were only ever in the call.
    fn sweep(&mut self) {
        self.sessions.retain(|_, entry| entry.in_room || entry.user.in_call != IN_CALL_NONE);
    }

    fn entry(&mut self, session: &str) -> Option<&mut Entry> {
        let fits = !session.is_empty() && session.len() <= MAX_SESSION_ID_BYTES;
        if !fits || (self.sessions.len() >= MAX_SESSIONS && !self.sessions.contains_key(session)) {
            return None;
        }
        Some(self.sessions.entry(session.to_owned()).or_insert_with(|| Entry {
            user: UserInRoom { session_id: session.to_owned(), ..UserInRoom::default() },
            room_session: String::new(),
            in_room: false,
            internal: false,
        }))
    }
}

/// Says who a session belongs to. What is not told anew stays.
fn name(entry: &mut Entry, session: &str, user_id: String, actor_type: String, actor_id: String) {
    let user = &mut entry.user;
    if !actor_type.is_empty() && !actor_id.is_empty() {
        user.actor_type = actor_type;
        user.actor_id = actor_id;
    } else if !user_id.is_empty() {
        ACTOR_USERS.clone_into(&mut user.actor_type);
        user.actor_id.clone_from(&user_id);
    } else if user.actor_type.is_empty() {
        ACTOR_GUESTS.clone_into(&mut user.actor_type);
        session.clone_into(&mut user.actor_id);
    }
    if !user_id.is_empty() {
        user.user_id = user_id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room_session(session: &str, user: &str) -> RoomSession {
        RoomSession {
            session_id: session.into(),
            user_id: user.into(),
            display_name: user.to_uppercase(),
            room_session_id: format!("nc-{session}"),
        }
    }

    fn in_call(sessions: &[(&str, u32)]) -> ServerEvent {
        let users = sessions.iter().map(|(session, flags)| CallSession {
            session_id: (*session).into(),
            in_call: *flags,
            ..CallSession::default()
        });
        ServerEvent::InCall { room: "t".into(), users: users.collect() }
    }

    fn flags(census: &Census) -> Vec<(String, u32)> {
        census.users().into_iter().map(|user| (user.session_id, user.in_call)).collect()
    }

    #[test]
    fn events_become_whole_lists() {
        let mut census = Census::new("me");
        census.apply(ServerEvent::Joined(vec![room_session("me", "alice"), room_session("b", "bob")]));
        census.apply(in_call(&[("b", 3)]));
        assert_eq!(flags(&census), [("b".into(), 3), ("me".into(), 0)]);
        // Whoever is missing has left the call but not the room; our own absence says nothing.
        census.apply(in_call(&[("me", 3), ("c", 7)]));
        census.apply(in_call(&[("d", 1)]));
        assert_eq!(flags(&census), [("b".into(), 0), ("d".into(), 1), ("me".into(), 3)]);
        let bob = census.users().remove(0);
        assert_eq!((bob.actor_type.as_str(), bob.actor_id.as_str()), ("users", "bob"));
        assert_eq!(bob.display_name, "BOB");
        census.apply(ServerEvent::Left(vec!["b".into()]));
        census.apply(ServerEvent::CallEnded { room: "t".into() });
        assert_eq!(flags(&census), [("me".into(), 0)]);
    }

    #[test]
    fn who_is_in_the_call_can_come_from_elsewhere() {
        let mut census = Census::new("me");
        census.apply(ServerEvent::Joined(vec![room_session("me", "alice"), room_session("b", "bob")]));
        let peer = CallPeer { session_id: "nc-b".into(), ..CallPeer::default() };
        census.seed(&[peer]);
        assert_eq!(flags(&census), [("b".into(), 3), ("me".into(), 0)]);
        assert_eq!(census.of_others("alice"), ["b"]);
    }

    #[test]
    fn who_left_untold_is_dismissed() {
        let mut census = Census::new("me");
        census.apply(ServerEvent::Joined(vec![room_session("me", "alice"), room_session("b", "bob")]));
        census.apply(in_call(&[("me", 3), ("b", 3), ("c", 3)]));
        let peer = |session: &str| CallPeer { session_id: session.into(), ..CallPeer::default() };
        let doubted = |sessions: &[&str]| sessions.iter().map(|session| (*session).to_owned()).collect();
        assert!(!census.dismiss(&doubted(&["b"]), &[peer("nc-b")]));
        assert!(!census.dismiss(&doubted(&["c", "x"]), &[]), "nobody knows who that is");
        assert!(census.dismiss(&doubted(&["b"]), &[peer("nc-c")]));
        assert!(!census.dismiss(&doubted(&["b"]), &[]), "once is enough");
        assert_eq!(flags(&census), [("b".into(), 0), ("c".into(), 3), ("me".into(), 3)]);
    }

    #[test]
    fn recorders_are_hidden_until_they_send() {
        let mut census = Census::new("me");
        let recorder = |flags| CallSession {
            session_id: "r".into(),
            in_call: flags,
            internal: true,
            ..CallSession::default()
        };
        census.apply(ServerEvent::InCall { room: "t".into(), users: vec![recorder(1)] });
        assert!(census.users().is_empty());
        census.apply(ServerEvent::InCall { room: "t".into(), users: vec![recorder(3)] });
        assert_eq!(flags(&census), [("r".into(), 3)]);
    }

    #[test]
    fn a_crowd_and_odd_ids_are_cut() {
        let mut census = Census::new("me");
        let crowd = (0..10_000).map(|n| room_session(&n.to_string(), "x"));
        census.apply(ServerEvent::Joined(crowd.chain([room_session(&"s".repeat(5000), "x")]).collect()));
        assert_eq!(census.users().len(), MAX_SESSIONS);
    }
}
