//! Single situations, step by step. Whole networks are in `tests/networks.rs`.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::frame_buffer::{FrameBuffer, ReadyFrame, ReceivedPacket};
use crate::codec::VideoCodec;

const MS: Duration = Duration::from_millis(1);

/// A stream of VP8 pictures of two packets each, 33 ms apart.
struct Stream {
    begin: Instant,
    buffer: FrameBuffer,
}

impl Stream {
    fn new() -> Self {
        let begin = Instant::now();
        let mut buffer = FrameBuffer::new(begin);
        buffer.set_round_trip(50 * MS);
        Self { begin, buffer }
    }

    fn at(&self, ms: u64) -> Instant {
        self.begin + Duration::from_millis(ms)
    }

    /// Packet `half` of picture `picture` comes at `ms`.
    fn packet(&mut self, picture: u16, half: u16, keyframe: bool, ms: u64) {
        let head = if half == 0 { 0x90 } else { 0x80 };
        let first = if half == 0 && keyframe { 0x10 } else { 0x11 };
        let arrival = self.at(ms);
        self.buffer.insert(ReceivedPacket {
            codec: VideoCodec::Vp8,
            sequence: 65_530_u16.wrapping_add(picture.wrapping_mul(2) + half),
            timestamp: u32::from(picture) * 2_970,
            marker: half == 1,
            payload: Bytes::copy_from_slice(&[head, 0x80, 0x80, picture as u8, first, picture as u8]),
            arrival,
            repeated: false,
            begins: false,
        });
    }

    fn picture(&mut self, picture: u16, keyframe: bool, ms: u64) {
        self.packet(picture, 0, keyframe, ms);
        self.packet(picture, 1, keyframe, ms);
    }

    fn poll(&mut self, ms: u64) -> Option<ReadyFrame> {
        let now = self.at(ms);
        self.buffer.poll_frame(now)
    }

    /// The numbers of all pictures that are due.
    fn due(&mut self, ms: u64) -> Vec<u8> {
        std::iter::from_fn(|| self.poll(ms).map(|ready| *ready.frame.data.last().unwrap())).collect()
    }
}

#[test]
fn frames_come_whole_and_in_order_over_the_wrap() {
    let mut stream = Stream::new();
    for picture in 0..10 {
        let ms = u64::from(picture) * 33;
        stream.packet(picture, 1, picture == 0, ms);
        assert_eq!(stream.due(ms), []);
        stream.packet(picture, 0, picture == 0, ms + 1);
        let ready = stream.poll(ms + 1).unwrap();
        assert_eq!((ready.codec, ready.frame.keyframe, ready.show), (VideoCodec::Vp8, picture == 0, true));
        assert_eq!(ready.frame.timestamp, u32::from(picture) * 2_970);
        assert_eq!(ready.frame.data.len(), 4);
    }
    assert_eq!(stream.buffer.counters().restarts, 0);
}

#[test]
fn nothing_is_handed_out_before_a_keyframe_which_is_asked_for_in_measure() {
    let mut stream = Stream::new();
    assert!(!stream.buffer.poll_keyframe_request(stream.at(0)), "nothing came yet");
    let mut requests = 0;
    for picture in 0..90 {
        let ms = u64::from(picture) * 33;
        stream.picture(picture, false, ms);
        assert_eq!(stream.due(ms), []);
        requests += u32::from(stream.buffer.poll_keyframe_request(stream.at(ms)));
    }
    assert!((5..=8).contains(&requests), "{requests} in 3 s");
    stream.picture(90, true, 3_000);
    assert_eq!(stream.due(3_000), [90]);
    assert!(!stream.buffer.poll_keyframe_request(stream.at(5_000)));
}

#[test]
fn a_lost_packet_is_asked_for_and_what_follows_waits_for_it() {
    let mut stream = Stream::new();
    stream.picture(0, true, 0);
    assert_eq!(stream.due(0), [0]);
    stream.packet(1, 0, false, 33);
    stream.picture(2, false, 66);
    assert_eq!(stream.due(66), []);
    assert_eq!(stream.buffer.poll_nack(stream.at(66)), [65_533]);
    assert!(!stream.buffer.poll_keyframe_request(stream.at(66)));
    stream.packet(1, 1, false, 120);
    let first = stream.poll(120).unwrap();
    assert!(!first.show, "the next one is due as well");
    assert!(stream.poll(120).unwrap().show);
    assert_eq!(stream.buffer.counters().recovered, 1);
}

#[test]
fn what_never_comes_ends_with_a_keyframe() {
    let mut stream = Stream::new();
    stream.picture(0, true, 0);
    assert_eq!(stream.due(0), [0]);
    stream.packet(1, 0, false, 33);
    let mut asked_at = None;
    for picture in 2..40 {
        let ms = u64::from(picture) * 33;
        stream.picture(picture, asked_at.is_some_and(|at| ms > at + 66), ms);
        let due = stream.due(ms);
        if let Some(&first) = due.first() {
            assert!(asked_at.is_some() && u16::from(first) == picture);
            return;
        }
        let now = stream.at(ms);
        if stream.buffer.poll_keyframe_request(now) {
            asked_at.get_or_insert(ms);
            assert!((250..400).contains(&ms), "asked after {ms} ms");
        }
    }
    panic!("it never went on");
}

#[test]
fn a_hole_of_padding_is_none() {
    let mut stream = Stream::new();
    stream.picture(0, true, 0);
    assert_eq!(stream.due(0), [0]);
    // Picture 1's numbers are padding; one of them is lost. Picture ids go on.
    let arrival = stream.at(10);
    let padding = ReceivedPacket {
        codec: VideoCodec::Vp8,
        sequence: 65_532,
        timestamp: 0,
        marker: false,
        payload: Bytes::new(),
        arrival,
        repeated: false,
        begins: false,
    };
    stream.buffer.insert(padding);
    let arrival = stream.at(66);
    for half in [0, 1] {
        let payload = Bytes::copy_from_slice(&[if half == 0 { 0x90 } else { 0x80 }, 0x80, 0x80, 1, 0x11, 9]);
        let (sequence, marker) = (65_534 + half, half == 1);
        let codec = VideoCodec::Vp8;
        let packet = ReceivedPacket {
            codec,
            sequence,
            timestamp: 3_000,
            marker,
            payload,
            arrival,
            repeated: false,
            begins: false,
        };
        stream.buffer.insert(packet);
    }
    assert_eq!(stream.due(66), [9]);
}

#[test]
fn what_was_repeated_in_vain_a_hundred_times_begins_nothing_anew() {
    let mut stream = Stream::new();
    stream.picture(0, true, 0);
    stream.picture(1, false, 33);
    assert_eq!(stream.due(40), [0, 1]);
    let arrival = stream.at(50);
    for _ in 0..100 {
        // The head of the keyframe, which was shown long ago.
        stream.buffer.insert(ReceivedPacket {
            codec: VideoCodec::Vp8,
            sequence: 65_530,
            timestamp: 0,
            marker: false,
            payload: Bytes::copy_from_slice(&[0x90, 0x80, 0x80, 0, 0x50, 0]),
            arrival,
            repeated: true,
            begins: false,
        });
    }
    stream.picture(2, false, 66);
    assert_eq!(stream.due(70), [2]);
    assert_eq!(stream.buffer.counters().restarts, 0);
}

#[test]
fn after_the_decoder_failed_only_a_keyframe_comes() {
    let mut stream = Stream::new();
    stream.picture(0, true, 0);
    stream.picture(1, false, 33);
    assert_eq!(stream.due(40), [0, 1]);
    stream.picture(2, false, 66);
    stream.buffer.require_keyframe();
    stream.picture(3, false, 99);
    assert_eq!(stream.due(99), []);
    assert!(stream.buffer.poll_keyframe_request(stream.at(99)));
    stream.picture(4, true, 132);
    stream.picture(5, false, 165);
    assert_eq!(stream.due(165), [4, 5]);
}

#[test]
fn another_codec_begins_anew() {
    let mut stream = Stream::new();
    stream.picture(0, true, 0);
    assert_eq!(stream.due(0), [0]);
    let arrival = stream.at(33);
    let packet = |sequence, payload: &[u8]| ReceivedPacket {
        codec: VideoCodec::H264,
        sequence,
        timestamp: 3_000,
        marker: sequence == 9,
        payload: Bytes::copy_from_slice(payload),
        arrival,
        repeated: false,
        begins: false,
    };
    stream.buffer.insert(packet(8, &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce]));
    stream.buffer.insert(packet(9, &[0x65, 0x88, 1]));
    let ready = stream.poll(33).unwrap();
    assert_eq!((ready.codec, ready.frame.keyframe), (VideoCodec::H264, true));
    assert_eq!(
        ready.frame.data[..],
        [0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 0, 1, 0x65, 0x88, 1]
    );
}

#[test]
fn a_flood_without_an_end_stays_within_bounds() {
    let mut stream = Stream::new();
    for n in 0..20_000_u32 {
        let arrival = stream.at(u64::from(n) / 10);
        stream.buffer.insert(ReceivedPacket {
            codec: VideoCodec::Vp8,
            sequence: n as u16,
            timestamp: 7,
            marker: false,
            payload: Bytes::from(vec![0x10; 1_200 + n as usize % 4_000]),
            arrival,
            repeated: false,
            begins: false,
        });
        assert!(stream.buffer.poll_frame(arrival).is_none());
        let (packets, bytes) = stream.buffer.weight();
        assert!(packets <= 2_048 && bytes <= 4 << 20, "{packets} {bytes}");
    }
    assert!(stream.buffer.counters().restarts > 5);
}

#[test]
fn the_next_look_is_when_something_is_due() {
    let mut stream = Stream::new();
    assert_eq!(stream.buffer.next_wake(stream.at(0)), None);
    stream.picture(0, true, 0);
    stream.due(0);
    // A picture that comes early waits for its time: 33 ms after the first.
    stream.picture(1, false, 1);
    let (now, due) = (stream.at(2), stream.at(33));
    assert_eq!(stream.due(2), []);
    let wake = stream.buffer.next_wake(now).unwrap();
    assert!(wake <= due + MS && wake >= due - MS, "{:?}", wake - stream.begin);
    assert_eq!(stream.due(34), [1]);
    assert_eq!(stream.buffer.next_wake(stream.at(34)), None);
}

#[test]
fn a_stream_nobody_looked_at_for_long_is_taken_up_again() {
    for skipped in [500, 1_600, 5_000, 20_000, 30_000, 31_500, 32_700] {
        let mut stream = Stream::new();
        stream.picture(0, true, 0);
        assert_eq!(stream.due(0), [0]);
        stream.buffer.require_keyframe();
        // Two packets each: up to all of the 65,536 numbers.
        let mut shown = Vec::new();
        for n in 0..100_u16 {
            let ms = (u64::from(skipped) + u64::from(n)) * 33;
            stream.picture(skipped + n, n % 50 == 0, ms);
            shown.extend(stream.due(ms));
        }
        assert!(shown.len() >= 50, "{skipped}: {} shown", shown.len());
    }
}
