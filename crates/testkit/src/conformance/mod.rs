//! What every implementation of a port must do, whoever wrote it: run by the fakes here and meant to be run by the
//! real adapters too.
//!
//! Each check is given makers of what it checks and a `carry`, called again and again while it waits: for a fake it
//! moves the clock and carries packets, for the real thing it lets a few milliseconds pass.

mod media;
mod signaling;

pub use media::media;
pub use signaling::{SignalingParties, signaling};

/// How often `carry` is called before a check gives up waiting. With 5 ms a call: half a minute.
const PATIENCE: usize = 6_000;
