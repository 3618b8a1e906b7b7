//! Who is in a room and in its call: compares the server's whole lists and tells what changed. Pure.

use std::collections::BTreeMap;

use bellbird_call::{ContactId, ParticipantId, RemoteParticipant};
use bellbird_talk_wire::constants::{ACTOR_USERS, MAX_PARTICIPANTS, MAX_SESSION_ID_BYTES};
use bellbird_talk_wire::{Participant, UserInRoom};

use crate::translate;

/// The people of one room, by session.
pub(crate) struct Roster {
    own_session: String,
    own_user: String,
    partner: Option<(ContactId, String)>,
    in_call: BTreeMap<String, Person>,
    in_room: BTreeMap<String, Actor>,
    /// Sessions of the list before, since a message may arrive together with the list that lacks its sender.
    before: BTreeMap<String, Actor>,
    names: BTreeMap<Actor, String>,
}

/// Type and id, such as `users` and `alice`.
type Actor = (String, String);

#[derive(Clone, PartialEq)]
struct Person {
    actor: Actor,
    name: String,
    flags: u32,
    /// Not in the last list, and expected back.
    is_missing: bool,
}

/// What changed with a new list.
#[derive(Default)]
pub(crate) struct News {
    /// Our own in-call flags; `None` when the list lacks us.
    pub(crate) own_flags: Option<u32>,
    /// Another session of our own account is in the call.
    pub(crate) own_elsewhere: bool,
    /// Someone else's session is in the call.
    pub(crate) others: bool,
    /// Came into the call.
    pub(crate) joined: Vec<RemoteParticipant>,
    /// Other media or another name.
    pub(crate) changed: Vec<RemoteParticipant>,
    /// Left the call.
    pub(crate) left: Vec<ParticipantId>,
}

impl Roster {
    /// An empty roster. `partner`: the other one of a one-to-one room, with their name.
    pub(crate) fn new(own_session: &str, own_user: &str, partner: Option<(ContactId, String)>) -> Self {
        Self {
            own_session: own_session.to_owned(),
            own_user: own_user.to_owned(),
            partner,
            in_call: BTreeMap::new(),
            in_room: BTreeMap::new(),
            before: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// Our session was replaced.
    pub(crate) fn set_own_session(&mut self, own_session: &str) {
        self.in_call.remove(own_session);
        own_session.clone_into(&mut self.own_session);
    }

    /// We have not been in the call so far: whoever is, comes into it for us.
    pub(crate) fn forget_call(&mut self) {
        self.in_call.clear();
    }

    /// Takes a new list. `keep_missing`: nobody counts as gone, since after an outage the others come back one by one.
    pub(crate) fn apply(&mut self, users: &[UserInRoom], keep_missing: bool) -> News {
        let mut news = News::default();
        let mut in_call = BTreeMap::new();
        let mut in_room = BTreeMap::new();
        for user in users.iter().take(MAX_PARTICIPANTS * 4) {
            if user.session_id.is_empty() || user.session_id.len() > MAX_SESSION_ID_BYTES {
                continue;
            }
            if user.session_id == self.own_session {
                news.own_flags = Some(user.in_call);
                continue;
            }
            let actor = self.actor(user);
            if user.in_call != 0 && in_call.len() < MAX_PARTICIPANTS {
                if self.is_own(&actor) {
                    news.own_elsewhere = true;
                } else {
                    news.others = true;
                }
                let name = self.name(user, &actor);
                let person = Person { actor: actor.clone(), name, flags: user.in_call, is_missing: false };
                in_call.insert(user.session_id.clone(), person);
            }
            in_room.insert(user.session_id.clone(), actor);
        }
        for (session, person) in &in_call {
            match self.in_call.get(session) {
                None => news.joined.push(participant(session, person)),
                Some(before) if before != person => news.changed.push(participant(session, person)),
                Some(_) => {}
            }
        }
        for (session, person) in std::mem::take(&mut self.in_call) {
            if in_call.contains_key(&session) {
                continue;
            }
            if keep_missing {
                in_call.insert(session, Person { is_missing: true, ..person });
            } else {
                news.left.push(ParticipantId::new(session));
            }
        }
        self.in_call = in_call;
        self.before = std::mem::replace(&mut self.in_room, in_room);
        news
    }

    /// Everyone else who can be reached in the call: session and in-call flags. Not those who are missing: who comes
    /// back after an outage has a new session.
    pub(crate) fn in_call(&self) -> impl Iterator<Item = (&str, u32)> {
        let there = self.in_call.iter().filter(|(_, person)| !person.is_missing);
        there.map(|(session, person)| (session.as_str(), person.flags))
    }

    /// The missing session of whoever came back as `session`. It is forgotten with that.
    pub(crate) fn take_earlier(&mut self, session: &str) -> Option<String> {
        let actor = &self.in_call.get(session)?.actor;
        // Without an id of their own, one is not to be told from another.
        let is_known = !actor.1.is_empty();
        let same = |(other, person): &(&String, &Person)| {
            is_known && person.is_missing && person.actor == *actor && other.as_str() != session
        };
        let earlier = self.in_call.iter().find(same)?.0.clone();
        self.in_call.remove(&earlier);
        Some(earlier)
    }

    /// Sessions in the call that are not of our own account.
    pub(crate) fn others_in_call(&self) -> impl Iterator<Item = &str> {
        self.in_call
            .iter()
            .filter(|(_, person)| !self.is_own(&person.actor))
            .map(|(session, _)| session.as_str())
    }

    /// Whether somebody in the call has no name yet.
    pub(crate) fn is_anyone_nameless(&self) -> bool {
        self.in_call.values().any(|person| person.name.is_empty())
    }

    /// Whether a session is in the call.
    pub(crate) fn is_in_call(&self, session: &str) -> bool {
        self.in_call.contains_key(session)
    }

    /// Whether one of the last lists told who a session is, in the call or not.
    pub(crate) fn knows(&self, session: &str) -> bool {
        self.in_room.contains_key(session) || self.before.contains_key(session)
    }

    /// Whether a session, in the call or not, belongs to the other one of a one-to-one room.
    pub(crate) fn is_partner(&self, session: &str) -> bool {
        let Some((partner, _)) = &self.partner else { return false };
        self.in_room
            .get(session)
            .or_else(|| self.before.get(session))
            .is_some_and(|(kind, id)| kind == ACTOR_USERS && id == partner.as_str())
    }

    /// Somebody in the call told their name. Accounts' names come from the server; only a missing one is taken.
    pub(crate) fn rename(&mut self, session: &str, name: &str) -> Option<RemoteParticipant> {
        let name = translate::display_name(name);
        let person = self.in_call.get_mut(session)?;
        let told_by_server = person.actor.0 == ACTOR_USERS && !person.name.is_empty();
        if name.is_empty() || person.name == name || told_by_server {
            return None;
        }
        person.name.clone_from(&name);
        let changed = participant(session, person);
        self.names.insert(person.actor.clone(), name);
        Some(changed)
    }

    /// Takes names from the member list.
    pub(crate) fn learn_names(&mut self, members: &[Participant]) -> Vec<RemoteParticipant> {
        for member in members.iter().take(MAX_PARTICIPANTS * 4) {
            let name = translate::display_name(&member.display_name);
            if !name.is_empty() {
                self.names.insert((member.actor_type.clone(), member.actor_id.clone()), name);
            }
        }
        let mut changed = Vec::new();
        for (session, person) in &mut self.in_call {
            if let Some(name) = self.names.get(&person.actor).filter(|name| **name != person.name) {
                person.name.clone_from(name);
                changed.push(participant(session, person));
            }
        }
        changed
    }

    fn is_own(&self, (kind, id): &Actor) -> bool {
        kind == ACTOR_USERS && *id == self.own_user
    }

    fn actor(&self, user: &UserInRoom) -> Actor {
        // Old servers tell only the user id.
        if user.actor_type.is_empty() && !user.user_id.is_empty() {
            (ACTOR_USERS.to_owned(), user.user_id.clone())
        } else {
            (user.actor_type.clone(), user.actor_id.clone())
        }
    }

    fn name(&self, user: &UserInRoom, actor: &Actor) -> String {
        if !user.display_name.is_empty() {
            return translate::display_name(&user.display_name);
        }
        match &self.partner {
            Some((contact, name)) if actor.0 == ACTOR_USERS && actor.1 == contact.as_str() => name.clone(),
            Some(_) | None => self.names.get(actor).cloned().unwrap_or_default(),
        }
    }
}

fn participant(session: &str, person: &Person) -> RemoteParticipant {
    let (kind, id) = &person.actor;
    RemoteParticipant {
        id: ParticipantId::new(session),
        contact: (kind == ACTOR_USERS).then(|| ContactId::new(id)),
        display_name: person.name.clone(),
        media: translate::media(person.flags),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(session: &str, id: &str, in_call: u32) -> UserInRoom {
        UserInRoom {
            session_id: session.into(),
            user_id: id.into(),
            actor_type: "users".into(),
            actor_id: id.into(),
            in_call,
            ..UserInRoom::default()
        }
    }

    fn roster() -> Roster {
        Roster::new("me", "alice", Some((ContactId::new("bob"), "Bob".into())))
    }

    #[test]
    fn lists_become_comings_changes_and_goings() {
        let mut roster = roster();
        let news = roster.apply(&[user("me", "alice", 3), user("b", "bob", 0)], false);
        assert_eq!((news.own_flags, news.others, news.joined.len()), (Some(3), false, 0));
        assert!(roster.is_partner("b") && !roster.is_partner("me") && !roster.is_in_call("b"));

        let news = roster.apply(&[user("me", "alice", 3), user("b", "bob", 3)], false);
        assert_eq!(news.joined[0].display_name, "Bob");
        assert!(news.others && !roster.is_anyone_nameless());

        let news = roster.apply(&[user("me", "alice", 3), user("b", "bob", 7)], false);
        assert!(news.joined.is_empty() && news.changed[0].media.video);

        let news = roster.apply(&[user("me", "alice", 3)], true);
        assert_eq!(roster.in_call().count(), 0, "who is missing cannot be reached");
        assert!(news.left.is_empty() && roster.is_in_call("b"));
        let news = roster.apply(&[user("me", "alice", 3)], false);
        assert_eq!(news.left, [ParticipantId::new("b")]);
    }

    #[test]
    fn whoever_comes_back_replaces_one_session_of_theirs() {
        let mut roster = roster();
        roster.apply(&[user("b1", "bob", 3), user("b2", "bob", 3), user("c1", "carol", 3)], false);
        let back = [user("b3", "bob", 3), user("b4", "bob", 3), user("b5", "bob", 3)];
        assert_eq!(roster.take_earlier("b1"), None, "nobody is missing");
        roster.apply(&back, true);
        assert_eq!(roster.take_earlier("b3").as_deref(), Some("b1"));
        assert_eq!(roster.take_earlier("b4").as_deref(), Some("b2"));
        assert_eq!((roster.take_earlier("b5"), roster.take_earlier("nobody")), (None, None));
        assert_eq!(roster.apply(&back, false).left, [ParticipantId::new("c1")]);
    }

    #[test]
    fn our_own_other_device_is_told_apart() {
        let mut roster = roster();
        let news = roster.apply(&[user("me", "alice", 0), user("phone", "alice", 3)], false);
        assert!(news.own_elsewhere && !news.others);
        assert_eq!(roster.others_in_call().count(), 0);
    }

    #[test]
    fn a_sender_is_known_one_list_longer() {
        let mut roster = roster();
        roster.apply(&[user("b", "bob", 0)], false);
        roster.apply(&[], false);
        assert!(roster.is_partner("b"));
        roster.apply(&[], false);
        assert!(!roster.is_partner("b"));
    }

    #[test]
    fn names_come_from_the_server_first_and_guests_name_themselves() {
        let mut roster = Roster::new("me", "alice", None);
        let mut guest = user("g", "", 3);
        guest.actor_type = "guests".into();
        guest.actor_id = "7f".into();
        roster.apply(&[user("c", "carol", 3), guest], false);
        assert!(roster.is_anyone_nameless());
        assert_eq!(roster.rename("g", "Gus").unwrap().display_name, "Gus");
        assert!(roster.rename("g", "Gus").is_none() && roster.rename("nobody", "X").is_none());
        let carol = Participant {
            actor_type: "users".into(),
            actor_id: "carol".into(),
            display_name: "Carol".into(),
            ..Participant::default()
        };
        assert_eq!(roster.learn_names(&[carol])[0].display_name, "Carol");
        assert!(roster.rename("c", "Mallory").is_none());
    }

    #[test]
    fn a_crowd_is_cut_and_odd_ids_are_ignored() {
        let mut roster = roster();
        let mut users: Vec<UserInRoom> = (0..5000).map(|n| user(&format!("s{n}"), "x", 3)).collect();
        users.push(user("", "bob", 3));
        users.insert(0, user(&"s".repeat(5000), "bob", 3));
        let news = roster.apply(&users, false);
        assert_eq!(news.joined.len(), MAX_PARTICIPANTS);
        assert!(roster.in_room.len() <= MAX_PARTICIPANTS * 4);
    }
}
