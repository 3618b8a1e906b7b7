//! What two clients tell each other through signaling, in both modes.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::lenient;

/// One peer message. Unknown kinds are kept as [`PeerBody::Unknown`] and are to be ignored. Holds addresses: no `Debug`.
#[derive(Clone, PartialEq)]
pub struct PeerMessage {
    /// The recipient's session.
    pub to: Option<String>,
    /// The sender's session; to be trusted only as set by the server.
    pub from: Option<String>,
    /// Which of the connections between the two.
    pub connection: ConnectionKind,
    /// Chosen by the offerer for one connection, echoed by the answerer.
    pub sid: Option<String>,
    /// Session that shares its screen, on messages of such a connection.
    pub broadcaster: Option<String>,
    /// The message itself.
    pub body: PeerBody,
}

/// Which of the connections between two sessions (`roomType`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum ConnectionKind {
    /// Microphone and camera (`video`).
    #[default]
    Person,
    /// A shared screen (`screen`).
    Screen,
}

/// The kind of a message, with its payload.
#[derive(Clone, PartialEq)]
pub enum PeerBody {
    /// Proposes media.
    Offer {
        /// SDP.
        sdp: String,
        /// The sender's name.
        nick: Option<String>,
    },
    /// Accepts media.
    Answer {
        /// SDP.
        sdp: String,
        /// The sender's name.
        nick: Option<String>,
    },
    /// A possible path.
    Candidate(Candidate),
    /// No more candidates.
    EndOfCandidates,
    /// For information.
    ConnectivityError,
    /// A track was muted.
    Mute(MuteName),
    /// A track was unmuted.
    Unmute(MuteName),
    /// The sender's name.
    NickChanged {
        /// The name.
        name: String,
    },
    /// A hand is raised or lowered.
    RaiseHand {
        /// Raised.
        state: bool,
        /// Unix milliseconds.
        timestamp: i64,
    },
    /// An emoji.
    Reaction {
        /// One of the supported ones.
        reaction: String,
    },
    /// The screen is not shared any more.
    UnshareScreen,
    /// `peer_id` shall be silent; from moderators only.
    ForceMute {
        /// The session meant.
        peer_id: String,
    },
    /// About going from audio to video, between two (an extension; other clients ignore it).
    VideoSwitch(SwitchName),
    /// The recipient's call rings at the sender (an extension; other clients ignore it).
    Ringing,
    /// The sender declined the recipient's call (an extension).
    Declined,
    /// The sender is in another call (an extension).
    Busy,
    /// Asks for an offer of what the recipient publishes at a media server; answered by that server.
    RequestOffer,
    /// Asks a media server to offer the recipient what the sender publishes.
    SendOffer,
    /// Asks a media server for other parts of what the recipient publishes.
    SelectStream(StreamChoice),
    /// Something else; to be ignored.
    Unknown(String),
}

/// Which parts of what somebody publishes are wanted; what is not named stays as it is (talk-signaling section 6.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StreamChoice {
    /// Which of several picture sizes, 0 (smallest) to 2.
    pub substream: Option<u8>,
    /// How many of its pictures, 0 (fewest) to 2 (all).
    pub temporal: Option<u8>,
    /// Whether pictures at all.
    pub video: Option<bool>,
}

impl StreamChoice {
    fn payload(self) -> Value {
        let mut payload = Map::new();
        let number = |number: u8| Value::from(number);
        let values = [
            ("substream", self.substream.map(number)),
            ("temporal", self.temporal.map(number)),
            ("video", self.video.map(Value::from)),
        ];
        for (name, value) in values {
            if let Some(value) = value {
                payload.insert(name.into(), value);
            }
        }
        Value::Object(payload)
    }

    fn read(payload: &Value) -> Self {
        let number = |name: &str| payload.get(name).and_then(Value::as_u64).and_then(|n| n.try_into().ok());
        Self {
            substream: number("substream"),
            temporal: number("temporal"),
            video: payload.get("video").and_then(Value::as_bool),
        }
    }
}

/// A possible path (`payload.candidate`). An empty text ends the list.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Candidate {
    /// The attribute's value.
    #[serde(default, deserialize_with = "lenient::text")]
    pub candidate: String,
    /// Media section by tag.
    #[serde(rename = "sdpMid", default, deserialize_with = "lenient::optional_text")]
    pub sdp_mid: Option<String>,
    /// Media section by index.
    #[serde(rename = "sdpMLineIndex", default, deserialize_with = "lenient::optional_number")]
    pub sdp_mline_index: Option<u16>,
}

/// What a mute message is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MuteName {
    /// The microphone; also when the name is missing.
    Audio,
    /// The camera.
    Video,
}

impl MuteName {
    fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// What is said about going from audio to video (`payload.action`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SwitchName {
    /// The sender asks for it.
    Request,
    /// The sender agrees.
    Accept,
    /// The sender refuses.
    Decline,
    /// The sender takes it back.
    Cancel,
}

impl SwitchName {
    fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Accept => "accept",
            Self::Decline => "decline",
            Self::Cancel => "cancel",
        }
    }

    fn read(name: &str) -> Option<Self> {
        [Self::Request, Self::Accept, Self::Decline, Self::Cancel]
            .into_iter()
            .find(|one| one.as_str() == name)
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "lenient::optional_text", skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional_text", skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "lenient::text")]
    kind: String,
    #[serde(rename = "roomType", default, deserialize_with = "lenient::text")]
    room_type: String,
    // Web clients write a number of milliseconds as text; a bare number is taken too.
    #[serde(default, deserialize_with = "lenient::optional_text", skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional_text", skip_serializing_if = "Option::is_none")]
    broadcaster: Option<String>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    payload: Value,
}

impl PeerBody {
    /// The `type` of the message.
    pub fn kind(&self) -> &str {
        match self {
            Self::Offer { .. } => "offer",
            Self::Answer { .. } => "answer",
            Self::Candidate(_) => "candidate",
            Self::EndOfCandidates => "endOfCandidates",
            Self::ConnectivityError => "connectivityError",
            Self::Mute(_) => "mute",
            Self::Unmute(_) => "unmute",
            Self::NickChanged { .. } => "nickChanged",
            Self::RaiseHand { .. } => "raiseHand",
            Self::Reaction { .. } => "reaction",
            Self::UnshareScreen => "unshareScreen",
            Self::ForceMute { .. } => "control",
            Self::VideoSwitch(_) => "videoSwitch",
            Self::Ringing => "ringing",
            Self::Declined => "declined",
            Self::Busy => "busy",
            Self::RequestOffer => "requestoffer",
            Self::SendOffer => "sendoffer",
            Self::SelectStream(_) => "selectStream",
            Self::Unknown(kind) => kind,
        }
    }

    /// Whether only moderators may say it.
    pub fn is_control(&self) -> bool {
        matches!(self, Self::ForceMute { .. })
    }

    fn payload(&self) -> Value {
        let description = |kind: &str, sdp: &String, nick: &Option<String>| {
            let mut payload = Map::new();
            payload.insert("type".into(), kind.into());
            payload.insert("sdp".into(), sdp.as_str().into());
            if let Some(nick) = nick {
                payload.insert("nick".into(), nick.as_str().into());
            }
            Value::Object(payload)
        };
        match self {
            Self::Offer { sdp, nick } => description("offer", sdp, nick),
            Self::Answer { sdp, nick } => description("answer", sdp, nick),
            Self::Candidate(candidate) => json!({ "candidate": candidate }),
            Self::Mute(name) | Self::Unmute(name) => json!({ "name": name.as_str() }),
            Self::NickChanged { name } => json!({ "name": name }),
            Self::RaiseHand { state, timestamp } => json!({ "state": state, "timestamp": timestamp }),
            Self::Reaction { reaction } => json!({ "reaction": reaction }),
            Self::ForceMute { peer_id } => json!({ "action": "forceMute", "peerId": peer_id }),
            Self::VideoSwitch(name) => json!({ "action": name.as_str() }),
            Self::SelectStream(choice) => choice.payload(),
            Self::EndOfCandidates
            | Self::ConnectivityError
            | Self::UnshareScreen
            | Self::Ringing
            | Self::Declined
            | Self::Busy
            | Self::RequestOffer
            | Self::SendOffer
            | Self::Unknown(_) => Value::Null,
        }
    }

    fn read(kind: &str, payload: &Value) -> Self {
        let text = |key: &str| payload.get(key).and_then(Value::as_str).map(str::to_owned);
        let known = match kind {
            "offer" => text("sdp").map(|sdp| Self::Offer { sdp, nick: text("nick") }),
            "answer" => text("sdp").map(|sdp| Self::Answer { sdp, nick: text("nick") }),
            "candidate" => payload
                .get("candidate")
                .filter(|candidate| candidate.is_object())
                .and_then(|candidate| Candidate::deserialize(candidate).ok())
                .map(Self::Candidate),
            "endOfCandidates" => Some(Self::EndOfCandidates),
            "connectivityError" => Some(Self::ConnectivityError),
            "mute" => Some(Self::Mute(mute_name(payload))),
            "unmute" => Some(Self::Unmute(mute_name(payload))),
            "nickChanged" => text("name").map(|name| Self::NickChanged { name }),
            "raiseHand" => payload.get("state").and_then(Value::as_bool).map(|state| Self::RaiseHand {
                state,
                timestamp: payload.get("timestamp").and_then(Value::as_i64).unwrap_or(0),
            }),
            "reaction" => text("reaction").map(|reaction| Self::Reaction { reaction }),
            "unshareScreen" => Some(Self::UnshareScreen),
            "control" if payload.get("action").and_then(Value::as_str) == Some("forceMute") => {
                text("peerId").map(|peer_id| Self::ForceMute { peer_id })
            }
            "videoSwitch" => text("action").and_then(|name| SwitchName::read(&name)).map(Self::VideoSwitch),
            "ringing" => Some(Self::Ringing),
            "declined" => Some(Self::Declined),
            "busy" => Some(Self::Busy),
            "requestoffer" => Some(Self::RequestOffer),
            "sendoffer" => Some(Self::SendOffer),
            "selectStream" => Some(Self::SelectStream(StreamChoice::read(payload))),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Unknown(kind.to_owned()))
    }
}

fn mute_name(payload: &Value) -> MuteName {
    match payload.get("name").and_then(Value::as_str) {
        Some("video") => MuteName::Video,
        _ => MuteName::Audio,
    }
}

impl Serialize for PeerMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire {
            to: self.to.clone(),
            from: self.from.clone(),
            kind: self.body.kind().to_owned(),
            room_type: match self.connection {
                ConnectionKind::Person => "video".to_owned(),
                ConnectionKind::Screen => "screen".to_owned(),
            },
            sid: self.sid.clone(),
            broadcaster: self.broadcaster.clone(),
            payload: self.body.payload(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PeerMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        Ok(Self {
            to: wire.to,
            from: wire.from,
            connection: match wire.room_type.as_str() {
                "screen" => ConnectionKind::Screen,
                _ => ConnectionKind::Person,
            },
            sid: wire.sid,
            broadcaster: wire.broadcaster,
            body: PeerBody::read(&wire.kind, &wire.payload),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: PeerBody) -> PeerMessage {
        PeerMessage {
            to: Some("b".into()),
            from: Some("a".into()),
            connection: ConnectionKind::Person,
            sid: Some("17".into()),
            broadcaster: None,
            body,
        }
    }

    #[test]
    fn every_kind_survives_a_round_trip() {
        let bodies = [
            PeerBody::Offer { sdp: "v=0".into(), nick: Some("Ann".into()) },
            PeerBody::Answer { sdp: "v=0".into(), nick: None },
            PeerBody::Candidate(Candidate {
                candidate: "candidate:1".into(),
                sdp_mid: Some("0".into()),
                sdp_mline_index: Some(0),
            }),
            PeerBody::EndOfCandidates,
            PeerBody::ConnectivityError,
            PeerBody::Mute(MuteName::Audio),
            PeerBody::Unmute(MuteName::Video),
            PeerBody::NickChanged { name: "Ann".into() },
            PeerBody::RaiseHand { state: true, timestamp: 5 },
            PeerBody::Reaction { reaction: "👍".into() },
            PeerBody::VideoSwitch(SwitchName::Request),
            PeerBody::VideoSwitch(SwitchName::Cancel),
            PeerBody::UnshareScreen,
            PeerBody::ForceMute { peer_id: "b".into() },
            PeerBody::Ringing,
            PeerBody::Declined,
            PeerBody::Busy,
            PeerBody::RequestOffer,
            PeerBody::SendOffer,
            PeerBody::SelectStream(StreamChoice { substream: Some(1), temporal: Some(2), video: Some(true) }),
            PeerBody::SelectStream(StreamChoice { video: Some(false), ..StreamChoice::default() }),
        ];
        for body in bodies {
            let sent = message(body);
            let text = serde_json::to_string(&sent).unwrap();
            let back: PeerMessage = serde_json::from_str(&text).unwrap();
            assert!(back == sent, "{text}");
        }
    }

    #[test]
    fn an_offer_looks_as_web_clients_write_it() {
        let offer = message(PeerBody::Offer { sdp: "v=0".into(), nick: None });
        assert_eq!(
            serde_json::to_value(offer).unwrap(),
            json!({"to":"b","from":"a","type":"offer","roomType":"video","sid":"17",
                   "payload":{"type":"offer","sdp":"v=0"}})
        );
    }

    #[test]
    fn what_does_not_fit_is_unknown_and_never_an_error() {
        for json in [
            r#"{}"#,
            r#"{"type":7,"payload":{"sdp":"v=0"}}"#,
            r#"{"type":"offer"}"#,
            r#"{"type":"offer","payload":"v=0"}"#,
            r#"{"type":"offer","payload":{"sdp":{"a":1}}}"#,
            r#"{"type":"candidate","payload":{"candidate":"flat"}}"#,
            r#"{"type":"control","payload":{"action":"reboot"}}"#,
            r#"{"type":"videoSwitch"}"#,
            r#"{"type":"videoSwitch","payload":{"action":"now"}}"#,
            r#"{"type":"startedTyping","sid":{},"to":[]}"#,
        ] {
            let message: PeerMessage = serde_json::from_str(json).unwrap();
            assert!(matches!(message.body, PeerBody::Unknown(_)), "{json}");
        }
    }

    #[test]
    fn a_sid_may_be_a_number_and_a_mute_without_name_is_audio() {
        let message: PeerMessage = serde_json::from_str(r#"{"type":"mute","sid":1700000000000}"#).unwrap();
        assert_eq!(message.sid.as_deref(), Some("1700000000000"));
        assert!(message.body == PeerBody::Mute(MuteName::Audio));
    }
}
