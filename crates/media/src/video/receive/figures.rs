//! How a received picture fares.

/// Totals since the link began, and the last picture.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct ShownFigures {
    /// Pixels; 0 before the first picture.
    pub(crate) width: u32,
    /// Likewise.
    pub(crate) height: u32,
    /// Pictures decoded.
    pub(crate) frames: u64,
    /// How often it stood still though it should have moved (W3C webrtc-stats, `freezeCount`).
    pub(crate) freezes: u32,
}
