//! An open loudspeaker that is kept just full enough.
//!
//! The device takes its share whenever it likes; the pump comes by every 10 ms. What lies ready in between is delay,
//! and too little of it is a gap. So the level to fill to is learnt: a gap raises it at once, seconds in which more
//! than needed was left lower it a little.

use std::time::{Duration, Instant};

use bellbird_devices::PlayoutStream;

use super::supply::Supply;
use crate::audio::resample::Resampler;
use crate::audio::{FRAME, SAMPLE_RATE};

/// How long the level is watched before it is lowered.
const WINDOW: Duration = Duration::from_secs(2);

/// Frames made in one tick at most; more would be an attempt to fill a device that stands still.
const BURST: usize = 12;

/// A device that has just been opened found nothing to play: that is no gap.
const SETTLING: Duration = Duration::from_millis(200);

/// A device that takes nothing for this long has died without a word.
const DEAD: Duration = Duration::from_secs(3);

/// How the device does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Health {
    /// Well.
    Fine,
    /// It does not keep pace: gaps are heard that cannot be seen from here.
    OffPace,
    /// It has taken nothing for seconds.
    Dead,
}

/// A loudspeaker and the level it is filled to.
pub(super) struct Speaker {
    stream: PlayoutStream,
    resampler: Option<Resampler>,
    /// Converted and not yet taken by the stream.
    pending: Vec<f32>,
    /// Samples of the device's rate to have queued after a tick.
    target: usize,
    /// A thousandth of a second at the device's rate.
    ms: usize,
    underruns: u64,
    window_start: Instant,
    lowest: Option<usize>,
    made: usize,
    moved: u64,
    moved_at: Instant,
    settled_at: Instant,
    supply: Supply,
}

impl Speaker {
    pub(super) fn new(stream: PlayoutStream, now: Instant) -> Self {
        let rate = stream.rate();
        let ms = rate as usize / 1_000;
        Self {
            resampler: Resampler::new(SAMPLE_RATE, rate).ok(),
            pending: Vec::with_capacity(rate as usize / 20),
            target: 14 * ms,
            ms,
            underruns: stream.underrun_samples(),
            window_start: now,
            lowest: None,
            made: 0,
            moved: stream.played_samples(),
            moved_at: now,
            settled_at: now + SETTLING,
            supply: Supply::new(rate, stream.played_samples(), now),
            stream,
        }
    }

    pub(super) fn stream(&self) -> &PlayoutStream {
        &self.stream
    }

    /// Begins a tick: learns from what happened since the last one.
    pub(super) fn begin_tick(&mut self, now: Instant) -> Health {
        self.made = 0;
        self.flush();
        let moved = self.stream.played_samples();
        let lowest = self.stream.take_lowest();
        let underruns = self.stream.underrun_samples();
        if moved != self.moved {
            (self.moved, self.moved_at) = (moved, now);
        } else if now.saturating_duration_since(self.moved_at) > DEAD {
            self.moved_at = now;
            return Health::Dead;
        }
        if let Some(lowest) = lowest {
            self.lowest = Some(self.lowest.map_or(lowest, |least| least.min(lowest)));
        }
        let most = self.stream.period() + 40 * self.ms;
        if now < self.settled_at {
            self.underruns = underruns;
            self.lowest = None;
        } else if underruns > self.underruns {
            self.underruns = underruns;
            self.target = (self.target + 3 * self.ms).min(most);
            self.restart_window(now);
        } else if now.saturating_duration_since(self.window_start) >= WINDOW {
            if let Some(lowest) = self.lowest
                && lowest > 4 * self.ms
            {
                let spare = (lowest - 3 * self.ms) / 2;
                self.target = self.target.saturating_sub(spare.min(2 * self.ms)).max(4 * self.ms);
            }
            self.restart_window(now);
        }
        if self.supply.is_off(moved, now) { Health::OffPace } else { Health::Fine }
    }

    /// Whether another frame is needed in this tick.
    pub(super) fn wants_frame(&mut self) -> bool {
        self.made < BURST && self.pending.is_empty() && self.stream.queued() < self.target
    }

    /// Queues a frame.
    pub(super) fn push(&mut self, frame: &[f32; FRAME]) {
        self.made += 1;
        match &mut self.resampler {
            Some(resampler) => resampler.process(frame, &mut self.pending),
            None => self.pending.extend_from_slice(frame),
        }
        self.flush();
    }

    /// What waits to be heard, and how much is aimed at.
    pub(super) fn describe(&mut self) -> String {
        let queued = self.stream.queued() / self.ms.max(1);
        let convert = self.resampler.as_ref().is_some_and(|resampler| !resampler.is_copy());
        format!(
            "{}{} {} Hz ({queued} ms queued, aim {} ms)",
            if convert { "resample ▸ " } else { "" },
            self.stream.label(),
            self.stream.rate(),
            self.target / self.ms.max(1),
        )
    }

    fn restart_window(&mut self, now: Instant) {
        self.window_start = now;
        self.lowest = None;
    }

    fn flush(&mut self) {
        let written = self.stream.write(&self.pending);
        self.pending.drain(..written);
    }
}
