//! Decides which frame is next, when it is due, and what to ask the sender for.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::continuity::Continuity;
use super::missing::MissingPackets;
use super::playout::Playout;
use super::sequence::{MediaClock, Placed, SequenceTracker};
use super::stillness::Stillness;
use super::store::{PacketStore, Refusal, Slot, Span};
use crate::codec::{EncodedFrame, VideoCodec};
use crate::rtp;

/// A packet with pictures, as it came. Repetitions (RFC 4588) are already what they repeat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReceivedPacket {
    /// What its payload type means.
    pub codec: VideoCodec,
    /// Of RTP, wrapping.
    pub sequence: u16,
    /// Of RTP, 90 kHz, wrapping.
    pub timestamp: u32,
    /// Whether it is the last of its picture.
    pub marker: bool,
    /// Empty for padding, which only has a number.
    pub payload: Bytes,
    /// When it came.
    pub arrival: Instant,
    /// Whether it is a repetition. Some senders repeat what nobody missed, to find out what the line takes.
    pub repeated: bool,
    /// Whether another stream begins with it, which refers to nothing of before.
    pub begins: bool,
}

/// A frame for the decoder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadyFrame {
    /// Which decoder; the first frame of another codec is a keyframe.
    pub codec: VideoCodec,
    /// What to decode.
    pub frame: EncodedFrame,
    /// `false` when the next one is due already: it is decoded because others build on it, and not shown.
    pub show: bool,
}

/// What happened since the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FrameCounters {
    /// Packets that were taken.
    pub packets: u64,
    /// Packets that came after they were of use, or twice.
    pub useless: u64,
    /// Packets that are nothing of their codec, or of no stream.
    pub malformed: u64,
    /// Packets that were asked for again.
    pub asked_again: u64,
    /// Of those, how many came.
    pub recovered: u64,
    /// Frames handed out.
    pub frames: u64,
    /// Of those, keyframes.
    pub keyframes: u64,
    /// Of the frames, those not to be shown.
    pub not_shown: u64,
    /// How often everything was dropped, for want of room or because the decoder said so.
    pub restarts: u64,
    /// Keyframes asked for.
    pub keyframe_requests: u64,
    /// How often the picture stood still (W3C webrtc-stats `freezeCount`); a sender's pause does not count.
    pub freezes: u32,
    /// For how long in all.
    pub frozen: Duration,
}

/// A hole is given up this long after a second round trip, and a keyframe asked for.
const PATIENCE: Duration = Duration::from_millis(120);

/// Between two requests for a keyframe, at first and after some.
const KEYFRAME_PAUSE: Duration = Duration::from_millis(300);
const LONG_KEYFRAME_PAUSE: Duration = Duration::from_secs(1);
const EAGER_REQUESTS: u32 = 5;

/// A keyframe is on its way while its packets follow one another within this, and for no longer than the other.
const ON_ITS_WAY: Duration = Duration::from_millis(150);
const LONGEST_WAY: Duration = Duration::from_secs(3);

/// Streams begin with a keyframe, whose first packet may have been overtaken: so long nothing is asked for.
const FIRST_PATIENCE: Duration = Duration::from_millis(60);

/// So many packets in a row that are too late are not late: the numbers went round while nobody looked.
const TOO_LATE: u32 = 64;

/// How many packets before the first of a stream may come after it.
const OVERTAKEN: i64 = 64;

/// What a decoder could do with the next frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing but a keyframe.
    NeedsKeyframe,
    /// Whatever begins at this number, the packet after the last frame.
    Continues(i64),
}

/// The keyframe that was asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Request {
    asks: u32,
    last: Option<Instant>,
}

/// The next frame, if one is there.
#[derive(Clone, Copy, Debug)]
struct Found {
    span: Span,
    /// Whether nothing was lost before it.
    in_order: bool,
}

/// The frame buffer of one stream.
#[derive(Debug)]
pub struct FrameBuffer {
    epoch: Instant,
    codec: Option<VideoCodec>,
    tracker: SequenceTracker,
    clock: MediaClock,
    store: PacketStore,
    missing: MissingPackets,
    continuity: Continuity,
    playout: Playout,
    stillness: Stillness,
    state: State,
    /// Whether the stream's H.264 parameters went to the decoder.
    has_parameters: bool,
    request: Request,
    /// When the stream's first packet came.
    begun: Option<Instant>,
    last_arrival: Option<Instant>,
    late_in_a_row: u32,
    last_shown: Option<i64>,
    /// Whether frames were left out since the last one that was shown.
    skipped: bool,
    counters: FrameCounters,
}

impl FrameBuffer {
    /// An empty one. `now` is where its clock begins.
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            codec: None,
            tracker: SequenceTracker::default(),
            clock: MediaClock::default(),
            store: PacketStore::default(),
            missing: MissingPackets::default(),
            continuity: Continuity::default(),
            playout: Playout::default(),
            stillness: Stillness::default(),
            state: State::NeedsKeyframe,
            has_parameters: false,
            request: Request::default(),
            begun: None,
            last_arrival: None,
            late_in_a_row: 0,
            last_shown: None,
            skipped: false,
            counters: FrameCounters::default(),
        }
    }

    /// How long a packet takes there and back, as measured last.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.missing.set_round_trip(round_trip);
    }

    /// What happened so far.
    pub fn counters(&self) -> FrameCounters {
        FrameCounters {
            asked_again: self.missing.asked,
            recovered: self.missing.recovered,
            freezes: self.stillness.freezes,
            frozen: self.stillness.frozen,
            ..self.counters
        }
    }

    /// What is added to the fastest way so that pictures follow one another evenly.
    pub fn delay(&self) -> Duration {
        self.playout.delay()
    }

    /// Takes a packet. Anything may be in it.
    pub fn insert(&mut self, packet: ReceivedPacket) {
        if packet.begins || self.codec != Some(packet.codec) {
            self.codec = Some(packet.codec);
            self.tracker = SequenceTracker::default();
        }
        let (number, newest) = match self.tracker.place(packet.sequence) {
            Placed::Here(number) => (number, self.store.end()),
            Placed::Restarted(number) => {
                // Its first packets may have been overtaken by this one.
                self.begin_anew(number - OVERTAKEN);
                self.clock = MediaClock::default();
                self.playout = Playout::default();
                self.has_parameters = false;
                self.begun = Some(packet.arrival);
                self.late_in_a_row = 0;
                (number, number)
            }
            Placed::Stray => {
                self.counters.malformed += 1;
                return;
            }
        };
        let part = if packet.payload.is_empty() {
            None
        } else {
            match rtp::read(packet.codec, &packet.payload) {
                Ok(part) => Some(part),
                Err(_) => {
                    // As good as lost.
                    self.counters.malformed += 1;
                    return;
                }
            }
        };
        let repeated = packet.repeated;
        let slot = Slot { timestamp: packet.timestamp, marker: packet.marker, part, arrival: packet.arrival };
        if number > newest && !self.missing.passed_over(newest, number, packet.arrival) {
            self.begin_anew(number);
        }
        let outcome = match self.store.insert(number, slot.clone()) {
            Err(Refusal::Full) => {
                self.make_room(number);
                self.store.insert(number, slot)
            }
            outcome => outcome,
        };
        match outcome {
            Ok(()) => {
                self.counters.packets += 1;
                self.missing.arrived(number, packet.arrival);
                self.last_arrival = Some(packet.arrival);
                self.late_in_a_row = 0;
            }
            Err(Refusal::Late) => {
                self.counters.useless += 1;
                self.late_in_a_row += u32::from(!repeated);
                if self.late_in_a_row >= TOO_LATE {
                    self.tracker = SequenceTracker::default();
                }
            }
            Err(Refusal::Duplicate | Refusal::Full) => self.counters.useless += 1,
        }
    }

    /// The next frame for the decoder, if one is due.
    pub fn poll_frame(&mut self, now: Instant) -> Option<ReadyFrame> {
        loop {
            let found = self.find(now)?;
            let media_time = self.media_time(found.span)?;
            if self.playout.due(media_time).is_some_and(|due| due > self.ticks(now)) {
                return None;
            }
            if let Some(ready) = self.hand_out(found, media_time, now) {
                return Some(ready);
            }
        }
    }

    /// Sequence numbers to ask the sender for again, now.
    pub fn poll_nack(&mut self, now: Instant) -> Vec<u16> {
        self.missing.poll(now)
    }

    /// Whether to ask the sender for a keyframe, now.
    pub fn poll_keyframe_request(&mut self, now: Instant) -> bool {
        let is_new = self.begun.is_none_or(|begun| now.saturating_duration_since(begun) < FIRST_PATIENCE);
        if is_new || !self.wants_keyframe(now) {
            return false;
        }
        let pause = if self.request.asks < EAGER_REQUESTS { KEYFRAME_PAUSE } else { LONG_KEYFRAME_PAUSE };
        let pause = pause.max(self.missing.round_trip() * 2);
        let is_due = self.request.last.is_none_or(|last| now.saturating_duration_since(last) >= pause);
        if is_due {
            self.request = Request { asks: self.request.asks + 1, last: Some(now) };
            self.counters.keyframe_requests += 1;
        }
        is_due
    }

    /// The decoder failed, or somebody begins to look: nothing but a keyframe helps.
    pub fn require_keyframe(&mut self) {
        self.counters.restarts += 1;
        self.state = State::NeedsKeyframe;
        self.continuity = Continuity::default();
        let next = self.find_keyframe_start(self.store.floor()).unwrap_or(self.store.end());
        self.drop_below(next);
        self.stillness.pause();
    }

    /// When one of the polls may have something to say, though no packet comes; `None` when only a packet changes that.
    pub fn next_wake(&self, now: Instant) -> Option<Instant> {
        let frame = self.find_soonest().and_then(|found| self.media_time(found.span)).map(|media_time| {
            let ticks = self.playout.due(media_time).map_or(0, |due| due - self.ticks(now));
            now + Duration::from_micros(u64::try_from(ticks.max(0) * 100 / 9).unwrap_or(0))
        });
        let nack = self.missing.next_due();
        // Rarely exact: a few looks too many while a keyframe is waited for.
        let keyframe = (self.last_arrival.is_some() && self.might_want_keyframe())
            .then_some(now + Duration::from_millis(50));
        [frame, nack, keyframe].into_iter().flatten().min().map(|at| at.max(now))
    }

    fn begin_anew(&mut self, number: i64) {
        self.counters.restarts += u64::from(self.counters.packets > 0);
        self.state = State::NeedsKeyframe;
        self.continuity = Continuity::default();
        self.store.clear(number);
        self.missing.clear();
        self.skipped = true;
    }

    fn drop_below(&mut self, number: i64) {
        self.store.raise_floor(number);
        self.missing.forget_below(number);
    }

    /// The store is full: what lies before the last keyframe goes, or all.
    fn make_room(&mut self, number: i64) {
        let starts = (self.store.floor() + 1..self.store.end()).rev();
        let keyframe = starts.into_iter().find(|&start| self.is_keyframe_start(start));
        match keyframe {
            Some(start) if number - start < 1_024 => {
                self.counters.restarts += 1;
                self.state = State::NeedsKeyframe;
                self.drop_below(start);
            }
            Some(_) | None => self.begin_anew(number),
        }
    }

    fn ticks(&self, at: Instant) -> i64 {
        let since = at.saturating_duration_since(self.epoch).as_micros();
        i64::try_from(since).unwrap_or(i64::MAX / 9) * 9 / 100
    }

    /// The running media time of a picture.
    fn media_time(&self, span: Span) -> Option<i64> {
        Some(self.clock.clone().running(self.store.get(span.first)?.timestamp))
    }

    fn is_keyframe_start(&self, number: i64) -> bool {
        let part = self.store.get(number).and_then(|slot| slot.part.as_ref());
        part.is_some_and(|part| part.keyframe && (part.begins || self.has_parameters))
            && self.store.begins_at(number)
    }

    fn find_keyframe_start(&self, from: i64) -> Option<i64> {
        (from..self.store.end()).find(|&number| self.is_keyframe_start(number))
    }

    /// The next frame that may be decoded now: the one that follows, or one behind a hole once that is due.
    fn find(&self, now: Instant) -> Option<Found> {
        let found = self.find_soonest()?;
        if found.in_order || self.state == State::NeedsKeyframe {
            return Some(found);
        }
        // While it is not due, what is missing before it may still come.
        let due = self.playout.due(self.media_time(found.span)?);
        due.is_none_or(|due| due <= self.ticks(now)).then_some(found)
    }

    fn find_soonest(&self) -> Option<Found> {
        let from = match self.state {
            State::Continues(next) => {
                let first = self.store.skip_padding(next);
                let follows = self.store.get(first).and_then(|slot| slot.part.as_ref()).is_some_and(|part| {
                    // Only H.264 does not say where pictures begin.
                    part.begins || self.codec == Some(VideoCodec::H264)
                });
                if follows && let Ok(span) = self.store.picture(first) {
                    return Some(Found { span, in_order: true });
                }
                first + 1
            }
            State::NeedsKeyframe => self.store.floor(),
        };
        self.find_beyond(from)
    }

    /// The first picture from `from` on that is complete and needs nothing that is missing.
    fn find_beyond(&self, from: i64) -> Option<Found> {
        let mut number = from;
        while number < self.store.end() {
            number = match self.can_begin_at(number).then(|| self.store.picture(number)) {
                Some(Ok(span)) => return Some(Found { span, in_order: false }),
                // Whatever begins before the missing packet lacks it too.
                Some(Err(missing)) => missing + 1,
                None => number + 1,
            };
        }
        None
    }

    fn can_begin_at(&self, number: i64) -> bool {
        let Some(part) = self.store.get(number).and_then(|slot| slot.part.as_ref()) else { return false };
        if part.keyframe {
            return self.is_keyframe_start(number);
        }
        match self.state {
            State::Continues(_) => part.begins && self.continuity.can_follow(&part.place),
            State::NeedsKeyframe => false,
        }
    }

    /// Takes the frame out. `None` when it turns out to be none.
    fn hand_out(&mut self, found: Found, media_time: i64, now: Instant) -> Option<ReadyFrame> {
        let codec = self.codec?;
        let span = found.span;
        let timestamp = self.store.get(span.first)?.timestamp;
        let parts = || self.store.parts(span);
        let place = parts().next().map(|(_, part)| part.place)?;
        let keyframe = parts().any(|(_, part)| part.keyframe);
        let has_parameters = parts().any(|(_, part)| part.begins);
        let complete = parts().map(|(slot, _)| slot.arrival).max()?;
        let joined = rtp::join(codec, parts().map(|(_, part)| &part.content));
        let Ok(data) = joined else {
            // Complete, and still none: nothing that follows can be trusted.
            self.counters.malformed += 1;
            self.state = State::NeedsKeyframe;
            self.drop_below(span.last + 1);
            return None;
        };
        self.has_parameters |= has_parameters;
        self.clock.running(timestamp);
        self.playout.observe(media_time, self.ticks(complete));
        self.continuity.decoded(&place, keyframe);
        self.skipped |= !found.in_order && !self.continuity.is_next(&place);
        self.state = State::Continues(span.last + 1);
        self.drop_below(span.last + 1);
        if keyframe {
            self.request = Request::default();
        }
        let show = !self.next_is_due(now);
        self.counters.frames += 1;
        self.counters.keyframes += u64::from(keyframe);
        self.counters.not_shown += u64::from(!show);
        if show {
            let taken_after = self.last_shown.map(|last| media_time - last).filter(|_| !self.skipped);
            let taken_after = taken_after.and_then(|ticks| u64::try_from(ticks * 100 / 9).ok());
            self.stillness.shown(now, taken_after.map(Duration::from_micros));
            self.last_shown = Some(media_time);
            self.skipped = false;
        }
        let frame = EncodedFrame { data, keyframe, timestamp, temporal_layer: place.temporal_layer };
        Some(ReadyFrame { codec, frame, show })
    }

    fn next_is_due(&self, now: Instant) -> bool {
        let State::Continues(next) = self.state else { return false };
        let first = self.store.skip_padding(next);
        let due = self
            .store
            .picture(first)
            .ok()
            .and_then(|span| self.media_time(span))
            .and_then(|media_time| self.playout.due(media_time));
        due.is_some_and(|due| due <= self.ticks(now))
    }

    /// Whether a keyframe could be wanted now or soon, if nothing comes.
    fn might_want_keyframe(&self) -> bool {
        match self.state {
            State::NeedsKeyframe => true,
            State::Continues(_) => self.missing.oldest().is_some() || self.is_stuck(),
        }
    }

    /// Whether packets wait behind something that nobody can ask for: what came in its place is nothing of this codec.
    fn is_stuck(&self) -> bool {
        let State::Continues(next) = self.state else { return false };
        let first = self.store.skip_padding(next);
        first < self.store.end()
            && self.missing.oldest().is_none()
            && (self.store.get(first).is_none()
                || self.find_soonest().is_none() && self.store.end() - first > 256)
    }

    fn wants_keyframe(&self, now: Instant) -> bool {
        let gave_up = match self.state {
            State::NeedsKeyframe => true,
            State::Continues(_) => match self.missing.oldest() {
                Some((since, may_come)) => {
                    let patience = self.missing.round_trip() * 2 + PATIENCE;
                    !may_come || now.saturating_duration_since(since) >= patience
                }
                None => self.is_stuck(),
            },
        };
        gave_up && !self.is_keyframe_coming(now)
    }

    /// Whether a keyframe is there, in part or whole.
    fn is_keyframe_coming(&self, now: Instant) -> bool {
        let Some(start) = self.find_keyframe_start(self.store.floor()) else { return false };
        let begun = self.store.get(start).map(|slot| slot.arrival);
        let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
        self.store.picture(start).is_ok()
            || since(begun).is_some_and(|since| since < LONGEST_WAY)
                && since(self.last_arrival).is_some_and(|since| since < ON_ITS_WAY)
                && self.missing.oldest().is_none_or(|(since, _)| {
                    now.saturating_duration_since(since) < self.missing.round_trip() * 3 + PATIENCE
                })
    }

    /// How many packets and bytes wait, for tests of the bounds.
    pub(crate) fn weight(&self) -> (usize, usize) {
        self.store.weight()
    }
}
