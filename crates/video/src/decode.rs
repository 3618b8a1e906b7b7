//! Bytes into pictures. Everything that a peer could get wrong on purpose is looked at before a library sees it.

use std::time::Instant;

use crate::codec::{CodecError, VideoCodec};
use crate::frame::{MAX_SIDE, VideoFrame};
use crate::{h264, vpx};

/// The most pixels a decoded picture may have: 4096x2304. Less than the square of [`MAX_SIDE`], because decoders hold a
/// dozen pictures.
pub const MAX_PIXELS: u64 = 4096 * 2304;

/// One frame may have no more bytes than this. A picture of the largest size at the best quality stays below.
pub const MAX_FRAME_BYTES: usize = 8 << 20;

/// Whether we decode pictures of this size.
pub(crate) fn check_size(width: u32, height: u32) -> Result<(), CodecError> {
    let fits = (2..=MAX_SIDE).contains(&width)
        && (2..=MAX_SIDE).contains(&height)
        && u64::from(width) * u64::from(height) <= MAX_PIXELS;
    if fits { Ok(()) } else { Err(CodecError::Size { width, height }) }
}

/// One decoder on the thread that calls it; it starts none of its own.
#[derive(Debug)]
pub struct VideoDecoder {
    codec: VideoCodec,
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    Vpx(vpx::Decoder),
    H264(Box<h264::Decoder>),
}

impl VideoDecoder {
    /// One that waits for a keyframe.
    ///
    /// # Errors
    /// When the codec is not available, or the library cannot begin.
    pub fn new(codec: VideoCodec) -> Result<Self, CodecError> {
        let engine = match codec {
            VideoCodec::Vp8 | VideoCodec::Vp9 => Engine::Vpx(vpx::Decoder::new(codec)?),
            VideoCodec::H264 => Engine::H264(Box::new(h264::Decoder::new()?)),
        };
        Ok(Self { codec, engine })
    }

    /// Which one.
    pub fn codec(&self) -> VideoCodec {
        self.codec
    }

    /// Decodes one frame, as [`crate::EncodedFrame::data`] has it; `captured` is put on the picture. `None` when the frame
    /// is one that is not shown. An odd last row or column is left out.
    ///
    /// # Errors
    /// When the bytes are no frame, or one of a size that we refuse, or the decoder lacks what it builds on. It wants a
    /// keyframe then, and until that comes every call fails.
    pub fn decode(&mut self, data: &[u8], captured: Instant) -> Result<Option<VideoFrame>, CodecError> {
        if data.len() > MAX_FRAME_BYTES {
            return Err(CodecError::Malformed("a frame too long"));
        }
        match &mut self.engine {
            Engine::Vpx(decoder) => decoder.decode(data, captured),
            Engine::H264(decoder) => decoder.decode(data, captured),
        }
    }
}

/// A picture out of a library's memory: planes with their strides, cut to even sides.
pub(crate) fn gather(
    size: (u32, u32),
    planes: [(&[u8], usize); 3],
    captured: Instant,
) -> Result<VideoFrame, CodecError> {
    check_size(size.0, size.1)?;
    let (width, height) = (size.0 & !1, size.1 & !1);
    let [luma, blue, red] = planes;
    let mut whole = true;
    let frame = VideoFrame::paint(width, height, captured, |y, u, v| {
        for (target, (source, stride), width) in
            [(y, luma, width), (u, blue, width / 2), (v, red, width / 2)].map(|(t, s, w)| (t, s, w as usize))
        {
            let rows = target.chunks_exact_mut(width);
            for (row, target) in rows.enumerate() {
                match source.get(row * stride..row * stride + width) {
                    Some(source) => target.copy_from_slice(source),
                    None => whole = false,
                }
            }
        }
    });
    match frame {
        Ok(frame) if whole => Ok(frame),
        Ok(_) => Err(CodecError::Malformed("a plane too short")),
        Err(_) => Err(CodecError::Size { width, height }),
    }
}
