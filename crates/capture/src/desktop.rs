//! Screens and windows of this system, whichever way it shows them.

use crate::capture::Source;
use crate::picker::{ScreenList, Thumbnail};
use crate::{CaptureError, VideoSource};

#[cfg(target_os = "linux")]
mod here {
    use super::{CaptureError, ScreenList, Source, Thumbnail, VideoSource};
    use crate::wayland::PortalSource;
    use crate::x11::{self, Choice, Display, X11Source};

    /// Whether the session is a Wayland one. Its X server then shows old programs alone, and black in place of others.
    pub(super) fn is_wayland() -> bool {
        std::env::var_os("WAYLAND_DISPLAY").is_some_and(|name| !name.is_empty())
    }

    pub(super) fn list() -> Result<ScreenList, CaptureError> {
        if is_wayland() {
            return Ok(ScreenList { has_portal: true, ..ScreenList::default() });
        }
        let display = Display::connect(None)?;
        Ok(ScreenList {
            screens: x11::screens(&display)?,
            windows: x11::windows(&display)?,
            has_portal: false,
        })
    }

    pub(super) fn thumbnail(source: &VideoSource, max_width: u32) -> Result<Thumbnail, CaptureError> {
        let choice = choice(source).filter(|_| !is_wayland());
        let choice = choice.ok_or_else(|| CaptureError::NoScreen("there is no picture of it yet".into()))?;
        x11::picture(&Display::connect(None)?, &choice, max_width)
    }

    /// In a Wayland session nobody but the person chooses, whatever is asked for.
    pub(super) fn open(source: &VideoSource) -> Result<Box<dyn Source>, CaptureError> {
        match choice(source) {
            Some(choice) if !is_wayland() => Ok(Box::new(X11Source::open(None, &choice)?)),
            Some(_) | None => Ok(Box::new(PortalSource::new(None))),
        }
    }

    fn choice(source: &VideoSource) -> Option<Choice> {
        match source {
            VideoSource::PrimaryScreen => Some(Choice::Primary),
            VideoSource::Monitor(index) => Some(Choice::Monitor(*index)),
            VideoSource::Window(id) => Some(Choice::Window(id.clone())),
            VideoSource::WindowTitled(text) => Some(Choice::WindowTitled(text.clone())),
            VideoSource::DefaultCamera
            | VideoSource::Camera(_)
            | VideoSource::Pattern
            | VideoSource::File(_)
            | VideoSource::Portal
            | VideoSource::ScreenPattern => None,
        }
    }
}

#[cfg(target_os = "windows")]
mod here {
    pub(super) use crate::windows::{list, open, picture as thumbnail};
}

#[cfg(target_os = "macos")]
mod here {
    pub(super) use crate::macos::{list, open, picture as thumbnail};
}

pub(crate) fn list() -> Result<ScreenList, CaptureError> {
    here::list()
}

pub(crate) fn thumbnail(source: &VideoSource, max_width: u32) -> Result<Thumbnail, CaptureError> {
    here::thumbnail(source, max_width)
}

/// Opens a screen, a window or the system's own dialog.
pub(crate) fn open(source: &VideoSource) -> Result<Box<dyn Source>, CaptureError> {
    here::open(source)
}
