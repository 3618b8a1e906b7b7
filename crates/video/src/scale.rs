//! Pictures made smaller or larger.

use std::time::Instant;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::convert::{PixelFormat, Pixels};
use crate::frame::{FrameError, VideoFrame};

/// The largest size of the same shape, with even sides, that fits into `max_width` and `max_height`; never larger than the
/// original. At least 2x2.
pub fn fit_within(width: u32, height: u32, max_width: u32, max_height: u32) -> (u32, u32) {
    let even = |side: u64| u32::try_from(side & !1).unwrap_or(u32::MAX & !1).max(2);
    let (w, h) = (u64::from(width.max(1)), u64::from(height.max(1)));
    let (max_w, max_h) = (u64::from(max_width), u64::from(max_height));
    if w <= max_w && h <= max_h {
        return (even(w), even(h));
    }
    if w * max_h >= h * max_w {
        (even(max_w), even((h * max_w + w / 2) / w))
    } else {
        (even((w * max_h + h / 2) / h), even(max_h))
    }
}

/// Changes the size of pictures; keeps its working memory from one to the next. Every source pixel counts when a picture
/// gets smaller, so small text stays readable and nothing flickers.
#[derive(Default)]
pub struct Scaler {
    resizer: Resizer,
}

impl std::fmt::Debug for Scaler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scaler")
    }
}

impl Scaler {
    /// The picture at another size, stretched when the shape differs. The same pixels when the size is the same.
    ///
    /// # Errors
    /// When a side of the new size is odd, zero or too long.
    pub fn scale(&mut self, frame: &VideoFrame, width: u32, height: u32) -> Result<VideoFrame, FrameError> {
        if (frame.width(), frame.height()) == (width, height) {
            return Ok(frame.clone());
        }
        let from = (frame.width(), frame.height());
        let mut outcome = Ok(());
        let scaled = VideoFrame::paint(width, height, frame.captured(), |y, u, v| {
            let half = |(width, height): (u32, u32)| (width / 2, height / 2);
            outcome = self
                .plane(frame.y(), from, y, (width, height))
                .and_then(|()| self.plane(frame.u(), half(from), u, half((width, height))))
                .and_then(|()| self.plane(frame.v(), half(from), v, half((width, height))));
        })?;
        outcome.map(|()| scaled)
    }

    /// Pixels made into a picture no larger than asked, with their shape kept.
    ///
    /// # Errors
    /// When the pixels are no picture (see [`VideoFrame::from_pixels`]), or larger than [`crate::MAX_SIDE`] in a format
    /// other than RGBA and BGRA.
    pub fn convert(
        &mut self,
        pixels: &Pixels<'_>,
        max_width: u32,
        max_height: u32,
        captured: Instant,
    ) -> Result<VideoFrame, FrameError> {
        pixels.check()?;
        let (width, height) = fit_within(pixels.width, pixels.height, max_width, max_height);
        let is_four_bytes = matches!(pixels.format, PixelFormat::Bgra | PixelFormat::Rgba);
        let row = pixels.format.row_bytes(pixels.width);
        if is_four_bytes && pixels.width.max(pixels.height) > crate::MAX_SIDE && pixels.stride == row {
            let mut small = vec![0; width as usize * height as usize * 4];
            let data = &pixels.data[..row * pixels.height as usize];
            self.shrink(PixelType::U8x4, data, (pixels.width, pixels.height), &mut small, (width, height))?;
            let stride = width as usize * 4;
            let small = Pixels { format: pixels.format, width, height, stride, data: &small };
            return VideoFrame::from_pixels(&small, captured);
        }
        let whole = VideoFrame::from_pixels(pixels, captured)?;
        self.scale(&whole, width, height)
    }

    fn plane(
        &mut self,
        source: &[u8],
        from: (u32, u32),
        target: &mut [u8],
        to: (u32, u32),
    ) -> Result<(), FrameError> {
        self.shrink(PixelType::U8, source, from, target, to)
    }

    fn shrink(
        &mut self,
        pixel: PixelType,
        source: &[u8],
        from: (u32, u32),
        target: &mut [u8],
        to: (u32, u32),
    ) -> Result<(), FrameError> {
        let refused = FrameError::Size { width: to.0, height: to.1 };
        let source = ImageRef::new(from.0, from.1, source, pixel).map_err(|_| refused)?;
        let mut target = Image::from_slice_u8(to.0, to.1, target, pixel).map_err(|_| refused)?;
        // Both widen with the ratio, so that no pixel is passed over; the first is the sharper one, for text.
        let filter = if to.0 < from.0 { FilterType::Hamming } else { FilterType::Bilinear };
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
        self.resizer.resize(&source, &mut target, &options).map_err(|_| refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MAX_SIDE, luma_psnr};

    fn ramp(width: u32, height: u32) -> VideoFrame {
        VideoFrame::paint(width, height, Instant::now(), |y, u, v| {
            for (at, y) in y.iter_mut().enumerate() {
                let (column, row) = (at % width as usize, at / width as usize);
                *y = (16 + column * 110 / width as usize + row * 100 / height as usize) as u8;
            }
            u.fill(90);
            v.fill(170);
        })
        .unwrap()
    }

    #[test]
    fn sizes_keep_their_shape_and_are_even() {
        for (from, within, to) in [
            ((1920, 1080), (1280, 720), (1280, 720)),
            ((1280, 720), (1920, 1080), (1280, 720)),
            ((1080, 1920), (1280, 720), (404, 720)),
            ((853, 480), (1280, 720), (852, 480)),
            ((3840, 1080), (1920, 1080), (1920, 540)),
            ((10_000, 1), (100, 100), (100, 2)),
            ((0, 0), (0, 0), (2, 2)),
            ((u32::MAX, u32::MAX), (4096, 4096), (4096, 4096)),
        ] {
            assert_eq!(fit_within(from.0, from.1, within.0, within.1), to, "{from:?} into {within:?}");
        }
    }

    #[test]
    fn a_smooth_picture_is_the_same_at_every_size() {
        let mut scaler = Scaler::default();
        let large = ramp(640, 360);
        for (width, height) in [(320, 180), (480, 270), (426, 240), (160, 90), (800, 450), (1280, 720)] {
            let scaled = scaler.scale(&large, width, height).unwrap();
            let psnr = luma_psnr(&scaled, &ramp(width, height)).unwrap();
            assert!(psnr > 45.0, "{width}x{height}: {psnr} dB");
            assert!(scaled.u().iter().all(|&u| u == 90) && scaled.v().iter().all(|&v| v == 170));
        }
    }

    #[test]
    fn fine_lines_become_grey_and_not_stripes() {
        let lines = VideoFrame::paint(300, 300, Instant::now(), |y, _, _| {
            for (at, y) in y.iter_mut().enumerate() {
                *y = if at % 2 == 0 { 235 } else { 16 };
            }
        })
        .unwrap();
        let small = Scaler::default().scale(&lines, 100, 100).unwrap();
        let (least, most) = (small.y().iter().min().unwrap(), small.y().iter().max().unwrap());
        assert!(*least > 85 && *most < 165, "{least} to {most}");
    }

    #[test]
    fn the_same_size_shares_its_pixels_and_a_bad_one_is_refused() {
        let mut scaler = Scaler::default();
        let frame = ramp(64, 36);
        assert!(scaler.scale(&frame, 64, 36).unwrap().shares_pixels_with(&frame));
        assert!(scaler.scale(&frame, 63, 36).is_err() && scaler.scale(&frame, 0, 0).is_err());
    }

    #[test]
    fn a_screen_beyond_the_limit_is_scaled_before_it_becomes_a_picture() {
        let (width, height) = (MAX_SIDE + 904, 100);
        let stride = width as usize * 4;
        let data = [0, 0, 255, 0].repeat((width * height) as usize);
        let pixels = Pixels { format: PixelFormat::Bgra, width, height, stride, data: &data };
        assert!(VideoFrame::from_pixels(&pixels, Instant::now()).is_err());
        let frame = Scaler::default().convert(&pixels, 1920, 1080, Instant::now()).unwrap();
        assert_eq!((frame.width(), frame.height()), (1920, 38));
        assert!(frame.y().iter().all(|&y| y.abs_diff(81) <= 2) && frame.v().iter().all(|&v| v >= 238));
    }
}
