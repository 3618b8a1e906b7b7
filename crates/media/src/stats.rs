//! How well links do: figures over the last second, from totals.

use std::time::{Duration, Instant};

use bellbird_call::{LinkQuality, ParticipantId};

use crate::peer::LinkFigures;
use crate::pump::ReceiveFigures;

/// Turns one link's totals into what happened since they were last read.
#[derive(Debug)]
pub(crate) struct LinkMeter {
    read: Instant,
    link: LinkFigures,
    receiver: ReceiveFigures,
}

impl LinkMeter {
    pub(crate) fn new(now: Instant) -> Self {
        Self { read: now, link: LinkFigures::default(), receiver: ReceiveFigures::default() }
    }

    /// The quality since the last reading.
    pub(crate) fn read(
        &mut self,
        now: Instant,
        participant: Option<ParticipantId>,
        link: LinkFigures,
        receiver: ReceiveFigures,
    ) -> LinkQuality {
        let elapsed = now.saturating_duration_since(self.read).max(Duration::from_millis(1)).as_secs_f32();
        let kbit = |bytes: u64, before: u64| bytes.saturating_sub(before) as f32 * 8.0 / 1000.0 / elapsed;
        // A late packet makes the total of losses go down again.
        let lost = link.packets_lost.saturating_sub(self.link.packets_lost);
        let received = link.packets_received.saturating_sub(self.link.packets_received);
        let played = receiver.played_samples.saturating_sub(self.receiver.played_samples);
        let concealed = receiver.concealed_samples.saturating_sub(self.receiver.concealed_samples);
        let quality = LinkQuality {
            participant,
            round_trip: link.round_trip,
            loss: share(lost, lost + received),
            remote_loss: link.remote_loss,
            jitter: link.jitter,
            buffer: receiver.buffer,
            concealed: share(concealed, played),
            kbit_in: kbit(link.bytes_received, self.link.bytes_received),
            kbit_out: kbit(link.bytes_sent, self.link.bytes_sent),
            packets_lost: link.packets_lost,
            packets_received: link.packets_received,
            video: Vec::new(),
        };
        (self.read, self.link, self.receiver) = (now, link, receiver);
        quality
    }
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
    use super::*;

    #[test]
    fn figures_are_those_of_the_time_since_the_last_reading() {
        let start = Instant::now();
        let mut meter = LinkMeter::new(start);
        let first = LinkFigures { packets_received: 50, bytes_received: 5000, ..LinkFigures::default() };
        meter.read(start + Duration::from_secs(1), None, first, ReceiveFigures::default());
        let second = LinkFigures {
            packets_received: 90,
            packets_lost: 10,
            bytes_received: 10_000,
            bytes_sent: 2500,
            ..LinkFigures::default()
        };
        let receiver =
            ReceiveFigures { played_samples: 48_000, concealed_samples: 12_000, ..ReceiveFigures::default() };
        let quality = meter.read(start + Duration::from_secs(3), None, second, receiver);
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
