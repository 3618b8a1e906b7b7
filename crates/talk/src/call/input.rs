//! All that wakes a call.

use bellbird_call::Reaction;
use bellbird_call::ports::{Problem, SignalingCommand};
use bellbird_talk_wire::{CallPeer, Participant, Room, SignalingSettings};

use crate::external::{Admission, News};
use crate::internal::LineEvent;
use crate::rest::NotificationState;

/// All that wakes a call.
pub(super) enum Input {
    /// From the call's session.
    Command(SignalingCommand),
    /// The session dropped us.
    Abandoned,
    /// A request to enter a room ended.
    Entered(Result<Box<Entered>, EnterFailure>),
    /// A request to join the call ended.
    CallJoined(Result<(), Problem>),
    /// From the long poll of the session in the room with this number; events of earlier ones are late.
    Line(u64, LineEvent),
    /// From the signaling server, likewise.
    News(u64, News),
    /// Who is in the call, for those who only ring; the room it was asked about comes by the line's number.
    Peers(u64, Vec<CallPeer>),
    /// The state of the call that rings here; `None` when it could not be had.
    RingState(Option<NotificationState>),
    /// A request about our flags ended; the session it was made for comes by the line's number.
    FlagsTold(u64),
    /// The emojis that can be shown as reactions.
    Reactions(Vec<Reaction>),
    /// The room's members, for their names.
    Names(Vec<Participant>),
    /// A deadline passed.
    Timeout,
}

/// A room that was entered.
pub(super) struct Entered {
    pub(super) room: Room,
    pub(super) settings: SignalingSettings,
    /// At the signaling server, when there is one.
    pub(super) admission: Option<Admission>,
}

/// Why a room could not be entered.
pub(super) struct EnterFailure {
    pub(super) problem: Problem,
    /// Trying again later can help.
    pub(super) passing: bool,
}
