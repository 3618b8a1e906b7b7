//! Pictures made smaller or larger.

use std::time::Instant;

use crate::convert::{Pixels, convert};
use crate::frame::{FrameError, MAX_SIDE, VideoFrame};

/// The largest size of the same shape, with even sides, that fits into `max_width` and `max_height`; never larger than the
/// original. At least 2x2.
pub fn fit_within(width: u32, height: u32, max_width: u32, max_height: u32) -> (u32, u32) {
    let even = |side: u64| u32::try_from(side & !1).unwrap_or(u32::MAX - 1).max(2);
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
    /// A plane on its way down, and the next one.
    halves: [Vec<u8>; 2],
    row: Vec<u8>,
}

impl std::fmt::Debug for Scaler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scaler")
    }
}

/// A plane of one byte a pixel, without padding.
#[derive(Clone, Copy)]
struct Plane<'a> {
    data: &'a [u8],
    width: usize,
    height: usize,
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
        let from = (frame.width() as usize, frame.height() as usize);
        self.scale_planes([frame.y(), frame.u(), frame.v()], from, (width, height), frame.captured())
    }

    /// Pixels made into a picture no larger than asked, with their shape kept. The source may be larger than
    /// [`crate::MAX_SIDE`].
    ///
    /// # Errors
    /// When the pixels are no picture (see [`VideoFrame::from_pixels`]).
    pub fn convert(
        &mut self,
        pixels: &Pixels<'_>,
        max_width: u32,
        max_height: u32,
        captured: Instant,
    ) -> Result<VideoFrame, FrameError> {
        pixels.check()?;
        let (max_width, max_height) = (max_width.min(MAX_SIDE), max_height.min(MAX_SIDE));
        let (width, height) = fit_within(pixels.width, pixels.height, max_width, max_height);
        if pixels.width.max(pixels.height) <= MAX_SIDE {
            let whole = VideoFrame::from_pixels(pixels, captured)?;
            return self.scale(&whole, width, height);
        }
        let (wide, high) = (pixels.width & !1, pixels.height & !1);
        let from = (wide as usize, high as usize);
        let mut large = vec![0; from.0 * from.1 * 3 / 2];
        let (y, colours) = large.split_at_mut(from.0 * from.1);
        let (u, v) = colours.split_at_mut(from.0 * from.1 / 4);
        convert(pixels, wide, high, y, u, v).map_err(|_| FrameError::Size { width: wide, height: high })?;
        self.scale_planes([y, u, v], from, (width, height), captured)
    }

    fn scale_planes(
        &mut self,
        planes: [&[u8]; 3],
        from: (usize, usize),
        to: (u32, u32),
        captured: Instant,
    ) -> Result<VideoFrame, FrameError> {
        let (width, height) = (to.0 as usize, to.1 as usize);
        VideoFrame::paint(to.0, to.1, captured, |y, u, v| {
            let half = Plane { data: &[], width: from.0 / 2, height: from.1 / 2 };
            self.plane(Plane { data: planes[0], width: from.0, height: from.1 }, y, width, height);
            self.plane(Plane { data: planes[1], ..half }, u, width / 2, height / 2);
            self.plane(Plane { data: planes[2], ..half }, v, width / 2, height / 2);
        })
    }

    /// Halves as often as that does not go too far, which is quick and sharp, and goes the rest of the way by weights.
    fn plane(&mut self, source: Plane<'_>, target: &mut [u8], width: usize, height: usize) {
        let [first, second] = &mut self.halves;
        let (mut spare, mut next) = (first, second);
        let mut size = (source.width, source.height);
        let mut is_original = true;
        loop {
            let halve = (size.0 >= 2 * width, size.1 >= 2 * height);
            if halve == (false, false) {
                break;
            }
            let data = if is_original { source.data } else { &spare[..] };
            size = halved(Plane { data, width: size.0, height: size.1 }, halve, next);
            std::mem::swap(&mut spare, &mut next);
            is_original = false;
        }
        let data = if is_original { source.data } else { &spare[..] };
        let source = Plane { data, width: size.0, height: size.1 };
        if size == (width, height) {
            target.copy_from_slice(source.data);
        } else {
            weighted(source, target, width, height, &mut self.row);
        }
    }
}

/// Half the columns, half the rows or both: the mean of the pixels that fall together.
fn halved(source: Plane<'_>, (columns, rows): (bool, bool), target: &mut Vec<u8>) -> (usize, usize) {
    let width = if columns { source.width / 2 } else { source.width };
    let height = if rows { source.height / 2 } else { source.height };
    target.resize(width * height, 0);
    for (index, target) in target.chunks_exact_mut(width).enumerate() {
        let line = |index: usize| &source.data[index * source.width..(index + 1) * source.width];
        let (a, b) = if rows { (line(2 * index), line(2 * index + 1)) } else { (line(index), line(index)) };
        if columns {
            let pairs = a.as_chunks::<2>().0.iter().zip(b.as_chunks::<2>().0);
            for (target, (a, b)) in target.iter_mut().zip(pairs) {
                let sum = |pair: &[u8; 2]| u16::from(pair[0]).wrapping_add(u16::from(pair[1]));
                *target = (sum(a).wrapping_add(sum(b)).wrapping_add(2) >> 2) as u8;
            }
        } else {
            for (target, (a, b)) in target.iter_mut().zip(a.iter().zip(b)) {
                *target = (u16::from(*a).wrapping_add(u16::from(*b)).wrapping_add(1) >> 1) as u8;
            }
        }
    }
    (width, height)
}

/// From which four pixels one is made, and how much of each, in 256ths.
#[derive(Clone, Copy)]
struct Weights {
    first: usize,
    parts: [u16; 4],
}

/// For a ratio below 2: a triangle as wide as two source pixels, or two target pixels where these are wider.
fn weights(from: usize, to: usize) -> Vec<Weights> {
    let ratio = from as f32 / to as f32;
    let radius = ratio.max(1.0);
    let last = from.saturating_sub(4);
    (0..to)
        .map(|index| {
            let centre = (index as f32 + 0.5) * ratio - 0.5;
            let first = ((centre - radius).floor() as i64 + 1).clamp(0, last as i64) as usize;
            // Pixels beyond the edge are left out and the others count for more.
            let near: [f32; 4] = std::array::from_fn(|tap| {
                let inside = first + tap < from;
                let distance = ((first + tap) as f32 - centre).abs();
                if inside { (1.0 - distance / radius).max(0.0) } else { 0.0 }
            });
            let sum: f32 = near.iter().sum();
            let mut parts = near.map(|part| (part / sum * 256.0).round() as u16);
            let largest = (0..4).max_by_key(|&tap| parts[tap]).unwrap_or(0);
            parts[largest] = (parts[largest] + 256).saturating_sub(parts.iter().sum());
            Weights { first, parts }
        })
        .collect()
}

/// Four bytes into four lanes of 16 bits.
fn spread(bytes: u32) -> u64 {
    let wide = u64::from(bytes);
    let wide = (wide | wide << 16) & 0x0000_ffff_0000_ffff;
    (wide | wide << 8) & 0x00ff_00ff_00ff_00ff
}

fn weighted(source: Plane<'_>, target: &mut [u8], width: usize, height: usize, row: &mut Vec<u8>) {
    let (across, down) = (weights(source.width, width), weights(source.height, height));
    // Four products and their sum in one multiplication: with the weights in reverse, the sum comes out in the upper 16 bits.
    // No lane runs over into the next, because all weights together are 256.
    let lanes: Vec<(usize, u64)> = across
        .iter()
        .map(|weights| {
            let [a, b, c, d] = weights.parts.map(u64::from);
            (weights.first, a << 48 | b << 32 | c << 16 | d)
        })
        .collect();
    // Three more, so that four can be read from anywhere.
    row.clear();
    row.resize(source.width + 3, 0);
    for (weights, target) in down.iter().zip(target.chunks_exact_mut(width)) {
        let line = |tap: usize| {
            let index = (weights.first + tap).min(source.height - 1);
            &source.data[index * source.width..(index + 1) * source.width]
        };
        let lines = line(0).iter().zip(line(1)).zip(line(2).iter().zip(line(3)));
        let [wa, wb, wc, wd] = weights.parts;
        // 256 times 255 and the rounding fit 16 bits. Wrapping, as a check of every sum would make it several times as slow.
        for (row, ((a, b), (c, d))) in row.iter_mut().zip(lines) {
            let product = |weight: u16, pixel: &u8| weight.wrapping_mul(u16::from(*pixel));
            let upper = product(wa, a).wrapping_add(product(wb, b));
            let lower = product(wc, c).wrapping_add(product(wd, d));
            *row = (upper.wrapping_add(lower).wrapping_add(128) >> 8) as u8;
        }
        for ((first, weights), target) in lanes.iter().zip(target) {
            let Some(pixels) = row[*first..].first_chunk::<4>() else { continue };
            let sum = spread(u32::from_le_bytes(*pixels)).wrapping_mul(*weights) >> 48;
            *target = (sum.wrapping_add(128) >> 8) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PixelFormat, luma_psnr};

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
        assert!(*least > 85 && *most < 170, "{least} to {most}");
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
