//! The door into a running core: a WebSocket and a web API on loopback, found through a file only its owner can read.
//!
//! ```text
//!  window, script ── DoorClient ──▶ ws://127.0.0.1:PORT/control ──▶ Door ──▶ Core
//!                       │   hello(token), commands                   │
//!                       ◀── welcome, replies, events ────────────────┘
//!  any program ───── HTTP, Bearer token ──▶ http://127.0.0.1:PORT/api/cowork ──▶ Door ──▶ the router it was given
//! ```
//!
//! The client half ([`DoorClient`]) is always there. The server half (`Door`, `FolderLock`) comes with the feature
//! `server`, so that the window's process links no HTTP server. Neither half knows what a command or request does.
//!
//! The door is not a network service: it listens on 127.0.0.1 alone, refuses a browser whose `Origin` it was not told of
//! and any request whose `Host` is not its own address (a page that had its name rebound to 127.0.0.1 has neither), sends
//! no CORS headers, and wants a token: the door file's, which is the person's own, or a program's, which the person gave
//! it and can take back. Each token may ask 250 things a second, what was asked is written down (`control-audit.log` of
//! the data folder), and all of it but the window can be switched off.

mod client;
mod door_file;
mod folder;
#[cfg(feature = "server")]
mod server;

pub use client::{ClientError, DoorClient};
pub use door_file::{DOOR_FILE, DoorFile};
pub use folder::default_data_folder;
#[cfg(feature = "server")]
pub use server::{AUDIT_FILE, Core, Door, DoorConfig, DoorError, FolderLock, Program, Viewer, Visitor};

/// What answers the web API: an axum router.
#[cfg(feature = "server")]
pub use axum::Router;

/// The code of the [`bellbird_contract::Problem`] a command yields when the core went away under it.
pub const CORE_GONE: &str = "core-gone";

/// The path of the WebSocket.
pub const CONTROL_PATH: &str = "/control";

/// The path of the WebSocket for pictures, at the same door.
pub const PICTURES_PATH: &str = "/pictures";

/// The path beneath which the web API is, at the same door.
pub const WEB_API_PATH: &str = "/api/cowork";

/// The code of the [`bellbird_contract::Problem`] a command yields, and the reason of a closed WebSocket, while the
/// person lets no other programs in.
pub const PROGRAMS_OFF: &str = "programs-off";

/// The code of the [`bellbird_contract::Problem`] that answers a command which is unknown here or of the wrong kind.
pub const NOT_UNDERSTOOD: &str = "not-understood";

/// The reason of a WebSocket that is closed because of its token.
pub const WRONG_TOKEN: &str = "wrong-token";

/// The detail of a `forbidden` for what a program may not ask.
pub const PERSON_ALONE: &str = "the person alone may do that, not a program";
