//! The service that carries call messages.

use std::fmt;
use std::sync::Arc;

use crate::ports::Problem;
use crate::{
    CallTarget, ContactId, IceCandidate, IceServer, Invitation, LeaveScope, Link, LinkId, MediaKind,
    MediaKinds, ParticipantId, Reaction, RemoteParticipant, RoomFacts, RoomId, SessionDescription,
    VideoLayer, VideoSwitch,
};

/// One call's line to its signaling service. Commands are queued and carried out in order; nothing blocks.
/// Dropping it leaves the room as well as it can.
///
/// The backend alone knows the topology (mesh or media server), who offers, and the service's own words.
pub trait SignalingBackend: Send {
    /// Queues a command. Failures come back as [`SignalingEvent::Failed`].
    fn send(&mut self, command: SignalingCommand);
}

/// Where a backend delivers what happens. May be called from any thread; never blocks.
pub type SignalingSink = Arc<dyn Fn(SignalingEvent) + Send + Sync>;

/// What a call asks of its service.
#[derive(Clone, PartialEq, Debug)]
pub enum SignalingCommand {
    /// Start or join a call: find the room, enter it, join its call with `media`. For outgoing calls.
    Dial {
        /// Whom or where.
        target: CallTarget,
        /// What we bring.
        media: MediaKinds,
        /// Do not ring anybody.
        silent: bool,
    },
    /// An incoming call rings here: enter the room without joining the call, tell the caller that it rings, and
    /// watch for its end or for an answer on another device. No media, no links.
    Ring(Invitation),
    /// Join the call we were rung for.
    Accept {
        /// What we bring.
        media: MediaKinds,
    },
    /// Tell the caller that the person declined, and stop watching.
    Decline,
    /// Tell the caller that we are in another call, and stop watching.
    DeclineEngaged,
    /// Our offer or answer on a link.
    SendDescription {
        /// On which link.
        link: LinkId,
        /// The local description.
        description: SessionDescription,
    },
    /// A candidate of ours.
    SendCandidate {
        /// On which link.
        link: LinkId,
        /// The candidate.
        candidate: IceCandidate,
    },
    /// Tell everyone that we are muted or not.
    AnnounceMute {
        /// Which kind.
        kind: MediaKind,
        /// The state.
        muted: bool,
    },
    /// We share a screen from now on, or no more: links of [`LinkSource::Screen`](crate::LinkSource::Screen) are opened
    /// to everyone who should see it, and to whoever comes later, or closed.
    ShareScreen(bool),
    /// Which size of someone's picture is wanted, where a media server has several.
    SelectLayer {
        /// Whose.
        participant: ParticipantId,
        /// [`MediaKind::Video`] or [`MediaKind::Screen`].
        kind: MediaKind,
        /// `None`: nobody looks at it.
        layer: Option<VideoLayer>,
    },
    /// Tell everyone that our hand is raised or not; late comers too, as long as it is.
    AnnounceHand {
        /// The state.
        raised: bool,
    },
    /// Show everyone an emoji.
    SendReaction(Reaction),
    /// As a moderator, ask someone to switch their microphone off, and tell all others.
    AskToMute(ParticipantId),
    /// Tell the other one of a call of two something about going from audio to video.
    SendVideoSwitch {
        /// To whom.
        to: ParticipantId,
        /// What.
        word: VideoSwitch,
    },
    /// Add someone to the conversation and ring them: told as [`SignalingEvent::PersonAdded`], or what fails as
    /// [`SignalingEvent::Trouble`].
    AddPerson(ContactId),
    /// A link is connected: tell its far end our whole state (mute, name, hand).
    LinkConnected(LinkId),
    /// A link cannot be kept: drop it. The backend may open a new one in its place.
    GiveUpLink(LinkId),
    /// The path of a link with a media server was lost: open another link in its place, and close this one. Sent only
    /// for links that go one way; between two ends ICE restarts on the same link.
    RenewLink(LinkId),
    /// Text that arrived on the link's data channel, in the service's own words.
    DataReceived {
        /// On which link.
        link: LinkId,
        /// As it came; at most 16 KiB.
        text: String,
    },
    /// Leave the call and the room.
    Leave(LeaveScope),
}

/// What the service tells a call.
#[derive(Clone, PartialEq, Debug)]
pub enum SignalingEvent {
    /// The room is known and entered.
    RoomEntered {
        /// Which.
        room: RoomId,
        /// Its name for people.
        display_name: String,
        /// Whether only two can be in it.
        one_to_one: bool,
        /// The other person of a one-to-one room.
        contact: Option<ContactId>,
    },
    /// We are in the call; links may follow.
    Joined {
        /// Our own device's id.
        local: ParticipantId,
        /// STUN and TURN servers for every link of this call.
        ice_servers: Vec<IceServer>,
    },
    /// A device of the person we call rings.
    RemoteRinging,
    /// The person we call declined.
    RemoteDeclined,
    /// The person we call is in another call.
    RemoteEngaged,
    /// Someone is in the call.
    ParticipantJoined(RemoteParticipant),
    /// Someone's name or media changed.
    ParticipantChanged(RemoteParticipant),
    /// Someone left the call. Their links are closed by [`SignalingEvent::LinkClosed`] first.
    ParticipantLeft(ParticipantId),
    /// A peer connection is wanted.
    LinkOpened(Link),
    /// The far end's description on a link.
    LinkDescription {
        /// On which link.
        link: LinkId,
        /// The remote description.
        description: SessionDescription,
    },
    /// A candidate of the far end.
    LinkCandidate {
        /// On which link.
        link: LinkId,
        /// The candidate.
        candidate: IceCandidate,
    },
    /// A peer connection is not wanted any more.
    LinkClosed(LinkId),
    /// Send this text on the link's data channel when it is open; drop it when it is not.
    SendData {
        /// On which link.
        link: LinkId,
        /// In the service's own words.
        text: String,
    },
    /// Someone muted or unmuted.
    RemoteMute {
        /// Who.
        participant: ParticipantId,
        /// Which kind.
        kind: MediaKind,
        /// The state.
        muted: bool,
    },
    /// A moderator asks us to be silent.
    MuteRequested,
    /// Someone raised their hand, or lowered it.
    RemoteHand {
        /// Who.
        participant: ParticipantId,
        /// Since when, Unix milliseconds by their clock; `None`: lowered.
        since: Option<u64>,
    },
    /// Someone shows an emoji.
    RemoteReaction {
        /// Who.
        participant: ParticipantId,
        /// What.
        reaction: Reaction,
    },
    /// Someone says something about going from audio to video.
    RemoteVideoSwitch {
        /// Who.
        participant: ParticipantId,
        /// What.
        word: VideoSwitch,
    },
    /// Someone was added at our wish.
    PersonAdded(ContactId),
    /// What the conversation is and lets us do, whenever it is known anew. Follows
    /// [`SignalingEvent::RoomEntered`].
    Facts(RoomFacts),
    /// The call we ring for was answered on another device of ours, or left by it.
    AnsweredElsewhere,
    /// The call we ring for is over.
    InvitationWithdrawn,
    /// The call is over for us.
    CallEnded(CallEndedBy),
    /// The service cannot be reached at the moment; media may go on.
    Interrupted,
    /// It can be reached again, and the state is whole.
    Restored,
    /// A command failed for good; the call cannot go on.
    Failed(Problem),
    /// Something failed that does not end the call.
    Trouble(Problem),
}

/// Who ended the call for us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallEndedBy {
    /// The other one, or the last of the others, left.
    Remote,
    /// A moderator ended it for all, or removed us.
    Moderator,
}

impl fmt::Display for CallEndedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Remote => "remote",
            Self::Moderator => "moderator",
        })
    }
}
