//! The monitors of an X server.

use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::xproto::ConnectionExt as _;

use super::display::{Display, gone, unsent};
use super::grab::Area;
use crate::CaptureError;

/// One monitor, or the whole screen where the server knows of none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Monitor {
    pub(crate) name: String,
    /// In the root window's coordinates, and within it.
    pub(crate) area: Area,
    pub(crate) is_primary: bool,
}

/// All monitors in the server's order. When none is marked as the primary one, the first is.
pub(crate) fn list(display: &Display) -> Result<Vec<Monitor>, CaptureError> {
    let connection = &display.connection;
    let root = connection.get_geometry(display.root()).map_err(unsent)?.reply().map_err(gone)?;
    let whole = Area { x: 0, y: 0, width: root.width, height: root.height };
    let mut monitors = Vec::new();
    if display.has_monitors {
        let reply =
            connection.randr_get_monitors(display.root(), true).map_err(unsent)?.reply().map_err(gone)?;
        for monitor in reply.monitors {
            let area = Area { x: monitor.x, y: monitor.y, width: monitor.width, height: monitor.height };
            // A monitor may reach past the root window while a person rearranges them.
            let Some(area) = area.overlap(whole) else { continue };
            let name = connection.get_atom_name(monitor.name).map_err(unsent)?.reply().map_err(gone)?;
            monitors.push(Monitor {
                name: String::from_utf8_lossy(&name.name).into_owned(),
                area,
                is_primary: monitor.primary,
            });
        }
    }
    if monitors.is_empty() {
        monitors.push(Monitor { name: "screen".into(), area: whole, is_primary: true });
    }
    if !monitors.iter().any(|monitor| monitor.is_primary) {
        monitors[0].is_primary = true;
    }
    Ok(monitors)
}
