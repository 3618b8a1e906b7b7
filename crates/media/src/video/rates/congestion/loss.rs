//! What losses say about the rate (draft rmcat-gcc section 6), for links whose queues are too short to be seen in delays.

use std::time::{Duration, Instant};

use super::trendline::Usage;
use super::{CEILING_RATE, FLOOR_RATE};

/// Losses are judged once this many packets and this much time went by.
const LEAST_PACKETS: usize = 30;
const LEAST_TIME: Duration = Duration::from_millis(500);
/// Above this share the rate is lowered.
const HIGH: f64 = 0.10;
/// Below this it grows freely; between the two it grows slowly, or chance would only ever lower it.
const LOW: f64 = 0.02;
const FAST_GROWTH: f64 = 1.5;
const SLOW_GROWTH: f64 = 1.04;
/// How much of the past stays in the smoothed share.
const SMOOTHING: f64 = 0.6;

/// The rate that losses allow.
#[derive(Debug)]
pub(super) struct LossLimit {
    lost: usize,
    total: usize,
    since: Option<Instant>,
    /// Smoothed over judgements.
    share: f64,
    /// Of the last judgement alone; `None` once it was acted on.
    fresh: Option<f64>,
    limit: f64,
    lowered: Option<Instant>,
    raised: Option<Instant>,
}

impl Default for LossLimit {
    fn default() -> Self {
        Self {
            lost: 0,
            total: 0,
            since: None,
            share: 0.0,
            fresh: None,
            limit: CEILING_RATE as f64,
            lowered: None,
            raised: None,
        }
    }
}

impl LossLimit {
    /// Counts what a feedback says.
    pub(super) fn count(&mut self, now: Instant, lost: usize, total: usize) {
        let since = *self.since.get_or_insert(now);
        self.lost += lost;
        self.total += total;
        if self.total >= LEAST_PACKETS && now.saturating_duration_since(since) >= LEAST_TIME {
            let share = self.lost as f64 / self.total as f64;
            self.share = SMOOTHING * self.share + (1.0 - SMOOTHING) * share;
            self.fresh = Some(share);
            (self.lost, self.total, self.since) = (0, 0, Some(now));
        }
    }

    /// Leaves what was counted since the last judgement, and that one too, without an answer.
    pub(super) fn forget(&mut self) {
        (self.lost, self.total, self.since, self.fresh) = (0, 0, None, None);
        self.share = self.share.min(HIGH);
    }

    /// Sets the limit anew. `rate` is what delays allow.
    pub(super) fn update(&mut self, now: Instant, round_trip: Duration, rate: f64, usage: Usage) {
        let elapsed = self
            .raised
            .replace(now)
            .map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64().min(1.0));
        let fresh = self.fresh.take();
        if self.share > HIGH {
            let rested = self
                .lowered
                .is_none_or(|at| now.saturating_duration_since(at) > round_trip + Duration::from_millis(300));
            if fresh.is_some_and(|share| share > HIGH) && rested {
                self.lowered = Some(now);
                self.limit = self.limit.min(rate) * (1.0 - 0.5 * self.share);
            }
        } else if usage != Usage::Over {
            let growth = if self.share < LOW { FAST_GROWTH } else { SLOW_GROWTH };
            self.limit *= growth.powf(elapsed);
        }
        self.limit = self.limit.clamp(FLOOR_RATE as f64, CEILING_RATE as f64);
    }

    pub(super) fn limit(&self) -> f64 {
        self.limit
    }

    pub(super) fn share(&self) -> f64 {
        self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(limit: &mut LossLimit, from: Instant, seconds: u64, lost_of_twenty: usize) -> Instant {
        let mut now = from;
        for _ in 0..seconds * 10 {
            now += Duration::from_millis(100);
            limit.count(now, lost_of_twenty, 20);
            limit.update(now, Duration::from_millis(50), 1_000_000.0, Usage::Normal);
        }
        now
    }

    #[test]
    fn a_twentieth_lost_lowers_nothing_and_a_fifth_does() {
        let mut limit = LossLimit::default();
        let now = run(&mut limit, Instant::now(), 20, 1);
        assert!(limit.limit() > 1_000_000.0);
        assert!((limit.share() - 0.05).abs() < 0.001);
        let now = run(&mut limit, now, 5, 4);
        assert!(limit.limit() < 600_000.0, "{}", limit.limit());
        let low = limit.limit();
        run(&mut limit, now, 10, 1);
        assert!(limit.limit() > low, "it does not stay down for ever");
    }
}
