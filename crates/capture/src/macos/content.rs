//! What there is to capture.

use std::sync::mpsc::channel;
use std::time::Duration;

use block2::RcBlock;
use objc2::AnyThread;
use objc2::rc::Retained;
use objc2_foundation::{NSArray, NSError};
use objc2_screen_capture_kit::{SCContentFilter, SCDisplay, SCShareableContent, SCWindow};

use crate::picker::{ScreenInfo, ScreenList, WindowInfo};
use crate::{CaptureError, VideoSource};

/// How long the system may take to tell. While the person has not agreed, it answers that they have not.
const PATIENCE: Duration = Duration::from_secs(10);

/// As many bytes of a title as are passed on.
const LONGEST_TITLE: usize = 1_024;

/// `SCStreamErrorUserDeclined`.
const DECLINED: isize = -3_801;

/// All screens and windows of one moment.
pub(super) struct Content {
    displays: Vec<Retained<SCDisplay>>,
    windows: Vec<Retained<SCWindow>>,
}

/// One screen or window.
pub(super) struct Target {
    pub(super) filter: Retained<SCContentFilter>,
    pub(super) label: String,
    /// Points; a point has two pixels a side on most displays of today.
    pub(super) width: u32,
    pub(super) height: u32,
}

/// Goes from the system's queue to the thread that waits.
struct Sent(Retained<SCShareableContent>);

#[allow(unsafe_code, reason = "an immutable object of the system, used by one thread after the other")]
// SAFETY: ScreenCaptureKit hands the object over on a queue of its own and keeps no other use of it.
unsafe impl Send for Sent {}

impl Content {
    #[allow(unsafe_code, reason = "calls of ScreenCaptureKit")]
    pub(super) fn fetch() -> Result<Self, CaptureError> {
        let (told, heard) = channel();
        let answer = RcBlock::new(move |content: *mut SCShareableContent, error: *mut NSError| {
            // SAFETY: both are null or objects that live as long as this call; `retain` keeps the first one longer.
            let (content, error) = unsafe { (Retained::retain(content), error.as_ref()) };
            let _ = told.send(match (content, error) {
                (Some(content), _) => Ok(Sent(content)),
                (None, Some(error)) => Err(told_by(error)),
                (None, None) => Err(CaptureError::NoScreen("the system told nothing".into())),
            });
        });
        // SAFETY: the block takes what the method hands over, and keeps nothing of this thread's.
        unsafe {
            SCShareableContent::getShareableContentExcludingDesktopWindows_onScreenWindowsOnly_completionHandler(
                true, true, &answer,
            );
        }
        let Sent(content) = heard
            .recv_timeout(PATIENCE)
            .map_err(|_| CaptureError::NoScreen("the system did not answer".into()))??;
        // SAFETY: properties of an immutable object.
        let (displays, windows) = unsafe { (content.displays(), content.windows()) };
        Ok(Self { displays: displays.to_vec(), windows: windows.to_vec() })
    }

    #[allow(unsafe_code, reason = "properties of ScreenCaptureKit's objects")]
    pub(super) fn list(&self) -> ScreenList {
        let screens = self.displays.iter().enumerate().map(|(number, display)| {
            // SAFETY: properties of an immutable object.
            let (frame, width, height) = unsafe { (display.frame(), display.width(), display.height()) };
            ScreenInfo {
                name: screen_name(number),
                x: frame.origin.x as i32,
                y: frame.origin.y as i32,
                width: u32::try_from(width).unwrap_or_default(),
                height: u32::try_from(height).unwrap_or_default(),
                // The one with the menu bar lies at the origin.
                is_primary: (frame.origin.x, frame.origin.y) == (0.0, 0.0),
            }
        });
        let windows = self.windows.iter().filter_map(|window| {
            let title = title_of(window)?;
            let (width, height) = size_of(window);
            // SAFETY: properties of an immutable object. Layer 0 is that of programs' windows.
            let (id, layer) = unsafe { (window.windowID(), window.windowLayer()) };
            (layer == 0 && width > 1 && height > 1).then(|| WindowInfo {
                id: id.to_string(),
                title,
                width,
                height,
            })
        });
        ScreenList { screens: screens.collect(), windows: windows.collect(), has_portal: false }
    }

    pub(super) fn target(&self, source: &VideoSource) -> Result<Target, CaptureError> {
        let missing = |what: &str| CaptureError::NoScreen(format!("there is no such {what}"));
        match source {
            VideoSource::PrimaryScreen => {
                let primary = self.list().screens.iter().position(|screen| screen.is_primary).unwrap_or(0);
                self.display(primary).ok_or_else(|| missing("monitor"))
            }
            VideoSource::Monitor(index) => self.display(*index).ok_or_else(|| missing("monitor")),
            VideoSource::Window(id) => self.window(|info| info.id == *id).ok_or_else(|| missing("window")),
            VideoSource::WindowTitled(text) => {
                self.window(|info| info.title.contains(text.as_str())).ok_or_else(|| missing("window"))
            }
            VideoSource::DefaultCamera
            | VideoSource::Camera(_)
            | VideoSource::Pattern
            | VideoSource::File(_)
            | VideoSource::Portal
            | VideoSource::ScreenPattern => Err(CaptureError::NoScreen("this is no screen".into())),
        }
    }

    #[allow(unsafe_code, reason = "makes an object of ScreenCaptureKit")]
    fn display(&self, index: usize) -> Option<Target> {
        let display = self.displays.get(index)?;
        // SAFETY: both arguments live through the call, which keeps what it needs.
        let filter = unsafe {
            SCContentFilter::initWithDisplay_excludingWindows(
                SCContentFilter::alloc(),
                display,
                &NSArray::new(),
            )
        };
        // SAFETY: properties of an immutable object.
        let (width, height) = unsafe { (display.width(), display.height()) };
        let side = |side: isize| u32::try_from(side).unwrap_or_default();
        Some(Target { filter, label: screen_name(index), width: side(width), height: side(height) })
    }

    #[allow(unsafe_code, reason = "makes an object of ScreenCaptureKit")]
    fn window(&self, wanted: impl Fn(&WindowInfo) -> bool) -> Option<Target> {
        let info = self.list().windows.into_iter().find(wanted)?;
        // SAFETY: a property of an immutable object.
        let window = self.windows.iter().find(|one| unsafe { one.windowID() }.to_string() == info.id)?;
        // SAFETY: the window lives through the call, which keeps what it needs.
        let filter =
            unsafe { SCContentFilter::initWithDesktopIndependentWindow(SCContentFilter::alloc(), window) };
        Some(Target { filter, label: info.title, width: info.width, height: info.height })
    }
}

fn screen_name(number: usize) -> String {
    format!("Display {}", number + 1)
}

#[allow(unsafe_code, reason = "a property of ScreenCaptureKit's objects")]
fn title_of(window: &SCWindow) -> Option<String> {
    // SAFETY: a property of an immutable object.
    let mut title = unsafe { window.title() }?.to_string();
    title.truncate(title.floor_char_boundary(LONGEST_TITLE));
    (!title.trim().is_empty()).then_some(title)
}

#[allow(unsafe_code, reason = "a property of ScreenCaptureKit's objects")]
fn size_of(window: &SCWindow) -> (u32, u32) {
    // SAFETY: a property of an immutable object.
    let frame = unsafe { window.frame() };
    (frame.size.width as u32, frame.size.height as u32)
}

/// What the system said, in our words.
pub(super) fn told_by(error: &NSError) -> CaptureError {
    if error.code() == DECLINED {
        return CaptureError::ScreenDenied;
    }
    CaptureError::NoScreen(error.localizedDescription().to_string())
}
