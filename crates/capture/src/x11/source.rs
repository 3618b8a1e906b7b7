//! A running capture of a monitor or window.

use std::time::Instant;

use bellbird_video::{PixelFormat, Pixels};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::damage::{ConnectionExt as _, Damage, ReportLevel};
use x11rb::protocol::randr::{ConnectionExt as _, NotifyMask};
use x11rb::protocol::xfixes::{ConnectionExt as _, Region};
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt as _, EventMask};

use super::cursor::Cursor;
use super::display::{Display, gone, unsent};
use super::grab::{Area, Grabber};
use super::target::{Choice, Target};
use crate::capture::Source;
use crate::orders::{Orders, Rhythm, Wake};
use crate::output::Output;
use crate::{CaptureError, CaptureFormat};

/// A monitor or window that is captured.
pub(crate) struct X11Source {
    display: Display,
    target: Target,
    grabber: Grabber,
    cursor: Cursor,
    watched: Option<Watched>,
    /// Something was drawn since the last picture, as far as the server said.
    has_damage: bool,
    /// The picture would look different for another reason.
    is_dirty: bool,
}

/// What the server collects for us.
struct Watched {
    damage: Damage,
    region: Region,
}

impl X11Source {
    /// Opens what was chosen on the display of that name, or of the environment.
    pub(crate) fn open(display: Option<&str>, choice: &Choice) -> Result<Self, CaptureError> {
        let display = Display::connect(display)?;
        let target = Target::find(&display, choice)?;
        let root = display.root();
        if matches!(target, Target::Monitor { .. }) {
            let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
            display.connection.change_window_attributes(root, &events).map_err(unsent)?;
            if display.has_monitors {
                let mask = NotifyMask::SCREEN_CHANGE | NotifyMask::CRTC_CHANGE;
                display.connection.randr_select_input(root, mask).map_err(unsent)?;
            }
        }
        let watched = if display.has_damage { Some(Watched::new(&display, &target)?) } else { None };
        let cursor = Cursor::watch(&display);
        let grabber = Grabber::new(&display);
        Ok(Self { display, target, grabber, cursor, watched, has_damage: false, is_dirty: true })
    }

    /// Hears all that the server has said.
    fn hear(&mut self) -> Result<(), CaptureError> {
        // The requests of the last round have to be out before anything comes back.
        self.display.connection.flush().map_err(unsent)?;
        while let Some(event) = self.display.connection.poll_for_event().map_err(unsent)? {
            self.heed(&event)?;
        }
        Ok(())
    }

    fn heed(&mut self, event: &Event) -> Result<(), CaptureError> {
        match (event, &mut self.target) {
            (Event::DamageNotify(_), _) => self.has_damage = true,
            (Event::XfixesCursorNotify(_), _) => self.cursor.changed(),
            (Event::DestroyNotify(event), Target::Window(window)) if event.window == window.id => {
                return Err(CaptureError::ScreenLost);
            }
            (Event::ConfigureNotify(event), Target::Window(window)) if event.window == window.id => {
                self.is_dirty |= window.resized(&self.display, event.width, event.height, event.border_width);
            }
            (Event::UnmapNotify(event), Target::Window(window)) if event.window == window.id => {
                window.shown(&self.display, false);
            }
            (Event::MapNotify(event), Target::Window(window)) if event.window == window.id => {
                window.shown(&self.display, true);
                self.is_dirty = true;
            }
            (
                Event::RandrScreenChangeNotify(_) | Event::RandrNotify(_) | Event::ConfigureNotify(_),
                target @ Target::Monitor { .. },
            ) => {
                target.monitors_changed(&self.display)?;
                self.is_dirty = true;
            }
            // Requests that came too late for a window that changes are answered so.
            (Event::Error(error), _) => tracing::debug!(?error, "the X server refused"),
            _ => {}
        }
        Ok(())
    }

    /// Whether the picture is worth fetching. Takes back what it knows, so it is to be fetched then.
    pub(super) fn wants_picture(&mut self) -> Result<bool, CaptureError> {
        self.hear()?;
        let area = self.target.area();
        let window = self.target.window(&self.display);
        let origin = (i32::from(area.x), i32::from(area.y));
        let (width, height) = (u32::from(area.width), u32::from(area.height));
        let pointer = self.cursor.look(&self.display, window, origin, width, height);
        let pointed = match pointer {
            Ok(pointed) => pointed,
            // A window that was just closed: its event says so.
            Err(error) => {
                self.hear()?;
                return Err(error);
            }
        };
        let drawn = match &self.watched {
            None => true,
            Some(watched) if std::mem::take(&mut self.has_damage) => watched.take(&self.display, area)?,
            Some(_) => false,
        };
        Ok(std::mem::take(&mut self.is_dirty) | pointed | drawn)
    }

    fn fetch(&mut self, output: &mut Output, format: CaptureFormat) -> Result<(), CaptureError> {
        let captured = Instant::now();
        let Some(mut image) = self.target.grab(&self.display, &mut self.grabber)? else { return Ok(()) };
        self.cursor.draw(&mut image);
        let pixels = Pixels {
            format: PixelFormat::Bgra,
            width: image.width,
            height: image.height,
            stride: image.width as usize * 4,
            data: image.pixels,
        };
        output.deliver_changed(&pixels, captured, format);
        Ok(())
    }
}

impl Watched {
    fn new(display: &Display, target: &Target) -> Result<Self, CaptureError> {
        let connection = &display.connection;
        let damage = connection.generate_id().map_err(gone)?;
        // One event when something is drawn, and no more until it was taken note of.
        connection
            .damage_create(damage, target.window(display), ReportLevel::NON_EMPTY)
            .map_err(unsent)?
            .check()
            .map_err(gone)?;
        let region = connection.generate_id().map_err(gone)?;
        connection.xfixes_create_region(region, &[]).map_err(unsent)?;
        Ok(Self { damage, region })
    }

    /// Takes note of what was drawn; says whether it touches `area`.
    fn take(&self, display: &Display, area: Area) -> Result<bool, CaptureError> {
        let connection = &display.connection;
        connection.damage_subtract(self.damage, x11rb::NONE, self.region).map_err(unsent)?;
        let drawn = connection.xfixes_fetch_region(self.region).map_err(unsent)?.reply().map_err(gone)?;
        let of = |rectangle: &x11rb::protocol::xproto::Rectangle| Area {
            x: rectangle.x,
            y: rectangle.y,
            width: rectangle.width,
            height: rectangle.height,
        };
        Ok(drawn.rectangles.iter().any(|rectangle| of(rectangle).overlap(area).is_some()))
    }
}

impl Source for X11Source {
    fn label(&self) -> String {
        self.target.label().to_owned()
    }

    fn lost(&self) -> CaptureError {
        CaptureError::ScreenLost
    }

    fn run(&mut self, orders: &Orders, output: &mut Output) -> Result<(), CaptureError> {
        self.target.settle(&self.display);
        let mut format = orders.format();
        let mut rhythm = Rhythm::new(Instant::now(), Rhythm::period_of(format.max_fps));
        loop {
            match orders.wait_until(rhythm.next(), format) {
                Wake::Stop => return Ok(()),
                Wake::Refresh => output.repeat(format),
                Wake::Format => {
                    format = orders.format();
                    rhythm.set_period(Rhythm::period_of(format.max_fps));
                    self.is_dirty = true;
                }
                Wake::Due => {
                    rhythm.advance(Instant::now());
                    if self.wants_picture()? {
                        self.fetch(output, format)?;
                    }
                }
            }
        }
    }
}
