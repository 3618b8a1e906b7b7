//! How well links do: figures over the last second, from totals.

use std::time::{Duration, Instant};

use bellbird_call::{Link, LinkQuality, LinkSource, MediaKind, VideoQuality};

use crate::peer::{LinkFigures, VideoFigures};
use crate::pump::ReceiveFigures;
use crate::video::ShownFigures;

/// Everything that is known of a link at one moment, as totals.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct LinkReading {
    /// Its sound on the way.
    pub(crate) link: LinkFigures,
    /// Its sound as it is played.
    pub(crate) receiver: ReceiveFigures,
    /// Its pictures on the way.
    pub(crate) video: VideoFigures,
    /// Its pictures as they are shown, if any can come.
    pub(crate) shown: Option<(MediaKind, ShownFigures)>,
}

/// Turns one link's totals into what happened since they were last read.
#[derive(Debug)]
pub(crate) struct LinkMeter {
    read: Instant,
    last: LinkReading,
}

impl LinkMeter {
    pub(crate) fn new(now: Instant) -> Self {
        Self { read: now, last: LinkReading::default() }
    }

    /// The quality since the last reading. Losses, jitter and the round trip are those of sound, and of the pictures where
    /// a link carries nothing else.
    pub(crate) fn read(&mut self, now: Instant, link: &Link, reading: LinkReading) -> LinkQuality {
        let elapsed = now.saturating_duration_since(self.read).max(Duration::from_millis(1)).as_secs_f32();
        let last = std::mem::replace(&mut self.last, reading);
        self.read = now;
        let kbit = |bytes: u64, before: u64| bytes.saturating_sub(before) as f32 * 8.0 / 1000.0 / elapsed;
        let way = |reading: &LinkReading| match link.source {
            LinkSource::Person => Way {
                lost: reading.link.packets_lost,
                received: reading.link.packets_received,
                jitter: reading.link.jitter,
                round_trip: reading.link.round_trip.or(reading.video.round_trip),
                remote_loss: reading.link.remote_loss,
            },
            LinkSource::Screen => Way {
                lost: reading.video.packets_lost,
                received: reading.video.packets_received,
                jitter: reading.video.jitter,
                round_trip: reading.video.round_trip,
                remote_loss: reading.video.remote_loss,
            },
        };
        let (now_way, last_way) = (way(&reading), way(&last));
        // A late packet makes the total of losses go down again.
        let lost = now_way.lost.saturating_sub(last_way.lost);
        let received = now_way.received.saturating_sub(last_way.received);
        let played = reading.receiver.played_samples.saturating_sub(last.receiver.played_samples);
        let concealed = reading.receiver.concealed_samples.saturating_sub(last.receiver.concealed_samples);
        let bytes_in = |reading: &LinkReading| reading.link.bytes_received + reading.video.bytes_received;
        let bytes_out = |reading: &LinkReading| reading.link.bytes_sent + reading.video.bytes_sent;
        let side = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX);
        let video = reading.shown.map(|(kind, shown)| {
            let before = last.shown.map_or(0, |(_, shown)| shown.frames);
            VideoQuality {
                kind,
                width: side(shown.width),
                height: side(shown.height),
                fps: shown.frames.saturating_sub(before) as f32 / elapsed,
                frames: shown.frames,
                freezes: shown.freezes,
            }
        });
        LinkQuality {
            participant: link.participant.clone(),
            round_trip: now_way.round_trip,
            loss: share(lost, lost + received),
            remote_loss: now_way.remote_loss,
            jitter: now_way.jitter,
            buffer: reading.receiver.buffer,
            concealed: share(concealed, played),
            kbit_in: kbit(bytes_in(&reading), bytes_in(&last)),
            kbit_out: kbit(bytes_out(&reading), bytes_out(&last)),
            packets_lost: now_way.lost,
            packets_received: now_way.received,
            video: video.into_iter().collect(),
        }
    }
}

/// What the way of a link's main stream is like.
struct Way {
    lost: u64,
    received: u64,
    jitter: Duration,
    round_trip: Option<Duration>,
    remote_loss: Option<f32>,
}

fn share(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { (part as f32 / whole as f32).min(1.0) }
}

/// The share of our packets the encoder should expect to get lost: the worst link's, slow to change.
#[derive(Debug, Default)]
pub(crate) struct ExpectedLoss {
    smoothed: f32,
    told: f32,
}

impl ExpectedLoss {
    /// Takes one second's reports; yields a value when the encoder should be told another one.
    pub(crate) fn update(&mut self, reported: impl Iterator<Item = f32>) -> Option<f32> {
        let worst = reported.fold(0.0, f32::max);
        // Rises quickly, since FEC helps only once it is there, and falls slowly.
        let weight = if worst > self.smoothed { 0.5 } else { 0.1 };
        self.smoothed += (worst - self.smoothed) * weight;
        let changed = (self.smoothed - self.told).abs() >= 0.005;
        changed.then(|| {
            self.told = self.smoothed;
            self.told
        })
    }
}

#[cfg(test)]
mod tests {
    use bellbird_call::{LinkDirection, LinkId, LinkRole, MediaKinds};

    use super::*;

    #[test]
    fn figures_are_those_of_the_time_since_the_last_reading() {
        let start = Instant::now();
        let mut meter = LinkMeter::new(start);
        let link = Link {
            id: LinkId(1),
            participant: None,
            source: LinkSource::Person,
            role: LinkRole::Offerer,
            direction: LinkDirection::SendReceive,
            may_send: MediaKinds::VIDEO,
            simulcast: false,
        };
        let first = LinkReading {
            link: LinkFigures { packets_received: 50, bytes_received: 5000, ..LinkFigures::default() },
            shown: Some((MediaKind::Video, ShownFigures { frames: 30, ..ShownFigures::default() })),
            ..LinkReading::default()
        };
        meter.read(start + Duration::from_secs(1), &link, first);
        let second = LinkReading {
            link: LinkFigures {
                packets_received: 90,
                packets_lost: 10,
                bytes_received: 8000,
                bytes_sent: 500,
                ..LinkFigures::default()
            },
            receiver: ReceiveFigures {
                played_samples: 48_000,
                concealed_samples: 12_000,
                ..ReceiveFigures::default()
            },
            video: VideoFigures { bytes_received: 2000, bytes_sent: 2000, ..VideoFigures::default() },
            shown: Some((
                MediaKind::Video,
                ShownFigures { width: 1280, height: 720, frames: 80, freezes: 1 },
            )),
        };
        let quality = meter.read(start + Duration::from_secs(3), &link, second);
        let video = &quality.video[0];
        assert_eq!((video.width, video.height, video.fps, video.freezes), (1280, 720, 25.0, 1));
        assert_eq!((quality.loss, quality.concealed), (0.2, 0.25));
        assert_eq!((quality.kbit_in, quality.kbit_out), (20.0, 10.0));
        assert_eq!((quality.packets_lost, quality.packets_received), (10, 90));
    }

    #[test]
    fn the_encoder_is_told_of_losses_soon_and_of_their_end_later() {
        let mut expected = ExpectedLoss::default();
        assert_eq!(expected.update([0.0].into_iter()), None);
        assert_eq!(expected.update([0.0, 0.2].into_iter()), Some(0.1));
        let after_one = expected.update([0.0].into_iter()).unwrap();
        assert!(after_one > 0.08, "{after_one}");
    }
}
