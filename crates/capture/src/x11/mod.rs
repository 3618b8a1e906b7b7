//! Screens and windows of an X server: what there is, and how it is captured.
//!
//! ```text
//!  XDamage: something was drawn ─┐
//!  XFixes: the cursor changed   ─┼▶ next tick ─▶ XShm grab ─▶ cursor drawn in ─▶ I420 ─▶ same as before? nothing
//!  pointer moved (asked)        ─┘                                                   └▶ else: delivered
//! ```

mod cursor;
mod display;
mod grab;
mod layout;
mod monitors;
mod source;
mod target;
mod windows;

#[cfg(test)]
mod tests;

use crate::picker::{ScreenInfo, Thumbnail, WindowInfo};
use crate::{CaptureError, thumbnail};

pub(crate) use display::Display;
pub(crate) use source::X11Source;
pub(crate) use target::Choice;

/// All monitors, in the order by which [`Choice::Monitor`] counts.
pub(crate) fn screens(display: &Display) -> Result<Vec<ScreenInfo>, CaptureError> {
    Ok(monitors::list(display)?
        .into_iter()
        .map(|monitor| ScreenInfo {
            name: monitor.name,
            x: i32::from(monitor.area.x),
            y: i32::from(monitor.area.y),
            width: u32::from(monitor.area.width),
            height: u32::from(monitor.area.height),
            is_primary: monitor.is_primary,
        })
        .collect())
}

/// All windows people know of.
pub(crate) fn windows(display: &Display) -> Result<Vec<WindowInfo>, CaptureError> {
    Ok(windows::list(display)?
        .into_iter()
        .map(|window| WindowInfo {
            id: window.id.to_string(),
            title: window.title,
            width: u32::from(window.width),
            height: u32::from(window.height),
        })
        .collect())
}

/// One small picture of it, as it is now.
pub(crate) fn picture(display: &Display, choice: &Choice, max_width: u32) -> Result<Thumbnail, CaptureError> {
    let mut target = target::Target::find(display, choice)?;
    let mut grabber = grab::Grabber::new(display);
    target.settle(display);
    let image = target
        .grab(display, &mut grabber)?
        .ok_or_else(|| CaptureError::NoScreen("the window is not shown now".into()))?;
    thumbnail::from_bgrx(image.pixels, image.width, image.height, max_width)
}
