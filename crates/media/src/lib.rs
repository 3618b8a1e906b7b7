//! Peer connections, the send and receive paths, and the audio arithmetic between them.
//!
//! One [`MediaRuntime`] serves a process; each call opens a [`CallMedia`], which carries out
//! [`MediaCommand`](bellbird_call::ports::MediaCommand)s and reports through a
//! [`MediaSink`](bellbird_call::ports::MediaSink). This crate knows no service and decides nothing about a call:
//! it does not ring, count or give up. The WebRTC library is named under `peer` alone.
//!
//! ```text
//!  microphone ─▶ pump (one thread a call) ─▶ encode once ─▶ peer 1 … n ─▶ network
//!  loudspeaker ◀─ pump ◀─ jitter buffers ◀─ peer 1 … n ◀─ network
//!                   │                          │
//!                   └────── engine (one task a call, one event enum) ──▶ MediaSink
//! ```

mod audio;
mod engine;
#[doc(hidden)]
pub mod fuzz;
mod peer;
mod pump;
mod receive;
mod runtime;
mod send;
mod stats;
mod video;

pub use runtime::{CallMedia, CallMediaOptions, DeviceControl, MediaRuntime, Picture, PictureSink};
pub use video::capture_problem;
