//! When to play: how much delay to keep against jitter, and how to get there.
//!
//! Every packet has a *transit*, its arrival minus its media time. The smallest transit of the last seconds is the
//! path at its best; a packet's *relative delay* is what it came later than that. Sound that is played `delay` after
//! the best path's time has all packets whose relative delay is smaller. So the target is a high quantile of the
//! relative delays, plus what pulling in steps costs. All times here are in samples of 48 kHz.

use std::collections::VecDeque;

const MS: i64 = 48;

/// The width of one histogram cell: 4 ms.
const CELL: i64 = 4 * MS;

/// Cells: relative delays up to 500 ms are told apart.
const CELLS: usize = 125;

/// The share of packets that shall be in time.
const QUANTILE: f32 = 0.96;

/// What a packet's weight fades by with every later one, once enough were seen: half after 7 s of 20 ms packets.
const FORGET: f32 = 0.998;

/// What pulling in steps of 10 ms and the jitter of our own ticks cost.
const PULL_MARGIN: i64 = 10 * MS;

/// The target's bounds. A call begins at the least: were it more, the difference would have to be cut out of the first
/// words again on every clean network.
const LEAST_TARGET: i64 = 14 * MS;
const MOST_TARGET: i64 = 400 * MS;

/// FEC for a packet travels in the next one, 20 ms later: while packets get lost, waiting that long mends them.
const FEC_TARGET: i64 = 32 * MS;

/// How fast the measured share of lost packets follows, per packet.
const LOSS_SMOOTHING: f32 = 0.01;

/// From this share of lost packets on, FEC is waited for.
const LOSSY: f32 = 0.01;

/// The window of the best transit: blocks of one second each.
const BLOCK: i64 = 48_000;
const BLOCKS: usize = 10;

/// When this many packets in a row are all later than the best path by more than the step, the path itself has become
/// longer, or the far end's clock stood still: the best of the past says nothing any more.
const STEP_PACKETS: usize = 10;
const STEP: i64 = 120 * MS;

/// How fast the measured delay follows, per 10 ms: about half a second.
const DELAY_SMOOTHING: f32 = 0.02;

/// How far the delay may be off before it is mended.
const TOLERANCE: i64 = 9 * MS;

/// A delay this far above the target is mended in the middle of speech too.
const HURRY: i64 = 60 * MS;

/// The least time between two corrections, in pulls.
const CORRECTION_GAP: u32 = 10;

/// A delay this far above the target is not mended but cut: the rest of a standstill.
const CUT: i64 = 400 * MS;

/// What to do about the delay with the next 10 ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Correction {
    /// Nothing.
    Keep,
    /// Leave them out if they are quiet.
    DropIfQuiet,
    /// Leave them out.
    Drop,
    /// Play them twice if they are quiet.
    RepeatIfQuiet,
    /// Go on at the newest sound that leaves the target delay.
    Cut,
}

/// Measures the path and decides about the delay.
#[derive(Clone, Debug)]
pub(crate) struct DelayPolicy {
    /// Smallest transit per second, oldest first.
    best: VecDeque<Block>,
    /// The transits of the last packets, oldest first.
    recent: VecDeque<i64>,
    cells: [f32; CELLS],
    seen: u32,
    loss: f32,
    /// The smoothed delay; `None` while nothing plays.
    delay: Option<f32>,
    since_correction: u32,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    until: i64,
    transit: i64,
}

impl Default for DelayPolicy {
    fn default() -> Self {
        Self {
            best: VecDeque::with_capacity(BLOCKS),
            recent: VecDeque::with_capacity(STEP_PACKETS),
            cells: [0.0; CELLS],
            seen: 0,
            loss: 0.0,
            delay: None,
            since_correction: 0,
        }
    }
}

impl DelayPolicy {
    /// Learns from a packet that came at `arrival` with sound of `media_time`.
    pub(crate) fn observe(&mut self, media_time: i64, arrival: i64) {
        let transit = arrival - media_time;
        match self.best.back_mut() {
            Some(block) if arrival < block.until => block.transit = block.transit.min(transit),
            _ => {
                if self.best.len() >= BLOCKS {
                    self.best.pop_front();
                }
                self.best.push_back(Block { until: arrival + BLOCK, transit });
            }
        }
        self.notice_step(transit, arrival);
        let relative = transit - self.best_transit();
        let cell = usize::try_from(relative / CELL).unwrap_or(0).min(CELLS - 1);
        self.seen = self.seen.saturating_add(1);
        // Few packets weigh equally, many fade.
        let keep = FORGET.min(1.0 - 1.0 / (self.seen as f32 + 1.0));
        for value in &mut self.cells {
            *value *= keep;
        }
        self.cells[cell] += 1.0 - keep;
    }

    /// Forgets the best path of the past when the path has become longer for good.
    fn notice_step(&mut self, transit: i64, arrival: i64) {
        if self.recent.len() >= STEP_PACKETS {
            self.recent.pop_front();
        }
        self.recent.push_back(transit);
        let Some(now_best) = self.recent.iter().copied().min() else { return };
        let step = now_best - self.best_transit();
        if self.recent.len() < STEP_PACKETS || step <= STEP {
            return;
        }
        self.best.clear();
        self.best.push_back(Block { until: arrival + BLOCK, transit: now_best });
        // What was counted as jitter since was the step.
        for value in self.cells.iter_mut().skip((STEP / CELL) as usize) {
            *value = 0.0;
        }
        if let Some(delay) = &mut self.delay {
            *delay -= step as f32;
        }
    }

    /// Learns whether a packet that was due came at all, in time or not.
    pub(crate) fn observe_loss(&mut self, lost: bool) {
        let value = if lost { 1.0 } else { 0.0 };
        self.loss += LOSS_SMOOTHING * (value - self.loss);
    }

    /// The delay to keep.
    pub(crate) fn target(&self) -> i64 {
        let measured = if self.seen < 10 {
            LEAST_TARGET
        } else {
            let total: f32 = self.cells.iter().sum();
            let mut below = 0.0;
            let cell = self.cells.iter().position(|value| {
                below += value;
                below >= QUANTILE * total
            });
            cell.unwrap_or(CELLS - 1) as i64 * CELL + CELL / 2 + PULL_MARGIN
        };
        let least = if self.loss > LOSSY { FEC_TARGET } else { LEAST_TARGET };
        measured.clamp(least, MOST_TARGET)
    }

    /// How late sound of `media_time` is when played at `now`, against the path at its best.
    pub(crate) fn delay_of(&self, media_time: i64, now: i64) -> i64 {
        now - media_time - self.best_transit()
    }

    /// Whether to begin with sound of `media_time` now. Half a pull early is nearer than half a pull late.
    pub(crate) fn may_begin(&self, media_time: i64, now: i64) -> bool {
        self.delay_of(media_time, now) + 5 * MS >= self.target()
    }

    /// Begins to play sound of `media_time` at `now`.
    pub(crate) fn begin(&mut self, media_time: i64, now: i64) {
        self.delay = Some(self.delay_of(media_time, now) as f32);
        self.since_correction = 0;
    }

    /// Nothing plays until [`begin`](Self::begin).
    pub(crate) fn stop(&mut self) {
        self.delay = None;
    }

    /// Looks at the delay before 10 ms of `media_time` are played at `now`. `backlog` is how much sound is there.
    pub(crate) fn correction(&mut self, media_time: i64, now: i64, backlog: i64) -> Correction {
        let current = self.delay_of(media_time, now);
        let Some(delay) = &mut self.delay else { return Correction::Keep };
        *delay += DELAY_SMOOTHING * (current as f32 - *delay);
        let smoothed = *delay as i64;
        self.since_correction += 1;
        let target = self.target();
        if current > target + CUT && backlog > target + CUT {
            return Correction::Cut;
        }
        if self.since_correction < CORRECTION_GAP {
            return Correction::Keep;
        }
        if smoothed > target + HURRY {
            Correction::Drop
        } else if smoothed > target + TOLERANCE {
            Correction::DropIfQuiet
        } else if smoothed < target - TOLERANCE {
            Correction::RepeatIfQuiet
        } else {
            Correction::Keep
        }
    }

    /// A correction was carried out: the delay changed by so many samples.
    pub(crate) fn corrected(&mut self, by: i64) {
        self.since_correction = 0;
        if let Some(delay) = &mut self.delay {
            *delay += by as f32;
        }
    }

    /// The delay kept, smoothed; zero while nothing plays.
    pub(crate) fn delay(&self) -> i64 {
        self.delay.map_or(0, |delay| (delay as i64).max(0))
    }

    fn best_transit(&self) -> i64 {
        self.best.iter().map(|block| block.transit).min().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::testing::Noise;

    /// The target after 20 s of packets whose delays `delay` gives, ms.
    fn target_after(mut delay: impl FnMut(i64) -> i64) -> i64 {
        let mut policy = DelayPolicy::default();
        for n in 0..1_000 {
            policy.observe(n * 960, n * 960 + 5_000_000 + delay(n) * MS);
        }
        policy.target() / MS
    }

    #[test]
    fn the_target_follows_the_jitter() {
        let mut noise = Noise(5);
        let mut jitter = |most: i64| ((noise.next() + 1.0) / 2.0 * most as f32) as i64;
        let table = [
            ("clean", target_after(|_| 0), 14..=16),
            ("ticks of 10 ms", target_after(|n| n % 2 * 5), 14..=24),
            ("up to 20 ms", target_after(|_| jitter(20)), 26..=34),
            ("up to 60 ms", target_after(|_| jitter(60)), 60..=74),
            (
                "one packet in 200 held up for 200 ms",
                target_after(|n| if n % 200 == 0 { 200 } else { 0 }),
                14..=16,
            ),
            ("one in 10 held up for 80 ms", target_after(|n| if n % 10 == 0 { 80 } else { 0 }), 85..=98),
            ("absurd", target_after(|n| n % 2 * 3_000), 400..=400),
        ];
        for (what, target, expected) in table {
            assert!(expected.contains(&target), "{what}: target {target} ms, expected {expected:?}");
        }
    }

    #[test]
    fn a_drifting_clock_moves_the_best_path_and_not_the_target() {
        let mut policy = DelayPolicy::default();
        // Their clock is 500 ppm slow: every packet comes half a sample later than the last.
        for n in 0..5_000i64 {
            policy.observe(n * 960, n * 960 + n / 2);
        }
        assert!(policy.target() <= 25 * MS, "target {} ms", policy.target() / MS);
    }

    #[test]
    fn a_path_that_became_longer_is_the_new_best_and_no_jitter() {
        let mut policy = DelayPolicy::default();
        for n in 0..1_000i64 {
            let late = if n < 900 { 0 } else { 1_300 * MS };
            policy.observe(n * 960, n * 960 + late);
        }
        assert!(policy.target() <= 20 * MS, "target {} ms", policy.target() / MS);
        assert_eq!(policy.delay_of(1_000 * 960, 1_000 * 960 + 1_300 * MS), 0);
    }

    #[test]
    fn loss_makes_room_for_fec() {
        let mut policy = DelayPolicy::default();
        for n in 0..500 {
            policy.observe(n * 960, n * 960);
            policy.observe_loss(n % 20 == 0);
        }
        assert_eq!(policy.target(), FEC_TARGET);
        for _ in 0..1_000 {
            policy.observe_loss(false);
        }
        assert!(policy.target() < FEC_TARGET);
    }

    #[test]
    fn corrections_by_how_far_off_the_delay_is() {
        let table = [
            (0, Correction::Keep),
            (20, Correction::DropIfQuiet),
            (80, Correction::Drop),
            (1_000, Correction::Cut),
            (-12, Correction::RepeatIfQuiet),
        ];
        for (off, expected) in table {
            let mut policy = DelayPolicy::default();
            for n in 0..200 {
                policy.observe(n * 960, n * 960);
            }
            let now = 200 * 960;
            let media_time = now - policy.target() - off * MS;
            policy.begin(media_time, now);
            let mut got = Correction::Keep;
            for n in 0..i64::from(CORRECTION_GAP) {
                got = policy.correction(media_time + n * 480, now + n * 480, 96_000);
            }
            assert_eq!(got, expected, "{off} ms off");
        }
    }
}
