//! People and conversations, as an address book shows them.

use bellbird_call::{ContactId, RoomId};
use bellbird_talk_wire as wire;
use bellbird_talk_wire::constants::{
    ACTOR_USERS, IN_CALL, IN_CALL_AUDIO, IN_CALL_VIDEO, ROOM_CHANGELOG, ROOM_FORMER_ONE_TO_ONE, ROOM_GROUP,
    ROOM_NOTE_TO_SELF, ROOM_ONE_TO_ONE, ROOM_PUBLIC,
};

use crate::translate;

/// Someone who can be rung.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contact {
    /// To ring them by.
    pub id: ContactId,
    /// Their name.
    pub display_name: String,
    /// `online`, `away`, `dnd`, `busy`, `offline`, … when the server tells.
    pub presence: Option<String>,
}

/// What kind of conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoomKind {
    /// Of exactly two.
    OneToOne,
    /// Of invited people.
    Group,
    /// Open to all who have its link.
    Public,
}

/// A conversation that can hold a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Room {
    /// Its token.
    pub id: RoomId,
    /// Its name; in a one-to-one conversation that of the other one.
    pub display_name: String,
    /// What kind.
    pub kind: RoomKind,
    /// The other one of a one-to-one conversation.
    pub contact: Option<ContactId>,
    /// A call runs in it.
    pub has_call: bool,
    /// Unix seconds.
    pub last_activity: i64,
}

impl RoomKind {
    pub(crate) fn to_wire(self) -> u8 {
        match self {
            Self::OneToOne => ROOM_ONE_TO_ONE,
            Self::Group => ROOM_GROUP,
            Self::Public => ROOM_PUBLIC,
        }
    }
}

impl Room {
    /// `None` for what can hold no call: release news, notes, and what is left after the other one was deleted.
    pub(crate) fn from_wire(room: &wire::Room) -> Option<Self> {
        let kind = match room.kind {
            ROOM_ONE_TO_ONE => RoomKind::OneToOne,
            ROOM_GROUP => RoomKind::Group,
            ROOM_PUBLIC => RoomKind::Public,
            ROOM_CHANGELOG | ROOM_FORMER_ONE_TO_ONE | ROOM_NOTE_TO_SELF | 0 | 7.. => return None,
        };
        Some(Self {
            id: RoomId::new(&room.token),
            display_name: translate::display_name(&room.display_name),
            kind,
            contact: partner(room),
            has_call: room.has_call,
            last_activity: room.last_activity,
        })
    }
}

/// Someone who is in a conversation's call, as the server counts it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InCall {
    /// Their user id; `None` for guests and others without an account.
    pub contact: Option<ContactId>,
    /// Their name.
    pub display_name: String,
    /// One of their sessions.
    pub session: String,
    /// They provide sound.
    pub audio: bool,
    /// They provide a camera picture.
    pub video: bool,
}

impl InCall {
    /// `None` for who is not in the call.
    pub(crate) fn from_wire(who: &wire::Participant) -> Option<Self> {
        (who.in_call & IN_CALL != 0).then(|| Self {
            contact: (who.actor_type == ACTOR_USERS).then(|| ContactId::new(&who.actor_id)),
            display_name: translate::display_name(&who.display_name),
            session: who.session_ids.first().cloned().unwrap_or_default(),
            audio: who.in_call & IN_CALL_AUDIO != 0,
            video: who.in_call & IN_CALL_VIDEO != 0,
        })
    }
}

/// The other one of a one-to-one room, whose name on the wire is their user id.
pub(crate) fn partner(room: &wire::Room) -> Option<ContactId> {
    (room.kind == ROOM_ONE_TO_ONE && !room.name.is_empty()).then(|| ContactId::new(&room.name))
}

impl Contact {
    /// `None` for groups, teams and other entries that are not people of this server.
    pub(crate) fn from_wire(entry: &wire::ContactEntry) -> Option<Self> {
        if entry.id.is_empty() || !(entry.source.is_empty() || entry.source == "users") {
            return None;
        }
        let label = translate::display_name(&entry.label);
        Some(Self {
            id: ContactId::new(&entry.id),
            display_name: if label.is_empty() { translate::display_name(&entry.id) } else { label },
            presence: entry.presence().map(translate::display_name),
        })
    }
}
