//! The rate that delays allow: raised while no queue grows, lowered when one does (draft rmcat-gcc sections 5.5 and 5.6), and
//! lowered a good deal more while a long queue stands.

use std::time::{Duration, Instant};

use super::throughput::Throughput;
use super::trendline::{Trendline, Usage};
use super::{CEILING_RATE, FLOOR_RATE, PacketFate};

/// What is kept of the rate that got through when a queue grows.
const BACK_OFF: f64 = 0.85;
/// Growth per second while nothing ever held us up: a call should look good within its first seconds.
const START_GROWTH: f64 = 2.0;
/// Growth per second where no limit is known to be near.
const GROWTH: f64 = 1.5;
/// The rate never runs further ahead of what gets through than this; otherwise a source that has little to send, such as
/// a still screen, would raise it without ever trying it.
const AHEAD: f64 = 1.5;
const AHEAD_OFFSET: f64 = 20_000.0;
/// A queue longer than this is drained.
const LONG_QUEUE: Duration = Duration::from_millis(150);
/// Until it is this short.
const SHORT_QUEUE: Duration = Duration::from_millis(60);
/// While draining, the longer the queue, the less is sent: at this length, only [`DRAIN_LEAST`] of what gets through.
const DRAIN_SCALE: Duration = Duration::from_millis(600);
const DRAIN_LEAST: f64 = 0.3;
/// How long the shortest delay seen is remembered, twice over: routes and clocks change.
const BASE_LIFE: Duration = Duration::from_secs(20);

/// The shortest delay of late. Delays are relative: the clocks of both ends have nothing in common.
#[derive(Debug, Default)]
struct BaseDelay {
    current: Option<f64>,
    previous: Option<f64>,
    since: Option<Instant>,
}

impl BaseDelay {
    fn update(&mut self, now: Instant, delay: f64) -> f64 {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) > BASE_LIFE {
            self.previous = self.current.take();
            self.since = Some(now);
        }
        let current = self.current.map_or(delay, |least| least.min(delay));
        self.current = Some(current);
        self.previous.map_or(current, |least| least.min(current))
    }
}

/// The rate that was seen to be the most that gets through, and how sure that is.
#[derive(Clone, Copy, Debug)]
struct Capacity {
    rate: f64,
    /// Relative to the rate, squared and smoothed.
    variance: f64,
}

impl Capacity {
    fn update(known: Option<Self>, rate: f64) -> Self {
        match known {
            Some(known) => {
                let mean = known.rate + 0.2 * (rate - known.rate);
                let error = (rate - mean) / mean.max(1.0);
                Self {
                    rate: mean,
                    variance: (0.9 * known.variance + 0.1 * error * error).clamp(0.0004, 0.006),
                }
            }
            None => Self { rate, variance: 0.002 },
        }
    }

    fn spread(self) -> f64 {
        3.0 * self.variance.sqrt() * self.rate
    }
}

/// The limit.
#[derive(Debug)]
pub(super) struct DelayLimit {
    line: Trendline,
    throughput: Throughput,
    base: BaseDelay,
    epoch: Instant,
    rate: f64,
    capacity: Option<Capacity>,
    ever_over: bool,
    /// Smoothed time in queues.
    queue: f64,
    draining: bool,
    lowered: Option<Instant>,
    updated: Option<Instant>,
}

impl DelayLimit {
    pub(super) fn new(rate: f64, now: Instant) -> Self {
        Self {
            line: Trendline::default(),
            throughput: Throughput::default(),
            base: BaseDelay::default(),
            epoch: now,
            rate,
            capacity: None,
            ever_over: false,
            queue: 0.0,
            draining: false,
            lowered: None,
            updated: None,
        }
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Whether a long queue is being emptied.
    pub(super) fn is_draining(&self) -> bool {
        self.draining
    }

    pub(super) fn usage(&self) -> Usage {
        self.line.usage()
    }

    /// Whether no queue stands or grows.
    pub(super) fn is_calm(&self) -> bool {
        !self.draining && self.line.usage() != Usage::Over && self.queue < SHORT_QUEUE.as_secs_f64()
    }

    /// When the rate was lowered last.
    pub(super) fn lowered(&self) -> Option<Instant> {
        self.lowered
    }

    /// So much was seen to get through, though less was sent.
    pub(super) fn probed(&mut self, rate: f64) {
        if self.is_calm() && rate > self.rate {
            self.rate = rate.min(CEILING_RATE as f64);
            self.capacity = self.capacity.filter(|known| rate <= known.rate + known.spread());
        }
    }

    /// Lowers the rate by a factor for a reason that delays do not tell.
    pub(super) fn lower(&mut self, factor: f64, now: Instant) {
        self.rate = (self.rate * factor).max(FLOOR_RATE as f64);
        self.lowered = Some(now);
    }

    /// Takes what became of packets, in the order they were sent. `used` is the rate they were sent by.
    pub(super) fn feedback(&mut self, now: Instant, fates: &[PacketFate], round_trip: Duration, used: f64) {
        let mut over = false;
        let mut least_queue: Option<f64> = None;
        for fate in fates {
            let Some(arrived) = fate.arrived else { continue };
            self.line.packet(fate);
            over |= self.line.usage() == Usage::Over;
            self.throughput.packet(arrived, fate.size, fate.sent);
            let sent = fate.sent.saturating_duration_since(self.epoch);
            let delay = arrived.as_secs_f64() - sent.as_secs_f64();
            let queue = (delay - self.base.update(now, delay)).max(0.0);
            least_queue = Some(least_queue.map_or(queue, |least: f64| least.min(queue)));
        }
        if let Some(queue) = least_queue {
            // The least of a batch: what even the luckiest packet met.
            self.queue += (queue - self.queue) * 0.5;
        }
        let elapsed = self
            .updated
            .replace(now)
            .map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64().min(0.5));
        let through = self.throughput.rate();
        // While even this batch had to wait, the line was never idle: what came through is all it can.
        let stands = least_queue.is_some_and(|queue| queue > LONG_QUEUE.as_secs_f64());
        self.watch_queue(through);
        let response = round_trip.clamp(Duration::from_millis(20), Duration::from_millis(300));
        let rested = self.lowered.is_none_or(|at| now.saturating_duration_since(at) >= response);
        if self.draining {
            self.drain(now, through.filter(|_| stands));
        } else if over && rested {
            self.back_off(now, through);
        } else if !over && self.line.usage() == Usage::Normal {
            self.grow(elapsed, through, response, used);
        }
        self.rate = self.rate.clamp(FLOOR_RATE as f64, CEILING_RATE as f64);
    }

    fn watch_queue(&mut self, through: Option<f64>) {
        let long = self.queue > LONG_QUEUE.as_secs_f64();
        if !self.draining && long {
            self.draining = true;
            self.ever_over = true;
            // A queue that stands says exactly what gets through.
            if let Some(through) = through {
                self.capacity = Some(Capacity { rate: through, variance: 0.002 });
            }
        } else if self.draining && self.queue < SHORT_QUEUE.as_secs_f64() {
            self.draining = false;
            if let Some(capacity) = self.capacity {
                self.rate = capacity.rate * BACK_OFF;
            }
        }
    }

    fn drain(&mut self, now: Instant, through: Option<f64>) {
        self.lowered = Some(now);
        if let Some(through) = through {
            // The window may still hold what came before the queue did; the lowest seen is the truth.
            let rate = self.capacity.map_or(through, |capacity| capacity.rate.min(through));
            self.capacity = Some(Capacity { rate, variance: 0.002 });
        }
        let Some(known) = self.capacity.map(|capacity| capacity.rate) else {
            self.rate *= 0.9;
            return;
        };
        let share = (1.0 - self.queue / DRAIN_SCALE.as_secs_f64()).clamp(DRAIN_LEAST, BACK_OFF);
        self.rate = self.rate.min(known * share);
    }

    fn back_off(&mut self, now: Instant, through: Option<f64>) {
        self.ever_over = true;
        self.lowered = Some(now);
        // A machine or a network that stumbled looks like a queue too. What came through then says nothing of the link.
        let Some(through) = through.filter(|_| self.throughput.is_held_up()) else {
            self.rate *= BACK_OFF;
            return;
        };
        // Far below what was known, the link is another one now.
        if self.capacity.is_some_and(|known| through < known.rate - known.spread()) {
            self.capacity = None;
        }
        let capacity = Capacity::update(self.capacity, through);
        self.capacity = Some(capacity);
        self.rate = (through * BACK_OFF).min(self.rate * 0.97);
    }

    fn grow(&mut self, elapsed: f64, through: Option<f64>, response: Duration, used: f64) {
        let Some(through) = through else { return };
        // More gets through than was thought to be the most.
        if self.capacity.is_some_and(|known| through > known.rate + known.spread()) {
            self.capacity = None;
        }
        let near = self.capacity.is_some_and(|known| self.rate > known.rate - known.spread());
        let grown = if near {
            // About one packet more each time the answer can have come.
            self.rate + 9600.0 / (response.as_secs_f64() + 0.1) * elapsed
        } else if self.ever_over {
            self.rate * GROWTH.powf(elapsed)
        } else {
            self.rate * START_GROWTH.powf(elapsed)
        };
        // What losses hold down was not tried either.
        let tried = through.max(0.0) * AHEAD + AHEAD_OFFSET;
        let limit = if used < self.rate * 0.95 { tried.min(used * AHEAD) } else { tried };
        self.rate = grown.min(limit.max(self.rate));
    }
}
