//! The clock of a virtual device.

use std::time::{Duration, Instant};

/// Tells how many samples a device that started at `start` has moved by now. Counted from the start, so that late
/// calls and rounding never add up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    start: Instant,
    rate: u32,
    moved: u64,
}

impl Pace {
    pub(crate) fn new(rate: u32, start: Instant) -> Self {
        Self { start, rate, moved: 0 }
    }

    /// Samples that are due at `now` and not yet taken, in whole 10 ms periods, as sound hardware moves them.
    pub(crate) fn due(&self, now: Instant) -> usize {
        let periods = now.saturating_duration_since(self.start).as_millis() as u64 / 10;
        let total = periods * u64::from(self.rate) / 100;
        usize::try_from(total.saturating_sub(self.moved)).unwrap_or(usize::MAX)
    }

    /// Counts samples as moved.
    pub(crate) fn advance(&mut self, samples: usize) {
        self.moved += samples as u64;
    }

    /// Samples moved so far.
    pub(crate) fn moved(&self) -> u64 {
        self.moved
    }

    /// When the next sample sounds.
    pub(crate) fn position(&self) -> Instant {
        let whole = self.moved / u64::from(self.rate);
        let part = self.moved % u64::from(self.rate) * 1_000_000_000 / u64::from(self.rate);
        self.start + Duration::new(whole, part as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_rate_neither_drifts_nor_loses_a_sample() {
        let start = Instant::now();
        let mut pace = Pace::new(11_025, start);
        let mut total = 0;
        for period in 1..=6_000 {
            let due = pace.due(start + Duration::from_millis(period * 10));
            assert!((110..=111).contains(&due), "{due} samples in 10 ms of 11,025 Hz");
            pace.advance(due);
            total += due;
        }
        assert_eq!(total, 11_025 * 60);
        assert_eq!(pace.position(), start + Duration::from_secs(60));
    }

    #[test]
    fn a_late_reader_gets_all_that_is_due() {
        let start = Instant::now();
        let pace = Pace::new(48_000, start);
        assert_eq!(pace.due(start + Duration::from_micros(9_999)), 0);
        assert_eq!(pace.due(start + Duration::from_millis(10)), 480);
        assert_eq!(pace.due(start + Duration::from_millis(57)), 2_400);
    }
}
