//! Pixels as devices and screens have them, to and from I420 (BT.601, limited range).

use std::time::Instant;

use yuv::{
    BufferStoreMut, YuvConversionMode, YuvError, YuvPackedImage, YuvPlanarImage, YuvPlanarImageMut, YuvRange,
    YuvStandardMatrix,
};

use crate::frame::{FrameError, VideoFrame};

/// How pixels lie in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PixelFormat {
    /// Blue, green, red and a byte that is ignored, as X11, Windows and macOS have their screens.
    Bgra,
    /// Red, green, blue and a byte that is ignored.
    Rgba,
    /// Red, green, blue: a decoded JPEG.
    Rgb,
    /// Two pixels in four bytes: lightness, blue difference, lightness, red difference.
    Yuyv,
    /// A plane of lightness, then one of both colour differences in turn, with rows as long as the first's.
    Nv12,
    /// Y, U and V planes after one another; the rows of U and V are half as long, rounded up.
    I420,
}

impl PixelFormat {
    /// How many bytes a row of `width` pixels takes at least (of the first plane).
    pub fn row_bytes(self, width: u32) -> usize {
        let width = width as usize;
        match self {
            Self::Bgra | Self::Rgba => width * 4,
            Self::Rgb => width * 3,
            Self::Yuyv => width.div_ceil(2) * 4,
            Self::Nv12 => width.next_multiple_of(2),
            Self::I420 => width,
        }
    }

    /// How many bytes a picture takes whose rows (of the first plane) are `stride` bytes apart. The last row may end
    /// with its last pixel.
    fn bytes(self, width: u32, height: u32, stride: usize) -> usize {
        let rows = height as usize;
        let last_row = self.row_bytes(width);
        match self {
            Self::Bgra | Self::Rgba | Self::Rgb | Self::Yuyv => stride * (rows - 1) + last_row,
            Self::Nv12 => stride * (rows + rows.div_ceil(2) - 1) + last_row,
            Self::I420 => stride * rows + stride.div_ceil(2) * rows.div_ceil(2) * 2,
        }
    }
}

/// A picture in somebody else's memory.
#[derive(Clone, Copy)]
pub struct Pixels<'a> {
    /// How they lie.
    pub format: PixelFormat,
    /// Of a row. An odd last pixel is left out.
    pub width: u32,
    /// Rows. An odd last one is left out.
    pub height: u32,
    /// Bytes from one row to the next, of the first plane.
    pub stride: usize,
    /// All of it. More than is needed does no harm.
    pub data: &'a [u8],
}

impl std::fmt::Debug for Pixels<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pixels({:?} {}x{})", self.format, self.width, self.height)
    }
}

/// The longest side that is read at all, pixels; far above every screen.
const LONGEST_SIDE: u32 = 32_768;

impl Pixels<'_> {
    /// Whether the size makes sense and the bytes suffice for it.
    pub(crate) fn check(&self) -> Result<(), FrameError> {
        let (width, height) = (self.width, self.height);
        let fits = |side: u32| (2..=LONGEST_SIDE).contains(&side);
        if !fits(width) || !fits(height) {
            return Err(FrameError::Size { width, height });
        }
        let row = self.format.row_bytes(width);
        if self.stride < row || self.stride > row + LONGEST_SIDE as usize {
            return Err(FrameError::Length { needed: row, given: self.stride });
        }
        let needed = self.format.bytes(width, height, self.stride);
        if self.data.len() < needed {
            return Err(FrameError::Length { needed, given: self.data.len() });
        }
        Ok(())
    }
}

impl VideoFrame {
    /// A picture from pixels in another form, of the same size but for an odd last row or column.
    ///
    /// # Errors
    /// When a side is below 2 or above [`crate::MAX_SIDE`], or there are fewer bytes than that takes.
    pub fn from_pixels(pixels: &Pixels<'_>, captured: Instant) -> Result<Self, FrameError> {
        pixels.check()?;
        let (width, height) = (pixels.width & !1, pixels.height & !1);
        let mut outcome = Ok(());
        let frame = Self::paint(width, height, captured, |y, u, v| {
            outcome = convert(pixels, width, height, y, u, v)
        })?;
        // Sizes were checked above, so this says nothing in practice; a wrong picture is still not passed on.
        outcome.map_err(|_| FrameError::Size { width: pixels.width, height: pixels.height })?;
        Ok(frame)
    }

    /// The picture as red, green, blue and 255, rows after one another: four bytes a pixel.
    pub fn to_rgba(&self) -> Vec<u8> {
        let mut rgba = vec![255; self.width() as usize * self.height() as usize * 4];
        let image = YuvPlanarImage {
            y_plane: self.y(),
            y_stride: self.width(),
            u_plane: self.u(),
            u_stride: self.width() / 2,
            v_plane: self.v(),
            v_stride: self.width() / 2,
            width: self.width(),
            height: self.height(),
        };
        let stride = self.width() * 4;
        yuv::yuv420_to_rgba(&image, &mut rgba, stride, YuvRange::Limited, YuvStandardMatrix::Bt601)
            .expect("a VideoFrame's planes have the size they say");
        rgba
    }
}

/// Fills the planes of a picture of `width` by `height`, even and no larger than the pixels are.
pub(crate) fn convert(
    pixels: &Pixels<'_>,
    width: u32,
    height: u32,
    y: &mut [u8],
    u: &mut [u8],
    v: &mut [u8],
) -> Result<(), YuvError> {
    let stride = pixels.stride as u32;
    let row = pixels.format.row_bytes(width);
    match pixels.format {
        PixelFormat::Bgra | PixelFormat::Rgba | PixelFormat::Rgb => {
            let from_rgb = match pixels.format {
                PixelFormat::Bgra => yuv::bgra_to_yuv420,
                PixelFormat::Rgba => yuv::rgba_to_yuv420,
                PixelFormat::Rgb | PixelFormat::Yuyv | PixelFormat::Nv12 | PixelFormat::I420 => {
                    yuv::rgb_to_yuv420
                }
            };
            // The library wants whole rows, the last included, so one that ends early goes by itself.
            let whole = pixels.stride * height as usize;
            let mode = YuvConversionMode::Balanced;
            let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
            if pixels.data.len() >= whole {
                let data = &pixels.data[..whole];
                from_rgb(&mut planar(width, height, y, u, v), data, stride, range, matrix, mode)
            } else {
                let packed: Vec<u8> = pixels
                    .data
                    .chunks(pixels.stride)
                    .take(height as usize)
                    .flat_map(|line| &line[..row])
                    .copied()
                    .collect();
                from_rgb(&mut planar(width, height, y, u, v), &packed, row as u32, range, matrix, mode)
            }
        }
        PixelFormat::Yuyv => {
            let whole = pixels.stride * height as usize;
            if pixels.data.len() >= whole {
                let image = YuvPackedImage { yuy: &pixels.data[..whole], yuy_stride: stride, width, height };
                yuv::yuyv422_to_yuv420(&mut planar(width, height, y, u, v), &image)
            } else {
                let packed: Vec<u8> = pixels
                    .data
                    .chunks(pixels.stride)
                    .take(height as usize)
                    .flat_map(|line| &line[..row])
                    .copied()
                    .collect();
                let image = YuvPackedImage { yuy: &packed, yuy_stride: row as u32, width, height };
                yuv::yuyv422_to_yuv420(&mut planar(width, height, y, u, v), &image)
            }
        }
        PixelFormat::Nv12 => {
            copy_rows(y, width as usize, pixels.data, pixels.stride);
            let colours = &pixels.data[pixels.stride * pixels.height as usize..];
            let half = width as usize / 2;
            let targets = u.chunks_exact_mut(half).zip(v.chunks_exact_mut(half));
            for ((u, v), line) in targets.zip(colours.chunks(pixels.stride)) {
                for ((u, v), pair) in u.iter_mut().zip(v).zip(line.as_chunks::<2>().0) {
                    *u = pair[0];
                    *v = pair[1];
                }
            }
            Ok(())
        }
        PixelFormat::I420 => {
            let luma = pixels.stride * pixels.height as usize;
            let half_stride = pixels.stride.div_ceil(2);
            let chroma = half_stride * pixels.height.div_ceil(2) as usize;
            copy_rows(y, width as usize, pixels.data, pixels.stride);
            copy_rows(u, width as usize / 2, &pixels.data[luma..], half_stride);
            copy_rows(v, width as usize / 2, &pixels.data[luma + chroma..], half_stride);
            Ok(())
        }
    }
}

/// Fills `target`, whose rows are `width` long, from rows that are `stride` apart.
fn copy_rows(target: &mut [u8], width: usize, source: &[u8], stride: usize) {
    for (target, line) in target.chunks_exact_mut(width).zip(source.chunks(stride)) {
        target.copy_from_slice(&line[..width]);
    }
}

fn planar<'a>(
    width: u32,
    height: u32,
    y: &'a mut [u8],
    u: &'a mut [u8],
    v: &'a mut [u8],
) -> YuvPlanarImageMut<'a, u8> {
    YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y),
        y_stride: width,
        u_plane: BufferStoreMut::Borrowed(u),
        u_stride: width / 2,
        v_plane: BufferStoreMut::Borrowed(v),
        v_stride: width / 2,
        width,
        height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red, green, blue and the BT.601 limited-range values that belong to them.
    const COLOURS: [([u8; 3], [u8; 3]); 6] = [
        ([0, 0, 0], [16, 128, 128]),
        ([255, 255, 255], [235, 128, 128]),
        ([255, 0, 0], [81, 90, 240]),
        ([0, 255, 0], [145, 54, 34]),
        ([0, 0, 255], [41, 240, 110]),
        ([128, 128, 128], [126, 128, 128]),
    ];

    fn assert_near(got: &[u8], wanted: u8, what: &str) {
        assert!(got.iter().all(|&it| it.abs_diff(wanted) <= 2), "{what}: {} not {wanted}", got[0]);
    }

    #[test]
    fn colours_come_out_as_bt601_says_from_every_order_and_back() {
        // An odd size with a stride longer than a row, and the last row without its padding.
        let (width, height) = (39_u32, 7_u32);
        for ([r, g, b], [y, u, v]) in COLOURS {
            for format in [PixelFormat::Bgra, PixelFormat::Rgba, PixelFormat::Rgb] {
                let pixel = match format {
                    PixelFormat::Bgra => vec![b, g, r, 9],
                    PixelFormat::Rgba => vec![r, g, b, 9],
                    _ => vec![r, g, b],
                };
                let stride = format.row_bytes(width) + 12;
                let mut line = pixel.repeat(width as usize);
                line.resize(stride, 77);
                let mut data = line.repeat(height as usize);
                for spare in [12, 0] {
                    data.truncate(stride * height as usize - 12 + spare);
                    let pixels = Pixels { format, width, height, stride, data: &data };
                    let frame = VideoFrame::from_pixels(&pixels, Instant::now()).unwrap();
                    assert_eq!((frame.width(), frame.height()), (38, 6));
                    assert_near(frame.y(), y, "lightness");
                    assert_near(frame.u(), u, "blue difference");
                    assert_near(frame.v(), v, "red difference");
                    for back in frame.to_rgba().as_chunks::<4>().0 {
                        let [r2, g2, b2, a] = *back;
                        assert!(
                            r2.abs_diff(r) <= 4 && g2.abs_diff(g) <= 4 && b2.abs_diff(b) <= 4,
                            "{back:?}"
                        );
                        assert_eq!(a, 255);
                    }
                }
            }
        }
    }

    #[test]
    fn camera_formats_are_taken_apart() {
        let now = Instant::now();
        // 4x2: lightness 1..8, blue 100 and 101, red 200 and 201; the second row of YUYV has the same colours.
        let yuyv = [1, 100, 2, 200, 3, 101, 4, 201, 5, 100, 6, 200, 7, 101, 8, 201];
        let nv12 = [1, 2, 3, 4, 5, 6, 7, 8, 100, 200, 101, 201];
        let i420 = [1, 2, 3, 4, 5, 6, 7, 8, 100, 101, 200, 201];
        for (format, stride, data) in [
            (PixelFormat::Yuyv, 8, &yuyv[..]),
            (PixelFormat::Nv12, 4, &nv12[..]),
            (PixelFormat::I420, 4, &i420[..]),
        ] {
            let pixels = Pixels { format, width: 4, height: 2, stride, data };
            assert_eq!(VideoFrame::from_pixels(&pixels, now).unwrap().data(), i420, "{format:?}");
        }
    }

    #[test]
    fn an_odd_size_loses_its_last_row_and_column() {
        // 3x3 in I420 has colour planes of 2x2.
        let data = [1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 101, 102, 103, 200, 201, 202, 203];
        let pixels = Pixels { format: PixelFormat::I420, width: 3, height: 3, stride: 3, data: &data };
        let frame = VideoFrame::from_pixels(&pixels, Instant::now()).unwrap();
        assert_eq!(frame.data(), [1, 2, 4, 5, 100, 200]);
        let data = [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 100, 200, 101, 201, 102, 202, 103, 203];
        let pixels = Pixels { format: PixelFormat::Nv12, width: 3, height: 3, stride: 4, data: &data };
        let frame = VideoFrame::from_pixels(&pixels, Instant::now()).unwrap();
        assert_eq!(frame.data(), [1, 2, 4, 5, 100, 200]);
    }

    #[test]
    fn too_few_bytes_are_refused_in_every_format() {
        use PixelFormat::{Bgra, I420, Nv12, Rgb, Rgba, Yuyv};
        for format in [Bgra, Rgba, Rgb, Yuyv, Nv12, I420] {
            for (width, height) in [(2, 2), (3, 3), (16, 9), (641, 3)] {
                for spare in [0, 5] {
                    let stride = format.row_bytes(width) + spare;
                    let needed = format.bytes(width, height, stride);
                    let data = vec![0; needed];
                    let whole = Pixels { format, width, height, stride, data: &data };
                    assert!(VideoFrame::from_pixels(&whole, Instant::now()).is_ok(), "{whole:?}");
                    let short = Pixels { data: &data[1..], ..whole };
                    let given = needed - 1;
                    let refused = VideoFrame::from_pixels(&short, Instant::now()).unwrap_err();
                    assert_eq!(refused, FrameError::Length { needed, given });
                    let narrow = Pixels { stride: format.row_bytes(width) - 1, ..whole };
                    assert!(VideoFrame::from_pixels(&narrow, Instant::now()).is_err());
                }
            }
            for (width, height) in [(0, 0), (1, 2), (2, 1), (u32::MAX, u32::MAX)] {
                let nothing = Pixels { format, width, height, stride: 4, data: &[] };
                assert!(VideoFrame::from_pixels(&nothing, Instant::now()).is_err());
            }
        }
    }
}
