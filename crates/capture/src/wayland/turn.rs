//! Which way up a picture lies, and turning it upright.

/// How a picture lies in its memory: mirrored left to right or not, and then turned counter-clockwise. The numbers are
/// those of `enum spa_meta_videotransform_value`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Lie {
    is_mirrored: bool,
    quarters: u32,
}

/// The side of a tile. Rows become columns, so that a picture walked through row by row would miss the processor's cache with
/// every pixel.
const TILE: usize = 32;

impl Lie {
    /// `None` for a number that is none.
    pub(super) fn from_number(number: u32) -> Option<Self> {
        (number < 8).then_some(Self { is_mirrored: number >= 4, quarters: number % 4 })
    }

    pub(super) fn is_upright(self) -> bool {
        self == Self::default()
    }

    /// The size of the upright picture.
    pub(super) fn upright_size(self, width: u32, height: u32) -> (u32, u32) {
        if self.quarters % 2 == 1 { (height, width) } else { (width, height) }
    }

    /// Writes the picture upright, without padding. `pixel` bytes a pixel, `stride` from one row to the next. `target` is left empty when
    /// there are too few bytes.
    pub(super) fn turn(
        self,
        source: &[u8],
        (width, height): (usize, usize),
        stride: usize,
        pixel: usize,
        target: &mut Vec<u8>,
    ) {
        target.clear();
        if width == 0
            || height == 0
            || stride < width * pixel
            || source.len() < stride * (height - 1) + width * pixel
        {
            return;
        }
        target.resize(width * height * pixel, 0);
        let (wide, high) = if self.quarters % 2 == 1 { (height, width) } else { (width, height) };
        for top in (0..high).step_by(TILE) {
            for left in (0..wide).step_by(TILE) {
                for y in top..(top + TILE).min(high) {
                    for x in left..(left + TILE).min(wide) {
                        let (column, row) = self.place_of(x, y, wide, high);
                        let (from, to) = (row * stride + column * pixel, (y * wide + x) * pixel);
                        target[to..to + pixel].copy_from_slice(&source[from..from + pixel]);
                    }
                }
            }
        }
    }

    /// Where a pixel of the upright picture lies.
    fn place_of(self, x: usize, y: usize, wide: usize, high: usize) -> (usize, usize) {
        let x = if self.is_mirrored { wide - 1 - x } else { x };
        match self.quarters {
            1 => (y, wide - 1 - x),
            2 => (wide - 1 - x, high - 1 - y),
            3 => (high - 1 - y, x),
            _ => (x, y),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the picture `ab / cd / ef`, one byte a pixel, with a byte of padding after each row.
    fn upright(number: u32, lying: &[&str]) -> String {
        let rows: Vec<String> = lying.iter().map(|row| format!("{row}-")).collect();
        let lie = Lie::from_number(number).unwrap();
        let mut target = vec![9; 3];
        lie.turn(rows.concat().as_bytes(), (lying[0].len(), lying.len()), rows[0].len(), 1, &mut target);
        assert_eq!(lie.upright_size(lying[0].len() as u32, lying.len() as u32), (2, 3));
        String::from_utf8(target).unwrap()
    }

    #[test]
    fn what_lies_any_way_is_turned_upright() {
        let ways: [&[&str]; 8] = [
            &["ab", "cd", "ef"],
            &["bdf", "ace"],
            &["fe", "dc", "ba"],
            &["eca", "fdb"],
            &["ba", "dc", "fe"],
            &["ace", "bdf"],
            &["ef", "cd", "ab"],
            &["fdb", "eca"],
        ];
        for (number, lying) in ways.into_iter().enumerate() {
            assert_eq!(upright(number as u32, lying), "abcdef", "{number}");
        }
        assert_eq!(Lie::from_number(8), None);
    }

    #[test]
    fn larger_than_a_tile_and_with_more_bytes_a_pixel_is_the_same() {
        let (width, height) = (70_usize, 45_usize);
        let source: Vec<u8> = (0..width * height).flat_map(|at| [at as u8, (at >> 8) as u8, 7]).collect();
        let mut target = Vec::new();
        Lie::from_number(1).unwrap().turn(&source, (width, height), width * 3, 3, &mut target);
        for (at, pixel) in target.chunks_exact(3).enumerate() {
            let (x, y) = (at % height, at / height);
            let from = (height - 1 - x) * width + y;
            assert_eq!(pixel, [from as u8, (from >> 8) as u8, 7], "{x} {y}");
        }
        Lie::default().turn(&source[..9], (width, height), width * 3, 3, &mut target);
        assert!(target.is_empty());
    }
}
