//! What an embedded server and its clients say on the push WebSocket beyond notify_push, so that a program can steer a
//! person's client through the server (cowork-calls section 4): which clients there are and what they do, what they are
//! told to do, and what came of it. One text frame each: a word, a space, JSON. Only where the server's capabilities say
//! `client-orders`; other servers would close the socket.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lenient;

/// Name in the server's own capabilities.
pub const CAPABILITY_CLIENT_ORDERS: &str = "client-orders";
/// Longest frame of a client, bytes.
pub const MAX_CLIENT_FRAME: usize = 4096;
/// Most connections one client reports.
pub const MAX_CLIENT_CONNECTIONS: usize = 16;
/// Longest id of a client, bytes.
pub const MAX_CLIENT_ID: usize = 64;
/// Most orders one client has not answered yet.
pub const MAX_OPEN_ORDERS: usize = 16;
/// An order not answered for this long is given up, seconds.
pub const ORDER_SECONDS: u64 = 10;

const CLIENT: &str = "bellbird-client ";
const ORDER: &str = "bellbird-order ";
const ANSWER: &str = "bellbird-answer ";

/// One connection of a call: the microphone with or without a camera, or a screen.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionState {
    /// `camera`, `screen0`, `screen1`, …
    #[serde(default, deserialize_with = "lenient::text")]
    pub media: String,
    /// The microphone is off.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub muted: bool,
    /// The loudspeaker is off.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub silent: bool,
    /// The camera is on.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub video: bool,
    /// The hand is raised.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub hand_up: bool,
}

/// The call a client is in.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedCall {
    /// The conversation's token.
    #[serde(default, deserialize_with = "lenient::text")]
    pub channel_id: String,
    /// What the client has in it.
    #[serde(default, deserialize_with = "lenient::list")]
    pub connections: Vec<ConnectionState>,
}

/// What a client says of itself, on connecting and when something changed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientReport {
    /// `cowork-<uuid>`, the same for as long as the client runs.
    #[serde(default, deserialize_with = "lenient::text")]
    pub client_id: String,
    /// How long ago a person last did something in it, milliseconds: clocks of two machines cannot be compared.
    #[serde(default, deserialize_with = "lenient::number")]
    pub idle_ms: u64,
    /// Token of the conversation it shows.
    #[serde(default, deserialize_with = "lenient::optional_text", skip_serializing_if = "Option::is_none")]
    pub open_channel: Option<String>,
    /// The call it is in.
    #[serde(default, deserialize_with = "lenient::or_default", skip_serializing_if = "Option::is_none")]
    pub call: Option<ReportedCall>,
}

/// How to join.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JoinWith {
    /// With the microphone.
    Audio,
    /// With the microphone and the camera.
    Video,
    /// With one more screen, beside the call the client is in, if it is in one.
    Screen,
}

/// What a client is told to do. What is `None` stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ClientOrder {
    /// Join the conversation's call, or start it.
    Join {
        /// The conversation's token.
        channel: String,
        /// With what.
        kind: JoinWith,
    },
    /// Microphone and loudspeaker.
    SetAudio {
        /// The microphone is off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        muted: Option<bool>,
        /// The loudspeaker is off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        silent: Option<bool>,
    },
    /// The camera.
    SetVideo {
        /// It is on.
        video: bool,
    },
    /// The hand.
    Raise {
        /// It is up.
        raise: bool,
    },
    /// Leave the call, or end one share.
    Leave {
        /// `camera`, which is the call, or a screen; everything when missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media: Option<String>,
    },
    /// Newer than this crate.
    #[serde(other)]
    Unknown,
}

/// Why a client does not do it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderRefusal {
    /// The person does not allow it.
    Forbidden,
    /// There is no such conversation, connection, camera or screen.
    NotFound,
    /// Not as things are.
    #[default]
    #[serde(other)]
    Conflict,
}

/// The words of an [`OrderAnswer`] that refuses.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RefusedOrder {
    /// Sorted.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub code: OrderRefusal,
    /// For whoever wrote the program.
    #[serde(default, deserialize_with = "lenient::text")]
    pub text: String,
}

/// What a server sends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderFrame {
    /// To be answered with.
    pub id: u64,
    /// What to do.
    pub order: ClientOrder,
}

/// What came of an order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderAnswer {
    /// Of the order.
    pub id: u64,
    /// The connections that are other now; empty while the person is being asked. One that is gone is left out.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionState>,
    /// Why it was not done.
    #[serde(default, deserialize_with = "lenient::or_default", skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusedOrder>,
}

/// What a client sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientFrame {
    /// How it is; `None` when it is not to be steered any more.
    Report(Option<ClientReport>),
    /// What came of an order.
    Answer(OrderAnswer),
}

impl ClientFrame {
    /// Reads a frame; `None` when it is none of these, or cannot be understood.
    pub fn read(text: &str) -> Option<Self> {
        if let Some(json) = text.strip_prefix(CLIENT) {
            // What is no report must not pass for the client's withdrawal.
            let value: Value = serde_json::from_str(json).ok()?;
            let report = if value.is_null() { None } else { Some(serde_json::from_value(value).ok()?) };
            return Some(Self::Report(report));
        }
        serde_json::from_str(text.strip_prefix(ANSWER)?).ok().map(Self::Answer)
    }

    /// As sent.
    pub fn write(&self) -> String {
        match self {
            Self::Report(report) => write(CLIENT, report),
            Self::Answer(answer) => write(ANSWER, answer),
        }
    }
}

impl OrderFrame {
    /// Reads a frame; `None` when it is none, or cannot be understood.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text.strip_prefix(ORDER)?).ok()
    }

    /// As sent.
    pub fn write(&self) -> String {
        write(ORDER, self)
    }
}

fn write(word: &str, value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("these types have text keys and no floats");
    format!("{word}{json}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_written() {
        let connection = ConnectionState { media: "camera".to_owned(), hand_up: true, ..Default::default() };
        let call = ReportedCall { channel_id: "x".to_owned(), connections: vec![connection.clone()] };
        let report = ClientReport {
            client_id: "cowork-1".to_owned(),
            idle_ms: 5,
            open_channel: Some("y".to_owned()),
            call: Some(call),
        };
        let refusal = RefusedOrder { code: OrderRefusal::Forbidden, text: "no".to_owned() };
        for frame in [
            ClientFrame::Report(None),
            ClientFrame::Report(Some(ClientReport::default())),
            ClientFrame::Report(Some(report)),
            ClientFrame::Answer(OrderAnswer { id: 7, connections: vec![connection], refusal: None }),
            ClientFrame::Answer(OrderAnswer { id: 8, connections: vec![], refusal: Some(refusal) }),
        ] {
            assert_eq!(ClientFrame::read(&frame.write()), Some(frame));
        }
        for order in [
            ClientOrder::Join { channel: "x".to_owned(), kind: JoinWith::Screen },
            ClientOrder::SetAudio { muted: Some(true), silent: None },
            ClientOrder::SetVideo { video: true },
            ClientOrder::Raise { raise: false },
            ClientOrder::Leave { media: None },
            ClientOrder::Leave { media: Some("screen0".to_owned()) },
        ] {
            let frame = OrderFrame { id: u64::MAX, order };
            assert_eq!(OrderFrame::read(&frame.write()), Some(frame));
        }
    }

    #[test]
    fn the_wire_is_as_documented() {
        let order = ClientOrder::Join { channel: "x".to_owned(), kind: JoinWith::Audio };
        let text = OrderFrame { id: 3, order }.write();
        assert_eq!(text, r#"bellbird-order {"id":3,"order":{"type":"join","channel":"x","kind":"audio"}}"#);
        let newer = OrderFrame::read(r#"bellbird-order {"id":4,"order":{"type":"dance","more":1}}"#);
        assert_eq!(newer, Some(OrderFrame { id: 4, order: ClientOrder::Unknown }));
        assert_eq!(ClientFrame::Report(None).write(), "bellbird-client null");
    }

    #[test]
    fn nonsense_is_no_frame() {
        for text in [
            "",
            "notify_notification",
            "bellbird-client",
            "bellbird-client ",
            "bellbird-client 5",
            "bellbird-client {",
            "bellbird-answer {}",
            "bellbird-answer {\"id\":-1}",
            "bellbird-answer null",
            "bellbird-order {}",
        ] {
            assert_eq!(ClientFrame::read(text), None, "{text}");
            assert_eq!(OrderFrame::read(text), None, "{text}");
        }
        let odd = r#"bellbird-client {"clientId":5,"idleMs":"x","call":5,"openChannel":{}}"#;
        assert_eq!(
            ClientFrame::read(odd),
            Some(ClientFrame::Report(Some(ClientReport { client_id: "5".to_owned(), ..Default::default() })))
        );
    }
}
