//! The door into a running core: a WebSocket on loopback, found through a file only its owner can read.
//!
//! ```text
//!  window, script ── DoorClient ──▶ ws://127.0.0.1:PORT/control ──▶ Door ──▶ Core
//!                       │   hello(token), commands                   │
//!                       ◀── welcome, replies, events ────────────────┘
//! ```
//!
//! The client half ([`DoorClient`]) is always there. The server half (`Door`, `FolderLock`) comes with the feature
//! `server`, so that the window's process links no HTTP server. Neither half knows what a command does.
//!
//! The door is not a network service: it listens on 127.0.0.1 alone, wants the token of the door file in the first
//! frame, and refuses a browser whose `Origin` it was not told of and any request whose `Host` is not its own address
//! (a page that had its name rebound to 127.0.0.1 has neither).

mod client;
mod door_file;
mod folder;
#[cfg(feature = "server")]
mod server;

pub use client::{ClientError, DoorClient};
pub use door_file::{DOOR_FILE, DoorFile};
pub use folder::default_data_folder;
#[cfg(feature = "server")]
pub use server::{Core, Door, DoorConfig, DoorError, FolderLock, Viewer};

/// The code of the [`bellbird_contract::Problem`] a command yields when the core went away under it.
pub const CORE_GONE: &str = "core-gone";

/// The path of the WebSocket.
pub const CONTROL_PATH: &str = "/control";

/// The path of the WebSocket for pictures, at the same door.
pub const PICTURES_PATH: &str = "/pictures";
