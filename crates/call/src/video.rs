//! Which pictures are looked at, in what quality, and how they fare.

use crate::{MediaKind, ParticipantId};

/// A picture that somebody looks at here. What nobody looks at is neither decoded nor asked for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Watch {
    /// Whose; `None` for our own picture, as a preview.
    pub participant: Option<ParticipantId>,
    /// [`MediaKind::Video`] or [`MediaKind::Screen`].
    pub kind: MediaKind,
    /// How wide it is shown, device pixels. A smaller picture may be asked of a media server.
    pub width: u16,
}

/// One of the sizes in which a camera's picture is sent when a media server takes it (talk-signaling section 6.7,
/// `substream`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum VideoLayer {
    /// A quarter of the width.
    Low,
    /// Half the width.
    Medium,
    /// As captured.
    High,
}

impl VideoLayer {
    /// The smallest layer that looks sharp where a camera's picture is shown `width` device pixels wide.
    pub fn for_width(width: u16) -> Self {
        // Cameras send 1280, 640 and 320. A picture may be blown up a little before it is worth three times the bits.
        match width {
            0..=400 => Self::Low,
            401..=800 => Self::Medium,
            801.. => Self::High,
        }
    }
}

/// How one received picture fared over the last second.
#[derive(Clone, PartialEq, Debug)]
pub struct VideoQuality {
    /// [`MediaKind::Video`] or [`MediaKind::Screen`].
    pub kind: MediaKind,
    /// Of the last picture, pixels; 0 before the first.
    pub width: u16,
    /// Likewise.
    pub height: u16,
    /// Pictures decoded in that second.
    pub fps: f32,
    /// Pictures decoded since the link began.
    pub frames: u64,
    /// How often the picture stood still though it should have moved, since the link began: a gap longer than three
    /// times the usual one and 150 ms more (W3C webrtc-stats `freezeCount`).
    pub freezes: u32,
}
