//! What the person (or the program that stands in for one) wants.

use crate::{ContactId, MediaKind, MediaKinds, ParticipantId, Reaction, RoomId, VideoSwitch, Watch};

/// Whom or what to call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallTarget {
    /// One person: the backend finds or makes the one-to-one conversation.
    Contact(ContactId),
    /// A conversation: join the call in it, or start one.
    Room(RoomId),
}

/// A call that reached us, before anyone answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invitation {
    /// Where the call is.
    pub room: RoomId,
    /// Who rings, when the service tells.
    pub from: Option<ContactId>,
    /// A name to show: the caller's, or the conversation's.
    pub display_name: String,
    /// Whether only two can be in it, so that its end for one is its end.
    pub one_to_one: bool,
    /// What the caller brings.
    pub media: MediaKinds,
}

/// How far leaving reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeaveScope {
    /// We leave; others may go on.
    Us,
    /// The call ends for all (one-to-one, or by a moderator).
    Everyone,
}

/// What the person wants of the call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Intent {
    /// Take the incoming call, with these media. Only this (or having dialed) lets media leave.
    Answer(MediaKinds),
    /// Refuse the incoming call.
    Decline,
    /// Refuse the incoming call because another one is active.
    DeclineEngaged,
    /// Leave; a one-to-one call ends for both.
    End,
    /// Leave and end it for all.
    EndForEveryone,
    /// Send silence, or switch the camera off.
    Mute(MediaKind),
    /// Send again, or switch the camera on.
    Unmute(MediaKind),
    /// Share the chosen screen or window, or stop it.
    ShareScreen(bool),
    /// These pictures are looked at here from now on, and no others.
    Watch(Vec<Watch>),
    /// Pause both ways, told to the far end by mute messages.
    Hold,
    /// Go on after hold.
    Resume,
    /// Raise our hand, or take it down.
    RaiseHand(bool),
    /// Show the others an emoji for a moment.
    React(Reaction),
    /// As a moderator, have someone's microphone switched off. They may switch it on again themselves.
    AskToMute(ParticipantId),
    /// Add someone to the conversation of a call that runs, and ring them.
    AddPerson(ContactId),
    /// In a call of two: ask to go from audio to video, take that back, agree to what they asked, or refuse it. Asking
    /// and agreeing are being willing to show our camera.
    VideoSwitch(VideoSwitch),
}
