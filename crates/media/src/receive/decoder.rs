//! Opus in, and sound made up where it is missing.

use opus::Channels;

use crate::audio::SAMPLE_RATE;

/// The most one packet can hold, samples: 120 ms (RFC 6716 section 3.2.5).
pub(crate) const MAX_PACKET: usize = 5_760;

/// A packet of this many bytes at most carries no sound of its own: the far end stopped sending for a pause
/// (discontinuous transmission).
const DTX_BYTES: usize = 2;

/// What a receiver needs of a codec.
pub(crate) trait Decode {
    /// Decodes a packet into `out` and returns how many samples it held; `None` when it is no such packet.
    fn decode(&mut self, payload: &[u8], out: &mut [f32; MAX_PACKET]) -> Option<usize>;

    /// Fills `out` with what the packet before `next` probably sounded like, from the copy `next` carries. `false`
    /// when it carries none; then `out` holds nothing of use.
    fn recover(&mut self, next: &[u8], out: &mut [f32]) -> bool;

    /// Fills `out` (a multiple of 2.5 ms) with a continuation of what was decoded last.
    fn conceal(&mut self, out: &mut [f32]);

    /// Whether the packet says that a pause begins.
    fn is_pause(&self, payload: &[u8]) -> bool;

    /// Forgets everything: a new stream begins.
    fn reset(&mut self);
}

/// libopus, 48 kHz mono.
pub(crate) struct OpusDecoder(opus::Decoder);

impl OpusDecoder {
    /// # Errors
    /// When it cannot be made (out of memory).
    pub(crate) fn new() -> Result<Self, opus::Error> {
        Ok(Self(opus::Decoder::new(SAMPLE_RATE, Channels::Mono)?))
    }
}

impl Decode for OpusDecoder {
    fn decode(&mut self, payload: &[u8], out: &mut [f32; MAX_PACKET]) -> Option<usize> {
        // An empty one would be taken for a loss.
        if payload.is_empty() {
            return None;
        }
        self.0.decode_float(payload, out, false).ok().filter(|count| (1..=MAX_PACKET).contains(count))
    }

    fn recover(&mut self, next: &[u8], out: &mut [f32]) -> bool {
        has_fec(next) && self.0.decode_float(next, out, true).is_ok_and(|count| count == out.len())
    }

    fn conceal(&mut self, out: &mut [f32]) {
        let made = self.0.decode_float(&[], out, false).unwrap_or(0);
        out.iter_mut().skip(made).for_each(|sample| *sample = 0.0);
    }

    fn is_pause(&self, payload: &[u8]) -> bool {
        payload.len() <= DTX_BYTES
    }

    fn reset(&mut self) {
        // Fails for no decoder that could be made.
        let _ = self.0.reset_state();
    }
}

/// Whether a packet carries a copy of the one before: the LBRR flag of its first SILK frame (RFC 6716 sections 3.1
/// and 4.2.3). Without it libopus would conceal, which is not the same as recovering.
fn has_fec(payload: &[u8]) -> bool {
    let [toc, rest @ ..] = payload else { return false };
    // Configurations 16 and up are CELT alone, which has no such copies.
    let config = toc >> 3;
    if config >= 16 {
        return false;
    }
    let first = match toc & 0b11 {
        // One frame: its data follow.
        0 => rest.first(),
        // Several frames: where the first begins depends on length fields, and no end we know sends them for calls
        // with FEC. Concealment does for those.
        _ => None,
    };
    let Some(first) = first else { return false };
    // The header's bits are the range coder's first, most significant first: a VAD flag per SILK frame (one for
    // 10 and 20 ms, two for 40, three for 60), then the LBRR flag.
    let silk_frames = match config {
        0..12 => match config % 4 {
            0 | 1 => 1,
            2 => 2,
            _ => 3,
        },
        _ => 1,
    };
    first >> (7 - silk_frames) & 1 == 1
}
