//! The second WebSocket of the door, for pictures. It is opened with the same `hello`; then the client says which
//! pictures it shows and how large, as JSON text, and the core sends them as binary frames: a header of
//! [`PICTURE_HEADER`] bytes, then the pixels.
//!
//! ```text
//!  bytes  0..4    number of the picture, as in the client's list (all numbers little-endian)
//!  bytes  4..6    width, pixels
//!  bytes  6..8    height, pixels
//!  byte   8       layout: 0 I420 (Y, U, V planes without padding, BT.601 limited range), 1 RGBA
//!  bytes  9..12   zero
//!  bytes 12..     pixels
//! ```
//!
//! A picture is sent when there is a newer one and fewer than [`PICTURES_IN_FLIGHT`] of that number are under way: each
//! is given back by `drawn`. Whoever draws slowly so gets fewer pictures, and none that is old.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::TrackKind;

/// Bytes before the pixels.
pub const PICTURE_HEADER: usize = 12;

/// Pictures of one number that may be under way to a client.
pub const PICTURES_IN_FLIGHT: u8 = 2;

/// How the pixels of a picture lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PixelLayout {
    /// For a page that can make a `VideoFrame`.
    #[default]
    I420,
    /// For one that cannot.
    Rgba,
}

/// A picture that a page shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct ShownPicture {
    /// Chosen by the page, unique in its list.
    pub number: u32,
    /// Of which call; `None`: the chosen camera as it would be seen in a call, which opens it as long as it is shown.
    pub call: Option<String>,
    /// Whose; `None`: ours.
    pub participant: Option<String>,
    /// Camera or screen.
    pub kind: TrackKind,
    /// How wide it is shown, device pixels. What is sent is not much larger.
    pub width: u16,
}

/// From a page to the core, after its `hello`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum PictureFrame {
    /// The page shows these pictures from now on, and no others.
    Show {
        /// In what form.
        #[serde(default)]
        layout: PixelLayout,
        /// Which.
        pictures: Vec<ShownPicture>,
    },
    /// A picture was drawn, and another of its number may come.
    Drawn {
        /// Of which number.
        number: u32,
    },
}

/// The header of a picture.
pub fn picture_header(number: u32, width: u16, height: u16, layout: PixelLayout) -> [u8; PICTURE_HEADER] {
    let mut header = [0; PICTURE_HEADER];
    header[..4].copy_from_slice(&number.to_le_bytes());
    header[4..6].copy_from_slice(&width.to_le_bytes());
    header[6..8].copy_from_slice(&height.to_le_bytes());
    header[8] = match layout {
        PixelLayout::I420 => 0,
        PixelLayout::Rgba => 1,
    };
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_lies_as_described() {
        let header = picture_header(0x0102_0304, 1280, 720, PixelLayout::Rgba);
        assert_eq!(header, [4, 3, 2, 1, 0, 5, 0xd0, 2, 1, 0, 0, 0]);
    }
}
