//! A film of what cameras see: a textured room (which sways a little when the camera is held), a head that moves before it, a hand that waves, and the
//! grain of a sensor over all of it. Flat test pictures are easy for any encoder; this one is not.
//!
//! Each picture carries its number in a small corner, so that it can be found again at the other end of a call.

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bellbird_testkit::random::Random;
use bellbird_video::{FrameRate, Pattern, Scaler, VideoFrame, Y4mWriter, luma_psnr};

pub(crate) const WIDTH: u32 = 1280;
pub(crate) const HEIGHT: u32 = 720;
/// Pictures until everything moves as at the beginning: three seconds.
pub(crate) const LENGTH: u32 = 90;
const RATE: FrameRate = FrameRate { pictures: 30, seconds: 1 };

/// The corner with the number: so many cells in a row, each this part of the width on a side.
const CELLS: usize = 12;
const CELL_IN_WIDTH: usize = 40;
const NUMBER_BITS: usize = 8;

/// A texture is drawn at twice the size, so that things can move by half a pixel.
const FINE: usize = 2;
const MARGIN: usize = 48;
/// Standard deviation of a sensor's grain in a lit room.
const GRAIN: f64 = 1.6;

/// How the camera is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Camera {
    /// On a screen or desk: the room stands still.
    Fixed,
    /// In a hand: the room sways.
    Held,
}

/// The film, and where it lies.
pub(crate) struct Film {
    pub(crate) path: PathBuf,
    pictures: Vec<VideoFrame>,
}

impl Film {
    /// Draws it into a folder.
    pub(crate) fn draw(folder: &Path, camera: Camera) -> Self {
        let scene = Scene::new(camera);
        let pictures: Vec<VideoFrame> = (0..LENGTH).map(|number| scene.draw(number)).collect();
        let path = folder.join("room.y4m");
        let file = std::io::BufWriter::new(std::fs::File::create(&path).expect("a temporary file"));
        let mut writer = Y4mWriter::new(file, WIDTH, HEIGHT, RATE).expect("a header");
        for picture in &pictures {
            writer.write(picture).expect("a picture");
        }
        writer.finish().expect("the rest");
        Self { path, pictures }
    }

    /// The picture with that number, as it was before anybody sent it.
    pub(crate) fn picture(&self, number: u32) -> Option<&VideoFrame> {
        self.pictures.get(number as usize)
    }
}

/// Reads the number out of a picture of the film, at whatever size it came.
pub(crate) fn number_of(frame: &VideoFrame) -> Option<u32> {
    let width = frame.width() as usize;
    let side = width / CELL_IN_WIDTH;
    let mut bits = 0u32;
    for cell in 0..CELLS {
        let inset = side / 4;
        let rows = frame.y().chunks_exact(width).skip(inset).take((side / 2).max(1));
        let (mut sum, mut count) = (0u32, 0u32);
        for row in rows {
            let columns = row.get(cell * side + inset..(cell + 1) * side - inset)?;
            sum += columns.iter().map(|value| u32::from(*value)).sum::<u32>();
            count += columns.len() as u32;
        }
        bits = bits << 1 | u32::from(sum.checked_div(count)? > 126);
    }
    let number = bits >> (CELLS - NUMBER_BITS);
    (stamp(number) == bits && number < LENGTH).then_some(number)
}

/// The cells of a number: eight bits, and four that check them.
fn stamp(number: u32) -> u32 {
    let check = (number ^ number >> 4 ^ 0b0110) & 0b1111;
    number << (CELLS - NUMBER_BITS) | check
}

struct Scene {
    room: Texture,
    skin: Texture,
    /// Grain, larger than a picture, so that each picture takes it from elsewhere.
    grain: Vec<i8>,
    camera: Camera,
}

/// A grey texture at [`FINE`] times the size of a picture, with a margin to move in.
struct Texture {
    width: usize,
    values: Vec<u8>,
}

impl Texture {
    /// Waves of all lengths, the shorter the weaker, as in pictures of real things; `rough` is how much of the short ones
    /// there is.
    fn new(random: &mut Random, rough: f64) -> Self {
        let width = (WIDTH as usize + 2 * MARGIN) * FINE;
        let height = (HEIGHT as usize + 2 * MARGIN) * FINE;
        let mut sums = vec![0f32; width * height];
        let mut strength = 34.0;
        for step in [512usize, 256, 128, 64, 32, 16, 8] {
            let columns = width / step + 2;
            let lattice: Vec<f32> =
                (0..columns * (height / step + 2)).map(|_| random.unit() as f32 * 2.0 - 1.0).collect();
            for (row, line) in sums.chunks_exact_mut(width).enumerate() {
                let (at, down) = (row / step * columns, smooth(row % step, step));
                for (column, sum) in line.iter_mut().enumerate() {
                    let (left, across) = (at + column / step, smooth(column % step, step));
                    let upper = lattice[left] + (lattice[left + 1] - lattice[left]) * across;
                    let below = left + columns;
                    let lower = lattice[below] + (lattice[below + 1] - lattice[below]) * across;
                    *sum += (upper + (lower - upper) * down) * strength;
                }
            }
            strength *= rough as f32;
        }
        let values = sums.into_iter().map(|sum| (118.0 + sum).clamp(20.0, 230.0) as u8).collect();
        Self { width, values }
    }

    /// A pixel of a picture for which the texture is moved by so many half pixels.
    fn at(&self, column: usize, row: usize, moved: (isize, isize)) -> u8 {
        let place = |at: usize, moved: isize| ((at + MARGIN) * FINE).saturating_add_signed(moved);
        let at = place(row, moved.1) * self.width + place(column, moved.0);
        let four = [at, at + 1, at + self.width, at + self.width + 1];
        (four.iter().map(|at| u32::from(self.values[*at])).sum::<u32>() / 4) as u8
    }
}

fn smooth(at: usize, of: usize) -> f32 {
    let share = at as f32 / of as f32;
    share * share * (3.0 - 2.0 * share)
}

impl Scene {
    fn new(camera: Camera) -> Self {
        let mut random = Random::new(7);
        let room = Texture::new(&mut random, 0.72);
        let skin = Texture::new(&mut random, 0.6);
        // The sum of three even ones is near enough to a bell.
        let grain = (0..(WIDTH * HEIGHT) as usize * 2)
            .map(|_| ((random.unit() + random.unit() + random.unit() - 1.5) * 2.0 * GRAIN).round() as i8)
            .collect();
        Self { room, skin, grain, camera }
    }

    fn draw(&self, number: u32) -> VideoFrame {
        let (width, height) = (WIDTH as usize, HEIGHT as usize);
        let turn = f64::from(number) / f64::from(LENGTH) * TAU;
        let sway = match self.camera {
            Camera::Fixed => (0, 0),
            Camera::Held => ((9.0 * turn.sin()) as isize, (5.0 * (2.0 * turn).sin()) as isize),
        };
        // Head and hand, in pixels; the hand is three times as quick.
        let head = (640.0 + 60.0 * turn.sin(), 370.0 + 14.0 * (2.0 * turn).cos(), 150.0, 200.0);
        let hand = (930.0 + 110.0 * (3.0 * turn).sin(), 520.0 + 40.0 * (3.0 * turn).cos(), 55.0, 75.0);
        let inside = |(x, y, across, down): (f64, f64, f64, f64), column: usize, row: usize| {
            ((column as f64 - x) / across).powi(2) + ((row as f64 - y) / down).powi(2) < 1.0
        };
        let moved = |(x, y, ..): (f64, f64, f64, f64)| {
            (((640.0 - x) * FINE as f64 / 8.0) as isize, ((370.0 - y) * FINE as f64 / 8.0) as isize)
        };
        let grain = number as usize * 7919 % (width * height);
        let side = width / CELL_IN_WIDTH;
        let bits = stamp(number);
        VideoFrame::paint(WIDTH, HEIGHT, Instant::now(), |y, u, v| {
            u.fill(126);
            v.fill(130);
            for (row, line) in y.chunks_exact_mut(width).enumerate() {
                for (column, pixel) in line.iter_mut().enumerate() {
                    let is_skin = [head, hand].into_iter().find(|place| inside(*place, column, row));
                    let value = match is_skin {
                        Some(place) => {
                            if row % 2 == 0 && column % 2 == 0 {
                                let colour = row / 2 * (width / 2) + column / 2;
                                (u[colour], v[colour]) = (112, 150);
                            }
                            self.skin.at(column, row, moved(place)).saturating_add(24)
                        }
                        None => self.room.at(column, row, sway),
                    };
                    *pixel = value.saturating_add_signed(self.grain[grain + row * width + column]);
                }
                if row < side {
                    for (column, pixel) in line.iter_mut().take(side * CELLS).enumerate() {
                        let is_white = bits >> (CELLS - 1 - column / side) & 1 == 1;
                        *pixel = if is_white { 215 } else { 36 };
                    }
                }
            }
        })
        .expect("a size of pictures")
    }
}

/// A film of pages, 1920x1080, one every four seconds: 50 lines of 160 letters or so, all of them new on each page. Their
/// numbers are those of the test pattern.
pub(crate) fn pages(folder: &Path) -> PathBuf {
    const SIZE: (u32, u32) = (1920, 1080);
    let path = folder.join("pages.y4m");
    let file = std::io::BufWriter::new(std::fs::File::create(&path).expect("a temporary file"));
    let rate = FrameRate { pictures: 1, seconds: 4 };
    let mut writer = Y4mWriter::new(file, SIZE.0, SIZE.1, rate).expect("a header");
    let pattern = Pattern::new(SIZE.0, SIZE.1).expect("a size of pictures");
    for number in 0..12 {
        let numbered = pattern.draw(number, Instant::now());
        let mut random = Random::new(u64::from(number));
        let (width, top) = (SIZE.0 as usize, SIZE.1 as usize / 4);
        let page = VideoFrame::paint(SIZE.0, SIZE.1, Instant::now(), |y, u, v| {
            y[..top * width].copy_from_slice(&numbered.y()[..top * width]);
            y[top * width..].fill(235);
            u.fill(128);
            v.fill(128);
            for line in 0..50 {
                let mut column = 30;
                while column + 12 < width - 30 {
                    // Strokes as letters have them: an upright one, and two across.
                    let shape = random.number();
                    let above = (top + 8 + line * 16) * width + column;
                    for (stroke, row) in [(0, 0), (1, 4), (2, 9)] {
                        if shape >> stroke & 1 == 1 {
                            y[above + row * width..][..6].fill(16);
                        }
                    }
                    for row in 0..10 {
                        y[above + row * width + (shape >> 8 & 3) as usize * 2] = 16;
                    }
                    column += if shape >> 16 & 7 == 0 { 22 } else { 11 };
                }
            }
        });
        writer.write(&page.expect("a size of pictures")).expect("a picture");
    }
    writer.finish().expect("the rest");
    path
}

/// How like the film these pictures are, dB, each at the film's size: one that came smaller is drawn larger, as a window
/// would.
pub(crate) fn likeness_to(film: &Film, pictures: &[VideoFrame]) -> Vec<f64> {
    let mut scaler = Scaler::default();
    let mut like = |picture: &VideoFrame| {
        let sent = film.picture(number_of(picture)?)?;
        luma_psnr(sent, &scaler.scale(picture, WIDTH, HEIGHT).ok()?)
    };
    pictures.iter().filter_map(&mut like).collect()
}
