//! The sending half of the pump: device frames in, packets out, at the device's pace.

use std::time::{Duration, Instant};

use bellbird_devices::CaptureStream;

use super::supply::Supply;
use super::{EncodedAudio, EncodedSink};
use crate::audio::resample::Resampler;
use crate::audio::{FRAME, SAMPLE_RATE};
use crate::send::{PACKET_SAMPLES, Sender};

/// The length of a frame, ms.
const FRAME_MS: f64 = 10.0;

/// A tick later than this is a standstill of the machine, ms.
const STANDSTILL: f64 = 1_000.0;

/// How far the sound sent may fall behind the time before silence takes the place of what the device owes. Longer
/// than the pauses between a sound server's deliveries.
const BEHIND: f64 = 60.0;

/// How far it may run ahead. A device that delivers a heap of old sound (when it was just opened, or stood still)
/// would otherwise make the far end take every later packet for a late one. The oldest is dropped.
const AHEAD: f64 = 30.0;

/// Both are forgotten at this rate, so that a device clock of its own is no reason to drop or add anything: 0.0005.
const LEAK: f64 = 0.0005;

/// A device that gives nothing for this long has died without a word.
const DEAD: Duration = Duration::from_secs(3);

/// What is captured now, turned into packets.
pub(super) struct Microphone {
    sender: Sender,
    sink: EncodedSink,
    resampler: Option<Resampler>,
    raw: Box<[f32; 4_800]>,
    fifo: Vec<f32>,
    /// How far the sound sent is ahead of the time, ms.
    ahead: f64,
    last_tick: Instant,
    last_sound: Instant,
    supply: Supply,
    delivered: u64,
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
    /// The device does not keep pace: sound gets lost on the way here.
    OffPace,
}

impl Microphone {
    pub(super) fn new(sender: Sender, sink: EncodedSink, now: Instant) -> Self {
        Self {
            sender,
            sink,
            resampler: None,
            raw: Box::new([0.0; 4_800]),
            fifo: Vec::with_capacity(FRAME * 40),
            ahead: 0.0,
            last_tick: now,
            last_sound: now,
            supply: Supply::new(SAMPLE_RATE, 0, now),
            delivered: 0,
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
        self.supply = Supply::new(rate, self.delivered, now);
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
                if self.supply.is_off(self.delivered, now) {
                    outcome = Captured::OffPace;
                }
            } else if now.saturating_duration_since(self.last_sound) > DEAD {
                self.last_sound = now;
                outcome = Captured::Dead;
            }
        }
        if silent {
            self.fifo.clear();
        }
        self.pass_time(now);
        let frames = self.fifo.len() / FRAME;
        let welcome = ((AHEAD - self.ahead) / FRAME_MS).max(0.0) as usize;
        let excess = frames.saturating_sub(welcome);
        self.fifo.drain(..excess * FRAME);
        while let Some(frame) = self.fifo.first_chunk::<FRAME>() {
            let mut frame = *frame;
            self.fifo.drain(..FRAME);
            self.send(&mut frame);
            if !self.running {
                self.running = true;
                outcome = Captured::First;
            }
        }
        let patience = if silent { 0.0 } else { BEHIND };
        while self.ahead <= -patience - FRAME_MS {
            self.send(&mut [0.0; FRAME]);
        }
        outcome
    }

    fn pass_time(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.last_tick).as_secs_f64() * 1_000.0;
        self.last_tick = now;
        let leak = (passed * LEAK).min(self.ahead.abs());
        self.ahead -= passed + leak.copysign(self.ahead);
        if self.ahead < -STANDSTILL {
            // The machine stood still: nobody waits for old silence.
            self.ahead = -BEHIND;
        }
    }

    fn drain(&mut self, stream: &mut CaptureStream) -> bool {
        let mut any = false;
        loop {
            let count = stream.read(&mut self.raw[..]);
            if count == 0 {
                return any;
            }
            any = true;
            self.delivered += count as u64;
            if let Some(resampler) = &mut self.resampler {
                resampler.process(&self.raw[..count], &mut self.fifo);
            }
            if count < self.raw.len() {
                return any;
            }
        }
    }

    fn send(&mut self, frame: &mut [f32; FRAME]) {
        self.ahead += FRAME_MS;
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
