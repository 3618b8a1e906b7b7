//! The mouse cursor, which X servers leave out of pictures.

use x11rb::protocol::xfixes::{ConnectionExt as _, CursorNotifyMask};
use x11rb::protocol::xproto::{ConnectionExt as _, Window};

use super::display::{Display, gone, unsent};
use super::grab::Image;
use crate::CaptureError;

/// Cursors are at most so large; a server that says otherwise is not believed.
const LARGEST_SIDE: u16 = 512;

/// How the cursor looks and where it is.
pub(crate) struct Cursor {
    shape: Shape,
    shape_is_old: bool,
    /// Of the hot spot, in the coordinates of the window asked about.
    position: (i32, i32),
}

/// A picture with premultiplied alpha, 0xAARRGGBB.
#[derive(Default)]
struct Shape {
    width: usize,
    hot: (i32, i32),
    pixels: Vec<u32>,
}

impl Cursor {
    /// Has the server say when the cursor changes its shape.
    pub(crate) fn watch(display: &Display) -> Self {
        if display.has_xfixes {
            let mask = CursorNotifyMask::DISPLAY_CURSOR;
            let _ = display.connection.xfixes_select_cursor_input(display.root(), mask);
        }
        Self { shape: Shape::default(), shape_is_old: display.has_xfixes, position: (i32::MIN, i32::MIN) }
    }

    /// The server said that the shape changed.
    pub(crate) fn changed(&mut self) {
        self.shape_is_old = true;
    }

    /// Asks where the cursor is in `window`, and how it looks when that is not known. Says whether a picture of
    /// `width` by `height` pixels whose corner is at `origin` of that window looks different now.
    pub(crate) fn look(
        &mut self,
        display: &Display,
        window: Window,
        origin: (i32, i32),
        width: u32,
        height: u32,
    ) -> Result<bool, CaptureError> {
        let pointer = display.connection.query_pointer(window).map_err(unsent)?.reply().map_err(gone)?;
        let position = if pointer.same_screen {
            (i32::from(pointer.win_x) - origin.0, i32::from(pointer.win_y) - origin.1)
        } else {
            (i32::MIN, i32::MIN)
        };
        let is_inside = |position: (i32, i32)| {
            let near = |at: i32, length: u32| {
                i64::from(at) > -i64::from(LARGEST_SIDE)
                    && i64::from(at) < i64::from(length) + i64::from(LARGEST_SIDE)
            };
            near(position.0, width) && near(position.1, height)
        };
        let moved = position != self.position && (is_inside(position) || is_inside(self.position));
        self.position = position;
        let reshaped = self.shape_is_old && is_inside(position);
        if reshaped {
            self.shape_is_old = false;
            self.shape = Shape::fetch(display)?;
        }
        Ok(moved || reshaped)
    }

    /// Draws it where it was when last looked for.
    pub(crate) fn draw(&self, image: &mut Image<'_>) {
        if self.shape.width == 0 || self.position.0 == i32::MIN {
            return;
        }
        let left = self.position.0.saturating_sub(self.shape.hot.0);
        let top = self.position.1.saturating_sub(self.shape.hot.1);
        for (row, line) in self.shape.pixels.chunks_exact(self.shape.width).enumerate() {
            let y = i64::from(top) + row as i64;
            if y < 0 || y >= i64::from(image.height) {
                continue;
            }
            for (column, pixel) in line.iter().enumerate() {
                let x = i64::from(left) + column as i64;
                if x < 0 || x >= i64::from(image.width) {
                    continue;
                }
                let at = (y as usize * image.width as usize + x as usize) * 4;
                blend(&mut image.pixels[at..at + 3], *pixel);
            }
        }
    }
}

fn blend(below: &mut [u8], pixel: u32) {
    let [blue, green, red, alpha] = pixel.to_le_bytes();
    let rest = 255 - u32::from(alpha);
    for (below, above) in below.iter_mut().zip([blue, green, red]) {
        let value = u32::from(above) + (u32::from(*below) * rest + 127) / 255;
        *below = value.min(255) as u8;
    }
}

impl Shape {
    fn fetch(display: &Display) -> Result<Self, CaptureError> {
        let reply = display.connection.xfixes_get_cursor_image().map_err(unsent)?.reply().map_err(gone)?;
        let fits = reply.width <= LARGEST_SIDE
            && reply.height <= LARGEST_SIDE
            && reply.cursor_image.len() == usize::from(reply.width) * usize::from(reply.height);
        if !fits {
            return Ok(Self::default());
        }
        Ok(Self {
            width: usize::from(reply.width),
            hot: (i32::from(reply.xhot), i32::from(reply.yhot)),
            pixels: reply.cursor_image,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_over_the_edge_is_cut_off() {
        let shape = Shape { width: 2, hot: (1, 1), pixels: vec![0xffff_ffff, 0, 0x8080_0000, 0xff00_00ff] };
        let mut cursor = Cursor { shape, shape_is_old: false, position: (0, 0) };
        let mut pixels = vec![100; 2 * 2 * 4];
        cursor.draw(&mut Image { pixels: &mut pixels, width: 2, height: 2 });
        // Only its lower right pixel lies in the picture.
        assert_eq!(pixels[..4], [255, 0, 0, 100]);
        assert_eq!(pixels[4..], [100; 12]);

        cursor.position = (1, 1);
        pixels.fill(100);
        cursor.draw(&mut Image { pixels: &mut pixels, width: 2, height: 2 });
        assert_eq!(pixels[..3], [255, 255, 255]);
        assert_eq!(pixels[4..7], [100, 100, 100]);
        assert_eq!(pixels[8..11], [50, 50, 178]);

        cursor.position = (i32::MAX, i32::MIN + 1);
        cursor.draw(&mut Image { pixels: &mut pixels, width: 2, height: 2 });
    }
}
