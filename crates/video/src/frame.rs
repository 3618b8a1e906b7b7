//! One picture.

use std::sync::Arc;
use std::time::Instant;

/// The most pixels on a side. Larger screens are scaled before they come here, and nothing larger is decoded.
pub const MAX_SIDE: u32 = 4096;

/// One picture in I420: a plane of lightness and two of colour at half the width and height (BT.601, limited range, as
/// WebRTC ends expect). Immutable; clones share the pixels.
#[derive(Clone)]
pub struct VideoFrame {
    width: u32,
    height: u32,
    /// Y, U and V after one another, without padding between rows.
    data: Arc<[u8]>,
    captured: Instant,
}

/// Why bytes are no picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// A side is odd, zero or above [`MAX_SIDE`].
    #[error("a picture cannot be {width}x{height} pixels")]
    Size {
        /// As asked.
        width: u32,
        /// As asked.
        height: u32,
    },
    /// The bytes are not as many as the size needs.
    #[error("a picture needs {needed} bytes, not {given}")]
    Length {
        /// How many it takes.
        needed: usize,
        /// How many there were.
        given: usize,
    },
}

impl VideoFrame {
    /// A picture from its planes: Y, then U, then V, without padding.
    ///
    /// # Errors
    /// When a side is odd, zero or too long, or the bytes are not as many as that takes.
    pub fn from_i420(
        width: u32,
        height: u32,
        data: impl Into<Arc<[u8]>>,
        captured: Instant,
    ) -> Result<Self, FrameError> {
        let needed = Self::bytes_for(width, height)?;
        let data = data.into();
        if data.len() != needed {
            return Err(FrameError::Length { needed, given: data.len() });
        }
        Ok(Self { width, height, data, captured })
    }

    /// A picture whose planes `paint` fills: it gets Y, U and V, all zero. Saves the copy that [`Self::from_i420`] makes.
    ///
    /// # Errors
    /// When a side is odd, zero or too long.
    pub fn paint(
        width: u32,
        height: u32,
        captured: Instant,
        paint: impl FnOnce(&mut [u8], &mut [u8], &mut [u8]),
    ) -> Result<Self, FrameError> {
        let mut data: Arc<[u8]> = std::iter::repeat_n(0, Self::bytes_for(width, height)?).collect();
        let luma = width as usize * height as usize;
        let planes = Arc::get_mut(&mut data).expect("nobody else has it yet");
        let (y, colours) = planes.split_at_mut(luma);
        let (u, v) = colours.split_at_mut(luma / 4);
        paint(y, u, v);
        Ok(Self { width, height, data, captured })
    }

    /// The same pixels, said to be of another moment: a still screen shown again.
    pub fn at(&self, captured: Instant) -> Self {
        Self { captured, ..self.clone() }
    }

    /// How many bytes a picture of that size takes.
    ///
    /// # Errors
    /// When a side is odd, zero or too long.
    pub fn bytes_for(width: u32, height: u32) -> Result<usize, FrameError> {
        let fits = |side: u32| side > 0 && side <= MAX_SIDE && side.is_multiple_of(2);
        if !fits(width) || !fits(height) {
            return Err(FrameError::Size { width, height });
        }
        Ok(width as usize * height as usize * 3 / 2)
    }

    /// Pixels; even.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels; even.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// When it was taken, or received.
    pub fn captured(&self) -> Instant {
        self.captured
    }

    /// All three planes after one another.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Lightness; rows of [`Self::width`] bytes.
    pub fn y(&self) -> &[u8] {
        &self.data[..self.luma_len()]
    }

    /// Blue difference; rows of half the width.
    pub fn u(&self) -> &[u8] {
        &self.data[self.luma_len()..self.luma_len() * 5 / 4]
    }

    /// Red difference; rows of half the width.
    pub fn v(&self) -> &[u8] {
        &self.data[self.luma_len() * 5 / 4..]
    }

    /// Whether `other` holds the very same pixels in memory.
    pub fn shares_pixels_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.data, &other.data)
    }

    fn luma_len(&self) -> usize {
        self.width as usize * self.height as usize
    }
}

impl std::fmt::Debug for VideoFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VideoFrame({}x{})", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_lie_one_after_another() {
        let mut data = vec![1; 16];
        data.extend([2; 4]);
        data.extend([3; 4]);
        let frame = VideoFrame::from_i420(4, 4, data, Instant::now()).unwrap();
        assert_eq!((frame.y(), frame.u(), frame.v()), (&[1; 16][..], &[2; 4][..], &[3; 4][..]));
    }

    #[test]
    fn a_painted_picture_is_the_same_as_one_from_bytes() {
        let now = Instant::now();
        let painted = VideoFrame::paint(4, 2, now, |y, u, v| {
            y.fill(1);
            u.fill(2);
            v.fill(3);
        })
        .unwrap();
        assert_eq!(painted.data(), [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 3]);
        assert!(painted.at(now).shares_pixels_with(&painted));
        assert!(VideoFrame::paint(4, 3, now, |_, _, _| ()).is_err());
    }

    #[test]
    fn impossible_sizes_are_refused() {
        for (width, height) in [(0, 2), (3, 2), (2, 5), (MAX_SIDE + 2, 2), (u32::MAX, u32::MAX)] {
            assert_eq!(VideoFrame::bytes_for(width, height), Err(FrameError::Size { width, height }));
        }
        let short = VideoFrame::from_i420(2, 2, vec![0; 5], Instant::now());
        assert_eq!(short.unwrap_err(), FrameError::Length { needed: 6, given: 5 });
    }
}
