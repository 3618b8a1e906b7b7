//! One peer's sound: packets in as they come, 10 ms out whenever asked.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::adjust::Adjuster;
use super::decoder::{Decode, MAX_PACKET};
use super::policy::{Correction, DelayPolicy};
use super::sequence::{Placed, SequenceTracker};
use super::storage::{PacketStore, Refusal};
use crate::audio::FRAME;

/// The length of a packet nobody told us about, samples: 20 ms.
const USUAL_PACKET: usize = 960;

/// The unit in which Opus makes sound up, samples: 2.5 ms.
const CONCEAL_UNIT: i64 = 120;

/// A hole longer than this is not filled with made-up sound, samples: 1 s. Play goes on behind it.
const LONGEST_HOLE: i64 = 48_000;

/// How long a silent stream is continued with made-up sound, samples: 1 s. It has faded by then.
const LONGEST_CONCEALMENT: usize = 48_000;

/// A hole of one packet is mended with FEC, at the price of delay, while the delay stays below this above target.
const FEC_PATIENCE: i64 = 480;

/// What 10 ms consist of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pulled {
    /// Silence, because nothing has come yet, or nothing comes any more.
    Nothing,
    /// Decoded sound; parts may be made up.
    Sound,
    /// Made up: the sound that belongs here is missing.
    Concealed,
    /// Comfort noise: the far end pauses.
    Pause,
}

/// What a receiver did so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) played_samples: u64,
    pub(crate) concealed_samples: u64,
    pub(crate) recovered: u64,
    pub(crate) late: u64,
    pub(crate) duplicate: u64,
    pub(crate) overflow: u64,
    pub(crate) undecodable: u64,
}

/// Where play stands.
///
/// ```text
///            enough delay              packets run out
///   Idle ────────────────▶ Playing ───────────────────▶ Waiting
///    ▲                        ▲     enough delay again      │
///    │ restarted stream       └─────────────────────────────┘
/// ```
#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing was played yet.
    Idle,
    /// `position` is the media time of the next sample out.
    Playing { position: i64 },
    /// Sound of media time `position` was wanted and is not there.
    Waiting { position: i64, why: Why, concealed: usize },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Why {
    /// The far end said so.
    Pause,
    /// Packets are lost or late.
    Starved,
}

/// Why no more sound could be made.
enum Dry {
    Pause,
    Starved,
}

/// A jitter buffer with its decoder.
pub(crate) struct Receiver<D> {
    epoch: Instant,
    decoder: D,
    tracker: SequenceTracker,
    store: PacketStore,
    policy: DelayPolicy,
    adjuster: Adjuster,
    state: State,
    /// Decoded and not yet played.
    decoded: Vec<f32>,
    scratch: Box<[f32; MAX_PACKET]>,
    last_frame: [f32; FRAME],
    last_sequence: Option<i64>,
    packet_samples: usize,
    pausing: bool,
    counters: Counters,
}

impl<D: Decode> Receiver<D> {
    /// An empty one. `now` is where its clock begins.
    pub(crate) fn new(decoder: D, now: Instant) -> Self {
        Self {
            epoch: now,
            decoder,
            tracker: SequenceTracker::default(),
            store: PacketStore::default(),
            policy: DelayPolicy::default(),
            adjuster: Adjuster::default(),
            state: State::Idle,
            decoded: Vec::with_capacity(MAX_PACKET + FRAME),
            scratch: Box::new([0.0; MAX_PACKET]),
            last_frame: [0.0; FRAME],
            last_sequence: None,
            packet_samples: USUAL_PACKET,
            pausing: false,
            counters: Counters::default(),
        }
    }

    /// Takes a packet by its wire numbers.
    pub(crate) fn insert(&mut self, sequence: u16, timestamp: u32, payload: Bytes, arrival: Instant) {
        let arrival = self.samples_at(arrival);
        let place = match self.tracker.place(sequence, timestamp, arrival) {
            Placed::Here(place) => place,
            Placed::Restarted(place) => {
                self.restart();
                place
            }
            Placed::Stray => {
                self.counters.late += 1;
                return;
            }
        };
        let mut outcome = self.store.insert(place, payload.clone());
        if outcome == Err(Refusal::Overflow) && matches!(self.state, State::Idle) {
            // Nobody listens yet: the newest sound is what they will want.
            self.store.take_head();
            outcome = self.store.insert(place, payload);
        }
        match outcome {
            Ok(()) => self.policy.observe(place.media_time, arrival),
            Err(Refusal::Late) => {
                self.counters.late += 1;
                self.policy.observe(place.media_time, arrival);
            }
            Err(Refusal::Duplicate) => self.counters.duplicate += 1,
            Err(Refusal::Overflow) => self.counters.overflow += 1,
        }
    }

    /// Makes the next 10 ms.
    pub(crate) fn pull(&mut self, now: Instant, out: &mut [f32; FRAME]) -> Pulled {
        let now = self.samples_at(now);
        let pulled = match self.state {
            State::Idle => match self.begin_newest(now) {
                Some(position) => self.play(position, now, out),
                None => Pulled::Nothing,
            },
            State::Playing { position } => self.play(position, now, out),
            State::Waiting { position, why, concealed } => {
                match self.resume_at(position, why, concealed, now) {
                    Some(position) => {
                        self.policy.begin(position, now);
                        self.play(position, now, out)
                    }
                    None => self.wait(position, why, concealed, out),
                }
            }
        };
        match pulled {
            Pulled::Nothing => out.fill(0.0),
            Pulled::Sound => {
                self.adjuster.observe(out);
                self.counters.played_samples += FRAME as u64;
            }
            Pulled::Concealed | Pulled::Pause => self.counters.played_samples += FRAME as u64,
        }
        self.last_frame = *out;
        pulled
    }

    /// What happened so far.
    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    /// What the buffer holds back, smoothed.
    pub(crate) fn delay(&self) -> Duration {
        duration_of(self.policy.delay())
    }

    /// What it aims at.
    pub(crate) fn target(&self) -> Duration {
        duration_of(self.policy.target())
    }

    /// Packets that wait, for tests of the bounds.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.store.len()
    }

    fn samples_at(&self, at: Instant) -> i64 {
        let since = at.saturating_duration_since(self.epoch);
        // An i64 of microseconds lasts 290,000 years.
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX / 48) * 6 / 125
    }

    fn restart(&mut self) {
        self.decoder.reset();
        self.store.clear();
        self.policy = DelayPolicy::default();
        self.state = State::Idle;
        self.decoded.clear();
        self.last_sequence = None;
        self.packet_samples = USUAL_PACKET;
        self.pausing = false;
    }

    /// Finds the newest packet that leaves the target delay, and drops what is older.
    fn begin_newest(&mut self, now: i64) -> Option<i64> {
        if !self.policy.may_begin(self.store.head()?.place.media_time, now) {
            return None;
        }
        while self.store.second().is_some_and(|next| self.policy.may_begin(next.place.media_time, now)) {
            self.store.take_head();
        }
        let head = self.store.head()?.place;
        self.last_sequence = Some(head.sequence - 1);
        self.policy.begin(head.media_time, now);
        Some(head.media_time)
    }

    /// Whether sound can go on after a wait, and with which media time.
    fn resume_at(&mut self, position: i64, why: Why, concealed: usize, now: i64) -> Option<i64> {
        let head = self.store.head()?.place;
        let gap = head.media_time - position;
        if gap <= 0 {
            return Some(head.media_time);
        }
        let missing = self.last_sequence.map_or(0, |last| head.sequence - last - 1);
        let patience = self.policy.delay_of(position, now) <= self.policy.target() + FEC_PATIENCE;
        if why == Why::Starved
            && missing == 1
            && gap <= self.packet_samples as i64
            && concealed <= self.packet_samples
            && patience
        {
            // The one packet that is missing may be in this one as FEC: play it late rather than not at all.
            return Some(position);
        }
        if !self.policy.may_begin(head.media_time, now) {
            return None;
        }
        for _ in 0..missing.clamp(0, 50) {
            self.policy.observe_loss(true);
        }
        self.last_sequence = Some(head.sequence - 1);
        self.store.raise_floor(head.sequence);
        Some(head.media_time)
    }

    /// 10 ms without a packet to make them from.
    fn wait(&mut self, position: i64, why: Why, concealed: usize, out: &mut [f32; FRAME]) -> Pulled {
        if why == Why::Starved && concealed >= LONGEST_CONCEALMENT {
            return Pulled::Nothing;
        }
        self.decoder.conceal(out);
        self.state = State::Waiting { position, why, concealed: concealed + FRAME };
        match why {
            Why::Pause => Pulled::Pause,
            Why::Starved => {
                self.counters.concealed_samples += FRAME as u64;
                Pulled::Concealed
            }
        }
    }

    fn play(&mut self, mut position: i64, now: i64, out: &mut [f32; FRAME]) -> Pulled {
        let newest = self.store.newest().map_or(position, |packet| packet.place.media_time);
        let backlog = (newest - position).max(self.decoded.len() as i64);
        let correction = self.policy.correction(position, now, backlog);
        if correction == Correction::Cut {
            self.decoded.clear();
            self.state = State::Idle;
            return match self.begin_newest(now) {
                Some(position) => self.play_frame(position, out),
                None => {
                    self.decoder.conceal(out);
                    self.counters.concealed_samples += FRAME as u64;
                    Pulled::Concealed
                }
            };
        }
        let drop = match correction {
            Correction::Drop => self.fill(&mut position, 2 * FRAME).is_ok(),
            Correction::DropIfQuiet => {
                self.fill(&mut position, 2 * FRAME).is_ok() && self.adjuster.is_quiet(&self.decoded[..FRAME])
            }
            Correction::RepeatIfQuiet => {
                if self.fill(&mut position, FRAME).is_ok()
                    && let Some(next) = self.decoded.first_chunk::<FRAME>()
                    && self.adjuster.is_quiet(next)
                {
                    *out = self.adjuster.lengthen(&self.last_frame, next);
                    self.policy.corrected(FRAME as i64);
                    self.state = State::Playing { position };
                    return Pulled::Sound;
                }
                false
            }
            Correction::Keep | Correction::Cut => false,
        };
        if drop
            && let Some((dropped, rest)) = self.decoded.split_first_chunk_mut::<FRAME>()
            && let Some(next) = rest.first_chunk_mut::<FRAME>()
        {
            self.adjuster.shorten(dropped, next);
            self.decoded.drain(..FRAME);
            position += FRAME as i64;
            self.policy.corrected(-(FRAME as i64));
        }
        self.play_frame(position, out)
    }

    /// Hands out 10 ms from `position`, with made-up sound where there is not enough.
    fn play_frame(&mut self, mut position: i64, out: &mut [f32; FRAME]) -> Pulled {
        match self.fill(&mut position, FRAME) {
            Ok(()) => {
                out.copy_from_slice(&self.decoded[..FRAME]);
                self.decoded.drain(..FRAME);
                self.state = State::Playing { position: position + FRAME as i64 };
                Pulled::Sound
            }
            Err(dry) => {
                let there = self.decoded.len();
                out[..there].copy_from_slice(&self.decoded);
                self.decoded.clear();
                self.decoder.conceal(&mut out[there..]);
                let made_up = FRAME - there;
                let why = match dry {
                    Dry::Pause => Why::Pause,
                    Dry::Starved => {
                        self.counters.concealed_samples += made_up as u64;
                        Why::Starved
                    }
                };
                self.policy.stop();
                self.state = State::Waiting { position: position + there as i64, why, concealed: made_up };
                match (there, why) {
                    (1.., _) => Pulled::Sound,
                    (0, Why::Pause) => Pulled::Pause,
                    (0, Why::Starved) => Pulled::Concealed,
                }
            }
        }
    }

    /// Decodes until `count` samples are there.
    fn fill(&mut self, position: &mut i64, count: usize) -> Result<(), Dry> {
        while self.decoded.len() < count {
            self.decode_next(position)?;
        }
        Ok(())
    }

    /// Adds the sound that follows what is decoded: the next packet's, or a stand-in for a lost one.
    fn decode_next(&mut self, position: &mut i64) -> Result<(), Dry> {
        let edge = *position + self.decoded.len() as i64;
        let Some(head) = self.store.head() else {
            return Err(if self.pausing { Dry::Pause } else { Dry::Starved });
        };
        let (place, gap) = (head.place, head.place.media_time - edge);
        let missing = self.last_sequence.map_or(0, |last| place.sequence - last - 1);
        let fillable = gap - gap % CONCEAL_UNIT;
        if fillable > 0 && missing == 0 || gap > LONGEST_HOLE {
            return Err(Dry::Pause);
        }
        if fillable > 0 {
            self.stand_in(missing, fillable as usize);
            return Ok(());
        }
        // The sender's own word on where this belongs counts, also when it overlaps.
        *position += gap;
        let Some(packet) = self.store.take_head() else { return Err(Dry::Starved) };
        for _ in 0..missing.clamp(0, 50) {
            self.policy.observe_loss(true);
        }
        self.policy.observe_loss(false);
        self.last_sequence = Some(packet.place.sequence);
        self.pausing = self.decoder.is_pause(&packet.payload);
        match self.decoder.decode(&packet.payload, &mut self.scratch) {
            Some(count) => {
                self.packet_samples = count;
                self.decoded.extend_from_slice(&self.scratch[..count]);
            }
            None => {
                self.counters.undecodable += 1;
                self.conceal(self.packet_samples);
            }
        }
        Ok(())
    }

    /// Fills (part of) a hole of `gap` samples in which `missing` packets are missing.
    fn stand_in(&mut self, missing: i64, gap: usize) {
        let direct = missing <= 1 || gap <= self.packet_samples;
        let length = if direct { gap.min(MAX_PACKET) } else { self.packet_samples.min(gap) };
        let recovered = direct
            && length == gap
            && self
                .store
                .head()
                .is_some_and(|head| self.decoder.recover(&head.payload, &mut self.scratch[..length]));
        if recovered {
            self.counters.recovered += 1;
            self.decoded.extend_from_slice(&self.scratch[..length]);
        } else {
            self.conceal(length);
        }
        if missing > 0 {
            self.policy.observe_loss(true);
            let given_up = self.last_sequence.map_or(0, |last| last + 1);
            // Of several missing ones the last slot stays open until its own time.
            self.last_sequence = Some(given_up);
            self.store.raise_floor(given_up + 1);
        }
    }

    fn conceal(&mut self, count: usize) {
        let count = count.clamp(CONCEAL_UNIT as usize, MAX_PACKET);
        self.decoder.conceal(&mut self.scratch[..count]);
        self.decoded.extend_from_slice(&self.scratch[..count]);
        self.counters.concealed_samples += count as u64;
    }
}

fn duration_of(samples: i64) -> Duration {
    Duration::from_micros(u64::try_from(samples).unwrap_or(0) * 125 / 6)
}

#[cfg(test)]
#[path = "receiver_tests.rs"]
mod tests;
