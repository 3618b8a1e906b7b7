//! A jitter buffer's life as bytes, for fuzzing.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{OpusDecoder, Receiver};
use crate::audio::FRAME;

/// Carries out what `bytes` say, beginning at `now`. A step is a sequence number, a timestamp, a length with as many
/// bytes of payload, and a pause in milliseconds with the pulls that fall into it.
pub(crate) fn carry_out(bytes: &[u8], now: Instant) {
    let Ok(decoder) = OpusDecoder::new() else { return };
    let mut receiver = Receiver::new(decoder, now);
    let mut time = now;
    let mut next_pull = now;
    let mut out = [0.0; FRAME];
    let mut rest = bytes;
    while let [s1, s2, t1, t2, t3, t4, length, pause, tail @ ..] = rest {
        let (payload, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = tail;
        let sequence = u16::from_be_bytes([*s1, *s2]);
        let timestamp = u32::from_be_bytes([*t1, *t2, *t3, *t4]);
        receiver.insert(sequence, timestamp, Bytes::copy_from_slice(payload), time);
        time += Duration::from_millis(u64::from(*pause));
        while next_pull <= time {
            receiver.pull(next_pull, &mut out);
            assert!(out.iter().all(|sample| sample.is_finite()), "what is played is a number");
            next_pull += Duration::from_millis(10);
        }
    }
}
