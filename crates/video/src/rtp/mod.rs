//! Frames in RTP payloads: cut by us, and put together from what a peer sent.
//!
//! ```text
//!  EncodedFrame ─▶ Packetizer ─▶ payloads ~~~▶ read (one payload: what it is) ─▶ frame buffer ─▶ join ─▶ bytes of a frame
//! ```
//!
//! One file per codec has both directions, so that they are read against the same section of the same RFC.

pub(crate) mod h264;
mod packetizer;
pub(crate) mod vp8;
pub(crate) mod vp9;

use bytes::Bytes;

pub use packetizer::Packetizer;

use crate::codec::{CodecError, VideoCodec};

/// What one payload of a peer's is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    /// Whether a picture surely begins with it. Of H.264 this is seen where parameters are, at keyframes.
    pub(crate) begins: bool,
    /// Whether it shows that its picture is one that a decoder can begin with: its first part, and in H.264 its first slice.
    pub(crate) keyframe: bool,
    /// What it says about the picture's place among others.
    pub(crate) place: PicturePlace,
    /// The payload without its descriptor; for H.264 all of it.
    pub(crate) content: Bytes,
}

/// A picture's place among others, as far as its sender says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct PicturePlace {
    /// Its number, and of how many bits that is.
    pub(crate) picture_id: Option<PictureId>,
    /// Counts pictures of temporal layer 0.
    pub(crate) base_index: Option<u8>,
    /// 0 when nothing is said.
    pub(crate) temporal_layer: u8,
    /// Whether it builds on pictures of layer 0 only, though it is not in that layer.
    pub(crate) sync: bool,
    /// VP9 in flexible mode: how many pictures back those lie that it builds on. `None` in other modes.
    pub(crate) builds_on: Option<References>,
    /// Whether it builds on an earlier one at all. `true` when nothing is said.
    pub(crate) predicted: bool,
}

/// Up to three distances.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct References {
    pub(crate) distances: [u8; 3],
    pub(crate) count: usize,
}

/// A picture's number, 7 or 15 bits, wrapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PictureId {
    pub(crate) number: u16,
    pub(crate) is_long: bool,
}

impl PictureId {
    /// How many pictures after `earlier` this one is, if both numbers are of one kind.
    pub(crate) fn after(self, earlier: Self) -> Option<u16> {
        let mask = if self.is_long { 0x7fff } else { 0x7f };
        (self.is_long == earlier.is_long).then(|| self.number.wrapping_sub(earlier.number) & mask)
    }
}

const SHORT: CodecError = CodecError::Malformed("a payload that ends early");

/// Reads bytes of a payload; never beyond the end.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, CodecError> {
        let (first, rest) = self.rest.split_first().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*first)
    }

    /// A number of 7 bits, or of 15 when the first bit says so.
    fn picture_id(&mut self) -> Result<PictureId, CodecError> {
        let first = self.byte()?;
        if first & 0x80 == 0 {
            return Ok(PictureId { number: u16::from(first), is_long: false });
        }
        let number = u16::from(first & 0x7f) << 8 | u16::from(self.byte()?);
        Ok(PictureId { number, is_long: true })
    }
}

/// Reads one payload.
///
/// # Errors
/// When it is none of that codec.
pub(crate) fn read(codec: VideoCodec, payload: &Bytes) -> Result<Part, CodecError> {
    match codec {
        VideoCodec::Vp8 => vp8::read(payload),
        VideoCodec::Vp9 => vp9::read(payload),
        VideoCodec::H264 => h264::read(payload),
    }
}

/// The bytes of a frame from its parts, in order and complete.
///
/// # Errors
/// When they do not make a frame.
pub(crate) fn join<'a>(
    codec: VideoCodec,
    parts: impl Iterator<Item = &'a Bytes>,
) -> Result<Bytes, CodecError> {
    match codec {
        VideoCodec::Vp8 | VideoCodec::Vp9 => {
            let mut data = Vec::new();
            parts.for_each(|part| data.extend_from_slice(part));
            if data.is_empty() { Err(SHORT) } else { Ok(Bytes::from(data)) }
        }
        VideoCodec::H264 => h264::join(parts),
    }
}
