//! Where a call stands.

use std::time::Instant;

use crate::{CallStatus, EndReason};

/// The state of a call.
///
/// ```text
///  outgoing                                             incoming
///     │                                                     │
///  Prepared                                              Prepared
///     │ Start (the person dialed)                           │ Start (it rings here)
///     ▼                                                     ▼
///  Dialing ──RemoteRinging──▶ RemoteRinging              Incoming ──declined, withdrawn, elsewhere, timeout──▶ Ended
///     │  a participant              │                       │ Answer (the person answered)
///     │  (accepted)                 │                       │
///     └──────────────▶ Connecting ◀─┴───────────────────────┘
///                          │
///        accepted, then a link connected; or a link connected, then accepted (then both steps at once)
///                          ▼
///                       Active ◀──Hold / Resume──▶ Held
///                          │  ▲                     │ ▲
///        no link connected │  │ one connected       │ │        (remembers whether it was held)
///                          ▼  │                     ▼ │
///                          Reconnecting ◀───────────┘ │
///                                └────────────────────┘
///  any of these ──ended by anyone, for whatever reason──▶ Ending (a last tone sounds) ──▶ Ended
///                                                    └──── no tone to sound ────────────▶ Ended
/// ```
///
/// In `Ending` everything has been said, `CallEvent::Ended` included; the state only keeps the media engine alive.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// Made, not started: nothing has left or been asked for.
    Prepared,
    /// We are joining a call, or are alone in it.
    Dialing {
        /// When to give up being let in; `None` once we are in.
        join_by: Option<Instant>,
        /// When to give up being answered; `None` where one may wait alone (a group).
        answer_by: Option<Instant>,
    },
    /// A device of the person we call rings.
    RemoteRinging {
        /// When to give up being answered.
        answer_by: Instant,
    },
    /// It rings here. The microphone is closed.
    Incoming {
        /// When it stops.
        ring_until: Instant,
    },
    /// Both want to talk, no media yet.
    Connecting {
        /// When to give up; `None` in a group that was told so already and stays.
        connect_by: Option<Instant>,
    },
    /// Media flow.
    Active,
    /// Media would flow, the person paused them.
    Held,
    /// Every path is lost.
    Reconnecting {
        /// Since when.
        since: Instant,
        /// When to give up.
        until: Instant,
        /// Whether the person had paused it.
        held: bool,
    },
    /// Over, a last tone sounds.
    Ending {
        /// Why.
        reason: EndReason,
        /// When the tone has sounded.
        until: Instant,
    },
    /// Over.
    Ended(EndReason),
}

impl State {
    /// The name, for logs and tests.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Prepared => "Prepared",
            Self::Dialing { .. } => "Dialing",
            Self::RemoteRinging { .. } => "RemoteRinging",
            Self::Incoming { .. } => "Incoming",
            Self::Connecting { .. } => "Connecting",
            Self::Active => "Active",
            Self::Held => "Held",
            Self::Reconnecting { .. } => "Reconnecting",
            Self::Ending { .. } => "Ending",
            Self::Ended(_) => "Ended",
        }
    }

    /// What a caller's program is told.
    pub(crate) fn status(&self) -> CallStatus {
        match self {
            Self::Prepared | Self::Dialing { .. } | Self::Incoming { .. } => CallStatus::Calling,
            Self::RemoteRinging { .. } => CallStatus::Ringing,
            Self::Connecting { .. } => CallStatus::Connecting,
            Self::Active => CallStatus::Connected,
            Self::Held => CallStatus::Hold,
            Self::Reconnecting { .. } => CallStatus::Reconnecting,
            Self::Ending { reason, .. } | Self::Ended(reason) => final_status(*reason),
        }
    }

    /// When time alone changes it.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Prepared | Self::Active | Self::Held | Self::Ended(_) => None,
            Self::Dialing { join_by, answer_by } => [*join_by, *answer_by].into_iter().flatten().min(),
            Self::RemoteRinging { answer_by } => Some(*answer_by),
            Self::Incoming { ring_until } => Some(*ring_until),
            Self::Connecting { connect_by } => *connect_by,
            Self::Reconnecting { until, .. } | Self::Ending { until, .. } => Some(*until),
        }
    }

    /// Whether the person has dialed or answered and the call is not over: the only states in which links are made
    /// and our media may leave.
    pub(crate) fn is_willed(&self) -> bool {
        match self {
            Self::Dialing { .. }
            | Self::RemoteRinging { .. }
            | Self::Connecting { .. }
            | Self::Active
            | Self::Held
            | Self::Reconnecting { .. } => true,
            Self::Prepared | Self::Incoming { .. } | Self::Ending { .. } | Self::Ended(_) => false,
        }
    }

    /// Whether it waits for the person to answer or decline.
    pub(crate) fn is_incoming(&self) -> bool {
        match self {
            Self::Incoming { .. } => true,
            Self::Prepared
            | Self::Dialing { .. }
            | Self::RemoteRinging { .. }
            | Self::Connecting { .. }
            | Self::Active
            | Self::Held
            | Self::Reconnecting { .. }
            | Self::Ending { .. }
            | Self::Ended(_) => false,
        }
    }

    /// Whether nothing can come of it any more.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Ended(_) => true,
            Self::Prepared
            | Self::Dialing { .. }
            | Self::RemoteRinging { .. }
            | Self::Incoming { .. }
            | Self::Connecting { .. }
            | Self::Active
            | Self::Held
            | Self::Reconnecting { .. }
            | Self::Ending { .. } => false,
        }
    }

    /// Whether someone else has accepted, or we have: what follows a ring, up to the end.
    pub(crate) fn is_accepted(&self) -> bool {
        match self {
            Self::Connecting { .. } | Self::Active | Self::Held | Self::Reconnecting { .. } => true,
            Self::Prepared
            | Self::Dialing { .. }
            | Self::RemoteRinging { .. }
            | Self::Incoming { .. }
            | Self::Ending { .. }
            | Self::Ended(_) => false,
        }
    }

    /// Whether the person has paused it.
    pub(crate) fn is_held(&self) -> bool {
        match self {
            Self::Held => true,
            Self::Reconnecting { held, .. } => *held,
            Self::Prepared
            | Self::Dialing { .. }
            | Self::RemoteRinging { .. }
            | Self::Incoming { .. }
            | Self::Connecting { .. }
            | Self::Active
            | Self::Ending { .. }
            | Self::Ended(_) => false,
        }
    }

    /// Why it ended, once it did.
    pub(crate) fn end_reason(&self) -> Option<EndReason> {
        match self {
            Self::Ending { reason, .. } | Self::Ended(reason) => Some(*reason),
            Self::Prepared
            | Self::Dialing { .. }
            | Self::RemoteRinging { .. }
            | Self::Incoming { .. }
            | Self::Connecting { .. }
            | Self::Active
            | Self::Held
            | Self::Reconnecting { .. } => None,
        }
    }
}

/// The last status of a call that ended so (call SDK words: a decline is `busy`, a loss `disconnected`).
fn final_status(reason: EndReason) -> CallStatus {
    match reason {
        EndReason::RemoteDecline => CallStatus::Busy,
        EndReason::RemoteEngaged => CallStatus::Engaged,
        EndReason::ConnectionLost => CallStatus::Disconnected,
        EndReason::LocalHangup
        | EndReason::RemoteHangup
        | EndReason::LocalDecline
        | EndReason::LocalEngaged
        | EndReason::NoAnswer
        | EndReason::Missed
        | EndReason::AnsweredElsewhere
        | EndReason::EndedByModerator
        | EndReason::SignalingFailed
        | EndReason::MediaFailed => CallStatus::Ended,
    }
}
