//! How alike two pictures are.

use crate::frame::VideoFrame;

/// The peak signal-to-noise ratio of the lightness of two pictures, dB: above 38 text is as good as the original, below
/// 30 the loss is plain to see. 100 when they are equal. `None` when their sizes differ.
pub fn luma_psnr(a: &VideoFrame, b: &VideoFrame) -> Option<f64> {
    if (a.width(), a.height()) != (b.width(), b.height()) {
        return None;
    }
    let rows = a.y().chunks(4096).zip(b.y().chunks(4096));
    let squares: u64 = rows
        .map(|(a, b)| {
            let row: u32 = a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2)).sum();
            u64::from(row)
        })
        .sum();
    if squares == 0 {
        return Some(100.0);
    }
    let mean = squares as f64 / a.y().len() as f64;
    Some((10.0 * (255.0 * 255.0 / mean).log10()).min(100.0))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn grey(width: u32, lightness: u8) -> VideoFrame {
        VideoFrame::paint(width, 100, Instant::now(), |y, _, _| y.fill(lightness)).unwrap()
    }

    #[test]
    fn a_known_difference_gives_its_decibels() {
        assert_eq!(luma_psnr(&grey(50, 7), &grey(50, 7)), Some(100.0));
        // Off by one everywhere: 20 log10 255.
        let one_off = luma_psnr(&grey(50, 7), &grey(50, 8)).unwrap();
        assert!((one_off - 48.13).abs() < 0.01, "{one_off}");
        // As different as can be, summed without overflow.
        let worst = luma_psnr(&grey(4000, 0), &grey(4000, 255)).unwrap();
        assert!(worst.abs() < 1e-9, "{worst}");
        assert_eq!(luma_psnr(&grey(50, 7), &grey(52, 7)), None);
    }
}
