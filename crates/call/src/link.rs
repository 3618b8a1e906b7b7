//! A link: one peer connection of a call, as the service's topology wants it.
//!
//! In a mesh there is one link per remote participant, both ways. With a media server there is one link to publish
//! on and one per participant to receive from. The machine and the media engine treat them alike.

use crate::{LinkId, MediaKinds, ParticipantId};

/// One peer connection the signaling backend asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// Its id, never reused in this call.
    pub id: LinkId,
    /// Whose media arrive on it; `None` for a link that only publishes.
    pub participant: Option<ParticipantId>,
    /// What it carries.
    pub source: LinkSource,
    /// Who makes the offers on it, also for ICE restarts.
    pub role: LinkRole,
    /// Which ways media flow.
    pub direction: LinkDirection,
    /// What the service lets us send on it. Of a screen's link only `video` counts. A kind that we may not send is not
    /// even offered: media servers refuse the whole offer for it.
    pub may_send: MediaKinds,
    /// The far end takes our camera's picture in several sizes at once (talk-signaling section 6.7). Only on a link that
    /// sends and does not receive.
    pub simulcast: bool,
}

/// What a link carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LinkSource {
    /// Microphone and camera.
    Person,
    /// A shared screen.
    Screen,
}

/// Who offers (RFC 3264).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkRole {
    /// We do.
    Offerer,
    /// The far end does.
    Answerer,
}

/// Which ways media flow, seen from here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkDirection {
    /// Both ways: a mesh.
    SendReceive,
    /// Only ours: a publisher at a media server, or a screen of ours.
    SendOnly,
    /// Only theirs: a subscriber at a media server, or a screen of theirs.
    ReceiveOnly,
}

/// How the transport of a link fares (RFC 8829 connection states, without the ones nobody acts on).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkState {
    /// Looking for a path, or handshaking.
    Connecting,
    /// Packets can flow.
    Connected,
    /// No packets for some seconds; may come back by itself.
    Disconnected,
    /// Will not come back without an ICE restart.
    Failed,
    /// Gone.
    Closed,
}
