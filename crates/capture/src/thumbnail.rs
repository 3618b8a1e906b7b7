//! Small pictures for a picker.

use crate::CaptureError;
use crate::picker::Thumbnail;

/// The widest thumbnail, pixels.
const WIDEST: u32 = 1_024;

/// Scales a picture (four bytes a pixel, blue first, rows without padding) down to a width and writes it as PNG. Each
/// pixel is the mean of those it stands for.
pub(crate) fn from_bgrx(
    pixels: &[u8],
    width: u32,
    height: u32,
    max_width: u32,
) -> Result<Thumbnail, CaptureError> {
    let failed = |why: String| CaptureError::NoScreen(why);
    let needed = width as usize * height as usize * 4;
    if width == 0 || height == 0 || pixels.len() < needed {
        return Err(failed("there is nothing to be seen".into()));
    }
    let small_width = width.min(max_width.clamp(1, WIDEST));
    let small_height =
        (u64::from(height) * u64::from(small_width) / u64::from(width)).clamp(1, u64::from(height));
    let small_height = small_height as u32;
    let mut rgb = Vec::with_capacity(small_width as usize * small_height as usize * 3);
    let edge =
        |at: u32, small: u32, large: u32| (u64::from(at) * u64::from(large) / u64::from(small)) as usize;
    for row in 0..small_height {
        let top = edge(row, small_height, height);
        let bottom = edge(row + 1, small_height, height).max(top + 1);
        for column in 0..small_width {
            let left = edge(column, small_width, width);
            let right = edge(column + 1, small_width, width).max(left + 1);
            let mut sums = [0_u64; 3];
            for line in top..bottom {
                let start = (line * width as usize + left) * 4;
                let end = (line * width as usize + right) * 4;
                for pixel in pixels[start..end].chunks_exact(4) {
                    for (sum, value) in sums.iter_mut().zip(pixel) {
                        *sum += u64::from(*value);
                    }
                }
            }
            let count = ((bottom - top) * (right - left)) as u64;
            rgb.extend(sums.iter().rev().map(|sum| (sum / count) as u8));
        }
    }
    let png = encode(&rgb, small_width, small_height).map_err(|error| failed(error.to_string()))?;
    Ok(Thumbnail { width: small_width, height: small_height, png })
}

fn encode(rgb: &[u8], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(thumbnail: &Thumbnail) -> Vec<u8> {
        let mut reader = png::Decoder::new(std::io::Cursor::new(&thumbnail.png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (thumbnail.width, thumbnail.height));
        pixels
    }

    #[test]
    fn pixels_are_means_of_those_they_stand_for() {
        // Left half blue, right half white and black in columns.
        let row = [[200, 0, 0, 9], [200, 0, 0, 9], [255, 255, 255, 9], [0, 0, 0, 9]].concat();
        let small = from_bgrx(&row.repeat(2), 4, 2, 2).unwrap();
        assert_eq!((small.width, small.height), (2, 1));
        assert_eq!(decode(&small), [0, 0, 200, 127, 127, 127]);
    }

    #[test]
    fn small_ones_stay_as_they_are() {
        let small = from_bgrx(&[1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0], 1, 3, 320).unwrap();
        assert_eq!((small.width, small.height), (1, 3));
        assert_eq!(decode(&small), [3, 2, 1, 6, 5, 4, 9, 8, 7]);
        assert!(from_bgrx(&[0; 3], 1, 1, 320).is_err());
        assert!(from_bgrx(&[], 0, 0, 320).is_err());
    }
}
