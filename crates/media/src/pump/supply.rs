//! Whether a device keeps pace with the time.

use std::time::{Duration, Instant};

/// How long the pace is watched before it is judged.
const WINDOW: Duration = Duration::from_secs(2);

/// How far it may be off. Clocks differ by far less; a sound server that is late in its steps is off by far more.
const TOLERANCE: f64 = 0.05;

/// Counts the samples a device moved against the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Supply {
    rate: u32,
    since: Instant,
    moved: u64,
    was_off: bool,
}

impl Supply {
    /// For a device of `rate` Hz that has moved `moved` samples by now.
    pub(super) fn new(rate: u32, moved: u64, now: Instant) -> Self {
        Self { rate, since: now, moved, was_off: false }
    }

    /// Looks at the device, which has moved `moved` samples by now. `true` when two windows in a row have passed in
    /// which it was off the pace: one alone is a device that has just begun, or a moment's hitch.
    pub(super) fn is_off(&mut self, moved: u64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since);
        if passed < WINDOW {
            return false;
        }
        let pace = moved.saturating_sub(self.moved) as f64 / (passed.as_secs_f64() * f64::from(self.rate));
        let was_off = self.was_off;
        *self = Self { was_off: (pace - 1.0).abs() > TOLERANCE, ..Self::new(self.rate, moved, now) };
        was_off && self.was_off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_off_the_pace_is_noticed_from_the_second_window_on() {
        let start = Instant::now();
        for (share, expected) in [(100, 0), (97, 0), (103, 0), (50, 4), (280, 4)] {
            let mut supply = Supply::new(48_000, 0, start);
            let noticed = (1..=1_000u64)
                .filter(|tick| {
                    supply.is_off(tick * 480 * share / 100, start + Duration::from_millis(tick * 10))
                })
                .count();
            assert_eq!(noticed, expected, "{share} percent");
        }
    }
}
