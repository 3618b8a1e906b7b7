//! What is captured: a monitor's part of the root window, or one window by itself.

use std::time::Duration;

use x11rb::connection::Connection;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt as _, EventMask, Pixmap, Window};

use super::display::{Display, gone, unsent};
use super::grab::{Area, Grabber, Image};
use super::layout::Layout;
use super::monitors::{self, Monitor};
use super::windows;
use crate::CaptureError;

/// How long a window that was just given memory of its own gets to draw what others covered. Until then that memory may
/// hold their pixels, which nobody chose to show.
const REPAINT: Duration = Duration::from_millis(150);

/// What a person chose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Choice {
    Primary,
    Monitor(usize),
    Window(String),
    WindowTitled(String),
}

/// What is captured. Dropping the connection gives back all that was asked of the server.
pub(crate) enum Target {
    Monitor { monitor: Monitor, layout: Layout },
    Window(WindowTarget),
}

pub(crate) struct WindowTarget {
    pub(crate) id: Window,
    title: String,
    layout: Layout,
    border: u16,
    width: u16,
    height: u16,
    is_shown: bool,
    /// The window's own memory; the server makes a new one at each change of size.
    pixmap: Option<Pixmap>,
}

impl Target {
    pub(crate) fn find(display: &Display, choice: &Choice) -> Result<Self, CaptureError> {
        match choice {
            Choice::Primary => {
                Self::monitor(display, |monitors| monitors.into_iter().find(|monitor| monitor.is_primary))
                    .ok_or_else(|| CaptureError::NoScreen("there is no monitor".into()))
            }
            Choice::Monitor(index) => Self::monitor(display, |monitors| monitors.into_iter().nth(*index))
                .ok_or_else(|| CaptureError::NoScreen(format!("monitor {index}"))),
            Choice::Window(id) => {
                let missing = || CaptureError::NoScreen(format!("window {id}"));
                let number = id.parse().map_err(|_| missing())?;
                let known = windows::list(display)?;
                let title = known.into_iter().find(|window| window.id == number).map(|window| window.title);
                WindowTarget::open(display, number, title.unwrap_or_default())
                    .map(Self::Window)
                    .map_err(|_| missing())
            }
            Choice::WindowTitled(text) => {
                let missing = || CaptureError::NoScreen(format!("no window has “{text}” in its title"));
                let known = windows::list(display)?;
                let window = known.into_iter().find(|window| window.title.contains(text.as_str()));
                let window = window.ok_or_else(missing)?;
                WindowTarget::open(display, window.id, window.title).map(Self::Window).map_err(|_| missing())
            }
        }
    }

    fn monitor(display: &Display, pick: impl FnOnce(Vec<Monitor>) -> Option<Monitor>) -> Option<Self> {
        let monitor = pick(monitors::list(display).ok()?)?;
        let layout = layout_of(display, display.root()).ok()?;
        Some(Self::Monitor { monitor, layout })
    }

    pub(crate) fn label(&self) -> &str {
        match self {
            Self::Monitor { monitor, .. } => &monitor.name,
            Self::Window(window) => &window.title,
        }
    }

    /// The window whose drawing shows in it.
    pub(crate) fn window(&self, display: &Display) -> Window {
        match self {
            Self::Monitor { .. } => display.root(),
            Self::Window(window) => window.id,
        }
    }

    /// Its part of that window's coordinates.
    pub(crate) fn area(&self) -> Area {
        match self {
            Self::Monitor { monitor, .. } => monitor.area,
            Self::Window(window) => Area { x: 0, y: 0, width: window.width, height: window.height },
        }
    }

    /// Waits until a window shows its own content.
    pub(crate) fn settle(&self, display: &Display) {
        match self {
            Self::Monitor { .. } => {}
            Self::Window(_) if display.has_composite && !display.has_compositor => {
                std::thread::sleep(REPAINT);
            }
            Self::Window(_) => {}
        }
    }

    /// The monitors changed: takes up the new place of the one that is captured.
    pub(crate) fn monitors_changed(&mut self, display: &Display) -> Result<(), CaptureError> {
        match self {
            Self::Monitor { monitor, .. } => {
                let now = monitors::list(display)?;
                let same = now.into_iter().find(|other| other.name == monitor.name);
                *monitor = same.ok_or(CaptureError::ScreenLost)?;
                Ok(())
            }
            Self::Window(_) => Ok(()),
        }
    }

    /// Fetches its content; `None` while there is none, for it is minimised or has no size.
    pub(crate) fn grab<'a>(
        &mut self,
        display: &Display,
        grabber: &'a mut Grabber,
    ) -> Result<Option<Image<'a>>, CaptureError> {
        match self {
            Self::Monitor { monitor, layout } => {
                match grabber.grab(display, display.root(), monitor.area, *layout) {
                    Ok(image) => Ok(Some(image)),
                    // The monitor became smaller before we heard of it.
                    Err(CaptureError::ScreenLost) => {
                        self.monitors_changed(display)?;
                        Ok(None)
                    }
                    Err(other) => Err(other),
                }
            }
            Self::Window(window) => window.grab(display, grabber),
        }
    }
}

impl WindowTarget {
    fn open(display: &Display, id: Window, title: String) -> Result<Self, CaptureError> {
        let connection = &display.connection;
        let layout = layout_of(display, id)?;
        let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
        connection.change_window_attributes(id, &events).map_err(unsent)?.check().map_err(gone)?;
        let geometry = connection.get_geometry(id).map_err(unsent)?.reply().map_err(gone)?;
        if display.has_composite {
            connection
                .composite_redirect_window(id, Redirect::AUTOMATIC)
                .map_err(unsent)?
                .check()
                .map_err(gone)?;
        }
        Ok(Self {
            id,
            title,
            layout,
            border: geometry.border_width,
            width: geometry.width,
            height: geometry.height,
            is_shown: true,
            pixmap: None,
        })
    }

    /// The window has another size or border. Says whether that is so.
    pub(crate) fn resized(&mut self, display: &Display, width: u16, height: u16, border: u16) -> bool {
        if (self.width, self.height, self.border) == (width, height, border) {
            return false;
        }
        (self.width, self.height, self.border) = (width, height, border);
        self.forget(display);
        true
    }

    /// The window appeared or was hidden.
    pub(crate) fn shown(&mut self, display: &Display, is_shown: bool) {
        self.is_shown = is_shown;
        self.forget(display);
    }

    fn forget(&mut self, display: &Display) {
        if let Some(pixmap) = self.pixmap.take() {
            let _ = display.connection.free_pixmap(pixmap);
        }
    }

    fn grab<'a>(
        &mut self,
        display: &Display,
        grabber: &'a mut Grabber,
    ) -> Result<Option<Image<'a>>, CaptureError> {
        if !self.is_shown {
            return Ok(None);
        }
        if !display.has_composite {
            return self.grab_visible(display, grabber);
        }
        let Some(pixmap) = self.named(display)? else { return Ok(None) };
        let border = i16::try_from(self.border).unwrap_or(0);
        let area = Area { x: border, y: border, width: self.width, height: self.height };
        match grabber.grab(display, pixmap, area, self.layout) {
            Ok(image) => Ok(Some(image)),
            Err(CaptureError::ScreenLost) => {
                // Its size changed and we have not heard yet; or it is closed, which comes as an event.
                self.forget(display);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// The window's memory under a name that we can grab from; `None` while it is hidden, when it has none.
    fn named(&mut self, display: &Display) -> Result<Option<Pixmap>, CaptureError> {
        if self.pixmap.is_none() {
            let pixmap = display.connection.generate_id().map_err(gone)?;
            let named = display.connection.composite_name_window_pixmap(self.id, pixmap).map_err(unsent)?;
            self.pixmap = named.check().is_ok().then_some(pixmap);
        }
        Ok(self.pixmap)
    }

    /// Without Composite: what can be seen of the window, the rest black.
    fn grab_visible<'a>(
        &mut self,
        display: &Display,
        grabber: &'a mut Grabber,
    ) -> Result<Option<Image<'a>>, CaptureError> {
        let connection = &display.connection;
        let place = connection
            .translate_coordinates(self.id, display.root(), 0, 0)
            .map_err(unsent)?
            .reply()
            .map_err(gone)?;
        let root = connection.get_geometry(display.root()).map_err(unsent)?.reply().map_err(gone)?;
        let screen = Area { x: 0, y: 0, width: root.width, height: root.height };
        let window = Area { x: place.dst_x, y: place.dst_y, width: self.width, height: self.height };
        let Some(visible) = window.overlap(screen) else { return Ok(None) };
        let area = Area { x: visible.x - window.x, y: visible.y - window.y, ..visible };
        grabber.grab(display, self.id, area, self.layout).map(Some)
    }
}

fn layout_of(display: &Display, window: Window) -> Result<Layout, CaptureError> {
    let connection = &display.connection;
    let attributes = connection.get_window_attributes(window).map_err(unsent)?.reply().map_err(gone)?;
    let depth = connection.get_geometry(window).map_err(unsent)?.reply().map_err(gone)?.depth;
    Layout::of(display, depth, attributes.visual)
        .ok_or_else(|| CaptureError::NoScreen(format!("pixels of {depth} bits cannot be read")))
}
