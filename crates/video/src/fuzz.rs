//! What fuzz targets call: everything here that reads a peer's bytes. Not an interface.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::codec::VideoCodec;
use crate::decode::{MAX_PIXELS, VideoDecoder};
use crate::header;
use crate::receive::{FrameBuffer, ReceivedPacket};
use crate::rtp;

fn codec(byte: u8) -> VideoCodec {
    match byte % 3 {
        0 => VideoCodec::Vp8,
        1 => VideoCodec::Vp9,
        _ => VideoCodec::H264,
    }
}

/// One payload, whose codec the first byte says.
pub fn payload(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let codec = codec(*first);
    let payload = Bytes::copy_from_slice(rest);
    if let Ok(part) = rtp::read(codec, &payload) {
        assert!(part.content.len() <= rest.len() && !part.content.is_empty());
        // One part rarely makes a frame; it never makes more than it has.
        if let Ok(data) = rtp::join(codec, std::iter::once(&part.content)) {
            assert!(data.len() <= rest.len() * 3 + 4);
        }
    }
}

/// A frame buffer's life. After a byte with the codec each step is: flags, change of the sequence number, change of the
/// timestamp, pause, length of the payload, payload.
pub fn frame_buffer(bytes: &[u8]) {
    let Some((first, mut rest)) = bytes.split_first() else { return };
    let mut codec = codec(*first);
    let begin = Instant::now();
    let mut now = begin;
    let mut buffer = FrameBuffer::new(begin);
    let (mut sequence, mut timestamp) = (0_u16, 0_u32);
    while let [flags, step, ticks, pause, length, after @ ..] = rest {
        let (payload, after) = after.split_at(usize::from(*length).min(after.len()));
        rest = after;
        // Small steps mostly, so that frames come about at all; the sign bit makes them large.
        let step = i16::from(*step as i8);
        sequence = sequence.wrapping_add_signed(if flags & 0x10 == 0 { step % 4 } else { step * 200 });
        let ticks = i32::from(*ticks as i8);
        timestamp =
            timestamp.wrapping_add_signed(if flags & 0x20 == 0 { ticks % 3 * 3_000 } else { ticks << 24 });
        now += Duration::from_millis(u64::from(pause % 64));
        if flags & 0xc0 == 0xc0 {
            codec = self::codec(flags % 3);
        }
        buffer.insert(ReceivedPacket {
            codec,
            sequence,
            timestamp,
            marker: flags & 1 != 0,
            payload: Bytes::copy_from_slice(payload),
            arrival: now,
            repeated: flags & 0x10 != 0,
            begins: flags & 0x0e == 0x0e,
        });
        if flags & 0x08 != 0 && flags & 0x04 == 0 {
            buffer.require_keyframe();
        }
        while let Some(ready) = buffer.poll_frame(now) {
            assert!(!ready.frame.data.is_empty());
        }
        assert!(buffer.poll_nack(now).len() <= 128);
        buffer.poll_keyframe_request(now);
        if let Some(wake) = buffer.next_wake(now) {
            assert!(wake >= now);
        }
        let (packets, weight) = buffer.weight();
        assert!(packets <= 2_048 && weight <= 4 << 20);
    }
    let counters = buffer.counters();
    assert!(counters.keyframes <= counters.frames && counters.not_shown <= counters.frames);
}

/// The first bits of a frame, and its parameter sets.
pub fn header(bytes: &[u8]) {
    let _ = header::vp8::parse(bytes);
    if let Ok(frames) = header::vp9::frames(bytes) {
        assert!(frames.len() <= 8 && frames.iter().map(|frame| frame.len()).sum::<usize>() <= bytes.len());
        for frame in frames {
            let _ = header::vp9::parse(frame);
            let mut wrapped = Vec::new();
            header::vp9::wrap(frame, &mut wrapped);
            assert_eq!(header::vp9::frames(&wrapped), Ok(vec![frame]));
        }
    }
    let mut length = 0;
    for unit in header::h264::units(bytes) {
        length += unit.len();
        let _ = header::h264::sequence(unit);
    }
    assert!(length <= bytes.len());
    let _ = header::h264::sequence(bytes);
}

/// Frames given to a real decoder. After a byte with the codec each frame is two bytes of length, and its bytes.
pub fn decoder(bytes: &[u8]) {
    let Some((first, mut rest)) = bytes.split_first() else { return };
    let Ok(mut decoder) = VideoDecoder::new(codec(*first)) else { return };
    let now = Instant::now();
    while let [high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (frame, after) = after.split_at(length);
        rest = after;
        if let Ok(Some(picture)) = decoder.decode(frame, now) {
            assert!(u64::from(picture.width()) * u64::from(picture.height()) <= MAX_PIXELS);
        }
    }
}
