//! Decoding, after the NAL units were sorted and the parameter sets read by us.

use std::time::Instant;

use openh264::decoder::{DecoderConfig, Flush};
use openh264::formats::YUVSource;

use super::library::{open, refused};
use crate::codec::CodecError;
use crate::decode::{check_size, gather};
use crate::frame::VideoFrame;
use crate::header::h264;

pub(crate) struct Decoder {
    inner: openh264::decoder::Decoder,
    /// Whether it was given a keyframe, and nothing failed since.
    has_begun: bool,
    clean: Vec<u8>,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("openh264 decoder")
    }
}

impl Decoder {
    pub(crate) fn new() -> Result<Self, CodecError> {
        Ok(Self { inner: begin()?, has_begun: false, clean: Vec::new() })
    }

    pub(crate) fn decode(
        &mut self,
        data: &[u8],
        captured: Instant,
    ) -> Result<Option<VideoFrame>, CodecError> {
        let outcome = self.try_decode(data, captured);
        if outcome.is_err() && self.has_begun {
            // What it holds may be half written: it begins anew, with nothing of before.
            self.inner = begin()?;
            self.has_begun = false;
        }
        outcome
    }

    fn try_decode(&mut self, data: &[u8], captured: Instant) -> Result<Option<VideoFrame>, CodecError> {
        let keyframe = sift(data, &mut self.clean)?;
        if !keyframe && !self.has_begun {
            return Err(CodecError::NeedsKeyframe);
        }
        self.has_begun = true;
        let Some(picture) = self.inner.decode(&self.clean).map_err(|error| refused(&error))? else {
            return Ok(None);
        };
        let (width, height) = picture.dimensions();
        let size = (u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0));
        let (y, u, v) = picture.strides();
        gather(size, [(picture.y(), y), (picture.u(), u), (picture.v(), v)], captured).map(Some)
    }
}

fn begin() -> Result<openh264::decoder::Decoder, CodecError> {
    // There are no pictures out of order in baseline, so each call yields its own.
    let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
    openh264::decoder::Decoder::with_api_config(open()?, config).map_err(|error| refused(&error))
}

/// Copies the NAL units that we know into `clean`, and says whether they are a keyframe.
fn sift(data: &[u8], clean: &mut Vec<u8>) -> Result<bool, CodecError> {
    clean.clear();
    let (mut keyframe, mut has_slice) = (false, false);
    for nal in h264::units(data) {
        match h264::kind(nal) {
            Some(h264::SEQUENCE_PARAMETERS) => {
                let (width, height) = h264::sequence(nal)?.coded;
                check_size(width, height)?;
            }
            Some(h264::IDR_SLICE) => (keyframe, has_slice) = (true, true),
            Some(h264::SLICE) => has_slice = true,
            Some(h264::PICTURE_PARAMETERS) => {}
            // Supplements, delimiters, and extensions that no WebRTC end may send (RFC 7742 section 6.2).
            Some(_) | None => continue,
        }
        clean.extend_from_slice(&[0, 0, 0, 1]);
        clean.extend_from_slice(nal);
    }
    if has_slice { Ok(keyframe) } else { Err(CodecError::Malformed("H.264 without a picture")) }
}
