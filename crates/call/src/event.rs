//! What a call tells the outside, in the order it happens.

use crate::{CallStatus, ContactId, EndReason, MediaKind, ParticipantId, Reaction, RoomId, VideoSwitch};

/// One thing that happened in a call. `participant: None` means the local side.
#[derive(Clone, PartialEq, Debug)]
pub enum CallEvent {
    /// The conversation the call runs in is known now.
    Room(RoomId),
    /// A status changed, of one participant or of ourselves.
    Status {
        /// Whose; `None` for the local side.
        participant: Option<ParticipantId>,
        /// The new status.
        status: CallStatus,
    },
    /// A track came or went.
    Track {
        /// Whose; `None` for the local side.
        participant: Option<ParticipantId>,
        /// What kind.
        kind: MediaKind,
        /// `true`: added, `false`: removed.
        added: bool,
    },
    /// The first of something arrived from a participant; once per participant, kind and stage.
    FirstMedia {
        /// From whom.
        participant: ParticipantId,
        /// What kind.
        kind: MediaKind,
        /// How far it came.
        stage: MediaStage,
    },
    /// Someone muted or unmuted.
    Mute {
        /// Who; `None` for the local side.
        participant: Option<ParticipantId>,
        /// What kind.
        kind: MediaKind,
        /// The new state.
        muted: bool,
    },
    /// A moderator switched our microphone off; [`CallEvent::Mute`] came just before. The person may unmute again.
    MutedByModerator,
    /// Someone raised or lowered their hand.
    Hand {
        /// Who; `None` for the local side.
        participant: Option<ParticipantId>,
        /// The new state.
        raised: bool,
    },
    /// Someone shows an emoji for a moment. Limited in number for each participant.
    Reaction {
        /// Who; `None` for the local side.
        participant: Option<ParticipantId>,
        /// What.
        reaction: Reaction,
    },
    /// Somebody said something about going from audio to video, or ran out of time for it. What is asked by them is
    /// [`VideoSwitch::Request`] of a participant; what they take back, [`VideoSwitch::Cancel`].
    VideoSwitch {
        /// Who; `None` for the local side.
        participant: Option<ParticipantId>,
        /// What.
        word: VideoSwitch,
    },
    /// Someone was added to the conversation at our wish, and is rung.
    PersonAdded(ContactId),
    /// Something went wrong that the person should know; the call goes on unless `Ended` follows.
    Problem(crate::ports::Problem),
    /// The last event of a call, exactly once.
    Ended(EndReason),
}

/// How far the first media of a track came.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum MediaStage {
    /// The first RTP packet arrived.
    Rtp,
    /// The first sample was handed to playout.
    Played,
    /// The first picture was decoded.
    Frame,
}
