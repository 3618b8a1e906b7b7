//! The codecs by name, what they make, and what goes wrong with them.

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

impl VideoCodec {
    /// Whether this program can encode and decode it. H.264 is there when it was built in (feature `h264`), and otherwise
    /// when Cisco's library was found; see `docs/decisions/0009-h264-built-in-or-ciscos.md`.
    pub fn is_available(self) -> bool {
        match self {
            Self::Vp8 | Self::Vp9 => true,
            Self::H264 => crate::h264::is_available(),
        }
    }

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H264 => "H.264",
        }
    }
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

/// Why a picture was not encoded or decoded.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CodecError {
    /// This program cannot do that codec; see [`VideoCodec::is_available`].
    #[error("{} is not available here", .0.name())]
    NotAvailable(VideoCodec),
    /// The size of a picture is one that the codec or we refuse.
    #[error("a picture of {width}x{height} pixels is refused")]
    Size {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// Bytes of a peer are no picture, or one that we do not take.
    #[error("not a picture we can show: {0}")]
    Malformed(&'static str),
    /// The bytes need pictures that the decoder never had: it begins with a keyframe.
    #[error("the decoder needs a keyframe to begin with")]
    NeedsKeyframe,
    /// The library refused, in its own words.
    #[error("{}: {why}", .codec.name())]
    Library {
        /// Whose.
        codec: VideoCodec,
        /// Its words; no bytes of a picture.
        why: String,
    },
}
