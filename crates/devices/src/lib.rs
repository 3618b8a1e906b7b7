//! Sound capture and playout, and the devices that stand in for them.
//!
//! A [`CaptureStream`] or [`PlayoutStream`] is one open sound device, or something that behaves like one: a file, a
//! tone, a recorder. All of them keep their own pace, hand over mono samples at *their* rate
//! ([`CaptureStream::rate`]) and never block their reader; bringing them to 48 kHz is the reader's work, so that no
//! arithmetic runs where the sound system calls us.
//!
//! ```text
//!  sound system's thread          ring             the call's sound thread
//!  callback: mix to mono ──▶ rtrb, 200 ms ──▶ CaptureStream::read
//!  callback: spread     ◀── rtrb, 200 ms ◀── PlayoutStream::write
//! ```
//!
//! The callbacks neither lock, allocate nor log: they touch a lock-free ring and atomic counters.
//! Nothing here opens a microphone but [`open_capture`]; [`list`] only asks the sound system for names.
//!
//! ```
//! use bellbird_devices::{CaptureSource, open_capture};
//!
//! let mut tone = open_capture(&CaptureSource::Tone { hz: 440.0 })?;
//! let mut samples = [0.0; 480];
//! let count = tone.read(&mut samples); // what has come in since; never waits
//! assert!(count <= 480);
//! # Ok::<(), bellbird_devices::DeviceError>(())
//! ```

pub mod callback;
mod capture;
mod clip;
mod enumerate;
mod error;
mod host;
mod pace;
mod pipe;
mod playout;
mod real;
mod recorder;
mod source;
mod wav;

pub use capture::{CaptureStream, open_capture, open_capture_in_steps};
pub use clip::Clip;
pub use enumerate::{DeviceInfo, DeviceList, DeviceWatch, list, watch};
pub use error::{DeviceError, DeviceErrorKind};
pub use pipe::{PipeReader, PipeWriter, pipe};
pub use playout::{PlayoutStream, open_playout, open_playout_in_steps};
pub use recorder::{Recorder, Recording};
pub use source::{CaptureSource, PlayoutSink};
pub use wav::{WavWriter, read_wav};

/// The rate sound is processed at, and the rate of every virtual device but files, Hz.
pub const SAMPLE_RATE: u32 = 48_000;

/// Samples in 10 ms at [`SAMPLE_RATE`].
pub const FRAME_SAMPLES: usize = 480;
