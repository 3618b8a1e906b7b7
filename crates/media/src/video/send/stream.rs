//! The pictures for all links that take the same codec in the same sizes: scaled, encoded once and cut into payloads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bellbird_call::MediaKind;
use bellbird_video::{
    CodecError, Content, EncoderSettings, Packetizer, Scaler, VideoCodec, VideoEncoder, VideoFrame,
    fit_within,
};

use super::outlet::Outlet;
use crate::peer::{MAX_LAYERS, OutgoingVideo, VideoSender};
use crate::video::rates::ladder::Ladder;
use crate::video::rates::share;

/// The least time between two keyframes of one size. Whoever asks meanwhile gets the next.
const KEYFRAME_PAUSE: Duration = Duration::from_millis(300);
/// A source's pictures come a little early or late; so much early is in time.
const EARLY: Duration = Duration::from_millis(6);
/// How much of a new encoding time counts.
const LOAD_WEIGHT: f32 = 0.1;
/// The longest short side of a camera's picture.
const CAMERA_SHORT_SIDE: u32 = 720;

/// What identifies a stream: links with the same key share it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct StreamKey {
    pub(super) codec: VideoCodec,
    /// 1, or as many sizes as a media server takes.
    pub(super) layers: usize,
    /// For lines that do not carry what everybody else gets.
    pub(super) apart: bool,
}

/// What came of a picture.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Made {
    /// Bytes of the largest size; 0 when nothing was made.
    pub(super) bytes: usize,
    /// Whether the picture was passed over although a link waits for one: it has to come again.
    pub(super) owed: bool,
}

/// The encoders of one key.
pub(super) struct Stream {
    key: StreamKey,
    kind: MediaKind,
    layers: Vec<Layer>,
    ladder: Ladder,
    /// When the next picture is due.
    next: Option<Instant>,
    /// Share of its time that encoding takes, smoothed.
    load: f32,
    on: [bool; MAX_LAYERS],
}

struct Layer {
    packetizer: Packetizer,
    encoder: Option<VideoEncoder>,
    scaler: Scaler,
    size: (u32, u32),
    rate: u64,
    fps: u32,
    keyframe_at: Option<Instant>,
}

impl Stream {
    pub(super) fn new(key: StreamKey, kind: MediaKind, rate: u64) -> Self {
        Self {
            key,
            kind,
            layers: (0..key.layers.clamp(1, MAX_LAYERS)).map(|_| Layer::new(key.codec)).collect(),
            ladder: Ladder::new(kind, rate),
            next: None,
            load: 0.0,
            on: [false; MAX_LAYERS],
        }
    }

    pub(super) fn key(&self) -> StreamKey {
        self.key
    }

    /// How many pictures a second it makes at the most.
    pub(super) fn fps(&self) -> u32 {
        self.ladder.rung().fps
    }

    /// Whether one of the links waits for a keyframe.
    pub(super) fn owes_keyframe(&self, outlets: &[Arc<Outlet>]) -> bool {
        (0..self.layers.len()).any(|layer| outlets.iter().any(|outlet| outlet.wants_keyframe(layer)))
    }

    /// When a keyframe may be made at the soonest.
    pub(super) fn keyframe_due(&self, now: Instant) -> Instant {
        self.layers.iter().filter_map(|layer| layer.keyframe_at).max().map_or(now, |at| at + KEYFRAME_PAUSE)
    }

    /// Makes a picture with `rate` bits per second, if it is time for one. `timestamp` is in 90 kHz ticks.
    ///
    /// # Errors
    /// When an encoder cannot be made, or fails.
    pub(super) fn make(
        &mut self,
        frame: &VideoFrame,
        timestamp: u32,
        rate: u64,
        now: Instant,
        outlets: &[Arc<Outlet>],
    ) -> Result<Made, CodecError> {
        if self.ladder.update(now, rate, self.load) {
            tracing::debug!(kind = ?self.kind, codec = ?self.key.codec, rate, rung = ?self.ladder.rung(), "pictures change");
        }
        let rung = self.ladder.rung();
        let interval = Duration::from_secs(1) / rung.fps;
        if self.next.is_some_and(|next| now + EARLY < next) {
            return Ok(Made { bytes: 0, owed: self.owes_keyframe(outlets) });
        }
        if outlets.iter().any(|outlet| outlet.is_behind()) {
            return Ok(Made { bytes: 0, owed: true });
        }
        self.next =
            Some(self.next.map_or(now, |next| next.max(now.checked_sub(interval).unwrap_or(now))) + interval);
        let begun = Instant::now();
        let rates = if self.layers.len() == 1 { [rate, 0, 0] } else { share::layers(rate, self.on) };
        let mut made = Made::default();
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let rate = rates[index];
            let was_on = std::mem::replace(&mut self.on[index], rate > 0);
            if rate == 0 {
                continue;
            }
            let wanted = outlets.iter().any(|outlet| outlet.wants_keyframe(index)) || !was_on;
            let rested =
                layer.keyframe_at.is_none_or(|at| now.saturating_duration_since(at) >= KEYFRAME_PAUSE);
            let size = if self.key.layers > 1 {
                scaled(frame, CAMERA_SHORT_SIDE >> index)
            } else {
                scaled(frame, rung.short_side)
            };
            // Sizes of `fit_within` are sizes of pictures.
            let Ok(small) = layer.scaler.scale(frame, size.0, size.1) else { continue };
            if layer.size != size {
                // The encoder begins anew by itself, with a keyframe.
                layer.size = size;
                layer.keyframe_at = None;
            }
            let encoder = layer.encoder(self.key.codec, self.kind, rate, rung.fps)?;
            let Some(encoded) = encoder.encode(&small, timestamp, wanted && rested)? else {
                made.owed = true;
                continue;
            };
            if encoded.keyframe {
                layer.keyframe_at = Some(now);
            }
            made.owed |= wanted && !encoded.keyframe;
            made.bytes = made.bytes.max(encoded.data.len());
            let payloads = layer.packetizer.packetize(&encoded, VideoSender::max_payload());
            let last = payloads.len().saturating_sub(1);
            let packets: Vec<OutgoingVideo> = payloads
                .into_iter()
                .enumerate()
                .map(|(number, payload)| OutgoingVideo {
                    layer: index,
                    timestamp,
                    marker: number == last,
                    keyframe: encoded.keyframe,
                    temporal_layer: encoded.temporal_layer,
                    payload,
                })
                .collect();
            for outlet in outlets {
                outlet.queue(&packets);
            }
        }
        let load = begun.elapsed().as_secs_f32() / interval.as_secs_f32();
        self.load += (load - self.load) * LOAD_WEIGHT;
        Ok(made)
    }
}

impl Layer {
    fn new(codec: VideoCodec) -> Self {
        Self {
            packetizer: Packetizer::new(codec, rand::random()),
            encoder: None,
            scaler: Scaler::default(),
            size: (0, 0),
            rate: 0,
            fps: 0,
            keyframe_at: None,
        }
    }

    fn encoder(
        &mut self,
        codec: VideoCodec,
        kind: MediaKind,
        rate: u64,
        fps: u32,
    ) -> Result<&mut VideoEncoder, CodecError> {
        let content = match kind {
            MediaKind::Audio | MediaKind::Video => Content::Camera,
            MediaKind::Screen => Content::Screen,
        };
        let bitrate = rate.min(u64::from(u32::MAX)) as u32;
        let encoder = match self.encoder.take() {
            Some(encoder) => encoder,
            None => VideoEncoder::new(EncoderSettings { codec, content, bitrate, fps })?,
        };
        let encoder = self.encoder.insert(encoder);
        // A change smaller than what an encoder deviates by anyway is not worth telling.
        if rate.abs_diff(self.rate) * 50 > self.rate || fps != self.fps {
            encoder.set_rate(bitrate, fps);
            (self.rate, self.fps) = (rate, fps);
        }
        Ok(encoder)
    }
}

/// The size of a picture whose short side is to be no longer than this; never larger than it is.
fn scaled(frame: &VideoFrame, short_side: u32) -> (u32, u32) {
    let (width, height) = (frame.width(), frame.height());
    if width >= height {
        fit_within(width, height, u32::MAX, short_side)
    } else {
        fit_within(width, height, short_side, u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use bellbird_call::LinkId;
    use bellbird_video::Pattern;

    use super::super::inbox::Inbox;
    use super::*;
    use crate::peer::VideoFeedback;

    const FRAME: Duration = Duration::from_millis(33);

    /// A second of pictures at this rate, each handed to `after` once it is made.
    fn second(
        stream: &mut Stream,
        rate: u64,
        outlet: &Arc<Outlet>,
        from: Instant,
        mut after: impl FnMut(Made),
    ) {
        let pattern = Pattern::new(320, 180).unwrap();
        for number in 0..30 {
            let now = from + FRAME * number;
            let outlets = [outlet.clone()];
            let made = stream.make(&pattern.draw(number, now), number * 3000, rate, now, &outlets).unwrap();
            for step in 0..33 {
                outlet.pace(now + Duration::from_millis(step));
            }
            after(made);
        }
    }

    fn outlet(now: Instant) -> Arc<Outlet> {
        Arc::new(Outlet::new(LinkId(1), MediaKind::Video, &Arc::new(Inbox::default()), now))
    }

    #[test]
    fn keyframes_are_made_for_whoever_asks_but_not_too_often() {
        let start = Instant::now();
        let outlet = outlet(start);
        let key = StreamKey { codec: VideoCodec::Vp8, layers: 1, apart: false };
        let mut stream = Stream::new(key, MediaKind::Video, 600_000);
        let mut keyframes = 0;
        second(&mut stream, 600_000, &outlet, start, |_| {
            keyframes += usize::from(!outlet.wants_keyframe(0));
            outlet.feedback(VideoFeedback::KeyframeWanted { layer: 0 });
        });
        assert!((3..=4).contains(&keyframes), "{keyframes} in a second of asking with each picture");
    }

    #[test]
    fn sizes_for_a_media_server_come_and_go_with_the_rate() {
        let start = Instant::now();
        let outlet = outlet(start);
        let key = StreamKey { codec: VideoCodec::Vp8, layers: 3, apart: false };
        let mut stream = Stream::new(key, MediaKind::Video, 1_300_000);
        second(&mut stream, 150_000, &outlet, start, |_| {});
        assert_eq!(stream.on, [false, false, true]);
        second(&mut stream, 1_300_000, &outlet, start + Duration::from_secs(1), |_| {});
        assert_eq!(stream.on, [true; 3]);
        assert!((0..3).all(|layer| !outlet.wants_keyframe(layer)), "each began with a keyframe");
        second(&mut stream, 400_000, &outlet, start + Duration::from_secs(2), |_| {});
        assert_eq!(stream.on, [false, true, true]);
    }
}
