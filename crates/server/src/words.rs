//! The numbers and words of Talk that the whole server shares (talk-rest.md section 6).

use std::fmt;

use bellbird_talk_wire::constants as wire;

/// Who may find a conversation without being invited.
pub(crate) mod listable {
    pub(crate) const USERS: u8 = 1;
    pub(crate) const EVERYONE: u8 = 2;
}

/// All in-call flags a client may say of itself; the phone bit belongs to bridges.
const KNOWN_FLAGS: u32 = wire::IN_CALL | wire::IN_CALL_AUDIO | wire::IN_CALL_VIDEO;
/// The largest permission number a client may send.
pub(crate) const PERMISSIONS_MAX_SENT: u32 = wire::PERMISSIONS_MAX_CUSTOM | wire::PERMISSION_CUSTOM;

/// Where an actor comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum ActorKind {
    Users,
    Guests,
    Phones,
}

impl ActorKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Guests => "guests",
            Self::Phones => "phones",
        }
    }

    /// Only [`as_str`](Self::as_str)'s words are ever stored; a guest is what has the fewest rights.
    pub(crate) fn from_stored(word: &str) -> Self {
        match word {
            "users" => Self::Users,
            "phones" => Self::Phones,
            _ => Self::Guests,
        }
    }
}

/// One person or number, wherever it attends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Actor {
    pub(crate) kind: ActorKind,
    pub(crate) id: String,
}

impl Actor {
    pub(crate) fn user(id: &str) -> Self {
        Self { kind: ActorKind::Users, id: id.to_owned() }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.kind.as_str(), self.id)
    }
}

/// A member's standing in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParticipantKind {
    Owner,
    Moderator,
    User,
    Guest,
    SelfJoined,
    GuestModerator,
}

impl ParticipantKind {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Owner => wire::PARTICIPANT_OWNER,
            Self::Moderator => wire::PARTICIPANT_MODERATOR,
            Self::User => wire::PARTICIPANT_USER,
            Self::Guest => wire::PARTICIPANT_GUEST,
            Self::SelfJoined => wire::PARTICIPANT_SELF_JOINED,
            Self::GuestModerator => wire::PARTICIPANT_GUEST_MODERATOR,
        }
    }

    pub(crate) fn from_stored(number: u8) -> Self {
        match number {
            wire::PARTICIPANT_OWNER => Self::Owner,
            wire::PARTICIPANT_MODERATOR => Self::Moderator,
            wire::PARTICIPANT_USER => Self::User,
            wire::PARTICIPANT_SELF_JOINED => Self::SelfJoined,
            wire::PARTICIPANT_GUEST_MODERATOR => Self::GuestModerator,
            _ => Self::Guest,
        }
    }

    /// Owners, moderators and guest moderators.
    pub(crate) fn moderates(self) -> bool {
        match self {
            Self::Owner | Self::Moderator | Self::GuestModerator => true,
            Self::User | Self::Guest | Self::SelfJoined => false,
        }
    }

    /// Whether the membership ends when the last session leaves the room.
    pub(crate) fn vanishes(self) -> bool {
        match self {
            Self::Guest | Self::SelfJoined | Self::GuestModerator => true,
            Self::Owner | Self::Moderator | Self::User => false,
        }
    }
}

/// How the recording of a room's call stands (talk-rest.md sections 6 and 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordingStatus {
    None,
    Video,
    Audio,
    /// Asked for, not yet confirmed by the recording server.
    StartingVideo,
    StartingAudio,
    /// The last one failed; a new one may be started.
    Failed,
}

impl RecordingStatus {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Video => 1,
            Self::Audio => 2,
            Self::StartingVideo => 3,
            Self::StartingAudio => 4,
            Self::Failed => 5,
        }
    }

    /// Only [`number`](Self::number)s are ever stored.
    pub(crate) fn from_stored(number: u8) -> Self {
        match number {
            1 => Self::Video,
            2 => Self::Audio,
            3 => Self::StartingVideo,
            4 => Self::StartingAudio,
            5 => Self::Failed,
            _ => Self::None,
        }
    }

    /// Whether it was asked for and not yet confirmed.
    pub(crate) fn is_starting(self) -> bool {
        match self {
            Self::StartingVideo | Self::StartingAudio => true,
            Self::None | Self::Video | Self::Audio | Self::Failed => false,
        }
    }

    /// Whether the recording server is at it, as far as is known.
    pub(crate) fn is_underway(self) -> bool {
        match self {
            Self::Video | Self::Audio | Self::StartingVideo | Self::StartingAudio => true,
            Self::None | Self::Failed => false,
        }
    }
}

/// The permissions that count: moderators have all; else the first set that says something, of the attendee, of the
/// room for this call, of the room, of the server.
pub(crate) fn effective_permissions(
    kind: ParticipantKind,
    attendee: u32,
    room_call: u32,
    room_default: u32,
    server_default: u32,
) -> u32 {
    if kind.moderates() {
        return wire::PERMISSIONS_MAX_CUSTOM;
    }
    [attendee, room_call, room_default].into_iter().find(|&bits| bits != 0).unwrap_or(server_default)
}

/// In-call flags without the kinds of media that may not be published.
pub(crate) fn masked_flags(flags: u32, permissions: u32) -> u32 {
    let mut masked = flags & KNOWN_FLAGS;
    if permissions & wire::PERMISSION_AUDIO == 0 {
        masked &= !wire::IN_CALL_AUDIO;
    }
    if permissions & wire::PERMISSION_VIDEO == 0 {
        masked &= !wire::IN_CALL_VIDEO;
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_set_that_says_something_counts() {
        let user = ParticipantKind::User;
        assert_eq!(effective_permissions(user, 0, 0, 0, 246), 246);
        assert_eq!(effective_permissions(user, 0, 0, 5, 246), 5);
        assert_eq!(effective_permissions(user, 0, 17, 5, 246), 17);
        assert_eq!(effective_permissions(user, 3, 17, 5, 246), 3);
        assert_eq!(effective_permissions(ParticipantKind::GuestModerator, 1, 1, 1, 1), 254);
    }

    #[test]
    fn media_without_permission_is_stripped() {
        assert_eq!(masked_flags(7, 254), 7);
        assert_eq!(masked_flags(7, 16), 3);
        assert_eq!(masked_flags(7, 32), 5);
        assert_eq!(masked_flags(7, 5), 1);
        assert_eq!(masked_flags(u32::MAX, 254), 7);
    }
}
