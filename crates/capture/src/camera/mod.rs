//! Cameras.

#[cfg(target_os = "linux")]
mod jpeg;
#[cfg(target_os = "linux")]
mod mode;
#[cfg(target_os = "linux")]
mod video4linux;

use crate::CaptureError;
use crate::CaptureFormat;
use crate::capture::Source;

/// The names of all cameras, as [`open`] takes them.
#[cfg(target_os = "linux")]
pub(crate) fn names() -> Vec<String> {
    video4linux::list(&video4linux::Folders::default()).into_iter().map(|node| node.name).collect()
}

/// Opens a camera by name, or the first one.
#[cfg(target_os = "linux")]
pub(crate) fn open(name: Option<&str>, format: CaptureFormat) -> Result<Box<dyn Source>, CaptureError> {
    let camera = video4linux::Camera::open(&video4linux::Folders::default(), name, format)?;
    Ok(Box::new(camera))
}

/// The names of all cameras: there is no way to them on this system yet.
#[cfg(not(target_os = "linux"))]
pub(crate) fn names() -> Vec<String> {
    Vec::new()
}

/// No camera can be opened on this system yet.
#[cfg(not(target_os = "linux"))]
pub(crate) fn open(_name: Option<&str>, _format: CaptureFormat) -> Result<Box<dyn Source>, CaptureError> {
    Err(CaptureError::NoCamera)
}
