//! What goes into a call machine and what comes out.

use std::fmt;

use crate::ports::{MediaCommand, MediaEvent, SignalingCommand, SignalingEvent};
use crate::{CallEvent, Intent, ParticipantId};

/// All that can wake a call, by source.
#[derive(Clone, PartialEq, Debug)]
pub enum CallInput {
    /// From whoever made the machine, once, first: dial, or ring.
    Start,
    /// From the person.
    Intent(Intent),
    /// From the signaling backend. Driven by the far end: anything may come, in any order, any number of times.
    Signaling(SignalingEvent),
    /// From the media engine. In part driven by the far end, likewise.
    Media(MediaEvent),
    /// From the clock: the time given by `poll_timeout` has come.
    Timeout,
}

/// One thing to do, in order.
#[derive(Clone, PartialEq, Debug)]
pub enum CallOutput {
    /// Ask the signaling backend.
    Signaling(SignalingCommand),
    /// Ask the media engine.
    Media(MediaCommand),
    /// Tell whoever shows the call.
    Event(CallEvent),
}

/// One line for a log: what kind of input, on which link or from whom. Neither text of peers nor descriptions,
/// candidates, names or whole session ids.
impl fmt::Display for CallInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::Timeout => f.write_str("timeout"),
            Self::Intent(intent) => write_intent(f, intent),
            Self::Signaling(event) => write_signaling(f, event),
            Self::Media(event) => write_media(f, event),
        }
    }
}

/// The first characters of an id: enough to tell participants apart in a log, too few to act as one.
struct Short<'a>(&'a ParticipantId);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_str().chars().take(6).try_for_each(|c| write!(f, "{}", c.escape_debug()))
    }
}

fn write_intent(f: &mut fmt::Formatter<'_>, intent: &Intent) -> fmt::Result {
    f.write_str("intent ")?;
    match intent {
        Intent::AskToMute(who) => write!(f, "ask {} to mute", Short(who)),
        Intent::AddPerson(_) => f.write_str("add a person"),
        Intent::Watch(pictures) => write!(f, "watch {} pictures", pictures.len()),
        Intent::Answer(_)
        | Intent::Decline
        | Intent::DeclineEngaged
        | Intent::End
        | Intent::EndForEveryone
        | Intent::Mute(_)
        | Intent::Unmute(_)
        | Intent::Hold
        | Intent::Resume
        | Intent::ShareScreen(_)
        | Intent::RaiseHand(_)
        | Intent::React(_)
        | Intent::VideoSwitch(_) => write!(f, "{intent:?}"),
    }
}

fn write_signaling(f: &mut fmt::Formatter<'_>, event: &SignalingEvent) -> fmt::Result {
    f.write_str("signaling ")?;
    match event {
        SignalingEvent::RoomEntered { one_to_one, .. } => write!(f, "room entered, one-to-one {one_to_one}"),
        SignalingEvent::Joined { local, ice_servers } => {
            write!(f, "joined as {}, {} ICE servers", Short(local), ice_servers.len())
        }
        SignalingEvent::RemoteRinging => f.write_str("remote ringing"),
        SignalingEvent::RemoteDeclined => f.write_str("remote declined"),
        SignalingEvent::RemoteEngaged => f.write_str("remote engaged"),
        SignalingEvent::ParticipantJoined(who) => write!(f, "participant {} joined", Short(&who.id)),
        SignalingEvent::ParticipantChanged(who) => write!(f, "participant {} changed", Short(&who.id)),
        SignalingEvent::ParticipantLeft(who) => write!(f, "participant {} left", Short(who)),
        SignalingEvent::LinkOpened(link) => {
            write!(f, "{} opened, {:?} {:?} {:?}", link.id, link.source, link.role, link.direction)
        }
        SignalingEvent::LinkDescription { link, description } => write!(f, "{link} {description:?}"),
        SignalingEvent::LinkCandidate { link, .. } => write!(f, "{link} candidate"),
        SignalingEvent::LinkClosed(link) => write!(f, "{link} closed"),
        SignalingEvent::SendData { link, text } => write!(f, "{link} data to send, {} bytes", text.len()),
        SignalingEvent::RemoteMute { participant, kind, muted } => {
            write!(f, "participant {} {kind:?} muted {muted}", Short(participant))
        }
        SignalingEvent::MuteRequested => f.write_str("mute requested"),
        SignalingEvent::RemoteHand { participant, since } => {
            write!(f, "participant {} hand raised {}", Short(participant), since.is_some())
        }
        SignalingEvent::RemoteReaction { participant, .. } => {
            write!(f, "participant {} reacts", Short(participant))
        }
        SignalingEvent::RemoteVideoSwitch { participant, word } => {
            write!(f, "participant {} says {word:?} about video", Short(participant))
        }
        SignalingEvent::PersonAdded(_) => f.write_str("a person was added"),
        SignalingEvent::Facts(facts) => {
            write!(f, "facts, moderator {}, mesh {}", facts.moderator, facts.mesh)
        }
        SignalingEvent::AnsweredElsewhere => f.write_str("answered elsewhere"),
        SignalingEvent::InvitationWithdrawn => f.write_str("invitation withdrawn"),
        SignalingEvent::CallEnded(by) => write!(f, "call ended by {by}"),
        SignalingEvent::Interrupted => f.write_str("interrupted"),
        SignalingEvent::Restored => f.write_str("restored"),
        SignalingEvent::Failed(problem) => write!(f, "failed, {problem}"),
        SignalingEvent::Trouble(problem) => write!(f, "trouble, {problem}"),
    }
}

fn write_media(f: &mut fmt::Formatter<'_>, event: &MediaEvent) -> fmt::Result {
    f.write_str("media ")?;
    match event {
        MediaEvent::LocalDescription { link, description } => write!(f, "{link} local {description:?}"),
        MediaEvent::LocalCandidate { link, .. } => write!(f, "{link} local candidate"),
        MediaEvent::LinkState { link, state } => write!(f, "{link} {state:?}"),
        MediaEvent::RemoteTrack { link, kind, added } => write!(f, "{link} remote {kind:?} added {added}"),
        MediaEvent::LocalTrack { kind, added } => write!(f, "local {kind:?} added {added}"),
        MediaEvent::CaptureFailed { kind, problem } => write!(f, "local {kind:?} failed, {problem}"),
        MediaEvent::FirstMedia { link, kind, stage } => write!(f, "{link} first {kind:?} {stage:?}"),
        MediaEvent::DataReceived { link, text } => write!(f, "{link} data received, {} bytes", text.len()),
        MediaEvent::Levels(_) => f.write_str("levels"),
        MediaEvent::Quality(_) => f.write_str("quality"),
        MediaEvent::AddressLost => f.write_str("address lost"),
        MediaEvent::Trouble(problem) => write!(f, "trouble, {problem}"),
        MediaEvent::LinkFailed { link, problem } => write!(f, "{link} failed, {problem}"),
    }
}
