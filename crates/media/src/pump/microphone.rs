//! The sending half of the pump: device frames in, packets out, at the device's pace.

use std::time::{Duration, Instant};

use bellbird_devices::CaptureStream;

use super::{EncodedAudio, EncodedSink};
use crate::audio::resample::Resampler;
use crate::audio::{FRAME, SAMPLE_RATE};
use crate::send::{PACKET_SAMPLES, Sender};

/// The length of a frame.
const PERIOD: Duration = Duration::from_millis(10);

/// Without a frame from the device for this long, silence is sent in its place. Longer than the pauses between a
/// sound server's deliveries.
const PATIENCE: Duration = Duration::from_millis(60);

/// A device that gives nothing for this long has died without a word.
const DEAD: Duration = Duration::from_secs(3);

/// What may pile up before the oldest is dropped, samples: 100 ms.
const BACKLOG: usize = SAMPLE_RATE as usize / 10;

/// What is captured now, turned into packets.
pub(super) struct Microphone {
    sender: Sender,
    sink: EncodedSink,
    resampler: Option<Resampler>,
    raw: Box<[f32; 4_800]>,
    fifo: Vec<f32>,
    /// When the last frame was sent, or would have been.
    last: Instant,
    last_sound: Instant,
    running: bool,
}

/// What a tick brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Captured {
    /// Nothing new to tell.
    Nothing,
    /// The device's first frame was processed.
    First,
    /// The device has given nothing for seconds.
    Dead,
}

impl Microphone {
    pub(super) fn new(sender: Sender, sink: EncodedSink, now: Instant) -> Self {
        Self {
            sender,
            sink,
            resampler: None,
            raw: Box::new([0.0; 4_800]),
            fifo: Vec::with_capacity(BACKLOG * 2),
            last: now,
            last_sound: now,
            running: false,
        }
    }

    /// The stages behind the device.
    pub(super) fn sender(&mut self) -> &mut Sender {
        &mut self.sender
    }

    pub(super) fn level_dbov(&self) -> f32 {
        self.sender.level_dbov()
    }

    pub(super) fn describe(&self) -> String {
        let convert = self.resampler.as_ref().is_some_and(|resampler| !resampler.is_copy());
        format!("{}{}", if convert { "resample ▸ " } else { "" }, self.sender.describe())
    }

    /// Another device delivers from now on.
    pub(super) fn attach(&mut self, rate: u32, now: Instant) {
        self.resampler = Resampler::new(rate, SAMPLE_RATE).ok();
        self.fifo.clear();
        self.last_sound = now;
    }

    /// Sends what the device delivered since the last tick, or silence in its place. With `silent` what it
    /// delivers is thrown away.
    pub(super) fn tick(
        &mut self,
        stream: Option<&mut CaptureStream>,
        silent: bool,
        now: Instant,
    ) -> Captured {
        let mut outcome = Captured::Nothing;
        if let Some(stream) = stream {
            if self.drain(stream) {
                self.last_sound = now;
            } else if now.saturating_duration_since(self.last_sound) > DEAD {
                self.last_sound = now;
                outcome = Captured::Dead;
            }
        }
        if silent {
            self.fifo.clear();
        }
        let excess = self.fifo.len().saturating_sub(BACKLOG);
        self.fifo.drain(..excess);
        while let Some(frame) = self.fifo.first_chunk::<FRAME>() {
            let mut frame = *frame;
            self.fifo.drain(..FRAME);
            self.send(&mut frame);
            self.last = now;
            if !self.running {
                self.running = true;
                outcome = Captured::First;
            }
        }
        let patience = if silent { PERIOD } else { PATIENCE };
        if now.saturating_duration_since(self.last) > Duration::from_secs(1) {
            // The machine stood still: nobody waits for a second of old silence.
            self.last = now - patience;
        }
        while now.saturating_duration_since(self.last) >= patience {
            self.last += PERIOD;
            self.send(&mut [0.0; FRAME]);
        }
        outcome
    }

    fn drain(&mut self, stream: &mut CaptureStream) -> bool {
        let mut any = false;
        loop {
            let count = stream.read(&mut self.raw[..]);
            if count == 0 {
                return any;
            }
            any = true;
            if let Some(resampler) = &mut self.resampler {
                resampler.process(&self.raw[..count], &mut self.fifo);
            }
            if count < self.raw.len() {
                return any;
            }
        }
    }

    fn send(&mut self, frame: &mut [f32; FRAME]) {
        match self.sender.capture(frame) {
            Ok(Some(packet)) => (self.sink)(&EncodedAudio {
                payload: packet.payload,
                samples: PACKET_SAMPLES as u32,
                level_dbov: packet.level_dbov,
                voice: packet.voice,
            }),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "20 ms of the microphone are lost"),
        }
    }
}
