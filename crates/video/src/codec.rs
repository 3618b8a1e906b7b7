//! The codecs by name, and what they make.

use bytes::Bytes;

/// How pictures are carried.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum VideoCodec {
    /// RFC 6386; every WebRTC end has it (RFC 7742 section 5).
    Vp8,
    /// Better for screens.
    Vp9,
    /// Constrained baseline, packetization mode 1 (RFC 6184).
    H264,
}

/// One encoded picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EncodedFrame {
    /// The codec's bytes: a VP8 or VP9 frame, or H.264 in Annex B form.
    pub data: Bytes,
    /// Whether a decoder can begin with it.
    pub keyframe: bool,
    /// When the picture was taken, 90 kHz ticks of the sender's media clock, wrapping.
    pub timestamp: u32,
    /// Which temporal layer it belongs to; 0 is the one all others need.
    pub temporal_layer: u8,
}
