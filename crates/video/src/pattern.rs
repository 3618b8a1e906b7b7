//! A moving test picture with a number in it that can be read back after it was encoded, sent, scaled and decoded.
//!
//! The top quarter holds 4 rows of 10 cells, black or white: 32 bits of the number and 8 that check it. Below, coloured
//! bars move sideways and a block wanders, so that a codec has something to do.

use std::time::Instant;

use crate::frame::{FrameError, VideoFrame};

const COLUMNS: usize = 10;
const ROWS: usize = 4;

/// Of a picture's height, what one row of cells takes.
const ROWS_IN_HEIGHT: usize = 16;

const WHITE: u8 = 235;
const BLACK: u8 = 16;

/// A cell whose mean lies between these is neither.
const SURELY_BLACK: u32 = 80;
const SURELY_WHITE: u32 = 170;

/// The bars: lightness, blue difference, red difference.
const BARS: [[u8; 3]; 8] = [
    [180, 128, 128],
    [162, 44, 142],
    [131, 156, 44],
    [112, 72, 58],
    [84, 184, 198],
    [65, 100, 212],
    [35, 212, 114],
    [60, 128, 128],
];

/// How far the bars move from one number to the next, pixels; even.
const STEP: usize = 4;

/// Bands of different lightness, top to bottom.
const BANDS: usize = 8;

/// Draws the test picture at one size.
pub struct Pattern {
    width: u32,
    height: u32,
    /// Per band one row of lightness, and one row of each colour, all long enough to begin anywhere in a period.
    bands: Vec<Vec<u8>>,
    blue: Vec<u8>,
    red: Vec<u8>,
    period: usize,
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pattern({}x{})", self.width, self.height)
    }
}

impl Pattern {
    /// Prepares a size. Below 80x64 the number may not survive encoding.
    ///
    /// # Errors
    /// When a side is odd, zero or too long.
    pub fn new(width: u32, height: u32) -> Result<Self, FrameError> {
        VideoFrame::bytes_for(width, height)?;
        let bar = (width as usize / BARS.len()).next_multiple_of(2).max(2);
        let period = bar * BARS.len();
        let long = period + width as usize;
        let bar_at = |column: usize| BARS[column / bar % BARS.len()];
        let bands = (0..BANDS)
            .map(|band| (0..long).map(|column| bar_at(column)[0] + (band * 6) as u8).collect())
            .collect();
        let colour = |which: usize| (0..long / 2).map(|column| bar_at(column * 2)[which]).collect();
        Ok(Self { width, height, bands, blue: colour(1), red: colour(2), period })
    }

    /// The picture with this number in it.
    pub fn draw(&self, number: u32, captured: Instant) -> VideoFrame {
        let (width, height) = (self.width as usize, self.height as usize);
        let shift = number as usize % (self.period / 2) * STEP % self.period;
        let drawn = VideoFrame::paint(self.width, self.height, captured, |y, u, v| {
            for (row, line) in y.chunks_exact_mut(width).enumerate() {
                line.copy_from_slice(&self.bands[row * BANDS / height][shift..shift + width]);
            }
            let half = width / 2;
            for (u, v) in u.chunks_exact_mut(half).zip(v.chunks_exact_mut(half)) {
                u.copy_from_slice(&self.blue[shift / 2..shift / 2 + half]);
                v.copy_from_slice(&self.red[shift / 2..shift / 2 + half]);
            }
            self.draw_wanderer(number, y);
            draw_number(number, width, height, y, u, v);
        });
        drawn.expect("the size was checked when the pattern was made")
    }

    /// A block that bounces below the number.
    fn draw_wanderer(&self, number: u32, y: &mut [u8]) {
        let (width, height) = (self.width as usize, self.height as usize);
        let top = height * ROWS / ROWS_IN_HEIGHT;
        let side = (height / 6).min(width / 6);
        let bounce = |at: usize, room: usize| {
            let at = at % (2 * room).max(1);
            if at < room { at } else { (2 * room).saturating_sub(at) }
        };
        let number = number as usize;
        let left = bounce(number % 100_000 * 7, width - side);
        let upper = top + bounce(number % 100_000 * 5, height - top - side);
        for line in y.chunks_exact_mut(width).skip(upper).take(side) {
            line[left..left + side].fill(WHITE - 25);
        }
    }
}

/// Reads the number out of a picture that [`Pattern::draw`] made, whatever became of its size and sharpness; `None` when it
/// shows none.
pub fn read_number(frame: &VideoFrame) -> Option<u32> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let mut bits = 0_u64;
    for index in 0..ROWS * COLUMNS {
        let ((left, right), (top, bottom)) = cell(index, width, height);
        // The middle half: edges are blurred.
        let (inset, lift) = ((right - left) / 4, (bottom - top) / 4);
        let columns = left + inset..(right - inset).max(left + inset + 1);
        let lines = frame.y().chunks_exact(width);
        let mut sum = 0;
        let mut count = 0;
        for line in lines.take((bottom - lift).max(top + lift + 1)).skip(top + lift) {
            let line = line.get(columns.clone())?;
            sum += line.iter().map(|&y| u32::from(y)).sum::<u32>();
            count += line.len() as u32;
        }
        let bit = match sum.checked_div(count)? {
            mean if mean <= SURELY_BLACK => 0,
            mean if mean >= SURELY_WHITE => 1,
            _ => return None,
        };
        bits = bits << 1 | bit;
    }
    let number = (bits >> 8) as u32;
    (check(number) == bits as u8).then_some(number)
}

/// Eight bits that tell a number from anything else that is black and white.
fn check(number: u32) -> u8 {
    number.to_be_bytes().iter().fold(0xa5, |check: u8, &byte| check.rotate_left(3) ^ byte)
}

/// Columns and rows of a cell: from, to.
fn cell(index: usize, width: usize, height: usize) -> ((usize, usize), (usize, usize)) {
    let (column, row) = (index % COLUMNS, index / COLUMNS);
    let columns = (column * width / COLUMNS, (column + 1) * width / COLUMNS);
    (columns, (row * height / ROWS_IN_HEIGHT, (row + 1) * height / ROWS_IN_HEIGHT))
}

fn draw_number(number: u32, width: usize, height: usize, y: &mut [u8], u: &mut [u8], v: &mut [u8]) {
    let bits = u64::from(number) << 8 | u64::from(check(number));
    for index in 0..ROWS * COLUMNS {
        let is_white = bits >> (ROWS * COLUMNS - 1 - index) & 1 == 1;
        let ((left, right), (top, bottom)) = cell(index, width, height);
        for line in y.chunks_exact_mut(width).take(bottom).skip(top) {
            line[left..right].fill(if is_white { WHITE } else { BLACK });
        }
    }
    let grey = width / 2 * (height * ROWS / ROWS_IN_HEIGHT).div_ceil(2);
    u[..grey].fill(128);
    v[..grey].fill(128);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scaler, luma_psnr};

    #[test]
    fn every_number_is_read_back_at_every_size() {
        for (width, height) in [(1920, 1080), (1280, 720), (640, 480), (720, 1280), (320, 180), (160, 90)] {
            let pattern = Pattern::new(width, height).unwrap();
            for number in (0..32).map(|bit| 1 << bit).chain([0, 1, 29, 30, 65_535, u32::MAX, 123_456_789]) {
                let frame = pattern.draw(number, Instant::now());
                assert_eq!(read_number(&frame), Some(number), "{width}x{height}");
            }
        }
    }

    #[test]
    fn a_number_survives_scaling() {
        let mut scaler = Scaler::default();
        let frame = Pattern::new(1280, 720).unwrap().draw(987_654, Instant::now());
        for (width, height) in [(960, 540), (640, 360), (320, 180), (160, 90), (1920, 1080), (854, 480)] {
            let scaled = scaler.scale(&frame, width, height).unwrap();
            assert_eq!(read_number(&scaled), Some(987_654), "{width}x{height}");
        }
    }

    #[test]
    fn other_pictures_have_no_number() {
        for lightness in [0, 16, 128, 235, 255] {
            let flat = VideoFrame::paint(640, 360, Instant::now(), |y, _, _| y.fill(lightness)).unwrap();
            assert_eq!(read_number(&flat), None);
        }
        let tiny = VideoFrame::paint(2, 2, Instant::now(), |_, _, _| ()).unwrap();
        assert_eq!(read_number(&tiny), None);
        // One wrong cell.
        let frame = Pattern::new(320, 180).unwrap().draw(5, Instant::now());
        let mut data = frame.data().to_vec();
        for line in data.chunks_exact_mut(320).take(11) {
            line[..32].fill(WHITE);
        }
        let spoilt = VideoFrame::from_i420(320, 180, data, Instant::now()).unwrap();
        assert_eq!(read_number(&spoilt), None);
    }

    #[test]
    fn it_moves_and_small_ones_are_drawn_too() {
        let pattern = Pattern::new(320, 180).unwrap();
        let now = Instant::now();
        let psnr = luma_psnr(&pattern.draw(10, now), &pattern.draw(11, now)).unwrap();
        assert!(psnr < 30.0, "{psnr}");
        for (width, height) in [(2, 2), (2, 4096), (4096, 2), (18, 34)] {
            let pattern = Pattern::new(width, height).unwrap();
            for number in [0, 7, 4_000, u32::MAX] {
                pattern.draw(number, now);
            }
        }
        assert!(Pattern::new(0, 2).is_err());
    }
}
