//! The connection to an X server, and what the server can do.

use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::{ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::composite::{self, ConnectionExt as _};
use x11rb::protocol::damage::{self, ConnectionExt as _};
use x11rb::protocol::randr::{self, ConnectionExt as _};
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ConnectionExt as _, Format, ImageOrder, Screen, Visualid, Visualtype, Window};
use x11rb::rust_connection::RustConnection;

use crate::CaptureError;

/// One connection. All requests block for one round trip to a local server.
pub(crate) struct Display {
    pub(crate) connection: RustConnection,
    screen: usize,
    /// Grabs go through shared memory.
    pub(crate) has_shm: bool,
    /// A window's own content can be had while it is covered.
    pub(crate) has_composite: bool,
    /// The server tells what was drawn.
    pub(crate) has_damage: bool,
    /// The server tells how the cursor looks.
    pub(crate) has_xfixes: bool,
    /// Somebody composes the screen of windows that each have memory of their own already.
    pub(crate) has_compositor: bool,
    /// The server knows monitors (RandR 1.5).
    pub(crate) has_monitors: bool,
}

impl Display {
    /// Connects to the display of that name, or to the one of the environment.
    pub(crate) fn connect(name: Option<&str>) -> Result<Self, CaptureError> {
        let (connection, screen) = RustConnection::connect(name)
            .map_err(|error| CaptureError::NoScreen(format!("no X server answers: {error}")))?;
        let mut display = Self {
            connection,
            screen,
            has_shm: false,
            has_composite: false,
            has_damage: false,
            has_compositor: false,
            has_xfixes: false,
            has_monitors: false,
        };
        display.negotiate().map_err(gone)?;
        Ok(display)
    }

    /// Asks for each extension's version: before that, most servers refuse its requests.
    fn negotiate(&mut self) -> Result<(), ReplyError> {
        let connection = &self.connection;
        let has = |name| connection.extension_information(name).map(|information| information.is_some());
        if has(shm::X11_EXTENSION_NAME)? {
            let version = connection.shm_query_version()?.reply()?;
            // Memory passed as a file descriptor, which no other process can attach to.
            self.has_shm = (version.major_version, version.minor_version) >= (1, 2);
        }
        if has(xfixes::X11_EXTENSION_NAME)? {
            self.has_xfixes = connection.xfixes_query_version(5, 0)?.reply()?.major_version >= 2;
        }
        if self.has_xfixes && has(damage::X11_EXTENSION_NAME)? {
            self.has_damage = connection.damage_query_version(1, 1)?.reply()?.major_version >= 1;
        }
        if has(composite::X11_EXTENSION_NAME)? {
            let version = connection.composite_query_version(0, 4)?.reply()?;
            self.has_composite = (version.major_version, version.minor_version) >= (0, 2);
        }
        // As the EWMH has compositing managers tell of themselves.
        let name = format!("_NET_WM_CM_S{}", self.screen);
        let selection = connection.intern_atom(false, name.as_bytes())?.reply()?.atom;
        self.has_compositor = connection.get_selection_owner(selection)?.reply()?.owner != x11rb::NONE;
        if has(randr::X11_EXTENSION_NAME)? {
            let version = connection.randr_query_version(1, 5)?.reply()?;
            self.has_monitors = (version.major_version, version.minor_version) >= (1, 5);
        }
        Ok(())
    }

    fn screen(&self) -> &Screen {
        &self.connection.setup().roots[self.screen]
    }

    pub(crate) fn root(&self) -> Window {
        self.screen().root
    }

    /// How the server lays out pictures of that depth.
    pub(crate) fn pixmap_format(&self, depth: u8) -> Option<Format> {
        self.connection.setup().pixmap_formats.iter().copied().find(|format| format.depth == depth)
    }

    pub(crate) fn visual(&self, id: Visualid) -> Option<Visualtype> {
        self.screen()
            .allowed_depths
            .iter()
            .flat_map(|depth| &depth.visuals)
            .find(|visual| visual.visual_id == id)
            .copied()
    }

    pub(crate) fn is_little_endian(&self) -> bool {
        self.connection.setup().image_byte_order == ImageOrder::LSB_FIRST
    }
}

/// What a failed request says of what we capture: the server closed it, or is gone itself.
pub(crate) fn gone(error: impl Into<ReplyOrIdError>) -> CaptureError {
    let error = error.into();
    tracing::debug!(%error, "the X server refused");
    CaptureError::ScreenLost
}

/// Likewise for a request that could not be sent.
pub(crate) fn unsent(error: ConnectionError) -> CaptureError {
    gone(ReplyError::from(error))
}
