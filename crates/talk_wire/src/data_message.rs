//! Messages on a data channel.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use crate::lenient;

/// One data channel message, `{"type":T,"payload":P?}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DataMessage {
    /// The microphone is on.
    AudioOn,
    /// The microphone is off.
    AudioOff,
    /// The camera is on.
    VideoOn,
    /// The camera is off.
    VideoOff,
    /// Speech began.
    Speaking,
    /// Speech ended.
    StoppedSpeaking,
    /// The sender's name.
    NickChanged {
        /// The name.
        name: String,
        /// The account, if any.
        user_id: Option<String>,
    },
    /// Something newer than this crate.
    Unknown,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "type", default, deserialize_with = "lenient::text")]
    kind: String,
    #[serde(default)]
    payload: Value,
}

impl Serialize for DataMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bare = |kind: &str| json!({ "type": kind });
        match self {
            Self::AudioOn => bare("audioOn"),
            Self::AudioOff => bare("audioOff"),
            Self::VideoOn => bare("videoOn"),
            Self::VideoOff => bare("videoOff"),
            Self::Speaking => bare("speaking"),
            Self::StoppedSpeaking => bare("stoppedSpeaking"),
            Self::NickChanged { name, user_id: None } => json!({ "type": "nickChanged", "payload": name }),
            Self::NickChanged { name, user_id: Some(user_id) } => {
                json!({ "type": "nickChanged", "payload": { "name": name, "userid": user_id } })
            }
            Self::Unknown => bare("unknown"),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DataMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Wire { kind, payload } = Wire::deserialize(deserializer)?;
        Ok(match kind.as_str() {
            "audioOn" => Self::AudioOn,
            "audioOff" => Self::AudioOff,
            "videoOn" => Self::VideoOn,
            "videoOff" => Self::VideoOff,
            "speaking" => Self::Speaking,
            "stoppedSpeaking" => Self::StoppedSpeaking,
            "nickChanged" => match payload {
                Value::String(name) => Self::NickChanged { name, user_id: None },
                payload => match payload.get("name").and_then(Value::as_str) {
                    Some(name) => Self::NickChanged {
                        name: name.to_owned(),
                        user_id: payload.get("userid").and_then(Value::as_str).map(str::to_owned),
                    },
                    None => Self::Unknown,
                },
            },
            _ => Self::Unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_name_are_read() {
        for (json, expected) in [
            (r#"{"type":"audioOn"}"#, DataMessage::AudioOn),
            (
                r#"{"type":"nickChanged","payload":"Guest"}"#,
                DataMessage::NickChanged { name: "Guest".into(), user_id: None },
            ),
            (
                r#"{"type":"nickChanged","payload":{"name":"Ann","userid":"ann"}}"#,
                DataMessage::NickChanged { name: "Ann".into(), user_id: Some("ann".into()) },
            ),
            (r#"{"type":"nickChanged","payload":[]}"#, DataMessage::Unknown),
            (r#"{"type":3}"#, DataMessage::Unknown),
            ("{}", DataMessage::Unknown),
        ] {
            let message: DataMessage = serde_json::from_str(json).unwrap();
            assert_eq!(message, expected, "{json}");
            if expected != DataMessage::Unknown {
                let back: Value = serde_json::to_value(&message).unwrap();
                assert_eq!(back, serde_json::from_str::<Value>(json).unwrap());
            }
        }
    }
}
