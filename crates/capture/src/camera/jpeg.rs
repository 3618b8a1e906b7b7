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
}

impl Jpeg {
    /// One picture; `None` when the bytes are none, as the first of a camera and any after a disturbance may be.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> Option<Pixels<'_>> {
        let options = DecoderOptions::default()
            .set_max_width(MAX_SIDE as usize)
            .set_max_height(MAX_SIDE as usize)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
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
        let stride = width as usize * 3;
        Some(Pixels { format: PixelFormat::Rgb, width, height, stride, data: &self.pixels })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bellbird_video::VideoFrame;

    use super::*;

    /// A picture of 16 by 16 red pixels with 4:2:0 colours.
    const RED: &[u8] = include_bytes!("red.jpg");

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
