//! The two doors out of a call. Both are one-way and never block: commands go in, events come back through a sink
//! given at creation, as inputs to the call's own loop.

mod media;
mod problem;
mod signaling;

pub use media::{AudioLevels, MediaCommand, MediaEngine, MediaEvent, MediaSink, Tone};
pub use problem::{Problem, ProblemCode};
pub use signaling::{CallEndedBy, SignalingBackend, SignalingCommand, SignalingEvent, SignalingSink};
