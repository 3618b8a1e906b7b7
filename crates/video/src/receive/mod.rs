//! From a peer's packets to frames, in order, complete, and at an even pace.
//!
//! ```text
//!  insert ─▶ sequence ─▶ store ──────┐
//!            (unwrap)                ├─▶ FrameBuffer ─▶ poll_frame
//!                        missing ────┤     │    │
//!  continuity (what builds on what) ─┘     │    └─▶ stillness (freezes)
//!  playout (when it is due) ───────────────┘
//! ```
//!
//! [`store`] keeps packets and is bounded, [`missing`] says what to ask for again, [`continuity`] which frame may follow the
//! last, [`playout`] when one is due. The frame buffer alone decides. All of it is told the time and reads no clock.

mod continuity;
mod frame_buffer;
#[cfg(test)]
mod frame_buffer_tests;
mod missing;
mod playout;
mod sequence;
mod stillness;
mod store;

pub use frame_buffer::{FrameBuffer, FrameCounters, ReadyFrame, ReceivedPacket};
