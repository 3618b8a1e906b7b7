//! Opus out: 48 kHz mono, 20 ms, for speech (RFC 6716, RFC 7587).

use opus::{Application, Bitrate, Channels, Signal};

use super::PACKET_SAMPLES;
use crate::audio::SAMPLE_RATE;

/// What a second of speech may cost: transparent for one voice, with room for the FEC copy.
const BITRATE: i32 = 32_000;

/// Of 0..=10. From 6 on the search for the quantisation costs a third more and a voice sounds the same.
const COMPLEXITY: i32 = 5;

/// The largest packet we make; far above what the bitrate leads to.
const PACKET_BYTES: usize = 1_275;

/// The expected loss never falls below this share: without any, the encoder writes no FEC, and the first loss of a
/// call could not be mended.
const LEAST_LOSS: f32 = 0.05;

/// Above it the FEC copy would take over the bitrate.
const MOST_LOSS: f32 = 0.30;

/// The encoder could not be made or refused a packet.
#[derive(Debug, thiserror::Error)]
#[error("the Opus encoder failed: {0}")]
pub(crate) struct EncoderError(#[from] opus::Error);

/// The Opus encoder of one call.
pub(crate) struct Encoder {
    encoder: opus::Encoder,
    packet: [u8; PACKET_BYTES],
    loss_percent: i32,
}

impl Encoder {
    /// # Errors
    /// When it cannot be made (out of memory).
    pub(crate) fn new() -> Result<Self, EncoderError> {
        // Not `Voip`: that filters the low voice once more, which the processing before it has done where it was needed
        // (0.98 of the waveform comes through instead of 0.95). The voice's own coding and FEC are chosen by the signal.
        let mut encoder = opus::Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Audio)?;
        encoder.set_bitrate(Bitrate::Bits(BITRATE))?;
        encoder.set_complexity(COMPLEXITY)?;
        encoder.set_signal(Signal::Voice)?;
        encoder.set_inband_fec(true)?;
        // Packets go on through silence: they keep the far end's statistics and jitter buffer in step, and cost
        // little there. A far end may still use it towards us.
        encoder.set_dtx(false)?;
        let mut encoder = Self { encoder, packet: [0; PACKET_BYTES], loss_percent: -1 };
        encoder.set_expected_loss(LEAST_LOSS);
        Ok(encoder)
    }

    /// The share of packets that gets lost, 0..=1, as the far end reports it.
    pub(crate) fn set_expected_loss(&mut self, share: f32) {
        let share = if share.is_finite() { share.clamp(LEAST_LOSS, MOST_LOSS) } else { LEAST_LOSS };
        let percent = (share * 100.0).round() as i32;
        // In range, so it cannot be refused.
        if percent != self.loss_percent && self.encoder.set_packet_loss_perc(percent).is_ok() {
            self.loss_percent = percent;
        }
    }

    /// Encodes 20 ms.
    ///
    /// # Errors
    /// When libopus refuses, which it does for no samples in range.
    pub(crate) fn encode(&mut self, samples: &[f32; PACKET_SAMPLES]) -> Result<&[u8], EncoderError> {
        let length = self.encoder.encode_float(samples, &mut self.packet)?;
        Ok(&self.packet[..length])
    }

    pub(crate) fn describe(&self, rate: u32) -> String {
        format!("opus {} kHz {} kbit/s fec {}%", rate / 1_000, BITRATE / 1_000, self.loss_percent)
    }
}
