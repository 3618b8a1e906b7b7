//! A whole call as one value: what a window shows.

use std::time::{Duration, Instant};

use crate::{
    CallId, CallStatus, ContactId, EndReason, MediaKinds, ParticipantId, RoomFacts, RoomId, VideoQuality,
    VideoRequest,
};

/// Who began the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallDirection {
    /// We dialed or joined.
    Outgoing,
    /// We were rung.
    Incoming,
}

/// A whole call, as a snapshot. Always complete: a viewer replaces what it had.
#[derive(Clone, PartialEq, Debug)]
pub struct CallView {
    /// Which call.
    pub id: CallId,
    /// Who began it.
    pub direction: CallDirection,
    /// Where, once known.
    pub room: Option<RoomId>,
    /// The name to show: the other person's, or the conversation's.
    pub display_name: String,
    /// The other person, when there is one.
    pub contact: Option<ContactId>,
    /// Whether only two can be in it.
    pub one_to_one: bool,
    /// What the conversation is and lets us do; nothing before the service said so.
    pub facts: RoomFacts,
    /// The call as a whole.
    pub status: CallStatus,
    /// Whether the service let us into the call: from then on it is under way for others too.
    pub joined: bool,
    /// Whether it is incoming and waits for Answer or Decline.
    pub can_answer: bool,
    /// What was asked for or offered.
    pub media: MediaKinds,
    /// Our microphone is off.
    pub muted: bool,
    /// Our camera is on.
    pub camera_on: bool,
    /// We share a screen.
    pub sharing_screen: bool,
    /// We put it on hold.
    pub on_hold: bool,
    /// Our hand is raised.
    pub hand_raised: bool,
    /// Whether somebody asks to go from audio to video.
    pub video_request: VideoRequest,
    /// When it first connected; `None` before. Unlike the durations below it does not grow old with the view.
    pub connected_at: Option<Instant>,
    /// Connected time at the moment the view was taken, its final value once over; `None` before the first connection.
    pub connected_for: Option<Duration>,
    /// When the path was lost, while it is.
    pub reconnecting_at: Option<Instant>,
    /// How long the path has been lost at the moment the view was taken, while it is.
    pub reconnecting_for: Option<Duration>,
    /// The others.
    pub participants: Vec<ParticipantView>,
    /// Set once it is over.
    pub ended: Option<EndReason>,
}

impl CallView {
    /// Whether `other` shows the same call in the same state, the mere passing of time left aside.
    pub fn same_but_for_time(&self, other: &Self) -> bool {
        let still = |view: &Self| Self { connected_for: None, reconnecting_for: None, ..view.clone() };
        still(self) == still(other)
    }
}

/// One of the others in a call.
#[derive(Clone, PartialEq, Debug)]
pub struct ParticipantView {
    /// Which device.
    pub id: ParticipantId,
    /// The person, when known.
    pub contact: Option<ContactId>,
    /// A name for people.
    pub display_name: String,
    /// How they stand.
    pub status: CallStatus,
    /// Their microphone is off.
    pub audio_muted: bool,
    /// Their camera is off.
    pub video_muted: bool,
    /// A picture of their camera can come to us; whether one does now, `video_muted` says.
    pub has_video: bool,
    /// They share a screen with us.
    pub has_screen: bool,
    /// Since when their hand is raised, Unix milliseconds by their own clock: good for an order, not for a time.
    pub hand_raised: Option<u64>,
}

/// How well one link does, measured from RTCP (RFC 3550 section 6.4) and the jitter buffer over the last second.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkQuality {
    /// From whom; `None` on a link that only publishes.
    pub participant: Option<ParticipantId>,
    /// Round trip by sender and receiver reports; `None` before the first pair.
    pub round_trip: Option<Duration>,
    /// Share of packets lost on the way to us, 0..=1.
    pub loss: f32,
    /// Share of our packets lost on the way to them as they report it, 0..=1; `None` before the first report.
    pub remote_loss: Option<f32>,
    /// Interarrival jitter (RFC 3550 section 6.4.1).
    pub jitter: Duration,
    /// What the jitter buffer holds back.
    pub buffer: Duration,
    /// Share of played sound that was made up, 0..=1.
    pub concealed: f32,
    /// Received, kbit/s of RTP payload and headers.
    pub kbit_in: f32,
    /// Sent, likewise.
    pub kbit_out: f32,
    /// RTP packets lost on the way to us since the link began.
    pub packets_lost: u64,
    /// RTP packets received since the link began.
    pub packets_received: u64,
    /// The pictures that come on it.
    pub video: Vec<VideoQuality>,
}
