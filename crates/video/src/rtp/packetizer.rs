//! Frames cut into payloads.

use bytes::Bytes;

use super::{h264, vp8, vp9};
use crate::codec::{EncodedFrame, VideoCodec};

/// A payload is never cut shorter than this, bytes, whatever is asked.
const LEAST_PAYLOAD: usize = 100;

/// Cuts the frames of one stream into RTP payloads. It counts pictures, so each stream has its own.
#[derive(Clone, Debug)]
pub struct Packetizer {
    codec: VideoCodec,
    /// Of the next picture, 15 bits.
    picture_id: u16,
    /// Of the last picture in temporal layer 0.
    base_index: u8,
    /// Whether the stream has temporal layers, which is known once a picture is in one.
    is_layered: bool,
}

impl Packetizer {
    /// For a new stream. `first_picture` is where its pictures are counted from, best at random; 15 bits of it are used.
    pub fn new(codec: VideoCodec, first_picture: u16) -> Self {
        Self { codec, picture_id: first_picture & 0x7fff, base_index: 0, is_layered: false }
    }

    /// Which frames it takes.
    pub fn codec(&self) -> VideoCodec {
        self.codec
    }

    /// The payloads of a frame, none longer than `max_payload` bytes; the last one gets the marker. Of equal length where the
    /// codec allows, so that a small last one does not cost a packet of its own.
    pub fn packetize(&mut self, frame: &EncodedFrame, max_payload: usize) -> Vec<Bytes> {
        let max_payload = max_payload.max(LEAST_PAYLOAD);
        let picture_id = self.picture_id;
        self.picture_id = (picture_id + 1) & 0x7fff;
        self.is_layered |= frame.temporal_layer > 0;
        if frame.temporal_layer == 0 {
            self.base_index = self.base_index.wrapping_add(1);
        }
        let layer = self.is_layered.then_some((self.base_index, frame.temporal_layer));
        match self.codec {
            VideoCodec::Vp8 => vp8::cut(&frame.data, picture_id, layer, max_payload),
            VideoCodec::Vp9 => vp9::cut(&frame.data, frame.keyframe, picture_id, max_payload),
            VideoCodec::H264 => h264::cut(&frame.data, max_payload),
        }
    }
}

/// Cuts `data` into pieces of about equal length, none longer than `most` bytes.
pub(super) fn pieces(data: &Bytes, most: usize) -> impl Iterator<Item = Bytes> {
    let most = most.max(1);
    let count = data.len().div_ceil(most).max(1);
    let (length, longer) = (data.len() / count, data.len() % count);
    let mut start = 0;
    (0..count).map(move |index| {
        let end = start + length + usize::from(index < longer);
        let piece = data.slice(start..end);
        start = end;
        piece
    })
}

/// A payload from a descriptor and a piece.
pub(super) fn with_head(head: &[u8], piece: &[u8]) -> Bytes {
    let mut payload = Vec::with_capacity(head.len() + piece.len());
    payload.extend_from_slice(head);
    payload.extend_from_slice(piece);
    Bytes::from(payload)
}
