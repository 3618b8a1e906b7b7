//! One open microphone, or what stands in for one.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rtrb::Consumer;

use crate::pace::Pace;
use crate::real::{self, RealDevice};
use crate::wav::WavSource;
use crate::{CaptureSource, Clip, DeviceError, PipeReader, SAMPLE_RATE};

/// The loudness of a test tone, of full scale.
const TONE_AMPLITUDE: f32 = 0.25;

/// What a virtual microphone holds back at most, seconds. A reader that stood still loses what is older.
const VIRTUAL_BACKLOG: usize = 1;

/// An open source of sound: mono samples at [`rate`](Self::rate), at the pace of a device. Dropping it closes it.
pub struct CaptureStream {
    inner: Inner,
    label: String,
}

enum Inner {
    Real { device: RealDevice, ring: Consumer<f32> },
    Virtual { pace: Pace, rate: u32, generator: Generator, missed: u64, error: Option<DeviceError> },
}

enum Generator {
    File(WavSource),
    Tone { step: f64, phase: f64 },
    Silence,
    Clip { clip: Clip, position: usize },
    Pipe(PipeReader),
}

/// Opens a source. Takes as long as the sound system needs (tens of milliseconds, 5 s at worst): not for a thread
/// that must not wait. The stream runs from then on.
///
/// # Errors
/// [`NotFound`](crate::DeviceErrorKind::NotFound) when there is no such device or none at all,
/// [`Denied`](crate::DeviceErrorKind::Denied), [`Busy`](crate::DeviceErrorKind::Busy),
/// [`File`](crate::DeviceErrorKind::File) for an unreadable file, [`Failed`](crate::DeviceErrorKind::Failed)
/// otherwise.
pub fn open_capture(source: &CaptureSource) -> Result<CaptureStream, DeviceError> {
    open_capture_in_steps(source, Duration::from_millis(10))
}

/// As [`open_capture`], with the step in which a device is to hand over its sound. Small steps cost little delay, but
/// a sound server that is late by more than one step drops what it could not hand over (PulseAudio keeps no more for
/// a client than the client's step).
///
/// # Errors
/// Likewise.
pub fn open_capture_in_steps(source: &CaptureSource, step: Duration) -> Result<CaptureStream, DeviceError> {
    let (generator, rate, label) = match source {
        CaptureSource::Default => return open_real(None, step),
        CaptureSource::Named(name) => return open_real(Some(name), step),
        CaptureSource::File(path) => open_file(path, false)?,
        CaptureSource::LoopedFile(path) => open_file(path, true)?,
        CaptureSource::Tone { hz } => {
            let step = f64::from(*hz) / f64::from(SAMPLE_RATE);
            (Generator::Tone { step, phase: 0.0 }, SAMPLE_RATE, format!("tone {hz} Hz"))
        }
        CaptureSource::Silence => (Generator::Silence, SAMPLE_RATE, "silence".into()),
        CaptureSource::Clip(clip) => {
            (Generator::Clip { clip: clip.clone(), position: 0 }, SAMPLE_RATE, "clip".into())
        }
        CaptureSource::Pipe(reader) => (Generator::Pipe(reader.clone()), SAMPLE_RATE, "pipe".into()),
    };
    let pace = Pace::new(rate, Instant::now());
    Ok(CaptureStream { inner: Inner::Virtual { pace, rate, generator, missed: 0, error: None }, label })
}

fn open_real(name: Option<&str>, step: Duration) -> Result<CaptureStream, DeviceError> {
    let (device, ring) = real::open_capture(name, step)?;
    let label = device.label.clone();
    Ok(CaptureStream { inner: Inner::Real { device, ring }, label })
}

fn open_file(path: &std::path::Path, looped: bool) -> Result<(Generator, u32, String), DeviceError> {
    let source = WavSource::open(path, looped)?;
    let rate = source.rate();
    Ok((Generator::File(source), rate, "file".into()))
}

impl CaptureStream {
    /// Samples per second, Hz.
    pub fn rate(&self) -> u32 {
        match &self.inner {
            Inner::Real { device, .. } => device.rate,
            Inner::Virtual { rate, .. } => *rate,
        }
    }

    /// A short description for people.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The device's name as in [`DeviceInfo::name`](crate::DeviceInfo::name); `None` for what is not a device.
    pub fn device_name(&self) -> Option<&str> {
        match &self.inner {
            Inner::Real { device, .. } => device.name.as_deref(),
            Inner::Virtual { .. } => None,
        }
    }

    /// Takes what has come in since the last call, as far as `out` has room, and returns how many samples. Never
    /// waits.
    pub fn read(&mut self, out: &mut [f32]) -> usize {
        match &mut self.inner {
            Inner::Real { ring, .. } => {
                let (filled, _) = ring.pop_partial_slice(out);
                filled.len()
            }
            Inner::Virtual { pace, rate, generator, missed, error } => {
                let now = Instant::now();
                let backlog = *rate as usize * VIRTUAL_BACKLOG;
                let due = pace.due(now);
                if due > backlog {
                    pace.advance(due - backlog);
                    *missed += (due - backlog) as u64;
                }
                let count = pace.due(now).min(out.len());
                if let Err(failure) = generator.fill(&mut out[..count], pace) {
                    *error = Some(failure);
                }
                pace.advance(count);
                count
            }
        }
    }

    /// Samples lost because they were not read in time.
    pub fn overrun_samples(&self) -> u64 {
        match &self.inner {
            Inner::Real { device, .. } => device.counters.missed.load(Ordering::Relaxed),
            Inner::Virtual { missed, .. } => *missed,
        }
    }

    /// Whether it still works.
    ///
    /// # Errors
    /// [`Lost`](crate::DeviceErrorKind::Lost) when the device went away,
    /// [`File`](crate::DeviceErrorKind::File) when a file could not be read further; others as the sound system
    /// says. The stream gives nothing (a file: silence) from then on.
    pub fn check(&self) -> Result<(), DeviceError> {
        match &self.inner {
            Inner::Real { device, .. } => device.check(),
            Inner::Virtual { error, .. } => error.clone().map_or(Ok(()), Err),
        }
    }
}

impl Generator {
    fn fill(&mut self, out: &mut [f32], pace: &Pace) -> Result<(), DeviceError> {
        if out.is_empty() {
            return Ok(());
        }
        match self {
            Self::File(source) => {
                source.read(out)?;
            }
            Self::Tone { step, phase } => {
                for slot in out {
                    *slot = (*phase * std::f64::consts::TAU).sin() as f32 * TONE_AMPLITUDE;
                    *phase = (*phase + *step).fract();
                }
            }
            Self::Silence => out.fill(0.0),
            Self::Clip { clip, position } => clip.read(position, out, pace.position()),
            Self::Pipe(reader) => {
                reader.read(out);
            }
        }
        Ok(())
    }
}
