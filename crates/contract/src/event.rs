//! What the core tells, unasked.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{AppView, EndReason, EntranceView, Problem, SdkEvent, Status};

/// One event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The whole state, after any change.
    State {
        /// The state.
        state: Box<AppView>,
    },
    /// One thing that happened in a call, in order; what `State` shows is the sum of these.
    Call {
        /// Which call.
        call: String,
        /// What.
        happening: CallHappening,
    },
    /// Loudness, some 30 times a second during a call.
    Levels {
        /// Which call.
        call: String,
        /// The meter.
        levels: LevelsView,
    },
    /// Figures of every link, once a second during a call.
    Quality {
        /// Which call.
        call: String,
        /// One entry per link.
        links: Vec<LinkQualityView>,
    },
    /// A callback of the call SDK.
    Sdk {
        /// Which, and its payload.
        callback: Box<SdkEvent>,
    },
    /// Asks open windows to come to the front.
    RaiseWindow,
    /// The core ends because it was asked to: windows close, instead of starting it anew as after a crash.
    Stopping,
}

/// Kind of a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    /// A microphone.
    Audio,
    /// A camera.
    Video,
    /// A screen.
    Screen,
}

/// One thing that happened in a call. `participant: None` means the local side.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "happening", rename_all = "snake_case")]
pub enum CallHappening {
    /// What is in the way into the conversation changed.
    Entrance {
        /// What.
        entrance: EntranceView,
    },
    /// A status changed.
    Status {
        /// Whose.
        participant: Option<String>,
        /// The new one.
        status: Status,
    },
    /// A track came or went.
    Track {
        /// Whose.
        participant: Option<String>,
        /// What kind.
        kind: TrackKind,
        /// Came or went.
        added: bool,
    },
    /// The first of something arrived.
    Media {
        /// From whom.
        participant: String,
        /// What kind.
        kind: TrackKind,
        /// `rtp`, `played` or `frame`.
        first: String,
    },
    /// Someone muted or unmuted.
    Mute {
        /// Who.
        participant: Option<String>,
        /// What kind.
        kind: TrackKind,
        /// The new state.
        muted: bool,
    },
    /// A moderator switched our microphone off; `Mute` came just before.
    MutedByModerator,
    /// Someone raised or lowered their hand.
    Hand {
        /// Who.
        participant: Option<String>,
        /// The new state.
        raised: bool,
    },
    /// Someone shows an emoji for a moment.
    Reaction {
        /// Who.
        participant: Option<String>,
        /// The emoji.
        reaction: String,
    },
    /// Something went wrong; the call goes on unless `Ended` follows.
    Problem {
        /// What.
        problem: Problem,
    },
    /// Over; the last of a call.
    Ended {
        /// Why.
        reason: EndReason,
        /// Connected seconds.
        duration_s: f64,
    },
}

/// Loudness in dBov: 0 is full scale, -127 silence.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct LevelsView {
    /// Ours, as sent.
    pub local: f32,
    /// Participant id and level.
    pub remote: Vec<(String, f32)>,
}

/// How well one link does over the last second.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct LinkQualityView {
    /// From whom; `None` on a link that only publishes.
    pub participant: Option<String>,
    /// Round trip, ms.
    pub rtt_ms: Option<f32>,
    /// Share lost on the way here, 0..=1.
    pub loss: f32,
    /// Share of ours lost on the way there, 0..=1.
    pub remote_loss: Option<f32>,
    /// Interarrival jitter, ms.
    pub jitter_ms: f32,
    /// Held back by the jitter buffer, ms.
    pub buffer_ms: f32,
    /// Share of sound made up, 0..=1.
    pub concealed: f32,
    /// Received, kbit/s.
    pub kbit_in: f32,
    /// Sent, kbit/s.
    pub kbit_out: f32,
    /// Packets lost on the way here since the link began.
    #[ts(type = "number")]
    pub packets_lost: u64,
    /// Packets that arrived since the link began.
    #[ts(type = "number")]
    pub packets_received: u64,
    /// The pictures that come on it.
    #[serde(default)]
    pub video: Vec<VideoQualityView>,
}

/// How one received picture fared over the last second.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct VideoQualityView {
    /// Camera or screen.
    pub kind: TrackKind,
    /// Of the last picture, pixels; 0 before the first.
    pub width: u16,
    /// Likewise.
    pub height: u16,
    /// Pictures shown in that second.
    pub fps: f32,
    /// Pictures since the link began.
    #[ts(type = "number")]
    pub frames: u64,
    /// How often the picture stood still though it should not have, since the link began.
    pub freezes: u32,
}
