//! Sample arithmetic: slices in and out, mono, -1..=1, 48 kHz where nothing else is said.
//!
//! Nothing here has a thread, a device or a clock; all of it can be run faster than time, and is in the tests.

pub(crate) mod fade;
pub(crate) mod gain;
pub(crate) mod level;
pub(crate) mod mix;
pub(crate) mod processing;
pub(crate) mod resample;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod tones;

/// The rate sound is processed at, Hz.
pub(crate) const SAMPLE_RATE: u32 = 48_000;

/// Samples in one frame: 10 ms.
pub(crate) const FRAME: usize = 480;
