//! Screens and windows of Windows, through Windows.Graphics.Capture, which draws the cursor and delivers a picture only
//! when something changed.
//!
//! **Untested**: not built for Windows and never tried there; its types were checked.

mod session;

use std::time::Duration;

use windows_capture::monitor::Monitor;
use windows_capture::window::Window;

use crate::capture::Source;
use crate::orders::Orders;
use crate::output::Output;
use crate::picker::{ScreenInfo, ScreenList, Thumbnail, WindowInfo};
use crate::{CaptureError, VideoSource, thumbnail};
use session::{Session, Target};

/// How long a thumbnail may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// As many bytes of a title as are passed on.
const LONGEST_TITLE: usize = 1_024;

pub(crate) fn list() -> Result<ScreenList, CaptureError> {
    let monitors = Monitor::enumerate().map_err(none)?;
    let primary = Monitor::primary().ok();
    let screens = monitors
        .into_iter()
        .map(|monitor| ScreenInfo {
            name: monitor.name().unwrap_or_else(|_| "Monitor".into()),
            // The library does not tell where a monitor lies; nothing here depends on it.
            x: 0,
            y: 0,
            width: monitor.width().unwrap_or_default(),
            height: monitor.height().unwrap_or_default(),
            is_primary: Some(monitor) == primary,
        })
        .collect();
    let windows = Window::enumerate().map_err(none)?;
    let windows = windows.into_iter().filter_map(window_info).collect();
    Ok(ScreenList { screens, windows, has_portal: false })
}

fn window_info(window: Window) -> Option<WindowInfo> {
    let mut title = window.title().ok().filter(|title| !title.trim().is_empty())?;
    title.truncate(title.floor_char_boundary(LONGEST_TITLE));
    let side = |side: i32| u32::try_from(side).ok().filter(|side| *side > 0);
    let (width, height) = (side(window.width().ok()?)?, side(window.height().ok()?)?);
    Some(WindowInfo { id: id_of(window), title, width, height })
}

fn id_of(window: Window) -> String {
    format!("{:x}", window.as_raw_hwnd().addr())
}

pub(crate) fn picture(source: &VideoSource, max_width: u32) -> Result<Thumbnail, CaptureError> {
    let session = Session::start(target(source)?)?;
    let shot = session.latest().first(PATIENCE)?;
    let (width, height) = shot.size();
    thumbnail::from_bgrx(&shot.packed(), width, height, max_width)
}

pub(crate) fn open(source: &VideoSource) -> Result<Box<dyn Source>, CaptureError> {
    let target = target(source)?;
    let label = target.label();
    Ok(Box::new(Screen { session: Session::start(target)?, label }))
}

/// What is meant, as it is now.
fn target(source: &VideoSource) -> Result<Target, CaptureError> {
    let window = |wanted: &dyn Fn(&Window) -> bool| {
        let windows = Window::enumerate().map_err(none)?;
        let found = windows.into_iter().find(wanted);
        found.map(Target::Window).ok_or_else(|| CaptureError::NoScreen("there is no such window".into()))
    };
    match source {
        VideoSource::PrimaryScreen => Monitor::primary().map(Target::Monitor).map_err(none),
        VideoSource::Monitor(index) => {
            let monitors = Monitor::enumerate().map_err(none)?;
            let found = monitors.get(*index).copied().map(Target::Monitor);
            found.ok_or_else(|| CaptureError::NoScreen("there is no such monitor".into()))
        }
        VideoSource::Window(id) => window(&|one| id_of(*one) == *id),
        VideoSource::WindowTitled(text) => {
            window(&|one| one.title().is_ok_and(|title| title.contains(text.as_str())))
        }
        VideoSource::DefaultCamera
        | VideoSource::Camera(_)
        | VideoSource::Pattern
        | VideoSource::File(_)
        | VideoSource::Portal
        | VideoSource::ScreenPattern => Err(CaptureError::NoScreen("this is no screen".into())),
    }
}

fn none(error: impl std::fmt::Display) -> CaptureError {
    CaptureError::NoScreen(error.to_string())
}

struct Screen {
    session: Session,
    label: String,
}

impl Source for Screen {
    fn label(&self) -> String {
        self.label.clone()
    }

    fn lost(&self) -> CaptureError {
        CaptureError::ScreenLost
    }

    fn run(&mut self, orders: &Orders, output: &mut Output) -> Result<(), CaptureError> {
        // The rate is kept by how often a picture is fetched; the system's own limit needs a newer Windows.
        self.session.latest().deliver(orders, output, |_| {})
    }
}
