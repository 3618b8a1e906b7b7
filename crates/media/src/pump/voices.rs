//! The peers that are heard.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use bellbird_call::{LinkId, ParticipantId};

use super::{AudioPacket, ReceiveFigures, ReceiverShared};
use crate::audio::FRAME;
use crate::audio::level::power_dbov;
use crate::audio::mix::Mixer;
use crate::receive::{OpusDecoder, Pulled, Receiver as JitterBuffer};

/// One peer's sound.
pub(super) struct Voice {
    pub(super) link: LinkId,
    participant: ParticipantId,
    packets: Receiver<AudioPacket>,
    shared: Arc<ReceiverShared>,
    buffer: JitterBuffer<OpusDecoder>,
    heard: bool,
    power: f32,
    frames: u16,
}

impl Voice {
    pub(super) fn new(
        link: LinkId,
        participant: ParticipantId,
        packets: Receiver<AudioPacket>,
        shared: Arc<ReceiverShared>,
        buffer: JitterBuffer<OpusDecoder>,
    ) -> Self {
        Self { link, participant, packets, shared, buffer, heard: false, power: 0.0, frames: 0 }
    }

    /// Takes in what has come.
    pub(super) fn collect(&mut self) {
        while let Ok(packet) = self.packets.try_recv() {
            self.buffer.insert(packet.sequence, packet.timestamp, packet.payload, packet.arrival);
        }
    }

    /// Adds the next 10 ms to the mix. `true` when it is this peer's first sound.
    pub(super) fn play(&mut self, mixer: &mut Mixer, now: Instant) -> bool {
        let mut frame = [0.0; FRAME];
        let pulled = self.buffer.pull(now, &mut frame);
        mixer.add(&frame);
        self.power += frame.iter().map(|sample| sample * sample).sum::<f32>() / FRAME as f32;
        self.frames += 1;
        match pulled {
            Pulled::Sound => !std::mem::replace(&mut self.heard, true),
            Pulled::Nothing | Pulled::Concealed | Pulled::Pause => false,
        }
    }

    /// Lets time pass unheard.
    pub(super) fn skip(&mut self, now: Instant) {
        let mut frame = [0.0; FRAME];
        self.buffer.pull(now, &mut frame);
        self.frames += 1;
    }

    /// Loudness since the last call, dBov.
    pub(super) fn take_level(&mut self) -> (ParticipantId, f32) {
        let power = self.power / f32::from(self.frames.max(1));
        (self.power, self.frames) = (0.0, 0);
        (self.participant.clone(), power_dbov(power))
    }

    /// Makes the figures visible to the peer.
    pub(super) fn publish(&self) {
        let counters = self.buffer.counters();
        self.shared.publish(ReceiveFigures {
            buffer: self.buffer.delay(),
            target: self.buffer.target(),
            played_samples: counters.played_samples,
            concealed_samples: counters.concealed_samples,
            recovered: counters.recovered,
            late: counters.late,
            duplicate: counters.duplicate,
            overflow: counters.overflow,
            undecodable: counters.undecodable,
        });
    }

    pub(super) fn describe(&self) -> String {
        let (delay, target) = (self.buffer.delay().as_millis(), self.buffer.target().as_millis());
        format!("{} ▸ buffer {delay} ms (aim {target} ms) ▸ opus", self.link)
    }
}
