//! An encoder's thread: opens and closes the source, and makes pictures of what it delivers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bellbird_call::MediaKind;
use bellbird_capture::{Capture, CaptureEvent, CaptureFormat, VideoSource};
use bellbird_video::VideoFrame;

use super::inbox::Inbox;
use super::outlet::Outlet;
use super::pacing::Outlets;
use super::stream::{Made, Stream, StreamKey};
use super::{SendingEvent, SendingSink};
use crate::video::rates::congestion::START_RATE;
use crate::video::rates::share;
use crate::{Picture, PictureSink};

/// What is made for everybody takes at least this, bits per second; a line that does not carry it gets a picture of its own.
const CAMERA_FLOOR: u64 = 120_000;
const SCREEN_FLOOR: u64 = 200_000;
/// A screen that rests is sent again until it is sharp: until a picture takes no more than this, bytes,
const SHARP_BYTES: usize = 2500;
/// so many times in a row,
const SHARP_TIMES: u32 = 3;
/// but not more often than this after a change.
const MOST_REPEATS: u32 = 45;
/// A picture that could not be made is not tried again sooner than this.
const RETRY: Duration = Duration::from_millis(15);
/// An encoder that failed is not made anew sooner than this.
const ENCODER_PAUSE: Duration = Duration::from_secs(1);
/// How often.
const REPEAT_EVERY: Duration = Duration::from_millis(67);
/// The RTP clock of all our codecs, ticks per microsecond times 100.
const TICKS: u128 = 9;

/// What a camera is asked for.
const CAMERA_FORMAT: CaptureFormat = CaptureFormat { max_width: 1280, max_height: 720, max_fps: 30 };
/// What a screen is asked for: up to what a page's text survives at the rates there are.
const SCREEN_FORMAT: CaptureFormat = CaptureFormat { max_width: 2560, max_height: 1600, max_fps: 15 };

/// The thread's state.
pub(super) struct Studio {
    kind: MediaKind,
    inbox: Arc<Inbox>,
    outlets: Arc<Outlets>,
    preview: Arc<AtomicBool>,
    events: SendingSink,
    pictures: PictureSink,
    /// The number of the wish that was last acted on.
    number: u64,
    source: Source,
    /// What the source was last asked for.
    asked_fps: u32,
    streams: Vec<Stream>,
    /// The last picture and how often it was sent again; a screen that rests delivers none.
    last: Option<VideoFrame>,
    repeats: u32,
    sharp: u32,
    owed: bool,
    /// When a picture was last made, or tried to be.
    made_at: Instant,
    /// Which encoder failed, and when.
    failed: Option<(StreamKey, Instant)>,
    epoch: Instant,
    first_timestamp: u32,
    last_timestamp: Option<u32>,
}

/// The source, if there is one. Dropping it closes it.
enum Source {
    Closed,
    Opening(Capture),
    Running(Capture),
}

impl Studio {
    pub(super) fn new(
        kind: MediaKind,
        inbox: Arc<Inbox>,
        outlets: Arc<Outlets>,
        preview: Arc<AtomicBool>,
        events: SendingSink,
        pictures: PictureSink,
    ) -> Self {
        Self {
            kind,
            inbox,
            outlets,
            preview,
            events,
            pictures,
            number: 0,
            source: Source::Closed,
            asked_fps: 0,
            streams: Vec::new(),
            last: None,
            repeats: 0,
            sharp: 0,
            owed: false,
            made_at: Instant::now(),
            failed: None,
            epoch: Instant::now(),
            first_timestamp: rand::random(),
            last_timestamp: None,
        }
    }

    /// Works until the call is over.
    pub(super) fn run(mut self) {
        loop {
            let mail = self.inbox.wait(self.number, self.deadline());
            if mail.over {
                return;
            }
            if mail.wanted.0 != self.number {
                self.change(mail.wanted, mail.closed);
                continue;
            }
            if let Some((_, error)) = mail.ended.filter(|(number, _)| *number == self.number) {
                self.fail(error);
                continue;
            }
            match mail.frame.filter(|(number, _)| *number == self.number) {
                Some((_, frame)) => self.fresh(frame),
                None => self.again(),
            }
        }
    }

    fn change(&mut self, (number, wanted): (u64, Option<VideoSource>), closed: bool) {
        self.number = number;
        let was_running = matches!(std::mem::replace(&mut self.source, Source::Closed), Source::Running(_));
        self.rest();
        if closed && was_running {
            (self.events)(SendingEvent::Stopped(self.kind));
        }
        let Some(source) = wanted else {
            // Memory of encoders is not needed while the camera is off.
            self.streams.clear();
            return;
        };
        let format = self.format();
        self.asked_fps = format.max_fps;
        match bellbird_capture::open(&source, format, self.sink(number)) {
            // Opening can take long; the person may have thought better of it.
            Ok(_) if !self.inbox.is_current(number) => {}
            // For whoever watches, a swapped camera is the same one going on.
            Ok(capture) if was_running && !closed => self.source = Source::Running(capture),
            Ok(capture) => self.source = Source::Opening(capture),
            Err(_) if !self.inbox.is_current(number) => {}
            Err(error) => self.fail(error),
        }
    }

    /// Takes what the source with that number says, on its thread.
    fn sink(&self, number: u64) -> bellbird_capture::PictureSink {
        let (inbox, preview, pictures, kind) =
            (self.inbox.clone(), self.preview.clone(), self.pictures.clone(), self.kind);
        Arc::new(move |event| match event {
            CaptureEvent::Frame(frame) => {
                if !inbox.is_current(number) {
                    return;
                }
                if preview.load(Ordering::Relaxed) {
                    pictures(Picture { participant: None, kind, frame: frame.clone() });
                }
                inbox.frame(number, frame);
            }
            CaptureEvent::Ended(error) => inbox.ended(number, error),
        })
    }

    fn fail(&mut self, error: bellbird_capture::CaptureError) {
        self.source = Source::Closed;
        self.streams.clear();
        self.rest();
        (self.events)(SendingEvent::Failed { kind: self.kind, number: self.number, error });
    }

    fn rest(&mut self) {
        self.last = None;
        self.owed = false;
        (self.repeats, self.sharp) = (0, 0);
    }

    /// A new picture came.
    fn fresh(&mut self, frame: VideoFrame) {
        self.source = match std::mem::replace(&mut self.source, Source::Closed) {
            Source::Opening(capture) => {
                (self.events)(SendingEvent::Runs { kind: self.kind, number: self.number });
                Source::Running(capture)
            }
            other => other,
        };
        (self.repeats, self.sharp) = (0, 0);
        self.make(&frame);
        self.last = Some(frame);
    }

    /// Nothing new came; the last picture may be needed again.
    fn again(&mut self) {
        if !matches!(self.source, Source::Running(_)) {
            return;
        }
        let Some(frame) = self.last.clone() else { return };
        match self.kind {
            // The next one is about to come anyway.
            MediaKind::Audio | MediaKind::Video => {}
            MediaKind::Screen => {
                if self.wants_more() || self.keyframe_due().is_some_and(|due| due <= Instant::now()) {
                    self.repeats += 1;
                    self.make(&frame);
                }
            }
        }
    }

    /// Whether the last picture should be sent again: it is not sharp yet, or was passed over.
    fn wants_more(&self) -> bool {
        self.owed || (self.sharp < SHARP_TIMES && self.repeats < MOST_REPEATS)
    }

    fn deadline(&self) -> Option<Instant> {
        if self.kind != MediaKind::Screen || self.last.is_none() || self.streams.is_empty() {
            return None;
        }
        let repeat = self.wants_more().then(|| Instant::now() + REPEAT_EVERY);
        let keyframe = self.keyframe_due().map(|due| due.max(self.made_at + RETRY));
        [repeat, keyframe].into_iter().flatten().min()
    }

    /// When a keyframe that a link waits for may be made, if one does.
    fn keyframe_due(&self) -> Option<Instant> {
        let now = Instant::now();
        self.groups()
            .iter()
            .filter_map(|(key, outlets)| match self.streams.iter().find(|stream| stream.key() == *key) {
                Some(stream) => stream.owes_keyframe(outlets).then(|| stream.keyframe_due(now)),
                None => Some(now),
            })
            .min()
    }

    /// The links that can take pictures now, by what they share.
    fn groups(&self) -> Vec<(StreamKey, Vec<Arc<Outlet>>)> {
        let now = Instant::now();
        let all = self.outlets.all().into_iter().filter(|outlet| outlet.kind() == self.kind);
        let open: Vec<_> = all.filter_map(|outlet| Some((outlet.open_for()?, outlet))).collect();
        let least = (open.len() > 1).then(|| self.floor());
        let mut groups: Vec<(StreamKey, Vec<Arc<Outlet>>)> = Vec::new();
        for (agreement, outlet) in open {
            let apart = outlet.is_apart(now, least);
            let key = StreamKey { codec: agreement.codec, layers: agreement.layers, apart };
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, outlets)) => outlets.push(outlet),
                None => groups.push((key, vec![outlet])),
            }
        }
        groups
    }

    fn make(&mut self, frame: &VideoFrame) {
        let now = Instant::now();
        self.made_at = now;
        let groups = self.groups();
        self.streams.retain(|stream| groups.iter().any(|(key, _)| *key == stream.key()));
        let links = groups.iter().map(|(_, outlets)| outlets.len()).sum();
        let timestamp = self.timestamp(now);
        let mut made = Made::default();
        for (key, outlets) in &groups {
            let rests = |(failed, at): (StreamKey, Instant)| {
                failed == *key && now.saturating_duration_since(at) < ENCODER_PAUSE
            };
            if self.failed.is_some_and(rests) {
                continue;
            }
            let rate = self.rate(outlets, links, key.apart, now);
            let stream = match self.streams.iter_mut().position(|stream| stream.key() == *key) {
                Some(at) => &mut self.streams[at],
                None => {
                    self.streams.push(Stream::new(*key, self.kind, rate));
                    let at = self.streams.len() - 1;
                    &mut self.streams[at]
                }
            };
            match stream.make(frame, timestamp, rate, now, outlets) {
                Ok(one) => {
                    made.bytes = made.bytes.max(one.bytes);
                    made.owed |= one.owed;
                }
                Err(error) => {
                    tracing::warn!(%error, codec = ?key.codec, "a picture could not be encoded; beginning anew");
                    self.failed = Some((*key, now));
                    self.streams.retain(|stream| stream.key() != *key);
                }
            }
        }
        self.ask_for_rate();
        self.owed = made.owed;
        if made.bytes > 0 {
            self.sharp = if made.bytes <= SHARP_BYTES { self.sharp + 1 } else { 0 };
            self.outlets.wake();
        }
    }

    /// A source need not deliver what no stream takes.
    fn ask_for_rate(&mut self) {
        let format = self.format();
        let max_fps =
            self.streams.iter().map(Stream::fps).max().unwrap_or(format.max_fps).min(format.max_fps);
        if let Source::Running(capture) = &self.source
            && max_fps != self.asked_fps
        {
            self.asked_fps = max_fps;
            capture.set_format(CaptureFormat { max_fps, ..format });
        }
    }

    fn format(&self) -> CaptureFormat {
        match self.kind {
            MediaKind::Audio | MediaKind::Video => CAMERA_FORMAT,
            MediaKind::Screen => SCREEN_FORMAT,
        }
    }

    /// What pictures for these links may take, bits per second: the least of what they carry, within limits.
    fn rate(&self, outlets: &[Arc<Outlet>], links: usize, apart: bool, now: Instant) -> u64 {
        let least = |outlets: &mut dyn Iterator<Item = &Arc<Outlet>>| {
            outlets.map(|outlet| outlet.target(now)).min().unwrap_or(START_RATE)
        };
        let target = least(&mut outlets.iter());
        let useful = outlets.iter().map(|outlet| outlet.useful_share()).fold(1.0, f64::min);
        let (target, most) = match self.kind {
            MediaKind::Audio | MediaKind::Video => {
                let all = self.outlets.all();
                let mut screens = all
                    .iter()
                    .filter(|outlet| outlet.kind() == MediaKind::Screen && outlet.open_for().is_some());
                let uses = screens.clone().map(|outlet| outlet.uses(now)).max().unwrap_or(0);
                // What is not shared takes nothing away.
                let target = if uses > 0 {
                    share::camera_beside_screen(target, least(&mut screens), uses)
                } else {
                    target
                };
                let most = if links > 1 { share::CAMERA_MOST_IN_MESH } else { share::CAMERA_MOST };
                (target, most)
            }
            MediaKind::Screen => (target, share::SCREEN_MOST),
        };
        // The floor is for others' sake: a line alone is never given more than it carries.
        let floor = if outlets.len() > 1 && !apart { self.floor() } else { 0 };
        let most = if apart { self.floor() } else { most };
        ((target as f64 * useful) as u64).clamp(floor, most)
    }

    /// What is made for everybody takes at least this, bits per second.
    fn floor(&self) -> u64 {
        match self.kind {
            MediaKind::Audio | MediaKind::Video => CAMERA_FLOOR,
            MediaKind::Screen => SCREEN_FLOOR,
        }
    }

    /// On the RTP clock; always later than the one before.
    fn timestamp(&mut self, now: Instant) -> u32 {
        let ticks = now.saturating_duration_since(self.epoch).as_micros() * TICKS / 100;
        let mut timestamp = self.first_timestamp.wrapping_add(ticks as u32);
        if let Some(last) = self.last_timestamp
            && timestamp.wrapping_sub(last).wrapping_sub(1) >= 1 << 31
        {
            timestamp = last.wrapping_add(1);
        }
        self.last_timestamp = Some(timestamp);
        timestamp
    }
}
