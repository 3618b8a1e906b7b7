//! What fuzz targets call: the reader of what comes through the door. Not an interface.

use crate::{ClientFrame, CoreFrame, PictureFrame};

/// A frame of either WebSocket, in either direction.
pub fn frame(text: &str) {
    if let Ok(frame) = serde_json::from_str::<ClientFrame>(text) {
        assert!(serde_json::to_string(&frame).is_ok(), "a frame that was read can be written");
        // A log would do this.
        let _ = format!("{frame:?}");
    }
    let _ = serde_json::from_str::<CoreFrame>(text);
    let _ = serde_json::from_str::<PictureFrame>(text);
}
