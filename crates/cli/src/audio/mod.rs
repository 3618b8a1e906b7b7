//! The demo's speech, and how well it came through.

pub(crate) mod correlation;
mod fourier;
pub(crate) mod speech;
