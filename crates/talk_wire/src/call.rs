//! Calls (API v4).

use serde::{Deserialize, Serialize};

use crate::lenient;

/// One session in a call (`GET /call/{token}`).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallPeer {
    /// `users`, `guests`, …
    #[serde(default, deserialize_with = "lenient::text")]
    pub actor_type: String,
    /// Id within the type.
    #[serde(default, deserialize_with = "lenient::text")]
    pub actor_id: String,
    /// Name for people.
    #[serde(default, deserialize_with = "lenient::text")]
    pub display_name: String,
    /// Of the room.
    #[serde(default, deserialize_with = "lenient::text")]
    pub token: String,
    /// Unix seconds.
    #[serde(default, deserialize_with = "lenient::number")]
    pub last_ping: i64,
    /// The session.
    #[serde(default, deserialize_with = "lenient::text")]
    pub session_id: String,
}

/// Body of `POST /call/{token}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinCallRequest {
    /// What the joiner provides; missing means everything (7).
    #[serde(default = "everything", deserialize_with = "lenient::number")]
    pub flags: u32,
    /// Notify nobody (capability `silent-call`).
    #[serde(default, deserialize_with = "lenient::boolean", skip_serializing_if = "is_false")]
    pub silent: bool,
    /// Consents to a recording.
    #[serde(default, deserialize_with = "lenient::boolean", skip_serializing_if = "is_false")]
    pub recording_consent: bool,
    /// Notify all but these.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub silent_for: Vec<String>,
}

fn everything() -> u32 {
    7
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Body of `PUT /call/{token}`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct UpdateFlagsRequest {
    /// The new flags; bit 1 has to be set.
    #[serde(default, deserialize_with = "lenient::number")]
    pub flags: u32,
}

/// Body of `DELETE /call/{token}`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LeaveCallRequest {
    /// End it for all (moderators).
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub all: bool,
}
