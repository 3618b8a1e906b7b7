//! Conversations and who is in them.

use serde::{Deserialize, Serialize};

use crate::lenient;

/// A conversation as its participant sees it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// Names it in URLs; `[a-z0-9]{4,30}`.
    pub token: String,
    /// 1 one-to-one, 2 group, 3 public, …
    #[serde(rename = "type", default, deserialize_with = "lenient::number")]
    pub kind: u8,
    /// Name for people.
    #[serde(default, deserialize_with = "lenient::text")]
    pub display_name: String,
    /// Number within the server.
    #[serde(default, deserialize_with = "lenient::number")]
    pub id: i64,
    /// Name as set; in one-to-one rooms the other one's user id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: String,
    /// Longer text.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: String,
    /// What the room belongs to.
    #[serde(default, deserialize_with = "lenient::text")]
    pub object_type: String,
    /// Which of these.
    #[serde(default, deserialize_with = "lenient::text")]
    pub object_id: String,

    /// Own role, 1 owner … 6 guest moderator.
    #[serde(default, deserialize_with = "lenient::number")]
    pub participant_type: u8,
    /// Own in-call flags.
    #[serde(default, deserialize_with = "lenient::number")]
    pub participant_flags: u32,
    /// Own actor type.
    #[serde(default, deserialize_with = "lenient::text")]
    pub actor_type: String,
    /// Own actor id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub actor_id: String,
    /// Own attendee number.
    #[serde(default, deserialize_with = "lenient::number")]
    pub attendee_id: i64,
    /// Own permissions as set.
    #[serde(default, deserialize_with = "lenient::number")]
    pub attendee_permissions: u32,
    /// Own permissions in effect.
    #[serde(default, deserialize_with = "lenient::number")]
    pub permissions: u32,
    /// Own session, `"0"` when none.
    #[serde(default, deserialize_with = "lenient::text")]
    pub session_id: String,
    /// Unix seconds of the own session's last ping.
    #[serde(default, deserialize_with = "lenient::number")]
    pub last_ping: i64,
    /// May start a call.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub can_start_call: bool,
    /// May leave.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub can_leave_conversation: bool,
    /// May delete.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub can_delete_conversation: bool,

    /// Permissions during the call.
    #[serde(default, deserialize_with = "lenient::number")]
    pub call_permissions: u32,
    /// Permissions of newcomers.
    #[serde(default, deserialize_with = "lenient::number")]
    pub default_permissions: u32,
    /// 1: locked.
    #[serde(default, deserialize_with = "lenient::number")]
    pub read_only: u8,
    /// Who can find it: 0 participants, 1 users, 2 everyone.
    #[serde(default, deserialize_with = "lenient::number")]
    pub listable: u8,
    /// 1: all but moderators wait.
    #[serde(default, deserialize_with = "lenient::number")]
    pub lobby_state: u8,
    /// Unix seconds until which the lobby lasts; 0 without end.
    #[serde(default, deserialize_with = "lenient::number")]
    pub lobby_timer: i64,
    /// Guests need a password.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub has_password: bool,
    /// 0 off, 1 with PIN, 2 without.
    #[serde(default, deserialize_with = "lenient::number")]
    pub sip_enabled: u8,
    /// 1: joining a call needs consent to its recording.
    #[serde(default, deserialize_with = "lenient::number")]
    pub recording_consent: u8,

    /// A call runs.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub has_call: bool,
    /// Union of the joiners' flags.
    #[serde(default, deserialize_with = "lenient::number")]
    pub call_flag: u32,
    /// Unix seconds of its start; 0 without call.
    #[serde(default, deserialize_with = "lenient::number")]
    pub call_start_time: i64,
    /// 0 none, 1 video, 2 audio, 3 and 4 starting, 5 failed.
    #[serde(default, deserialize_with = "lenient::number")]
    pub call_recording: u8,

    /// Unix seconds of the last activity.
    #[serde(default, deserialize_with = "lenient::number")]
    pub last_activity: i64,
    /// Unread messages.
    #[serde(default, deserialize_with = "lenient::number")]
    pub unread_messages: u32,
    /// Marked as favourite.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub is_favorite: bool,
    /// Rings even while we do not want to be disturbed.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub is_important: bool,
    /// 0 default, 1 always, 2 mention, 3 never.
    #[serde(default, deserialize_with = "lenient::number")]
    pub notification_level: u8,
    /// 1: calls are notified. Missing on old servers, which always do.
    #[serde(default = "one", deserialize_with = "lenient::number")]
    pub notification_calls: u8,
    /// Presence of the other one in a one-to-one room, when asked for.
    #[serde(default, deserialize_with = "lenient::optional_text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

fn one() -> u8 {
    1
}

/// Body of `POST /room`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRoomRequest {
    /// 1 one-to-one, 2 group (the default), 3 public.
    #[serde(default = "group", deserialize_with = "lenient::number")]
    pub room_type: u8,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub room_name: String,
    /// Whom to add at once; the user id in a one-to-one room.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub invite: String,
    /// What `invite` is: `users`, `groups`, `circles`.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Whom to add, by kind (capability `conversation-creation-all`).
    #[serde(default, deserialize_with = "lenient::or_default", skip_serializing_if = "Option::is_none")]
    pub participants: Option<Invitees>,
}

fn group() -> u8 {
    crate::constants::ROOM_GROUP
}

/// Whom to add to a new room.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Invitees {
    /// User ids.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Groups of accounts.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// E-mail addresses.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<String>,
    /// Telephone numbers.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<String>,
    /// Teams.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    /// Accounts of other servers.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub federated_users: Vec<String>,
}

/// Body of `POST /room/{token}/participants/active`.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JoinRoomRequest {
    /// Of a room with a password.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub password: String,
    /// Drop the old session of the same web session even when it is in a call; the default.
    #[serde(default = "always", deserialize_with = "lenient::boolean")]
    pub force: bool,
}

fn always() -> bool {
    true
}

/// One member of a room.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// Number within the server.
    #[serde(default, deserialize_with = "lenient::number")]
    pub attendee_id: i64,
    /// `users`, `guests`, …
    #[serde(default, deserialize_with = "lenient::text")]
    pub actor_type: String,
    /// Id within the type.
    #[serde(default, deserialize_with = "lenient::text")]
    pub actor_id: String,
    /// Name for people.
    #[serde(default, deserialize_with = "lenient::text")]
    pub display_name: String,
    /// 1 owner … 6 guest moderator.
    #[serde(default, deserialize_with = "lenient::number")]
    pub participant_type: u8,
    /// In effect.
    #[serde(default, deserialize_with = "lenient::number")]
    pub permissions: u32,
    /// As set.
    #[serde(default, deserialize_with = "lenient::number")]
    pub attendee_permissions: u32,
    /// Personal dial-in number.
    #[serde(default, deserialize_with = "lenient::text")]
    pub attendee_pin: String,
    /// Union of the sessions' in-call flags.
    #[serde(default, deserialize_with = "lenient::number")]
    pub in_call: u32,
    /// Unix seconds of the last ping of any session.
    #[serde(default, deserialize_with = "lenient::number")]
    pub last_ping: i64,
    /// Of the room.
    #[serde(default, deserialize_with = "lenient::text")]
    pub room_token: String,
    /// Sessions in the room.
    #[serde(default, deserialize_with = "lenient::list")]
    pub session_ids: Vec<String>,
    /// Presence, when asked for.
    #[serde(default, deserialize_with = "lenient::optional_text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}
