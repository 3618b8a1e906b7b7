//! How many bits a second one link takes, found out from what became of the packets sent on it.
//!
//! After the IETF draft rmcat-gcc: a filter on one-way delays notices a queue that grows ([`Trendline`]), losses speak
//! where queues are short ([`LossLimit`]), and the rate is raised with care where a limit is known to be near and boldly
//! where none is ([`DelayLimit`]). Beyond the draft, a queue that has grown long is drained at once: a conversation
//! cannot wait until it empties by itself. Where the far end sends no per-packet feedback, its own estimate (REMB) and the losses
//! it reports take the place.
//!
//! Pure arithmetic, told the time. Rates are in bits per second, headers included.

mod delay;
mod loss;
mod probe;
mod throughput;
mod trendline;

use std::time::{Duration, Instant};

use delay::DelayLimit;
use loss::LossLimit;
use probe::Prober;

pub(crate) use probe::ProbeOrder;

/// What is assumed of a link before anything is known.
pub(crate) const START_RATE: u64 = 600_000;
/// Below this no picture is worth sending, so nothing lower is estimated.
pub(crate) const FLOOR_RATE: u64 = 60_000;
/// Nothing higher is ever tried.
const CEILING_RATE: u64 = 8_000_000;
/// Feedback that was there and stays away this long while we send means that nothing gets through.
const FEEDBACK_SILENCE: Duration = Duration::from_millis(1200);
/// How often the rate is lowered while that lasts.
const SILENCE_STEP: Duration = Duration::from_millis(500);
/// How long a far end's own estimate is believed.
const REMB_LIFE: Duration = Duration::from_secs(15);
/// A rate of which less than this share is sent is not tried by what is sent.
const TRIED: f64 = 0.7;
/// Where more than this share is lost, padding would only lose more.
const PROBE_LOSS: f64 = 0.08;
/// How fast the rate grows where only losses are reported, per second: blindly, so gently.
const BLIND_GROWTH: f64 = 1.15;

/// What became of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PacketFate {
    /// When we sent it.
    pub(crate) sent: Instant,
    /// When it came, on the far end's clock; `None` when it did not.
    pub(crate) arrived: Option<Duration>,
    /// Bytes.
    pub(crate) size: usize,
    /// Of which [`ProbeOrder`] it is part.
    pub(crate) cluster: Option<u16>,
}

/// The estimate of one link.
#[derive(Debug)]
pub(crate) struct Estimator {
    delay: DelayLimit,
    loss: LossLimit,
    prober: Prober,
    remb: Option<(u64, Instant)>,
    /// Where neither delays nor the far end speak.
    blind: f64,
    blind_since: Option<Instant>,
    last_feedback: Option<Instant>,
    last_sent: Option<Instant>,
    silence_step: Option<Instant>,
    round_trip: Duration,
}

impl Estimator {
    /// An estimate that begins at [`START_RATE`].
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            delay: DelayLimit::new(START_RATE as f64, now),
            loss: LossLimit::default(),
            prober: Prober::default(),
            remb: None,
            blind: START_RATE as f64,
            blind_since: None,
            last_feedback: None,
            last_sent: None,
            silence_step: None,
            round_trip: Duration::from_millis(100),
        }
    }

    /// A packet leaves.
    pub(crate) fn sent(&mut self, now: Instant) {
        // After a pause, feedback is owed only from now on.
        if self.last_sent.is_none_or(|last| now.saturating_duration_since(last) > FEEDBACK_SILENCE) {
            self.last_feedback = self.last_feedback.map(|last| last.max(now));
        }
        self.last_sent = Some(now);
    }

    /// Feedback for a run of packets, in the order they were sent.
    pub(crate) fn feedback(&mut self, now: Instant, fates: &[PacketFate]) {
        if fates.is_empty() {
            return;
        }
        if let Some(last) = fates.iter().rev().find(|fate| fate.arrived.is_some()) {
            let sample = now.saturating_duration_since(last.sent).min(Duration::from_secs(5));
            self.round_trip = (self.round_trip * 7 + sample) / 8;
        }
        self.last_feedback = Some(now);
        self.silence_step = None;
        let lost = fates.iter().filter(|fate| fate.arrived.is_none()).count();
        self.loss.count(now, lost, fates.len());
        let before = self.rate(now);
        self.delay.feedback(now, fates, self.round_trip, before);
        if let Some(found) = self.prober.feedback(fates) {
            self.delay.probed(found);
        }
        if self.delay.is_draining() {
            // What overflowed that queue was answered already.
            self.loss.forget();
        } else {
            self.loss.update(now, self.round_trip, self.delay.rate(), self.delay.usage());
        }
    }

    /// Padding to send now, of which [`Self::feedback`] learns whether more would get through than is sent: `used` bits per
    /// second are, and `wanted` is all that could be of use. What is sent is tried anyway, and nothing is known without
    /// per-packet feedback.
    pub(crate) fn probe(&mut self, now: Instant, used: u64, wanted: u64) -> Option<ProbeOrder> {
        let rate = self.rate(now);
        let untried = (used as f64) < rate * TRIED;
        let calm = self.delay.is_calm() && self.loss.share() < PROBE_LOSS;
        let idle = self.last_feedback.is_none() || rate >= wanted as f64 || !untried || !calm;
        if idle || !self.prober.may_order(now, self.delay.lowered()) {
            return None;
        }
        self.prober.order(now, rate, wanted as f64)
    }

    /// The padding that was asked for last cannot be sent.
    pub(crate) fn probe_failed(&mut self) {
        self.prober.forget();
    }

    /// What a receiver report says: the share lost since the one before, and the round trip if it is known.
    pub(crate) fn report(&mut self, now: Instant, fraction: f32, round_trip: Option<Duration>) {
        if let Some(round_trip) = round_trip {
            self.round_trip = round_trip;
        }
        // Per-packet feedback says the same more precisely.
        if self.last_feedback.is_some() {
            return;
        }
        let fraction = f64::from(fraction.clamp(0.0, 1.0));
        let since =
            self.blind_since.replace(now).map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let seconds = since.as_secs_f64().min(2.0);
        self.blind *= match fraction {
            lost if lost > 0.10 => 1.0 - 0.5 * lost,
            lost if lost > 0.02 => 1.0,
            _ => BLIND_GROWTH.powf(seconds),
        };
        self.blind = self.blind.clamp(FLOOR_RATE as f64, CEILING_RATE as f64);
    }

    /// The far end's own estimate (REMB).
    pub(crate) fn remb(&mut self, now: Instant, rate: u64) {
        self.remb = Some((rate, now));
    }

    /// What may be sent, bits per second.
    pub(crate) fn target(&mut self, now: Instant) -> u64 {
        self.step_down_in_silence(now);
        self.rate(now).clamp(FLOOR_RATE as f64, CEILING_RATE as f64) as u64
    }

    /// The share of packets that gets lost, smoothed, 0..=1.
    pub(crate) fn loss(&self) -> f64 {
        self.loss.share()
    }

    fn rate(&self, now: Instant) -> f64 {
        if self.last_feedback.is_some() {
            return self.delay.rate().min(self.loss.limit());
        }
        match self.remb {
            Some((rate, at)) if now.saturating_duration_since(at) < REMB_LIFE => {
                // It knows delays, and we know what it lost.
                (rate as f64).min(self.blind.max(START_RATE as f64))
            }
            Some(_) | None => self.blind,
        }
    }

    fn step_down_in_silence(&mut self, now: Instant) {
        let (Some(feedback), Some(sent)) = (self.last_feedback, self.last_sent) else { return };
        let silent = sent > feedback && now.saturating_duration_since(feedback) > FEEDBACK_SILENCE;
        let due = self.silence_step.is_none_or(|at| now.saturating_duration_since(at) >= SILENCE_STEP);
        if silent && due {
            self.silence_step = Some(now);
            self.delay.lower(0.7, now);
        }
    }
}

#[cfg(test)]
mod simulated_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_feedback_the_far_end_s_word_counts() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut estimator = Estimator::new(start);
        assert_eq!(estimator.target(start), START_RATE);
        estimator.remb(at(1), 250_000);
        assert_eq!(estimator.target(at(1)), 250_000);
        assert_eq!(estimator.target(at(20)), START_RATE, "an old word is not believed");
        for second in 20..40 {
            estimator.report(at(second), 0.0, None);
        }
        assert!(estimator.target(at(40)) > 3_000_000);
        for second in 40..50 {
            estimator.report(at(second), 0.3, None);
        }
        assert!(estimator.target(at(50)) < 2_000_000);
    }

    #[test]
    fn silence_after_feedback_lowers_the_rate() {
        let start = Instant::now();
        let mut estimator = Estimator::new(start);
        let fate = PacketFate { sent: start, arrived: Some(Duration::ZERO), size: 1000, cluster: None };
        estimator.sent(start);
        estimator.feedback(start + Duration::from_millis(50), &[fate]);
        for step in 0..60 {
            let now = start + Duration::from_millis(50 * step);
            estimator.sent(now);
            estimator.target(now);
        }
        let target = estimator.target(start + Duration::from_secs(3));
        assert!(target < START_RATE / 2, "{target}");
        // A camera that was off is owed nothing.
        let mut idle = Estimator::new(start);
        idle.sent(start);
        idle.feedback(start + Duration::from_millis(50), &[fate]);
        let later = start + Duration::from_secs(60);
        idle.sent(later);
        assert_eq!(idle.target(later + Duration::from_millis(40)), START_RATE);
    }
}
