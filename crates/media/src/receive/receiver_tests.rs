use super::*;
use crate::audio::testing::{Noise, match_of, voice};
use crate::receive::OpusDecoder;
use crate::send::{Encoder, PACKET_SAMPLES};

/// What the fake decoder makes up.
const MADE_UP: f32 = -1.0;

/// A codec whose sound is the packet's number, so that a test can see what was played when.
struct Numbers;

/// A packet of the fake codec: its number, and whether it carries its predecessor's.
fn packet(number: u16, fec: bool) -> Bytes {
    let [high, low] = number.to_be_bytes();
    Bytes::copy_from_slice(&[high, low, u8::from(fec)])
}

fn pause_packet() -> Bytes {
    Bytes::from_static(b"p")
}

impl Decode for Numbers {
    fn decode(&mut self, payload: &[u8], out: &mut [f32; MAX_PACKET]) -> Option<usize> {
        match payload {
            [high, low, _] => out[..960].fill(f32::from(u16::from_be_bytes([*high, *low]))),
            b"p" => out[..960].fill(0.0),
            _ => return None,
        }
        Some(960)
    }

    fn recover(&mut self, next: &[u8], out: &mut [f32]) -> bool {
        match next {
            [high, low, 1] => out.fill(f32::from(u16::from_be_bytes([*high, *low])) - 1.0),
            _ => return false,
        }
        true
    }

    fn conceal(&mut self, out: &mut [f32]) {
        out.fill(MADE_UP);
    }

    fn is_pause(&self, payload: &[u8]) -> bool {
        payload.len() < 3
    }

    fn reset(&mut self) {}
}

/// A run on a virtual clock: packets by arrival, a pull every 10 ms.
struct Run {
    receiver: Receiver<Numbers>,
    start: Instant,
    arrivals: Vec<(i64, u16, u32, Bytes)>,
}

/// What came out: the time in ms, what it was, and the first sample.
type Out = (i64, Pulled, f32);

impl Run {
    fn new() -> Self {
        let start = Instant::now();
        Self { receiver: Receiver::new(Numbers, start), start, arrivals: Vec::new() }
    }

    /// Packet `number` (its time on the wire: 20 ms each) comes `late` ms after its time.
    fn send(&mut self, number: u16, late: i64, fec: bool) {
        self.send_at(i64::from(number) * 20 + late, number, number, fec);
    }

    fn send_at(&mut self, arrival_ms: i64, number: u16, slot: u16, fec: bool) {
        let timestamp = 4_294_900_000u32.wrapping_add(u32::from(slot) * 960);
        self.arrivals.push((arrival_ms, number.wrapping_add(65_530), timestamp, packet(number, fec)));
    }

    fn play(&mut self, from_ms: i64, until_ms: i64) -> Vec<Out> {
        self.arrivals.sort_by_key(|(at, ..)| *at);
        let mut queue = std::mem::take(&mut self.arrivals).into_iter().peekable();
        let at = |ms: i64| self.start + Duration::from_millis(ms as u64);
        let mut out = Vec::new();
        for time in (from_ms..until_ms).step_by(10) {
            while let Some((arrival, sequence, timestamp, payload)) = queue.next_if(|(at, ..)| *at <= time) {
                self.receiver.insert(sequence, timestamp, payload, at(arrival));
            }
            let mut frame = [0.0; FRAME];
            let pulled = self.receiver.pull(at(time), &mut frame);
            out.push((time, pulled, frame[0]));
        }
        self.arrivals = queue.collect();
        out
    }
}

/// Which packets were heard, each once, in the order heard.
fn heard(out: &[Out]) -> Vec<u16> {
    let mut numbers: Vec<u16> =
        out.iter().filter(|(.., value)| *value > 0.0).map(|(.., value)| *value as u16).collect();
    numbers.dedup();
    numbers
}

fn concealed(out: &[Out]) -> usize {
    out.iter().filter(|(_, pulled, _)| *pulled == Pulled::Concealed).count()
}

#[test]
fn a_clean_path_plays_everything_in_order_within_40_ms() {
    let mut run = Run::new();
    for number in 1..500 {
        run.send(number, 3 + i64::from(number % 3), false);
    }
    let out = run.play(7, 9_900);
    assert_eq!(heard(&out), (1..495).collect::<Vec<_>>());
    assert_eq!(concealed(&out), 0);
    // The second half of packet 250 sounds 10 ms after its first.
    let times: Vec<i64> = out.iter().filter(|(.., value)| *value == 250.0).map(|(time, ..)| *time).collect();
    assert_eq!(times.len(), 2);
    let delay = times[0] - 250 * 20;
    assert!((15..=40).contains(&delay), "played {delay} ms after it was sent");
    assert!(run.receiver.delay() <= Duration::from_millis(40), "{:?}", run.receiver.delay());
    let steps = [1.0, 2.0, 100.0].map(|number| out.iter().filter(|(.., value)| *value == number).count());
    assert_eq!(steps, [2, 2, 2], "nothing is dropped or repeated");
}

#[test]
fn jitter_is_absorbed_after_a_few_packets() {
    for most in [10u64, 30, 60] {
        let mut noise = Noise(most * 7 + 1);
        let mut run = Run::new();
        for number in 1..1_500u16 {
            let late = ((noise.next() + 1.0) / 2.0 * most as f32) as i64;
            run.send(number, late, false);
        }
        let out = run.play(0, 29_000);
        let later: Vec<Out> = out.iter().copied().filter(|(time, ..)| *time > 10_000).collect();
        let share = concealed(&later) as f32 / later.len() as f32;
        let delay = run.receiver.delay().as_millis();
        println!("jitter up to {most} ms: {delay} ms delay, {:.2} % concealed", share * 100.0);
        assert!(share < 0.01, "{most} ms of jitter: {share} concealed");
        assert!(delay <= u128::from(most) + 35, "{most} ms of jitter: {delay} ms kept");
    }
}

#[test]
fn a_lost_packet_is_recovered_from_the_next_one() {
    let mut run = Run::new();
    for number in (1..1_000u16).filter(|number| number % 20 != 0) {
        run.send(number, 2, true);
    }
    let out = run.play(5, 19_900);
    let counters = run.receiver.counters();
    assert!(counters.recovered >= 45, "{counters:?}");
    let numbers = heard(&out);
    let back = (100..900u16).filter(|number| number % 20 == 0 && numbers.contains(number)).count();
    assert_eq!(back, 40, "every lost one is heard");
    assert!(run.receiver.delay() <= Duration::from_millis(55), "{:?}", run.receiver.delay());
}

#[test]
fn without_fec_a_lost_packet_is_concealed_and_time_goes_on() {
    let mut run = Run::new();
    for number in (1..600u16).filter(|number| number % 50 != 0) {
        run.send(number, 2, false);
    }
    let out = run.play(5, 11_900);
    assert_eq!(run.receiver.counters().recovered, 0);
    assert!(run.receiver.counters().concealed_samples >= 10 * 960);
    let mut expected: Vec<u16> = (1..590).filter(|number| number % 50 != 0).collect();
    let mut got = heard(&out);
    got.retain(|number| *number < 590);
    expected.retain(|number| *number < 590);
    assert_eq!(got, expected);
    assert!(run.receiver.delay() <= Duration::from_millis(60), "{:?}", run.receiver.delay());
}

#[test]
fn reordered_duplicate_and_late_packets_are_told_apart() {
    let mut run = Run::new();
    for number in 1..200u16 {
        match number {
            // Overtaken by its successor, in time.
            100 => run.send(number, 21, false),
            // Hopelessly late.
            155 => run.send(number, 400, false),
            _ => run.send(number, 1, false),
        }
        if number % 10 == 0 {
            run.send(number, 6, false);
        }
    }
    let out = run.play(4, 4_500);
    let numbers = heard(&out);
    assert!(numbers.contains(&99) && numbers.contains(&101));
    assert!(!numbers.contains(&155));
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    assert_eq!(numbers, sorted, "in order, each once");
    let counters = run.receiver.counters();
    assert_eq!((counters.late, counters.duplicate), (1, 19), "{counters:?}");
}

#[test]
fn a_pause_of_the_far_end_is_no_loss_and_does_not_move_the_delay() {
    let mut run = Run::new();
    for number in 1..100u16 {
        run.send(number, 1, false);
    }
    // Says that it pauses, sends one comfort packet after 400 ms, and speaks on after 1.2 s.
    let start = 4_294_900_000u32;
    for (sequence, slot) in [(100u16, 100u32), (101, 120), (102, 140)] {
        let timestamp = start.wrapping_add(slot * 960);
        run.arrivals.push((
            i64::from(slot) * 20 + 1,
            sequence.wrapping_add(65_530),
            timestamp,
            pause_packet(),
        ));
    }
    for number in 160..300u16 {
        run.send_at(i64::from(number) * 20 + 1, number - 57, number, false);
    }
    let out = run.play(4, 6_000);
    assert_eq!(concealed(&out), 0, "comfort noise is not concealment");
    assert!(out.iter().any(|(_, pulled, _)| *pulled == Pulled::Pause));
    assert_eq!(run.receiver.counters().concealed_samples, 0);
    let delay = |value: f32, slot: i64| {
        out.iter().find(|(.., heard)| *heard == value).map(|(time, ..)| time - slot * 20).unwrap()
    };
    let (before, after) = (delay(90.0, 90), delay(f32::from(170u16 - 57), 170));
    assert!((before - after).abs() <= 10, "{before} ms before the pause, {after} ms after");
}

#[test]
fn a_standstill_is_caught_up_and_the_delay_comes_back() {
    let mut run = Run::new();
    for number in 1..2_000u16 {
        // Nothing for 300 ms, then everything at once.
        let late = if (500..515).contains(&number) { i64::from(515 - number) * 20 } else { 1 };
        run.send(number, late, false);
    }
    let out = run.play(4, 39_000);
    let at = |number: f32| out.iter().find(|(.., value)| *value == number).map(|(time, ..)| *time);
    let behind = at(520.0).unwrap() - 520 * 20;
    assert!(behind > 200, "right after it play is {behind} ms behind");
    let later = at(1_500.0).unwrap() - 1_500 * 20;
    assert!(later < 100, "20 s later it is still {later} ms behind");
    assert!(concealed(&out) <= 32, "{} frames made up for a hole of 30", concealed(&out));
}

#[test]
fn a_far_end_that_stood_still_is_heard_on_at_once() {
    let mut run = Run::new();
    for number in 1..1_000u16 {
        // Its machine slept for 1.3 s, and its clock with it: everything comes later from then on.
        run.send(number, if number < 500 { 1 } else { 1_301 }, false);
    }
    let out = run.play(4, 21_000);
    assert_eq!(heard(&out), (1..985).filter(|number| heard(&out).contains(number)).collect::<Vec<_>>());
    let back: Vec<u16> = heard(&out).into_iter().filter(|number| *number >= 500).collect();
    assert!(back.len() >= 478, "{} of what came after was heard", back.len());
    assert!(run.receiver.delay() <= Duration::from_millis(60), "{:?}", run.receiver.delay());
    assert!(concealed(&out) <= 135, "{} frames made up for a hole of 130", concealed(&out));
}

#[test]
fn clocks_that_differ_are_followed_without_gaps() {
    for ppm in [-300i64, 300] {
        let mut run = Run::new();
        for number in 1..6_000u16 {
            let drift = i64::from(number) * 20 * ppm / 1_000_000;
            run.send(number, 40 + drift, false);
        }
        let out = run.play(4, 119_000);
        let share = concealed(&out) as f32 / out.len() as f32;
        let delay = run.receiver.delay().as_millis();
        assert!(share < 0.003, "{ppm} ppm: {share} concealed");
        assert!(delay <= 60, "{ppm} ppm: {delay} ms kept");
    }
}

#[test]
fn a_new_stream_on_the_same_link_takes_over() {
    let mut run = Run::new();
    for number in 1..100u16 {
        run.send(number, 1, false);
    }
    for number in 100..200u16 {
        // Other numbers, another clock.
        let timestamp = 1_000_000u32 + u32::from(number) * 960;
        run.arrivals.push((i64::from(number) * 20 + 1, number + 20_000, timestamp, packet(number, false)));
    }
    let out = run.play(4, 3_900);
    let numbers = heard(&out);
    let new: Vec<u16> = (105..190).collect();
    assert!(numbers.windows(new.len()).any(|part| part == new), "the new one is heard: {numbers:?}");
    assert!(numbers.contains(&98));
}

#[test]
fn sound_that_waited_for_the_loudspeaker_is_not_played_late() {
    let mut run = Run::new();
    for number in 1..300u16 {
        run.send(number, 1, false);
    }
    // The device opens after 3 s, when far more has come than is kept.
    let out = run.play(3_000, 5_500);
    let first = heard(&out)[0];
    assert!(first >= 145, "began with packet {first}");
    assert!(run.receiver.delay() <= Duration::from_millis(40), "{:?}", run.receiver.delay());
}

#[test]
fn hostile_numbers_and_payloads_neither_panic_nor_pile_up() {
    let start = Instant::now();
    let mut receiver = Receiver::new(OpusDecoder::new().unwrap(), start);
    let mut noise = Noise(4_242);
    let mut random = move || (noise.next().to_bits() ^ noise.next().to_bits().rotate_left(13)) as u64;
    let mut frame = [0.0; FRAME];
    for n in 0..20_000u64 {
        let (sequence, timestamp) = match random() % 4 {
            0 => (random() as u16, random() as u32),
            1 => (n as u16, random() as u32),
            2 => (random() as u16, (n * 480) as u32),
            _ => (n as u16, (n * 480) as u32),
        };
        let length = random() as usize % 1_300;
        let payload: Vec<u8> = (0..length).map(|_| random() as u8).collect();
        let arrival = start + Duration::from_millis(n * 10 + random() % 400);
        receiver.insert(sequence, timestamp, payload.into(), arrival);
        receiver.pull(start + Duration::from_millis(n * 10), &mut frame);
        assert!(frame.iter().all(|sample| sample.is_finite()), "packet {n}");
        assert!(receiver.waiting() <= crate::receive::storage::CAPACITY);
        assert!(receiver.decoded.len() <= 2 * MAX_PACKET);
    }
}

/// Speech over a path that loses one packet in ten, with and without the in-band copies: how much of it comes over.
fn speech_over_loss(fec: bool) -> (f32, Counters) {
    let speech = voice(21, 20.0);
    let mut encoder = Encoder::new().unwrap();
    encoder.set_expected_loss(if fec { 0.15 } else { 0.0 });
    let start = Instant::now();
    let mut receiver = Receiver::new(OpusDecoder::new().unwrap(), start);
    let mut noise = Noise(31);
    let mut out = Vec::new();
    for (n, samples) in speech.chunks_exact(PACKET_SAMPLES).enumerate() {
        let payload = encoder.encode(samples.try_into().unwrap()).unwrap();
        let mut payload = payload.to_vec();
        if !fec {
            // As an end without FEC would send it: the flag that announces the copy is not set.
            payload[1] &= !0x40;
        }
        let arrival = start + Duration::from_millis(n as u64 * 20);
        if noise.next() > -0.8 {
            receiver.insert(n as u16, n as u32 * 960, payload.into(), arrival);
        }
        for step in 0..2 {
            let mut frame = [0.0; FRAME];
            receiver.pull(arrival + Duration::from_millis(4 + step * 10), &mut frame);
            out.extend(frame);
        }
    }
    // Windows of a second, each with the delay it has, since mending the delay moves it.
    let (mut sum, mut count) = (0.0, 0);
    for window in speech.chunks_exact(48_000).enumerate().skip(2).take(16) {
        let (n, sent) = window;
        let Some(rest) = out.get(n * 48_000..(n + 1) * 48_000 + 4_800) else { break };
        sum += match_of(sent, rest, 4_800).0;
        count += 1;
    }
    (sum / count as f32, receiver.counters())
}

#[test]
fn at_ten_percent_loss_fec_brings_back_what_concealment_cannot() {
    let (with, counters) = speech_over_loss(true);
    let (without, _) = speech_over_loss(false);
    println!("speech match at 10 % loss: {with:.3} with FEC, {without:.3} concealed; {counters:?}");
    assert!(counters.recovered > 50, "{counters:?}");
    assert!(with > without + 0.02, "{with} with FEC, {without} without");
}
