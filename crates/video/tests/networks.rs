//! The frame buffer behind bad networks, on a virtual clock: what it hands out can be decoded, and it hands out enough.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use bellbird_video::{EncodedFrame, FrameBuffer, FrameCounters, Packetizer, ReceivedPacket, VideoCodec};
use bytes::Bytes;

const MS: Duration = Duration::from_millis(1);
const FPS: u64 = 30;
const MAX_PAYLOAD: usize = 1_100;

/// Numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit.max(1)
    }

    /// True in so many of a thousand cases.
    fn chance(&mut self, permille: u64) -> bool {
        self.below(1_000) < permille
    }
}

/// What lies between.
#[derive(Clone, Copy)]
struct Network {
    loss: u64,
    duplicates: u64,
    one_way: Duration,
    /// Each packet takes up to this much longer, in ms; packets overtake each other.
    jitter_ms: u64,
    /// Nothing arrives between these, ms.
    blackout: (u64, u64),
}

const GOOD: Network =
    Network { loss: 0, duplicates: 0, one_way: Duration::from_millis(25), jitter_ms: 0, blackout: (0, 0) };

/// What a film did.
struct Outcome {
    /// When each shown picture was shown, ms.
    shown: Vec<u64>,
    counters: FrameCounters,
    keyframes_sent: u32,
}

impl Outcome {
    fn longest_gap(&self, from: u64) -> u64 {
        let after: Vec<u64> = self.shown.iter().copied().filter(|&at| at >= from).collect();
        after.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(u64::MAX)
    }

    /// Of the whole seconds from the second on, those with so many pictures, in a hundred.
    fn seconds_with(&self, least: usize, seconds: u64) -> f64 {
        let counted = (1..seconds - 1).filter(|second| {
            let range = second * 1_000..(second + 1) * 1_000;
            self.shown.iter().filter(|at| range.contains(at)).count() >= least
        });
        counted.count() as f64 * 100.0 / (seconds - 2) as f64
    }
}

/// A frame's number and the number of the one it builds on, in bytes that are no start code.
fn marks(number: u32, builds_on: u32) -> Vec<u8> {
    [number, builds_on]
        .iter()
        .flat_map(|number| (0..4).map(move |group| (number >> (7 * group)) as u8 & 0x7f | 0x80))
        .collect()
}

fn unmark(marks: &[u8]) -> (u32, u32) {
    let number =
        |bytes: &[u8]| (0..4).map(|group| u32::from(bytes[group] & 0x7f) << (7 * group)).sum::<u32>();
    (number(&marks[..4]), number(&marks[4..8]))
}

/// Something that looks like a frame of that codec to whoever reads headers only.
fn frame(
    codec: VideoCodec,
    number: u32,
    builds_on: u32,
    keyframe: bool,
    layer: u8,
    length: usize,
) -> EncodedFrame {
    let mut data = match (codec, keyframe) {
        (VideoCodec::Vp8, true) => vec![0x10],
        (VideoCodec::Vp8, false) => vec![0x11],
        (VideoCodec::Vp9, _) => vec![0x86],
        (VideoCodec::H264, true) => {
            vec![0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0, 0, 0, 1, 0x65]
        }
        (VideoCodec::H264, false) => vec![0, 0, 0, 1, 0x41],
    };
    data.extend(marks(number, builds_on));
    data.resize(data.len() + length, 0x55);
    let timestamp = 4_294_900_000_u32.wrapping_add(number * 3_000);
    EncodedFrame { data: Bytes::from(data), keyframe, timestamp, temporal_layer: layer }
}

fn read_marks(codec: VideoCodec, frame: &EncodedFrame) -> (u32, u32) {
    let start = match (codec, frame.keyframe) {
        (VideoCodec::Vp8 | VideoCodec::Vp9, _) => 1,
        (VideoCodec::H264, true) => 20,
        (VideoCodec::H264, false) => 5,
    };
    unmark(&frame.data[start..])
}

/// Plays `seconds` of film over a network. Panics when something is handed out that cannot be decoded.
fn play(codec: VideoCodec, layered: bool, network: Network, seconds: u64, seed: u64) -> Outcome {
    let mut random = Random::new(seed);
    let begin = Instant::now();
    let mut packetizer = Packetizer::new(codec, random.below(40_000) as u16);
    let mut buffer = FrameBuffer::new(begin);
    buffer.set_round_trip(network.one_way * 2);
    let one_way = network.one_way.as_millis() as u64;
    let mut sequence = random.below(65_536) as u16;
    let mut history: HashMap<u16, ReceivedPacket> = HashMap::new();
    let mut queue: Vec<u16> = Vec::new();
    let mut on_the_way: BTreeMap<(u64, u64), ReceivedPacket> = BTreeMap::new();
    let mut nacks: Vec<(u64, Vec<u16>)> = Vec::new();
    let mut keyframe_wishes: Vec<u64> = Vec::new();
    let mut decoded: BTreeSet<u32> = BTreeSet::new();
    let (mut number, mut last_base, mut next_id) = (0_u32, 0_u32, 0_u64);
    let (mut wants_keyframe, mut last_keyframe, mut keyframes_sent) = (true, None::<u64>, 0);
    let mut shown = Vec::new();

    for now_ms in 0..seconds * 1_000 {
        let now = begin + Duration::from_millis(now_ms);
        let is_dark = (network.blackout.0..network.blackout.1).contains(&now_ms);
        // The sender: a frame when it is time, its packets one by one.
        if now_ms * FPS / 1_000 >= u64::from(number) {
            let rested = last_keyframe.is_none_or(|last| now_ms - last >= 300);
            let keyframe = wants_keyframe && rested;
            let layer = if layered && !keyframe && number % 2 == 1 { 1 } else { 0 };
            let builds_on = if layered { last_base } else { number.wrapping_sub(1) };
            let length = if keyframe { 40_000 } else { 3_000 + random.below(8_000) as usize };
            let made = frame(codec, number, builds_on, keyframe, layer, length);
            if keyframe {
                (wants_keyframe, last_keyframe) = (false, Some(now_ms));
                keyframes_sent += 1;
            }
            if layer == 0 {
                last_base = number;
            }
            let payloads = packetizer.packetize(&made, MAX_PAYLOAD);
            let count = payloads.len();
            for (index, payload) in payloads.into_iter().enumerate() {
                let packet = ReceivedPacket {
                    codec,
                    sequence,
                    timestamp: made.timestamp,
                    marker: index + 1 == count,
                    payload,
                    arrival: now,
                    repeated: false,
                    begins: false,
                };
                history.insert(sequence, packet);
                queue.push(sequence);
                sequence = sequence.wrapping_add(1);
            }
            number += 1;
        }
        nacks.retain(|(at, numbers)| {
            if *at > now_ms {
                return true;
            }
            queue.splice(0..0, numbers.iter().copied());
            false
        });
        keyframe_wishes.retain(|at| {
            wants_keyframe |= *at <= now_ms;
            *at > now_ms
        });
        // Two packets a millisecond: about 18 Mbit/s.
        for sequence in queue.drain(..queue.len().min(2)) {
            let copies = 1 + u64::from(random.chance(network.duplicates));
            for _ in 0..copies {
                if is_dark || random.chance(network.loss) {
                    continue;
                }
                let at = now_ms + one_way + random.below(network.jitter_ms + 1);
                next_id += 1;
                on_the_way.insert((at, next_id), history[&sequence].clone());
            }
        }
        // The receiver.
        while let Some(entry) = on_the_way.first_entry() {
            if entry.key().0 > now_ms {
                break;
            }
            buffer.insert(ReceivedPacket { arrival: now, ..entry.remove() });
        }
        while let Some(ready) = buffer.poll_frame(now) {
            let (number, builds_on) = read_marks(codec, &ready.frame);
            if ready.frame.keyframe {
                decoded.clear();
            } else {
                assert!(decoded.contains(&builds_on), "{codec:?} {seed}: {number} without {builds_on}");
            }
            assert!(decoded.iter().all(|&earlier| earlier < number), "out of order");
            decoded.insert(number);
            while decoded.len() > 64 {
                decoded.pop_first();
            }
            if ready.show {
                shown.push(now_ms);
            }
        }
        let asked = buffer.poll_nack(now);
        if !asked.is_empty() && !is_dark && !random.chance(network.loss) {
            nacks.push((now_ms + one_way, asked));
        }
        if buffer.poll_keyframe_request(now) && !is_dark && !random.chance(network.loss) {
            keyframe_wishes.push(now_ms + one_way);
        }
    }
    Outcome { shown, counters: buffer.counters(), keyframes_sent }
}

const CODECS: [VideoCodec; 3] = [VideoCodec::Vp8, VideoCodec::Vp9, VideoCodec::H264];

#[test]
fn a_good_network_shows_every_picture_and_asks_for_nothing() {
    for codec in CODECS {
        let outcome = play(codec, false, GOOD, 20, 1);
        assert!(outcome.shown.len() >= 590, "{codec:?}: {}", outcome.shown.len());
        assert!(outcome.longest_gap(1_000) <= 60, "{codec:?}: {}", outcome.longest_gap(1_000));
        assert_eq!(outcome.keyframes_sent, 1);
        let counters = outcome.counters;
        assert_eq!((counters.asked_again, counters.freezes, counters.keyframe_requests), (0, 0, 0));
    }
}

#[test]
fn five_per_cent_lost_freeze_nobody() {
    for codec in CODECS {
        for seed in 0..12 {
            let outcome = play(codec, false, Network { loss: 50, ..GOOD }, 60, seed);
            let gap = outcome.longest_gap(1_000);
            assert!(gap <= 500, "{codec:?} {seed}: {gap} ms, {:?}", outcome.counters);
            let smooth = outcome.seconds_with(20, 60);
            assert!(smooth >= 95.0, "{codec:?} {seed}: {smooth:.0} % of seconds, {:?}", outcome.counters);
        }
    }
}

#[test]
fn reordering_and_repetition_cost_nothing() {
    for codec in CODECS {
        for seed in 0..6 {
            let network = Network { duplicates: 100, jitter_ms: 15, ..GOOD };
            let outcome = play(codec, false, network, 30, seed);
            assert!(outcome.longest_gap(1_000) <= 120, "{codec:?} {seed}: {}", outcome.longest_gap(1_000));
            assert!(outcome.shown.len() >= 870, "{codec:?} {seed}: {}", outcome.shown.len());
            assert_eq!(outcome.keyframes_sent, 1);
        }
    }
}

#[test]
fn pictures_come_back_within_a_second_after_the_network_was_gone() {
    for codec in CODECS {
        for seed in 0..6 {
            for length in [200, 1_000, 5_000] {
                let network = Network { loss: 20, blackout: (5_000, 5_000 + length), ..GOOD };
                let outcome = play(codec, false, network, 15, seed);
                let back = outcome.shown.iter().find(|&&at| at > 5_000 + length + 25).copied();
                let took = back.map_or(u64::MAX, |back| back - 5_000 - length);
                assert!(took <= 1_000, "{codec:?} {seed} {length}: {took} ms");
                assert!(outcome.counters.freezes >= 1 || length < 500);
                // Nobody is flooded with wishes meanwhile.
                let requests = outcome.counters.keyframe_requests;
                assert!(requests <= length / 300 + 12, "{codec:?} {seed} {length}: {requests} requests");
            }
        }
    }
}

#[test]
fn temporal_layers_are_left_out_when_they_are_lost() {
    for codec in [VideoCodec::Vp8] {
        for seed in 0..6 {
            let outcome = play(codec, true, Network { loss: 50, ..GOOD }, 30, seed);
            assert!(outcome.longest_gap(1_000) <= 500, "{seed}: {}", outcome.longest_gap(1_000));
            assert!(outcome.seconds_with(20, 30) >= 95.0);
        }
    }
}

#[test]
fn terrible_networks_show_less_and_never_anything_broken() {
    for codec in CODECS {
        for seed in 0..6 {
            let network =
                Network { loss: 250, duplicates: 200, jitter_ms: 80, one_way: 100 * MS, blackout: (0, 0) };
            let outcome = play(codec, false, network, 20, seed);
            assert!(outcome.counters.frames > 20, "{codec:?} {seed}: {:?}", outcome.counters);
        }
    }
}
