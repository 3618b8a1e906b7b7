//! How an X server lays out pixels, and how they become ours: four bytes, blue first.

use x11rb::protocol::xproto::{VisualClass, Visualid};

use super::display::Display;

/// Where the colours lie in a server's pixel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    bytes_per_pixel: usize,
    /// Rows begin at multiples of so many bytes.
    row_alignment: usize,
    little_endian: bool,
    red: Channel,
    green: Channel,
    blue: Channel,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Channel {
    shift: u32,
    bits: u32,
}

impl Channel {
    fn of(mask: u32) -> Self {
        Self { shift: mask.trailing_zeros().min(31), bits: mask.count_ones() }
    }

    /// The channel's value, 0 to 255.
    fn value(self, pixel: u32) -> u8 {
        if self.bits == 0 {
            return 0;
        }
        let most = (1_u64 << self.bits) - 1;
        let value = u64::from(pixel >> self.shift) & most;
        (value * 255 / most) as u8
    }
}

impl Layout {
    /// Of a drawable of that depth and visual; `None` for what has no colours of its own (palettes) or is packed in
    /// other than 2 or 4 bytes.
    pub(crate) fn of(display: &Display, depth: u8, visual: Visualid) -> Option<Self> {
        let format = display.pixmap_format(depth)?;
        let visual = display.visual(visual)?;
        if visual.class != VisualClass::TRUE_COLOR && visual.class != VisualClass::DIRECT_COLOR {
            return None;
        }
        if !matches!(format.bits_per_pixel, 16 | 32) || format.scanline_pad < 8 {
            return None;
        }
        Some(Self {
            bytes_per_pixel: usize::from(format.bits_per_pixel / 8),
            row_alignment: usize::from(format.scanline_pad / 8),
            little_endian: display.is_little_endian(),
            red: Channel::of(visual.red_mask),
            green: Channel::of(visual.green_mask),
            blue: Channel::of(visual.blue_mask),
        })
    }

    /// Bytes from one row to the next.
    pub(crate) fn stride(&self, width: u16) -> usize {
        (usize::from(width) * self.bytes_per_pixel).next_multiple_of(self.row_alignment)
    }

    /// Whether the server's pixels are ours already.
    pub(crate) fn is_bgrx(&self) -> bool {
        let channel = |shift| Channel { shift, bits: 8 };
        self.bytes_per_pixel == 4
            && self.little_endian
            && self.red == channel(16)
            && self.green == channel(8)
            && self.blue == channel(0)
    }

    /// Brings whole rows into our layout, without padding. Rows that `from` does not hold stay as they are.
    pub(crate) fn convert(&self, from: &[u8], width: u16, into: &mut [u8]) {
        let stride = self.stride(width);
        let rows = into.chunks_exact_mut(usize::from(width) * 4).zip(from.chunks_exact(stride));
        for (out, row) in rows {
            let pixels = row.chunks_exact(self.bytes_per_pixel);
            for (out, bytes) in out.chunks_exact_mut(4).zip(pixels) {
                let pixel = self.pixel(bytes);
                out.copy_from_slice(&[
                    self.blue.value(pixel),
                    self.green.value(pixel),
                    self.red.value(pixel),
                    0,
                ]);
            }
        }
    }

    fn pixel(&self, bytes: &[u8]) -> u32 {
        let shifted = |pixel: u32, byte: &u8| pixel << 8 | u32::from(*byte);
        if self.little_endian { bytes.iter().rev().fold(0, shifted) } else { bytes.iter().fold(0, shifted) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(bytes_per_pixel: usize, little_endian: bool, masks: [u32; 3]) -> Layout {
        let [red, green, blue] = masks.map(Channel::of);
        Layout { bytes_per_pixel, row_alignment: 4, little_endian, red, green, blue }
    }

    #[test]
    fn the_usual_layout_is_taken_as_it_is() {
        assert!(layout(4, true, [0xff_0000, 0xff00, 0xff]).is_bgrx());
        assert!(!layout(4, false, [0xff_0000, 0xff00, 0xff]).is_bgrx());
        assert!(!layout(4, true, [0xff, 0xff00, 0xff_0000]).is_bgrx());
        assert!(!layout(2, true, [0xf800, 0x7e0, 0x1f]).is_bgrx());
    }

    #[test]
    fn others_are_converted() {
        let mut out = [9; 8];
        // Three 16-bit pixels would fill 6 bytes: a row is padded to 8.
        let narrow = layout(2, true, [0xf800, 0x7e0, 0x1f]);
        assert_eq!(narrow.stride(3), 8);
        narrow.convert(&[0x00, 0xf8, 0x1f, 0x00], 2, &mut out);
        assert_eq!(out, [0, 0, 255, 0, 255, 0, 0, 0]);

        let deep = layout(4, true, [0x3ff0_0000, 0xf_fc00, 0x3ff]);
        deep.convert(&0x3ff0_0200_u32.to_le_bytes(), 1, &mut out[..4]);
        assert_eq!(out[..4], [127, 0, 255, 0]);

        let big = layout(4, false, [0xff_0000, 0xff00, 0xff]);
        big.convert(&[0, 1, 2, 3], 1, &mut out[..4]);
        assert_eq!(out[..4], [3, 2, 1, 0]);
    }

    #[test]
    fn a_short_answer_leaves_the_rest() {
        let mut out = [7; 8];
        layout(4, false, [0xff_0000, 0xff00, 0xff]).convert(&[0, 1, 2, 3, 4], 1, &mut out);
        assert_eq!(out, [3, 2, 1, 0, 7, 7, 7, 7]);
    }
}
