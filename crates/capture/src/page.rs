//! A page of text, black on white: what a shared document looks like.

use bellbird_video::VideoFrame;

/// Letters of 5 by 7 points, a row in five bits, from the left. Enough to write words that nobody has to understand.
const LETTERS: [[u8; 7]; 16] = [
    [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
    [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
    [0b01110, 0b10001, 0b00001, 0b00010, 0b00100, 0b01000, 0b11111],
    [0b11111, 0b00010, 0b00100, 0b00010, 0b00001, 0b10001, 0b01110],
    [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
    [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
    [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
    [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000],
    [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
    [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
    [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
    [0b11110, 0b10001, 0b10001, 0b11110, 0b10001, 0b10001, 0b11110],
    [0b01110, 0b10001, 0b10000, 0b10000, 0b10000, 0b10001, 0b01110],
    [0b11100, 0b10010, 0b10001, 0b10001, 0b10001, 0b10010, 0b11100],
    [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111],
    [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000],
];

const PAPER: u8 = 235;
const INK: u8 = 16;

/// A point of a letter, pixels on a side, and the distances of letters and lines in points.
const POINT: usize = 2;
const LETTER_STEP: usize = 6;
const LINE_STEP: usize = 12;
const MARGIN: usize = 40;

/// Lines that change together.
const PARAGRAPH: usize = 4;

/// The test picture's number stays; everything below its top quarter becomes a page. With each number another paragraph
/// is new, one after another, as if somebody wrote.
pub(crate) fn draw(numbered: &VideoFrame, number: u32) -> VideoFrame {
    let (width, height) = (numbered.width() as usize, numbered.height() as usize);
    let top = height / 4;
    let drawn = VideoFrame::paint(numbered.width(), numbered.height(), numbered.captured(), |y, u, v| {
        y[..top * width].copy_from_slice(&numbered.y()[..top * width]);
        y[top * width..].fill(PAPER);
        u.fill(128);
        v.fill(128);
        let lines = height.saturating_sub(top + MARGIN) / (LINE_STEP * POINT);
        let columns = width.saturating_sub(2 * MARGIN) / (LETTER_STEP * POINT);
        let paragraphs = (lines / PARAGRAPH).max(1) as u32;
        for line in 0..lines {
            let paragraph = (line / PARAGRAPH) as u32;
            // How often this paragraph was written anew up to this number.
            let version = (u64::from(number) + u64::from(paragraphs - 1 - paragraph.min(paragraphs - 1)))
                / u64::from(paragraphs);
            for column in 0..columns {
                let Some(letter) = letter_at(version, line, column) else { continue };
                let origin =
                    (MARGIN + column * LETTER_STEP * POINT, top + MARGIN / 2 + line * LINE_STEP * POINT);
                draw_letter(y, width, origin, letter);
            }
        }
    });
    drawn.unwrap_or_else(|_| numbered.clone())
}

/// Which letter stands there; `None` between words.
fn letter_at(version: u64, line: usize, column: usize) -> Option<&'static [u8; 7]> {
    let mut mixed = (version << 40) ^ ((line as u64) << 20) ^ column as u64;
    for _ in 0..3 {
        mixed = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^= mixed >> 29;
    }
    let is_between = mixed >> 8 & 7 == 0;
    (!is_between).then(|| &LETTERS[(mixed & 15) as usize])
}

fn draw_letter(y: &mut [u8], width: usize, origin: (usize, usize), letter: &[u8; 7]) {
    for (row, bits) in letter.iter().enumerate() {
        for column in (0..5).filter(|column| bits >> (4 - column) & 1 == 1) {
            let left = origin.0 + column * POINT;
            for line in 0..POINT {
                let start = (origin.1 + row * POINT + line) * width + left;
                if let Some(pixels) = y.get_mut(start..start + POINT) {
                    pixels.fill(INK);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bellbird_video::{Pattern, read_number};

    use super::*;

    fn page(number: u32, width: u32, height: u32) -> VideoFrame {
        draw(&Pattern::new(width, height).unwrap().draw(number, Instant::now()), number)
    }

    #[test]
    fn each_number_changes_one_paragraph_and_is_read_back() {
        let rows_that_differ = |a: &VideoFrame, b: &VideoFrame| {
            let rows = |frame: &VideoFrame| -> Vec<Vec<u8>> {
                frame.y().chunks(1_920).skip(270).map(<[u8]>::to_vec).collect()
            };
            let (a, b) = (rows(a), rows(b));
            a.iter().zip(&b).enumerate().filter(|(_, (a, b))| a != b).map(|(row, _)| row).collect::<Vec<_>>()
        };
        for number in [1, 2, 7, 8, 500] {
            let (before, after) = (page(number, 1_920, 1_080), page(number + 1, 1_920, 1_080));
            assert_eq!(read_number(&after), Some(number + 1));
            let rows = rows_that_differ(&before, &after);
            let (first, last) = (rows[0], rows[rows.len() - 1]);
            assert!(rows.len() > 20 && last - first < PARAGRAPH * LINE_STEP * POINT, "{first} to {last}");
        }
    }

    #[test]
    fn a_page_has_ink_on_paper() {
        let page = page(3, 1_920, 1_080);
        let text = &page.y()[1_920 * 270..];
        let ink = text.iter().filter(|y| **y == INK).count() * 100 / text.len();
        let paper = text.iter().filter(|y| **y == PAPER).count() * 100 / text.len();
        assert!((5..40).contains(&ink) && ink + paper >= 99, "{ink} % ink, {paper} % paper");
    }

    #[test]
    fn small_ones_hold_no_text_and_do_no_harm() {
        for (width, height) in [(2, 2), (64, 36), (4_096, 2), (2, 4_096)] {
            page(u32::MAX, width, height);
        }
    }
}
