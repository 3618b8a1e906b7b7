//! What there is to choose from.

use crate::{CaptureError, VideoSource, camera};

/// One camera.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CameraInfo {
    /// What [`VideoSource::Camera`] takes; also what people read. Two cameras of one make are told apart by a number.
    pub name: String,
}

/// One monitor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScreenInfo {
    /// As the system calls its connection (`DP-1`).
    pub name: String,
    /// Where its left edge lies among all monitors, pixels.
    pub x: i32,
    /// Where its upper edge lies.
    pub y: i32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Whether it is the main one.
    pub is_primary: bool,
}

/// One window of any program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WindowInfo {
    /// What [`VideoSource::Window`] takes; good as long as the window is open.
    pub id: String,
    /// As its program says; at most 1 KiB.
    pub title: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// Everything that can be shared.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ScreenList {
    /// Monitors; [`VideoSource::Monitor`] counts them.
    pub screens: Vec<ScreenInfo>,
    /// Windows that are shown now.
    pub windows: Vec<WindowInfo>,
    /// The system has a dialog of its own to choose in ([`VideoSource::Portal`]), and lets nobody else list or show
    /// what there is.
    pub has_portal: bool,
}

/// A small picture for a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thumbnail {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The picture as a PNG file.
    pub png: Vec<u8>,
}

/// All cameras, the system's first one first. Opens none for pictures. Blocks for some milliseconds per camera.
pub fn cameras() -> Vec<CameraInfo> {
    camera::names().into_iter().map(|name| CameraInfo { name }).collect()
}

/// All screens and windows. Blocks for some milliseconds. Takes no pictures.
///
/// # Errors
/// [`CaptureError::NoScreen`] when this system has no way to capture any.
pub fn screens() -> Result<ScreenList, CaptureError> {
    crate::desktop::list()
}

/// A picture of a screen or window as it is now, at most `max_width` pixels wide, for a picker. Blocks for tens of
/// milliseconds, for a window up to a fifth of a second. Of cameras and [`VideoSource::Portal`] there is none: one
/// must not be switched on for that, and the other is chosen elsewhere.
///
/// # Errors
/// [`CaptureError::NoScreen`] when there is nothing to be seen of it.
pub fn thumbnail(source: &VideoSource, max_width: u32) -> Result<Thumbnail, CaptureError> {
    crate::desktop::thumbnail(source, max_width)
}
