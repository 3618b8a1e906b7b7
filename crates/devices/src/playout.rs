//! One open loudspeaker, or what stands in for one.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rtrb::Producer;

use crate::pace::Pace;
use crate::real::{self, RealDevice};
use crate::wav::WavWriter;
use crate::{DeviceError, FRAME_SAMPLES, PipeWriter, PlayoutSink, Recorder, SAMPLE_RATE};

/// What a virtual loudspeaker takes ahead, samples: 200 ms, as the ring of a real one.
const VIRTUAL_ROOM: usize = SAMPLE_RATE as usize / 5;

/// An open sink of sound: it takes mono samples at [`rate`](Self::rate) and plays them at the pace of a device, and
/// silence when there are none. Dropping it closes it; what was not played yet is dropped.
pub struct PlayoutStream {
    inner: Inner,
    label: String,
}

enum Inner {
    Real { device: RealDevice, ring: Producer<f32>, capacity: usize },
    Virtual(Box<Virtual>),
}

struct Virtual {
    pace: Pace,
    queue: VecDeque<f32>,
    target: Target,
    missed: u64,
    lowest: Option<u32>,
    error: Option<DeviceError>,
}

enum Target {
    Null,
    File(WavWriter),
    Recorder(Recorder),
    Pipe(PipeWriter),
}

/// Opens a sink. Takes as long as the sound system needs: not for a thread that must not wait. The stream plays
/// silence from then on.
///
/// # Errors
/// As [`open_capture`](crate::open_capture).
pub fn open_playout(sink: &PlayoutSink) -> Result<PlayoutStream, DeviceError> {
    open_playout_in_steps(sink, Duration::from_millis(10))
}

/// As [`open_playout`], with the step in which a device is to take its sound; what it holds is two steps. Small steps
/// cost little delay, but a sound server that gets too little processor time in between plays gaps and asks for too
/// little or too much: [`PlayoutStream::played_samples`] then runs off the time.
///
/// # Errors
/// Likewise.
pub fn open_playout_in_steps(sink: &PlayoutSink, step: Duration) -> Result<PlayoutStream, DeviceError> {
    let (target, label) = match sink {
        PlayoutSink::Default => return open_real(None, step),
        PlayoutSink::Named(name) => return open_real(Some(name), step),
        PlayoutSink::File(path) => (Target::File(WavWriter::create(path)?), "file"),
        PlayoutSink::Null => (Target::Null, "null"),
        PlayoutSink::Recorder(recorder) => (Target::Recorder(recorder.clone()), "recorder"),
        PlayoutSink::Pipe(writer) => (Target::Pipe(writer.clone()), "pipe"),
    };
    let device = Virtual {
        pace: Pace::new(SAMPLE_RATE, Instant::now()),
        queue: VecDeque::with_capacity(VIRTUAL_ROOM),
        target,
        missed: 0,
        lowest: None,
        error: None,
    };
    Ok(PlayoutStream { inner: Inner::Virtual(Box::new(device)), label: label.into() })
}

fn open_real(name: Option<&str>, step: Duration) -> Result<PlayoutStream, DeviceError> {
    let (device, ring) = real::open_playout(name, step)?;
    let label = device.label.clone();
    let capacity = ring.buffer().capacity();
    Ok(PlayoutStream { inner: Inner::Real { device, ring, capacity }, label })
}

impl PlayoutStream {
    /// Samples per second, Hz.
    pub fn rate(&self) -> u32 {
        match &self.inner {
            Inner::Real { device, .. } => device.rate,
            Inner::Virtual(_) => SAMPLE_RATE,
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
            Inner::Virtual(_) => None,
        }
    }

    /// Queues samples and returns how many found room. Never waits.
    pub fn write(&mut self, samples: &[f32]) -> usize {
        match &mut self.inner {
            Inner::Real { ring, .. } => {
                let (written, _) = ring.push_partial_slice(samples);
                written.len()
            }
            Inner::Virtual(device) => {
                device.play(Instant::now());
                let count = samples.len().min(VIRTUAL_ROOM.saturating_sub(device.queue.len()));
                device.queue.extend(&samples[..count]);
                count
            }
        }
    }

    /// Samples queued and not yet taken by the device.
    pub fn queued(&mut self) -> usize {
        match &mut self.inner {
            Inner::Real { ring, capacity, .. } => *capacity - ring.slots(),
            Inner::Virtual(device) => {
                device.play(Instant::now());
                device.queue.len()
            }
        }
    }

    /// How many samples the device takes at a time, as far as seen; 10 ms before it took any.
    pub fn period(&self) -> usize {
        match &self.inner {
            Inner::Real { device, .. } => match device.counters.period.load(Ordering::Relaxed) {
                0 => device.rate as usize / 100,
                period => period as usize,
            },
            Inner::Virtual(_) => FRAME_SAMPLES,
        }
    }

    /// The least that was queued just after the device took its share, since the last call; `None` when it took
    /// none since.
    pub fn take_lowest(&mut self) -> Option<usize> {
        match &mut self.inner {
            Inner::Real { device, .. } => device.counters.take_lowest().map(|lowest| lowest as usize),
            Inner::Virtual(device) => device.lowest.take().map(|lowest| lowest as usize),
        }
    }

    /// Samples that were missing when the device wanted them, and became silence.
    pub fn underrun_samples(&self) -> u64 {
        match &self.inner {
            Inner::Real { device, .. } => device.counters.missed.load(Ordering::Relaxed),
            Inner::Virtual(device) => device.missed,
        }
    }

    /// How many samples the device took so far; stands still when the device does.
    pub fn played_samples(&self) -> u64 {
        match &self.inner {
            Inner::Real { device, .. } => {
                device.counters.moved.load(Ordering::Relaxed) + device.counters.missed.load(Ordering::Relaxed)
            }
            Inner::Virtual(device) => device.pace.moved(),
        }
    }

    /// Whether it still works.
    ///
    /// # Errors
    /// [`Lost`](crate::DeviceErrorKind::Lost) when the device went away,
    /// [`File`](crate::DeviceErrorKind::File) or [`DiskFull`](crate::DeviceErrorKind::DiskFull) when a file could
    /// not be written further; others as the sound system says. It plays nothing from then on.
    pub fn check(&self) -> Result<(), DeviceError> {
        match &self.inner {
            Inner::Real { device, .. } => device.check(),
            Inner::Virtual(device) => device.error.clone().map_or(Ok(()), Err),
        }
    }
}

impl Virtual {
    /// Moves to the target what was due by now.
    fn play(&mut self, now: Instant) {
        let mut frame = [0.0; FRAME_SAMPLES];
        let mut due = self.pace.due(now);
        // After a long standstill (a suspended machine) the time line goes on without minutes of made-up silence.
        if due > SAMPLE_RATE as usize {
            self.pace.advance(due - FRAME_SAMPLES);
            due = FRAME_SAMPLES;
        }
        while due > 0 {
            let part = due.min(FRAME_SAMPLES);
            let count = part.min(self.queue.len());
            for (slot, sample) in frame.iter_mut().zip(self.queue.drain(..count)) {
                *slot = sample;
            }
            frame[count..part].fill(0.0);
            self.missed += (part - count) as u64;
            let left = self.queue.len() as u32;
            self.lowest = Some(self.lowest.map_or(left, |lowest| lowest.min(left)));
            self.deliver(&frame[..part]);
            self.pace.advance(part);
            due -= part;
        }
    }

    fn deliver(&mut self, samples: &[f32]) {
        match &mut self.target {
            Target::Null => {}
            Target::File(writer) => {
                if self.error.is_none()
                    && let Err(error) = writer.write(samples)
                {
                    self.error = Some(error);
                }
            }
            Target::Recorder(recorder) => recorder.write(samples, self.pace.position()),
            Target::Pipe(writer) => writer.write(samples),
        }
    }
}
