//! What carries sound and pictures.

use std::sync::Arc;

use crate::ports::Problem;
use crate::{
    IceCandidate, IceServer, Link, LinkId, LinkQuality, LinkState, MediaKind, MediaStage, ParticipantId,
    SessionDescription, Watch,
};

/// One call's media. Commands are queued and carried out in order; nothing blocks. Dropping it stops everything,
/// devices included.
///
/// **Nothing is captured before [`MediaCommand::StartCapture`]**: an engine that has not been started has no
/// microphone open, and its links send no media packet.
pub trait MediaEngine: Send {
    /// Queues a command. Failures come back as [`MediaEvent::Trouble`].
    fn send(&mut self, command: MediaCommand);
}

/// Where an engine delivers what happens. May be called from any thread but a sound callback; never blocks.
pub type MediaSink = Arc<dyn Fn(MediaEvent) + Send + Sync>;

/// Call sounds made here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// Loops on the ring device until stopped.
    Ringtone,
    /// Loops on the call's loudspeaker until stopped.
    Ringback,
    /// Once, on the call's loudspeaker.
    Busy,
    /// Once, on the call's loudspeaker.
    Ended,
}

/// What a call asks of its media.
#[derive(Clone, PartialEq, Debug)]
pub enum MediaCommand {
    /// The person answered or dialed: open the microphone and the loudspeaker. Sent at most once per call.
    StartCapture,
    /// STUN and TURN for links opened later.
    SetIceServers(Vec<IceServer>),
    /// Make a peer connection. As offerer, an offer follows as [`MediaEvent::LocalDescription`].
    OpenLink(Link),
    /// The far end's description; an offer is answered by [`MediaEvent::LocalDescription`].
    SetRemoteDescription {
        /// On which link.
        link: LinkId,
        /// The remote description.
        description: SessionDescription,
    },
    /// A candidate of the far end; kept until there is a remote description.
    AddRemoteCandidate {
        /// On which link.
        link: LinkId,
        /// The candidate.
        candidate: IceCandidate,
    },
    /// Make a new offer with fresh ICE credentials (RFC 8839 section 4.4.1.1.1). Offerer's links only.
    RestartIce(LinkId),
    /// End a peer connection.
    CloseLink(LinkId),
    /// Text for the link's data channel, dropped when it is not open.
    SendData {
        /// On which link.
        link: LinkId,
        /// The text.
        text: String,
    },
    /// Send silence, or the microphone again. A camera or a screen is captured only while it is not muted, and is muted
    /// at first: `muted: false` opens it, which [`MediaEvent::LocalTrack`] tells, and `true` closes it.
    SetMuted {
        /// Which kind.
        kind: MediaKind,
        /// The state.
        muted: bool,
    },
    /// Decode these pictures, and no others.
    Watch(Vec<Watch>),
    /// On hold nothing is captured and nothing remote is played.
    SetHold(bool),
    /// Start a tone; replaces the one that plays.
    PlayTone(Tone),
    /// Stop the looping tone.
    StopTone,
}

/// What media tell a call.
#[derive(Clone, PartialEq, Debug)]
pub enum MediaEvent {
    /// Our offer or answer is ready and set. Candidates of that link come only after it.
    LocalDescription {
        /// On which link.
        link: LinkId,
        /// The description.
        description: SessionDescription,
    },
    /// A candidate of ours.
    LocalCandidate {
        /// On which link.
        link: LinkId,
        /// The candidate.
        candidate: IceCandidate,
    },
    /// The transport of a link changed.
    LinkState {
        /// Which link.
        link: LinkId,
        /// The new state.
        state: LinkState,
    },
    /// A remote track was negotiated (`added`) or went.
    RemoteTrack {
        /// Which link.
        link: LinkId,
        /// What kind.
        kind: MediaKind,
        /// Came or went.
        added: bool,
    },
    /// Our own track runs (`added`), or stopped at our wish.
    LocalTrack {
        /// What kind.
        kind: MediaKind,
        /// Came or went.
        added: bool,
    },
    /// Our camera or screen could not be opened, or ended by itself; it counts as muted again.
    CaptureFailed {
        /// [`MediaKind::Video`] or [`MediaKind::Screen`].
        kind: MediaKind,
        /// Why.
        problem: Problem,
    },
    /// The first packet, sample or picture of a link; once per link, kind and stage.
    FirstMedia {
        /// Which link.
        link: LinkId,
        /// What kind.
        kind: MediaKind,
        /// How far it came.
        stage: MediaStage,
    },
    /// Text from the link's data channel; at most 16 KiB.
    DataReceived {
        /// Which link.
        link: LinkId,
        /// The text.
        text: String,
    },
    /// Loudness, about 30 times a second while capture runs. A meter: logged never, and not an input to the machine.
    Levels(AudioLevels),
    /// Figures of every link, once a second. A meter too.
    Quality(Vec<LinkQuality>),
    /// An address of this machine that links may be using is gone: it changed networks.
    AddressLost,
    /// Something failed; the call goes on as well as it can.
    Trouble(Problem),
    /// A link cannot be made or continued (bad description, no resources).
    LinkFailed {
        /// Which link.
        link: LinkId,
        /// Why.
        problem: Problem,
    },
}

/// Loudness in dBov (RFC 6465: 0 is full scale, -127 silence), after processing and muting: what is really sent.
#[derive(Clone, PartialEq, Debug)]
pub struct AudioLevels {
    /// Ours.
    pub local: f32,
    /// Each remote participant's.
    pub remote: Vec<(ParticipantId, f32)>,
}
