//! Cameras.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod jpeg;
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "other systems unpack pixels themselves"))]
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

/// Likewise.
#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::names;

/// Chooses a camera by name, or the first one.
#[cfg(not(target_os = "linux"))]
pub(crate) fn open(name: Option<&str>, format: CaptureFormat) -> Result<Box<dyn Source>, CaptureError> {
    Ok(Box::new(elsewhere::Camera::choose(name, format)?))
}
