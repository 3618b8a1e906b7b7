//! From microphone frames to Opus packets.
//!
//! ```text
//!  10 ms frame ─▶ [processing] ─▶ mute ─▶ level ─▶ collect 20 ms ─▶ encode
//! ```
//!
//! The level is taken from the samples really encoded: muting must show as silence.

mod encoder;

use crate::audio::fade::Fader;
use crate::audio::level::{SILENCE_DBOV, dbov, power_dbov};
use crate::audio::processing::Processing;
use crate::audio::{FRAME, SAMPLE_RATE};

pub(crate) use encoder::{Encoder, EncoderError};

/// Samples in one packet: 20 ms, the length every WebRTC end is at home with.
pub(crate) const PACKET_SAMPLES: usize = 2 * FRAME;

/// Without processing a packet louder than this counts as speech, dBov.
const VOICE_DBOV: f32 = -45.0;

/// One encoded packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    /// Opus.
    pub(crate) payload: &'a [u8],
    /// Loudness of what was encoded, -127..=0.
    pub(crate) level_dbov: f32,
    /// Whether someone speaks in it.
    pub(crate) voice: bool,
}

/// The sending side of a call.
pub(crate) struct Sender {
    processing: Option<Box<Processing>>,
    mute: Fader,
    encoder: Encoder,
    collected: [f32; PACKET_SAMPLES],
    filled: usize,
    voice: bool,
    level: f32,
}

impl Sender {
    /// # Errors
    /// When the encoder cannot be made (out of memory).
    pub(crate) fn new(processing: Option<Processing>) -> Result<Self, EncoderError> {
        Ok(Self {
            processing: processing.map(Box::new),
            mute: Fader::new(true),
            encoder: Encoder::new()?,
            collected: [0.0; PACKET_SAMPLES],
            filled: 0,
            voice: false,
            level: SILENCE_DBOV,
        })
    }

    /// Closes or opens the microphone, with a short ramp.
    pub(crate) fn set_muted(&mut self, muted: bool) {
        self.mute.set_open(!muted);
    }

    /// The share of packets that gets lost on the way, 0..=1.
    pub(crate) fn set_expected_loss(&mut self, share: f32) {
        self.encoder.set_expected_loss(share);
    }

    /// Whether the microphone may hear the loudspeaker.
    pub(crate) fn set_echo_path(&mut self, echo_path: bool) {
        if let Some(processing) = &mut self.processing {
            processing.set_echo_path(echo_path);
        }
    }

    /// What the loudspeaker is about to play, for the echo canceller.
    pub(crate) fn render(&mut self, frame: &[f32; FRAME]) {
        if let Some(processing) = &mut self.processing {
            processing.render(frame);
        }
    }

    /// Takes 10 ms of the microphone; every second one yields a packet.
    ///
    /// # Errors
    /// When the encoder refuses; the samples are gone then.
    pub(crate) fn capture(&mut self, frame: &mut [f32; FRAME]) -> Result<Option<Packet<'_>>, EncoderError> {
        let speech = match &mut self.processing {
            // Silence that stays silence need not be processed, but the models must go on hearing the room.
            Some(processing) => processing.capture(frame),
            None => dbov(frame) > VOICE_DBOV,
        };
        self.mute.apply(frame);
        if self.filled == 0 {
            self.voice = false;
        }
        self.voice |= speech && !self.mute.is_closed();
        self.collected[self.filled..self.filled + FRAME].copy_from_slice(frame);
        self.filled += FRAME;
        if self.filled < PACKET_SAMPLES {
            return Ok(None);
        }
        self.filled = 0;
        let power = self.collected.iter().map(|sample| sample * sample).sum::<f32>() / PACKET_SAMPLES as f32;
        self.level = power_dbov(power);
        let payload = self.encoder.encode(&self.collected)?;
        Ok(Some(Packet { payload, level_dbov: self.level, voice: self.voice }))
    }

    /// Loudness of the last packet, -127..=0.
    pub(crate) fn level_dbov(&self) -> f32 {
        self.level
    }

    /// The stages, for [`describe`](crate::pump::SoundPump::describe).
    pub(crate) fn describe(&self) -> String {
        let processing =
            self.processing.as_ref().map(|stages| format!("{} ▸ ", stages.describe())).unwrap_or_default();
        let mute = if self.mute.is_closed() { "muted ▸ " } else { "" };
        format!("{processing}{mute}{}", self.encoder.describe(SAMPLE_RATE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::testing::sine;

    #[test]
    fn every_second_frame_yields_a_packet_and_mute_shows_in_its_level() {
        let mut sender = Sender::new(None).unwrap();
        let frame: [f32; FRAME] = sine(440.0, 0.5, FRAME).try_into().unwrap();
        assert!(sender.capture(&mut frame.clone()).unwrap().is_none());
        let packet = sender.capture(&mut frame.clone()).unwrap().unwrap();
        assert!(packet.voice && (packet.level_dbov + 9.0).abs() < 0.5, "{packet:?}");
        sender.set_muted(true);
        sender.capture(&mut frame.clone()).unwrap();
        let fading = sender.capture(&mut frame.clone()).unwrap().unwrap().level_dbov;
        assert!(fading < -9.0 && fading > -40.0, "the ramp is heard once: {fading}");
        sender.capture(&mut frame.clone()).unwrap();
        let packet = sender.capture(&mut frame.clone()).unwrap().unwrap();
        assert_eq!((packet.level_dbov, packet.voice), (SILENCE_DBOV, false));
        sender.set_muted(false);
        sender.capture(&mut frame.clone()).unwrap();
        assert!(sender.capture(&mut frame.clone()).unwrap().unwrap().level_dbov > -12.0);
    }
}
