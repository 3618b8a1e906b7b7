//! Motion JPEG: what most USB cameras deliver at full size and rate.

use bellbird_video::{MAX_SIDE, PixelFormat, Pixels};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Unpacks pictures, and keeps the memory for the next.
#[derive(Default)]
pub(crate) struct Jpeg {
    pixels: Vec<u8>,
    with_tables: Vec<u8>,
    /// How many broken ones there were since the last whole one.
    broken: u32,
}

/// So many broken pictures in a row are how that camera is: better half a picture than none.
const MOST_BROKEN: u32 = 30;

/// A segment by which the decoder knows pictures of a film, which leave out the tables that are always the same
/// (ITU-T T.81, section K.3).
const FILM: &[u8] = b"\xff\xe0\x00\x10AVI1\0\0\0\0\0\0\0\0\0\0";

/// What every picture begins with.
const START: &[u8] = b"\xff\xd8";

/// Whether a picture's scan begins before there was a table to read it by. Many cameras say nothing of that.
fn lacks_tables(bytes: &[u8]) -> bool {
    const TABLES: u8 = 0xc4;
    const SCAN: u8 = 0xda;
    let mut rest = bytes.strip_prefix(START).unwrap_or_default();
    while let [0xff, kind, high, low, ..] = *rest {
        match kind {
            TABLES => return false,
            SCAN => return true,
            _ => {}
        }
        let length = 2 + usize::from(u16::from_be_bytes([high, low]));
        rest = rest.get(length..).unwrap_or_default();
    }
    false
}

impl Jpeg {
    /// One picture; `None` when the bytes are none, or broken off, as the first of a camera and any after a disturbance
    /// may be: the one before is better to look at than half of one.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> Option<Pixels<'_>> {
        let whole = self.unpack(bytes, true);
        self.broken = if whole.is_some() { 0 } else { self.broken.saturating_add(1) };
        let (width, height) = match whole {
            Some(size) => size,
            None if self.broken > MOST_BROKEN => self.unpack(bytes, false)?,
            None => return None,
        };
        let stride = width as usize * 3;
        Some(Pixels { format: PixelFormat::Rgb, width, height, stride, data: &self.pixels })
    }

    fn unpack(&mut self, bytes: &[u8], strictly: bool) -> Option<(u32, u32)> {
        let options = DecoderOptions::default()
            .set_strict_mode(strictly)
            .set_max_width(MAX_SIDE as usize)
            .set_max_height(MAX_SIDE as usize)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let bytes = if lacks_tables(bytes) {
            self.with_tables.clear();
            self.with_tables.extend([START, FILM, &bytes[START.len()..]].into_iter().flatten());
            &self.with_tables
        } else {
            bytes
        };
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        decoder.decode_headers().ok()?;
        let (width, height) = decoder.info().map(|info| (u32::from(info.width), u32::from(info.height)))?;
        let needed = decoder.output_buffer_size()?;
        if width > MAX_SIDE || height > MAX_SIDE || needed != width as usize * height as usize * 3 {
            return None;
        }
        self.pixels.resize(needed, 0);
        decoder
            .decode_into(&mut self.pixels)
            .inspect_err(|error| tracing::debug!(%error, "a camera's picture is broken"))
            .ok()?;
        Some((width, height))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Instant;

    use bellbird_video::VideoFrame;

    use super::*;

    /// A picture of 16 by 16 red pixels with 4:2:0 colours.
    const RED: &[u8] = include_bytes!("red.jpg");
    /// Bars of 320 by 180 pixels with 4:2:2 colours.
    pub(in super::super) const BARS: &[u8] = include_bytes!("bars.jpg");

    #[test]
    fn a_picture_comes_out_in_its_colours() {
        let mut jpeg = Jpeg::default();
        for _ in 0..2 {
            let pixels = jpeg.decode(RED).unwrap();
            assert_eq!((pixels.width, pixels.height), (16, 16));
            let frame = VideoFrame::from_pixels(&pixels, Instant::now()).unwrap();
            for (plane, expected) in [(frame.y(), 81), (frame.u(), 90), (frame.v(), 240)] {
                assert!(plane.iter().all(|value: &u8| value.abs_diff(expected) <= 3), "{plane:?}");
            }
        }
    }

    /// As many cameras send them: without the tables that are always the same.
    pub(in super::super) fn without_tables(picture: &[u8]) -> Vec<u8> {
        let mut bytes = START.to_vec();
        let mut rest = &picture[START.len()..];
        while rest[1] != 0xda {
            let (segment, others) = rest.split_at(2 + usize::from(u16::from_be_bytes([rest[2], rest[3]])));
            if segment[1] != 0xc4 {
                bytes.extend(segment);
            }
            rest = others;
        }
        [bytes, rest.to_vec()].concat()
    }

    #[test]
    fn a_picture_without_tables_is_the_same() {
        let mut jpeg = Jpeg::default();
        let whole = jpeg.decode(BARS).unwrap().data.to_vec();
        let bytes = without_tables(BARS);
        assert!(lacks_tables(&bytes) && !lacks_tables(BARS));
        assert!(jpeg.decode(&bytes).unwrap().data == whole);
        for end in 0..bytes.len() {
            let _ = lacks_tables(&bytes[..end]);
        }
    }

    #[test]
    fn half_a_picture_is_shown_by_a_camera_that_has_no_whole_one() {
        let mut jpeg = Jpeg::default();
        let half = &BARS[..BARS.len() / 2];
        for _ in 0..MOST_BROKEN {
            assert!(jpeg.decode(half).is_none());
        }
        for _ in 0..3 {
            assert!(jpeg.decode(half).is_some());
        }
        assert!(jpeg.decode(BARS).is_some());
        assert!(jpeg.decode(half).is_none());
    }

    #[test]
    fn broken_pictures_are_left_out() {
        let mut jpeg = Jpeg::default();
        for end in 0..RED.len() - 2 {
            let _ = jpeg.decode(&RED[..end]);
        }
        for at in 0..RED.len() {
            for value in [0, 0x7f, 0xff] {
                let mut bytes = RED.to_vec();
                bytes[at] = value;
                let _ = jpeg.decode(&bytes);
            }
        }
        assert!(jpeg.decode(&[]).is_none());
        assert!(jpeg.decode(b"no picture at all").is_none());
        assert!(jpeg.decode(RED).is_some());
    }
}
