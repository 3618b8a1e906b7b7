//! Signaling settings, and the internal signaling's long poll.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::lenient;

/// `GET …/signaling/settings`. Holds secrets: not to be logged, hence no `Debug`.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SignalingSettings {
    /// `internal`, `external` or `conversation_cluster`.
    #[serde(rename = "signalingMode", default, deserialize_with = "lenient::text")]
    pub signaling_mode: String,
    /// Own user id; `null` for guests.
    #[serde(rename = "userId", default, deserialize_with = "lenient::optional_text")]
    pub user_id: Option<String>,
    /// URL of the signaling server; empty when internal.
    #[serde(default, deserialize_with = "lenient::text")]
    pub server: String,
    /// Old ticket.
    #[serde(default, deserialize_with = "lenient::text")]
    pub ticket: String,
    /// How to greet the signaling server.
    #[serde(rename = "helloAuthParams", default, deserialize_with = "lenient::or_default")]
    pub hello_auth_params: HelloAuthParams,
    /// STUN.
    #[serde(default, deserialize_with = "lenient::list")]
    pub stunservers: Vec<IceServerEntry>,
    /// TURN.
    #[serde(default, deserialize_with = "lenient::list")]
    pub turnservers: Vec<IceServerEntry>,
    /// Text on dialing in.
    #[serde(rename = "sipDialinInfo", default, deserialize_with = "lenient::text")]
    pub sip_dialin_info: String,
    /// Do not warn of a missing signaling server.
    #[serde(rename = "hideWarning", default, deserialize_with = "lenient::boolean")]
    pub hide_warning: bool,
    /// Of a conversation on another server.
    #[serde(default)]
    pub federation: Option<Value>,
}

/// Credentials for the signaling server, by version of its greeting.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HelloAuthParams {
    /// `{userid, ticket}`.
    #[serde(rename = "1.0", default, skip_serializing_if = "Option::is_none")]
    pub v1: Option<Value>,
    /// `{token}`.
    #[serde(rename = "2.0", default, skip_serializing_if = "Option::is_none")]
    pub v2: Option<Value>,
}

/// STUN or TURN servers sharing credentials. Holds secrets: no `Debug`.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IceServerEntry {
    /// `stun:` and `turn:` URLs. Some servers write a single text.
    #[serde(default, deserialize_with = "one_or_many")]
    pub urls: Vec<String>,
    /// TURN user name.
    #[serde(default, deserialize_with = "lenient::optional_text", skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// TURN password.
    #[serde(default, deserialize_with = "lenient::optional_text", skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(url) => vec![url],
        Value::Array(urls) => urls.into_iter().filter_map(|url| url.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    })
}

/// Body of `POST …/signaling/{token}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendMessagesRequest {
    /// JSON text of a list of [`OutgoingMessage`]s.
    #[serde(default, deserialize_with = "lenient::text")]
    pub messages: String,
}

/// One element of [`SendMessagesRequest::messages`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingMessage {
    /// Always `message`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub ev: String,
    /// JSON text of a peer message.
    #[serde(rename = "fn", default, deserialize_with = "lenient::text")]
    pub function: String,
    /// The sender's own session.
    #[serde(rename = "sessionId", default, deserialize_with = "lenient::text")]
    pub session_id: String,
}

/// One item a pull yields.
#[derive(Clone, PartialEq)]
pub enum PullItem {
    /// JSON text of a peer message, with `from` set by the server.
    Message(String),
    /// Everyone in the room; the whole state.
    UsersInRoom(Vec<UserInRoom>),
    /// Something newer than this crate.
    Unknown,
}

#[derive(Serialize)]
struct ItemOut<'a, T: Serialize> {
    r#type: &'a str,
    data: T,
}

#[derive(Deserialize)]
struct ItemIn {
    #[serde(rename = "type", default, deserialize_with = "lenient::text")]
    kind: String,
    #[serde(default)]
    data: Value,
}

impl Serialize for PullItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Message(text) => ItemOut { r#type: "message", data: text }.serialize(serializer),
            Self::UsersInRoom(users) => ItemOut { r#type: "usersInRoom", data: users }.serialize(serializer),
            Self::Unknown => ItemOut { r#type: "unknown", data: () }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for PullItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let item = ItemIn::deserialize(deserializer)?;
        Ok(match (item.kind.as_str(), item.data) {
            ("message", Value::String(text)) => Self::Message(text),
            // Some servers write the message as an object instead of text.
            ("message", data @ Value::Object(_)) => Self::Message(data.to_string()),
            ("usersInRoom", data) => Self::UsersInRoom(lenient::list(data).unwrap_or_default()),
            _ => Self::Unknown,
        })
    }
}

/// One session in the room.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserInRoom {
    /// Empty for guests.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user_id: String,
    /// `users`, `guests`, …
    #[serde(default, deserialize_with = "lenient::text")]
    pub actor_type: String,
    /// Id within the type.
    #[serde(default, deserialize_with = "lenient::text")]
    pub actor_id: String,
    /// Name for people; an extension of the embedded server, missing elsewhere.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// Number of the room.
    #[serde(default, deserialize_with = "lenient::number")]
    pub room_id: i64,
    /// Unix seconds.
    #[serde(default, deserialize_with = "lenient::number")]
    pub last_ping: i64,
    /// The session.
    #[serde(default, deserialize_with = "lenient::text")]
    pub session_id: String,
    /// In-call flags; 0 is out of the call.
    #[serde(default, deserialize_with = "lenient::number")]
    pub in_call: u32,
    /// In effect.
    #[serde(default, deserialize_with = "lenient::number")]
    pub participant_permissions: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pull_items_survive_a_round_trip() {
        let items = vec![
            PullItem::Message(r#"{"type":"offer"}"#.into()),
            PullItem::UsersInRoom(vec![UserInRoom {
                user_id: "alice".into(),
                session_id: "s1".into(),
                in_call: 3,
                ..UserInRoom::default()
            }]),
        ];
        let text = serde_json::to_string(&items).unwrap();
        let back: Vec<PullItem> = serde_json::from_str(&text).unwrap();
        assert!(back == items, "{text}");
    }

    #[test]
    fn odd_pull_items_are_unknown_or_empty() {
        for (json, expected) in [
            (r#"{"type":"refresh"}"#, PullItem::Unknown),
            (r#"{"type":"message","data":7}"#, PullItem::Unknown),
            (r#"{"type":9,"data":null}"#, PullItem::Unknown),
            (r#"{"type":"usersInRoom","data":null}"#, PullItem::UsersInRoom(vec![])),
            (r#"{"type":"usersInRoom","data":[7,"x"]}"#, PullItem::UsersInRoom(vec![])),
        ] {
            let item: PullItem = serde_json::from_str(json).unwrap();
            assert!(item == expected, "{json}");
        }
    }
}
