//! What a separate signaling server (HPB) and its clients say to each other (talk-signaling section 6).
//!
//! Reading never fails on what is well-formed JSON: what does not fit is [`ServerBody::Unknown`]. Ids are as the
//! server wrote them; the reader has to bound their length and number.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::constants::MAX_PARTICIPANTS;
use crate::{HelloAuthParams, PeerBody, PeerMessage, lenient};

/// Most entries taken from one list.
const MAX_ENTRIES: usize = MAX_PARTICIPANTS * 4;

/// One message of the server. Holds addresses and secrets: no `Debug`.
#[derive(Clone, PartialEq)]
pub struct ServerFrame {
    /// Of the message it answers.
    pub id: Option<String>,
    /// What it says.
    pub body: ServerBody,
}

/// What the server says.
#[derive(Clone, PartialEq)]
pub enum ServerBody {
    /// The first message of newer servers.
    Welcome {
        /// What the server can do.
        features: Vec<String>,
    },
    /// The greeting was taken.
    Hello(HelloAnswer),
    /// The server ends the session or the connection.
    Bye {
        /// Why; may be empty.
        reason: String,
    },
    /// The room was entered, or left when `room` is empty.
    Room {
        /// Its token.
        room: String,
    },
    /// Something was refused.
    Error {
        /// Why, as a stable word.
        code: String,
    },
    /// Something happened.
    Event(ServerEvent),
    /// A peer's message.
    Message(Relayed),
    /// A moderator's message: the server passes it on only for those who may.
    Control(Relayed),
    /// Something newer than this crate, or of no use to it.
    Unknown,
}

/// Answer to a greeting.
#[derive(Clone, PartialEq, Eq)]
pub struct HelloAnswer {
    /// Our id in all messages; public.
    pub session_id: String,
    /// Takes the session up again after a disconnect; secret.
    pub resume_id: String,
    /// What the server can do.
    pub features: Vec<String>,
}

/// What happened.
#[derive(Clone, PartialEq)]
pub enum ServerEvent {
    /// Sessions came into the room; after our entering, everyone's, ours among them.
    Joined(Vec<RoomSession>),
    /// Sessions left the room.
    Left(Vec<String>),
    /// The data of sessions changed.
    Changed(Vec<RoomSession>),
    /// Go to another room (breakout rooms).
    SwitchTo {
        /// Its token.
        room: String,
    },
    /// Who is in the call, and whoever's state changed. Whoever is missing is not in it.
    InCall {
        /// The room's token.
        room: String,
        /// The sessions.
        users: Vec<CallSession>,
    },
    /// The call is over for everyone.
    CallEnded {
        /// The room's token.
        room: String,
    },
    /// We were put out of a room, or it was deleted.
    Disinvited {
        /// Its token.
        room: String,
    },
    /// How the recording of the call stands.
    Recording {
        /// The room's token.
        room: String,
        /// As a room's `callRecording`.
        status: u8,
    },
    /// Of no use to a call.
    Other,
}

/// One session in a room, as the `join` event tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoomSession {
    /// Its id in all messages.
    pub session_id: String,
    /// The account; empty for guests.
    pub user_id: String,
    /// Name for people; may be empty.
    pub display_name: String,
    /// The id of the session at the Nextcloud server; may be empty.
    pub room_session_id: String,
}

/// One session in a call, as the `participants` event tells.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallSession {
    /// Its id in all messages.
    #[serde(default, deserialize_with = "lenient::text")]
    pub session_id: String,
    /// The id of the session at the Nextcloud server; may be empty.
    #[serde(default, deserialize_with = "lenient::text")]
    pub nextcloud_session_id: String,
    /// In-call flags; 0 is out of the call.
    #[serde(default, deserialize_with = "lenient::number")]
    pub in_call: u32,
    /// In effect; 0 when not told.
    #[serde(default, deserialize_with = "lenient::number")]
    pub participant_permissions: u32,
    /// Empty for guests.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user_id: String,
    /// `users`, `guests`, …; may be empty.
    #[serde(default, deserialize_with = "lenient::text")]
    pub actor_type: String,
    /// Id within the type.
    #[serde(default, deserialize_with = "lenient::text")]
    pub actor_id: String,
    /// Name for people; may be empty.
    #[serde(default, deserialize_with = "lenient::text")]
    pub display_name: String,
    /// A recorder or a telephone bridge.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub internal: bool,
}

/// A message of another session.
#[derive(Clone, PartialEq)]
pub struct Relayed {
    /// Whose, as the server says.
    pub sender: String,
    /// The message, its `from` set to the sender.
    pub message: PeerMessage,
}

#[derive(Deserialize)]
struct FrameIn {
    #[serde(default, deserialize_with = "lenient::optional_text")]
    id: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "lenient::text")]
    kind: String,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

impl<'de> Deserialize<'de> for ServerFrame {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let FrameIn { id, kind, mut rest } = FrameIn::deserialize(deserializer)?;
        let content = rest.remove(kind.as_str()).unwrap_or_default();
        Ok(Self { id, body: ServerBody::read(&kind, &content) })
    }
}

impl ServerBody {
    fn read(kind: &str, content: &Value) -> Self {
        match kind {
            "welcome" => Self::Welcome { features: texts(&content["features"]) },
            "hello" => Self::Hello(HelloAnswer {
                session_id: text(&content["sessionid"]),
                resume_id: text(&content["resumeid"]),
                features: texts(&content["server"]["features"]),
            }),
            "bye" => Self::Bye { reason: text(&content["reason"]) },
            "room" => Self::Room { room: text(&content["roomid"]) },
            "error" => Self::Error { code: text(&content["code"]) },
            "event" => Self::Event(ServerEvent::read(content)),
            "message" => relayed(content).map_or(Self::Unknown, Self::Message),
            "control" => relayed(content).map_or(Self::Unknown, Self::Control),
            _ => Self::Unknown,
        }
    }
}

impl ServerEvent {
    fn read(event: &Value) -> Self {
        let (target, kind) = (text(&event["target"]), text(&event["type"]));
        let content = &event[kind.as_str()];
        match (target.as_str(), kind.as_str()) {
            ("room", "join") => Self::Joined(sessions(content)),
            ("room", "change") => Self::Changed(sessions(content)),
            ("room", "leave") => Self::Left(texts(content)),
            ("room", "message") if content["data"]["type"] == "recording" => {
                let status = content["data"]["recording"]["status"].as_u64();
                match status.and_then(|status| u8::try_from(status).ok()) {
                    Some(status) => Self::Recording { room: text(&content["roomid"]), status },
                    None => Self::Other,
                }
            }
            ("room", "switchto") => Self::SwitchTo { room: text(&content["roomid"]) },
            ("roomlist", "disinvite") => Self::Disinvited { room: text(&content["roomid"]) },
            ("participants", "update") => {
                let room = text(&content["roomid"]);
                let everyone = content["all"].as_bool() == Some(true);
                match &content["users"] {
                    _ if everyone && content["incall"].as_u64() == Some(0) => Self::CallEnded { room },
                    Value::Array(users) => Self::InCall {
                        room,
                        users: users
                            .iter()
                            .take(MAX_ENTRIES)
                            .filter_map(|user| CallSession::deserialize(user).ok())
                            .collect(),
                    },
                    _ => Self::Other,
                }
            }
            _ => Self::Other,
        }
    }
}

fn relayed(content: &Value) -> Option<Relayed> {
    let sender = text(&content["sender"]["sessionid"]);
    if sender.is_empty() {
        return None;
    }
    // Whatever the peer wrote there: the server knows who it is.
    let mut message = PeerMessage::deserialize(&content["data"]).ok()?;
    message.from = Some(sender.clone());
    Some(Relayed { sender, message })
}

fn sessions(list: &Value) -> Vec<RoomSession> {
    let read = |entry: &Value| {
        let session_id = text(&entry["sessionid"]);
        (!session_id.is_empty()).then(|| RoomSession {
            session_id,
            user_id: text(&entry["userid"]),
            display_name: text(&entry["user"]["displayname"]),
            room_session_id: text(&entry["roomsessionid"]),
        })
    };
    list.as_array().into_iter().flatten().take(MAX_ENTRIES).filter_map(read).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten().take(MAX_ENTRIES);
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// How a client greets.
pub enum Greeting<'a> {
    /// As somebody new. `v2` chooses the credentials.
    New {
        /// The address of the Nextcloud server's endpoint for signaling servers.
        url: &'a str,
        /// From the signaling settings.
        credentials: &'a HelloAuthParams,
        /// Whether by token instead of by ticket.
        v2: bool,
    },
    /// As the session of before.
    Resume {
        /// From the answer to the first greeting.
        resume_id: &'a str,
        /// As in the first greeting.
        v2: bool,
    },
}

/// JSON text of a greeting.
pub fn hello_frame(id: &str, greeting: &Greeting<'_>) -> String {
    let version = |v2: &bool| if *v2 { "2.0" } else { "1.0" };
    let hello = match greeting {
        Greeting::New { url, credentials, v2 } => {
            let params = if *v2 { &credentials.v2 } else { &credentials.v1 };
            json!({ "version": version(v2), "auth": { "url": url, "params": params } })
        }
        Greeting::Resume { resume_id, v2 } => json!({ "version": version(v2), "resumeid": resume_id }),
    };
    json!({ "id": id, "type": "hello", "hello": hello }).to_string()
}

/// JSON text that enters a room as the session we have at the Nextcloud server; an empty room leaves.
pub fn room_frame(id: &str, room: &str, room_session_id: &str) -> String {
    let content = if room.is_empty() {
        json!({ "roomid": "" })
    } else {
        json!({ "roomid": room, "sessionid": room_session_id })
    };
    json!({ "id": id, "type": "room", "room": content }).to_string()
}

/// JSON text that ends the session.
pub fn bye_frame(id: &str) -> String {
    json!({ "id": id, "type": "bye", "bye": {} }).to_string()
}

/// JSON text of a message to one session, or to the whole call when it names none (server feature `recipient-call`).
/// That a screen is not shared any more goes to the whole room instead, which every server can do. What only moderators
/// may say goes as `control`, which the server checks.
pub fn message_frame(id: &str, message: &PeerMessage) -> String {
    let recipient = match &message.to {
        Some(session) => json!({ "type": "session", "sessionid": session }),
        None if message.body == PeerBody::UnshareScreen => json!({ "type": "room" }),
        None => json!({ "type": "call" }),
    };
    let kind = if message.body.is_control() { "control" } else { "message" };
    json!({ "id": id, "type": kind, kind: { "recipient": recipient, "data": message } }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConnectionKind;

    fn read(json: Value) -> ServerFrame {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_sender_is_who_the_server_says() {
        let frame = read(json!({"type":"message","message":{
            "sender":{"type":"session","sessionid":"mallory","userid":"m"},
            "data":{"from":"alice","to":"bob","type":"mute","payload":{"name":"audio"}}}}));
        let ServerBody::Message(relayed) = frame.body else { panic!("no message") };
        assert_eq!((relayed.sender.as_str(), relayed.message.from.as_deref()), ("mallory", Some("mallory")));
    }

    #[test]
    fn lists_of_sessions_are_read_and_cut() {
        let frame = read(json!({"type":"event","event":{"target":"room","type":"join","join":[
            {"sessionid":"s","userid":"u","user":{"displayname":"U"},"roomsessionid":"r"}, 7, {"userid":"x"}]}}));
        let expected = RoomSession {
            session_id: "s".into(),
            user_id: "u".into(),
            display_name: "U".into(),
            room_session_id: "r".into(),
        };
        assert!(frame.body == ServerBody::Event(ServerEvent::Joined(vec![expected])));
        let many: Vec<Value> = (0..100_000).map(|n| json!({ "sessionId": n.to_string() })).collect();
        let frame = read(json!({"type":"event","event":{"target":"participants","type":"update",
            "update":{"roomid":"t","users":many}}}));
        let ServerBody::Event(ServerEvent::InCall { users, .. }) = frame.body else { panic!("no list") };
        assert_eq!(users.len(), MAX_ENTRIES);
    }

    #[test]
    fn an_end_for_all_is_told_from_a_list() {
        let update = |update: Value| {
            let event = json!({ "target": "participants", "type": "update", "update": update });
            read(json!({ "type": "event", "event": event })).body
        };
        let ended = ServerEvent::CallEnded { room: "t".into() };
        assert!(update(json!({"roomid":"t","incall":0,"all":true})) == ServerBody::Event(ended));
        let empty = ServerEvent::InCall { room: "t".into(), users: vec![] };
        assert!(update(json!({"roomid":"t","users":[]})) == ServerBody::Event(empty));
        assert!(update(json!({"roomid":"t","users":null})) == ServerBody::Event(ServerEvent::Other));
    }

    #[test]
    fn what_does_not_fit_is_unknown_and_never_an_error() {
        for json in [
            json!({}),
            json!({"type":7}),
            json!({"type":"message","message":[]}),
            json!({"type":"message","message":{"sender":{"sessionid":9},"data":{"type":"offer"}}}),
            json!({"type":"message","message":{"sender":{"sessionid":"s"},"data":"offer"}}),
            json!({"type":"control"}),
            json!({"type":"dialout","dialout":{}}),
        ] {
            assert!(read(json.clone()).body == ServerBody::Unknown, "{json}");
        }
        for json in [
            json!({"type":"hello","hello":9}),
            json!({"type":"event","event":[1]}),
            json!({"type":"error","error":null,"id":{}}),
            json!({"type":"event","event":{"target":"room","type":"join","join":{"sessionid":"s"}}}),
        ] {
            let _ = read(json);
        }
    }

    #[test]
    fn frames_look_as_the_server_expects() {
        let credentials =
            HelloAuthParams { v1: Some(json!({"userid":"u","ticket":"t"})), v2: Some(json!({"token":"j"})) };
        let greeting = Greeting::New { url: "https://c/backend", credentials: &credentials, v2: true };
        let hello: Value = serde_json::from_str(&hello_frame("1", &greeting)).unwrap();
        assert_eq!(
            hello,
            json!({"id":"1","type":"hello","hello":{"version":"2.0",
                   "auth":{"url":"https://c/backend","params":{"token":"j"}}}})
        );
        let mut message = PeerMessage {
            to: Some("s".into()),
            from: None,
            connection: ConnectionKind::Person,
            sid: None,
            broadcaster: None,
            body: PeerBody::RequestOffer,
        };
        let request: Value = serde_json::from_str(&message_frame("2", &message)).unwrap();
        assert_eq!(
            request,
            json!({"id":"2","type":"message","message":{"recipient":{"type":"session","sessionid":"s"},
                   "data":{"to":"s","type":"requestoffer","roomType":"video"}}})
        );
        message = PeerMessage { to: None, connection: ConnectionKind::Screen, ..message };
        message.body = PeerBody::UnshareScreen;
        let unshare: Value = serde_json::from_str(&message_frame("2", &message)).unwrap();
        assert_eq!(
            unshare,
            json!({"id":"2","type":"message","message":{"recipient":{"type":"room"},
                   "data":{"type":"unshareScreen","roomType":"screen"}}})
        );
        message = PeerMessage { to: Some("s".into()), connection: ConnectionKind::Person, ..message };
        message.body = PeerBody::ForceMute { peer_id: "x".into() };
        let control: Value = serde_json::from_str(&message_frame("3", &message)).unwrap();
        assert_eq!(
            (control["type"].as_str(), control["control"]["data"]["type"].as_str()),
            (Some("control"), Some("control"))
        );
        let leave: Value = serde_json::from_str(&room_frame("4", "", "r")).unwrap();
        assert_eq!(leave["room"], json!({ "roomid": "" }));
    }
}
