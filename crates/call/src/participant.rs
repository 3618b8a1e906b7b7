//! Who is in the call, and with what.

use crate::{ContactId, ParticipantId};

/// One kind of media.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum MediaKind {
    /// A microphone.
    Audio,
    /// A camera.
    Video,
    /// A shared screen or window.
    Screen,
}

/// Which kinds someone provides.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct MediaKinds {
    /// Provides sound.
    pub audio: bool,
    /// Provides a camera picture.
    pub video: bool,
}

impl MediaKinds {
    /// Sound alone: a voice call.
    pub const VOICE: Self = Self { audio: true, video: false };
    /// Sound and camera.
    pub const VIDEO: Self = Self { audio: true, video: true };
    /// Presence alone.
    pub const NONE: Self = Self { audio: false, video: false };

    /// Whether anything is provided.
    pub fn is_any(self) -> bool {
        self.audio || self.video
    }
}

/// One device of someone else in the call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteParticipant {
    /// The device.
    pub id: ParticipantId,
    /// The person, when the service tells (guests have none).
    pub contact: Option<ContactId>,
    /// A name for people; may be empty.
    pub display_name: String,
    /// What they provide.
    pub media: MediaKinds,
}
