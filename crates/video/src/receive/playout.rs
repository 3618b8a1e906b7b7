//! When a picture is due: late enough that most come in time, so that they follow one another as evenly as they were taken.

use std::collections::VecDeque;
use std::time::Duration;

/// Ticks of the media clock in a millisecond.
const TICKS_PER_MS: i64 = 90;

/// The most delay that is added, ticks: 200 ms.
const MOST_DELAY: i64 = 200 * TICKS_PER_MS;

/// From how many pictures the delay is learnt.
const MEMORY: usize = 120;

/// Of these, one in so many may come too late.
const LATE_ONE_IN: usize = 20;

/// At first as many may be late as if there had been so many: the first keyframe is a slow one and says nothing of others.
const LEAST: usize = 40;

/// The fastest way is the fastest of so many pictures, at least; twice that at most. Follows clocks that drift apart.
const WINDOW: u32 = 150;

/// A picture that is off by more than this began a new time, ticks: 3 s.
const CLOCK_STEP: i64 = 3_000 * TICKS_PER_MS;

/// Learns how long pictures take.
#[derive(Clone, Debug, Default)]
pub(super) struct Playout {
    /// Arrival minus media time of the fastest, in this window and in the one before.
    fastest: Option<i64>,
    fastest_before: Option<i64>,
    in_window: u32,
    /// By how much each of the last ones was slower.
    slower: VecDeque<i64>,
    delay: i64,
}

impl Playout {
    /// A picture was complete at `arrival`, both in ticks.
    pub(super) fn observe(&mut self, media_time: i64, arrival: i64) {
        let transit = arrival - media_time;
        if self.base().is_some_and(|base| (transit - base).abs() > CLOCK_STEP) {
            *self = Self::default();
        }
        self.fastest = Some(self.fastest.map_or(transit, |fastest| fastest.min(transit)));
        self.in_window += 1;
        let base = self.base().unwrap_or(transit);
        if self.in_window >= WINDOW {
            self.fastest_before = self.fastest.take();
            self.in_window = 0;
        }
        if self.slower.len() == MEMORY {
            self.slower.pop_front();
        }
        self.slower.push_back(transit - base);
        let mut sorted: Vec<i64> = self.slower.iter().copied().collect();
        sorted.sort_unstable();
        let may_be_late = sorted.len().max(LEAST) / LATE_ONE_IN;
        let in_time = (sorted.len() - 1).saturating_sub(may_be_late);
        let wanted = sorted[in_time].clamp(0, MOST_DELAY);
        if wanted > self.delay {
            self.delay = wanted;
        } else {
            // Down slowly, so that nobody sees it.
            self.delay -= (self.delay - wanted).min(TICKS_PER_MS);
        }
    }

    fn base(&self) -> Option<i64> {
        match (self.fastest, self.fastest_before) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        }
    }

    /// When a picture of that time is to be shown, ticks; `None` when nothing is known yet.
    pub(super) fn due(&self, media_time: i64) -> Option<i64> {
        self.base().map(|base| media_time + base + self.delay)
    }

    /// What is added to the fastest way.
    pub(super) fn delay(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.delay * 100 / 9).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures 3000 ticks apart with these delays; the delay that is learnt, ms.
    fn learnt(delays: impl Iterator<Item = i64>) -> u128 {
        let mut playout = Playout::default();
        for (index, delay) in delays.enumerate() {
            let media_time = index as i64 * 3_000;
            playout.observe(media_time, media_time + 7_000_000 + delay * TICKS_PER_MS);
        }
        playout.delay().as_millis()
    }

    #[test]
    fn an_even_way_costs_nothing_and_an_uneven_one_as_much_as_it_varies() {
        assert_eq!(learnt((0..200).map(|_| 30)), 0);
        let varied = learnt((0..200).map(|n| 30 + n * 7 % 20));
        assert!((16..=19).contains(&varied), "{varied}");
        // One slow picture in fifty is let be late.
        assert!(learnt((0..500).map(|n| if n % 50 == 49 { 130 } else { 30 })) <= 60);
        assert_eq!(learnt((0..200).map(|n| n % 2 * 2_000)), 200);
    }

    #[test]
    fn the_delay_goes_down_again_and_clocks_may_drift() {
        assert_eq!(learnt((0..800).map(|n| if n < 150 { n % 2 * 100 } else { 0 })), 0);
        // Half a millisecond a second, for ten minutes, either way.
        for drift in [0.5, -0.5] {
            let mut playout = Playout::default();
            for n in 0..18_000_i64 {
                let arrival = n * 3_000 + (n as f64 / 30.0 * drift * 90.0) as i64;
                playout.observe(n * 3_000, arrival);
                let wait = playout.due(n * 3_000).unwrap() - arrival;
                assert!(wait < 10 * TICKS_PER_MS, "{wait} at {n}");
            }
        }
    }

    #[test]
    fn a_clock_set_anew_is_followed() {
        let mut playout = Playout::default();
        for n in 0..100 {
            playout.observe(n * 3_000, n * 3_000);
        }
        playout.observe(900_000_000, 303_000);
        assert_eq!(playout.due(900_003_000), Some(306_000));
    }
}
