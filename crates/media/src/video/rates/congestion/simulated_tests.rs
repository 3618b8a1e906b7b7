//! The estimator and the pacer against a simulated link: a queue in front of a bottleneck whose width changes, a delay
//! each way, and losses by chance. On a virtual clock.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Estimator, FLOOR_RATE, PacketFate, ProbeOrder};
use crate::video::rates::pacer::Pacer;

const PACKET: usize = 1200;
/// Each way.
const DELAY: Duration = Duration::from_millis(25);
/// The most time a packet may wait before the bottleneck; what would wait longer is dropped.
const QUEUE_LIMIT: Duration = Duration::from_millis(1500);
const FEEDBACK_EVERY: Duration = Duration::from_millis(60);
const FRAME_EVERY: Duration = Duration::from_micros(33_333);
const STEP: Duration = Duration::from_millis(1);

/// What a run looks like once a tenth of a second.
#[derive(Clone, Copy, Debug)]
struct Sample {
    second: f64,
    target: u64,
    /// Time in the bottleneck's queue of the packet that entered it last.
    queue: Duration,
}

struct Scenario {
    /// Bits per second from this second on.
    width: &'static [(f64, f64)],
    loss: f64,
    /// The most the source makes, bits per second, by second.
    source: fn(f64) -> f64,
    seconds: u64,
    /// Each second everything stands still for so long: a busy machine, or a radio link.
    stumble: Duration,
}

struct Chance(u64);

impl Chance {
    /// 0..1, evenly.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn run(scenario: &Scenario, seed: u64) -> Vec<Sample> {
    let start = Instant::now();
    let end = start + Duration::from_secs(scenario.seconds);
    let mut chance = Chance(seed | 1);
    let mut estimator = Estimator::new(start);
    let mut pacer = Pacer::new(estimator.target(start));
    let (mut now, mut next_frame, mut next_feedback) = (start, start, start + FEEDBACK_EVERY);
    // When the bottleneck is free again.
    let mut busy_until = start;
    let mut travelling: VecDeque<PacketFate> = VecDeque::new();
    let mut reports: VecDeque<(Instant, Vec<PacketFate>)> = VecDeque::new();
    let mut samples = Vec::new();
    let mut step = 0u64;
    // What was sent in the last second, and padding that is about to leave: how many packets, and when the next.
    let mut used: VecDeque<(Instant, usize)> = VecDeque::new();
    let mut probing: Option<(ProbeOrder, usize, Instant)> = None;
    while now < end {
        let second = now.duration_since(start).as_secs_f64();
        let width = scenario.width.iter().rev().find(|(from, _)| second >= *from).unwrap().1;
        if now >= next_frame {
            next_frame += FRAME_EVERY;
            let target = (estimator.target(now) as f64).min((scenario.source)(second));
            pacer.set_target(estimator.target(now));
            // An encoder that holds its rate on average; every hundredth picture is large.
            let key = if step.is_multiple_of(100) { 4.0 } else { 0.7 + 0.54 * chance.next() };
            step += 1;
            let mut left = (target * FRAME_EVERY.as_secs_f64() / 8.0 * key) as usize;
            if pacer.backlog() < Duration::from_millis(150) {
                while left > 0 {
                    let size = left.min(PACKET);
                    pacer.push(size, size);
                    left -= size;
                }
            }
        }
        used.retain(|(at, _)| now - *at <= Duration::from_secs(1));
        let in_use = used.iter().map(|(_, size)| *size as u64 * 8).sum();
        if probing.is_none() && !used.is_empty() {
            probing = estimator.probe(now, in_use, 3_000_000).map(|order| (order, order.packets, now));
        }
        let mut leaving: Vec<(usize, Option<u16>)> = Vec::new();
        while let Some(size) = pacer.pop(now) {
            used.push_back((now, size));
            leaving.push((size, None));
        }
        if let Some((order, left, next)) = &mut probing {
            while *left > 0 && *next <= now {
                leaving.push((order.size, Some(order.cluster)));
                *left -= 1;
                *next += order.gap;
            }
        }
        probing = probing.filter(|(_, left, _)| *left > 0);
        for (size, cluster) in leaving {
            estimator.sent(now);
            let waits = busy_until.saturating_duration_since(now);
            let lost = chance.next() < scenario.loss || waits > QUEUE_LIMIT;
            let mut arrived = None;
            if waits <= QUEUE_LIMIT {
                busy_until = busy_until.max(now) + Duration::from_secs_f64(size as f64 * 8.0 / width);
                // The far end's clock began at another time.
                let jitter = Duration::from_secs_f64(chance.next() * 0.002);
                let on_time = busy_until.duration_since(start) + DELAY + jitter;
                let into_second = Duration::from_nanos(u64::from(on_time.subsec_nanos()));
                let held = scenario.stumble.saturating_sub(into_second);
                arrived = Some(on_time + held + Duration::from_secs(5000));
            }
            travelling.push_back(PacketFate { sent: now, arrived: arrived.filter(|_| !lost), size, cluster });
        }
        if now >= next_feedback {
            next_feedback += FEEDBACK_EVERY;
            let far_now = now.duration_since(start) + Duration::from_secs(5000);
            // All up to the last that came by now; what is missing before it counts as lost.
            let known = travelling.iter().rposition(|fate| fate.arrived.is_some_and(|at| at <= far_now));
            if let Some(known) = known {
                let fates = travelling.drain(..=known).collect();
                reports.push_back((now + DELAY, fates));
            }
        }
        while reports.front().is_some_and(|(at, _)| *at <= now) {
            let (_, fates) = reports.pop_front().unwrap();
            estimator.feedback(now, &fates);
        }
        if step.is_multiple_of(3) && next_frame - now > FRAME_EVERY - STEP {
            let queue = busy_until.saturating_duration_since(now);
            samples.push(Sample { second, target: estimator.target(now), queue });
        }
        now += STEP;
    }
    if std::env::var_os("BELLBIRD_PRINT_SIMULATION").is_some() {
        for sample in samples.iter().step_by(3) {
            let millis = sample.queue.as_millis();
            eprintln!("{:6.2} s {:8} bit/s {millis:5} ms", sample.second, sample.target);
        }
    }
    samples
}

fn within(samples: &[Sample], from: f64, to: f64) -> impl Iterator<Item = Sample> + Clone + '_ {
    samples.iter().copied().filter(move |sample| sample.second >= from && sample.second < to)
}

fn average(samples: &[Sample], from: f64, to: f64) -> f64 {
    let count = within(samples, from, to).count() as f64;
    within(samples, from, to).map(|sample| sample.target as f64).sum::<f64>() / count
}

fn longest_queue(samples: &[Sample], from: f64, to: f64) -> Duration {
    within(samples, from, to).map(|sample| sample.queue).max().unwrap()
}

const SEEDS: [u64; 5] = [1, 22, 333, 4444, 55555];

#[test]
fn a_wide_link_is_found_within_seconds() {
    let scenario =
        Scenario { width: &[(0.0, 20e6)], loss: 0.0, source: |_| 2e6, seconds: 10, stumble: Duration::ZERO };
    for seed in SEEDS {
        let samples = run(&scenario, seed);
        let reached = samples.iter().find(|sample| sample.target >= 1_900_000).unwrap().second;
        assert!(reached < 3.0, "after {reached} s");
        assert!(within(&samples, 4.0, 10.0).all(|sample| sample.target >= 1_900_000));
    }
}

#[test]
fn a_line_that_narrows_and_widens_is_followed_without_long_queues() {
    let scenario = Scenario {
        width: &[(0.0, 2e6), (20.0, 300e3), (45.0, 2e6)],
        loss: 0.0,
        source: |_| 2.5e6,
        seconds: 70,
        stumble: Duration::ZERO,
    };
    for seed in SEEDS {
        let samples = run(&scenario, seed);
        // Wide: well used, and no queue to speak of.
        let wide = average(&samples, 5.0, 20.0);
        assert!((1_300_000.0..2_100_000.0).contains(&wide), "{wide}, seed {seed}");
        assert!(longest_queue(&samples, 5.0, 20.0) < Duration::from_millis(300), "seed {seed}");
        // Narrow: what the line could not carry before the news reached us is gone within four seconds, and the queue stays
        // short.
        let narrow = longest_queue(&samples, 24.0, 45.0);
        assert!(narrow < Duration::from_millis(450), "{narrow:?}, seed {seed}");
        let narrow = average(&samples, 25.0, 45.0);
        assert!((170_000.0..320_000.0).contains(&narrow), "{narrow}, seed {seed}");
        // Wide again: found within five seconds.
        let again = within(&samples, 45.0, 70.0).find(|sample| sample.target >= 1_000_000).unwrap();
        assert!(again.second < 50.0, "after {} s, seed {seed}", again.second - 45.0);
        let wide = average(&samples, 55.0, 70.0);
        assert!(wide > 1_300_000.0, "{wide}, seed {seed}");
    }
}

#[test]
fn a_steady_line_is_used_steadily() {
    let scenario =
        Scenario { width: &[(0.0, 1e6)], loss: 0.0, source: |_| 2.5e6, seconds: 60, stumble: Duration::ZERO };
    for seed in SEEDS {
        let samples = run(&scenario, seed);
        let mean = average(&samples, 10.0, 60.0);
        assert!((650_000.0..1_050_000.0).contains(&mean), "{mean}, seed {seed}");
        let far = within(&samples, 10.0, 60.0).filter(|sample| (sample.target as f64) < mean * 0.6).count();
        let share = far as f64 / within(&samples, 10.0, 60.0).count() as f64;
        assert!(share < 0.05, "{share} of the time far below the mean, seed {seed}");
        assert!(longest_queue(&samples, 10.0, 60.0) < Duration::from_millis(400), "seed {seed}");
    }
}

#[test]
fn a_twentieth_lost_by_chance_does_not_starve_the_picture() {
    let scenario =
        Scenario { width: &[(0.0, 3e6)], loss: 0.05, source: |_| 2e6, seconds: 120, stumble: Duration::ZERO };
    for seed in SEEDS {
        let samples = run(&scenario, seed);
        let mean = average(&samples, 10.0, 120.0);
        assert!(mean > 1_200_000.0, "{mean}, seed {seed}");
    }
}

#[test]
fn a_still_source_lowers_nothing_and_raises_no_more_than_gets_through() {
    let source = |second: f64| if (10.0..40.0).contains(&second) { 20e3 } else { 1.5e6 };
    let scenario = Scenario { width: &[(0.0, 2e6)], loss: 0.0, source, seconds: 50, stumble: Duration::ZERO };
    for seed in SEEDS {
        let samples = run(&scenario, seed);
        let before = average(&samples, 9.0, 10.0);
        let after = average(&samples, 39.0, 40.0);
        assert!(
            after > before * 0.8 && after < before.max(2e6) * 1.05,
            "{before} became {after}, seed {seed}"
        );
        assert!(longest_queue(&samples, 40.0, 50.0) < Duration::from_millis(500), "seed {seed}");
    }
}

#[test]
fn what_a_wide_link_takes_is_found_though_little_is_sent() {
    let scenario = Scenario {
        width: &[(0.0, 5e6)],
        loss: 0.01,
        source: |_| 150e3,
        seconds: 20,
        stumble: Duration::ZERO,
    };
    for seed in SEEDS {
        let samples = run(&scenario, seed);
        let found = samples.iter().find(|sample| sample.target >= 2_500_000).map(|sample| sample.second);
        assert!(found.is_some_and(|second| second < 10.0), "{found:?}, seed {seed}");
        assert!(longest_queue(&samples, 0.0, 20.0) < Duration::from_millis(60), "seed {seed}");
    }
}

#[test]
fn what_is_tried_on_a_narrow_link_fills_no_queue() {
    for (line, sent) in [(400e3, 100e3), (1e6, 200e3), (200e3, 60e3)] {
        let width: &'static [(f64, f64)] = Box::leak(Box::new([(0.0, line)]));
        let source: fn(f64) -> f64 = match sent as u64 {
            100_000 => |_| 100e3,
            200_000 => |_| 200e3,
            _ => |_| 60e3,
        };
        let scenario = Scenario { width, loss: 0.0, source, seconds: 40, stumble: Duration::ZERO };
        for seed in SEEDS {
            let samples = run(&scenario, seed);
            let longest = longest_queue(&samples, 3.0, 40.0);
            assert!(longest < Duration::from_millis(200), "{longest:?} at {line}, seed {seed}");
            let after = samples.last().unwrap().target as f64;
            assert!(after < line * 1.4, "{after} at {line}, seed {seed}");
        }
    }
}

#[test]
fn a_machine_that_stumbles_does_not_lose_its_rate() {
    // A picture that needs little, so that what comes through says little of the line.
    let (source, stumble): (fn(f64) -> f64, _) = (|_| 300e3, Duration::from_millis(250));
    let scenario = Scenario { width: &[(0.0, 5e6)], loss: 0.0, source, seconds: 60, stumble };
    for seed in SEEDS {
        let least = run(&scenario, seed).iter().map(|sample| sample.target).min().unwrap();
        assert!(least > 400_000, "{least}, seed {seed}");
    }
}

#[test]
fn half_lost_brings_the_rate_down_and_never_below_the_floor() {
    let scenario =
        Scenario { width: &[(0.0, 5e6)], loss: 0.5, source: |_| 2e6, seconds: 30, stumble: Duration::ZERO };
    let samples = run(&scenario, 7);
    assert!(average(&samples, 10.0, 30.0) < 200_000.0);
    assert!(samples.iter().all(|sample| sample.target >= FLOOR_RATE));
}
