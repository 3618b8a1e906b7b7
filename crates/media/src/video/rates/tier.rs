//! Who takes part in the picture that is made for everybody. It needs a least rate, for nobody should look bad because of one
//! bad line; and whoever's line does not carry that gets a smaller picture of their own, rather than more than gets through.
//!
//! Pure, told the time.

use std::time::{Duration, Instant};

/// Below the least rate for so long, a line leaves the common picture.
const LEAVE_AFTER: Duration = Duration::from_millis(400);
/// It comes back once it carries so much more than that, for so long.
const RETURN: f64 = 1.5;
const RETURN_AFTER: Duration = Duration::from_secs(4);

/// Where one line stands.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::video) struct Tier {
    apart: bool,
    since: Option<Instant>,
}

impl Tier {
    /// Whether the line gets a picture of its own.
    pub(in crate::video) fn is_apart(self) -> bool {
        self.apart
    }

    /// Takes what the line carries now, and the least that the common picture takes; bits per second. `true` when it moved.
    pub(in crate::video) fn update(&mut self, now: Instant, carries: u64, least: u64) -> bool {
        let (moves, after) = if self.apart {
            (carries as f64 >= least as f64 * RETURN, RETURN_AFTER)
        } else {
            (carries < least, LEAVE_AFTER)
        };
        if !moves {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) < after {
            return false;
        }
        *self = Self { apart: !self.apart, since: None };
        true
    }

    /// There is nobody else any more whom it could hold back.
    pub(in crate::video) fn join(&mut self) -> bool {
        std::mem::take(self).apart
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_goes_apart_and_comes_back_when_it_has_been_good_for_a_while() {
        let start = Instant::now();
        let mut tier = Tier::default();
        let mut at = |ms: u64, carries: u64| {
            let moved = tier.update(start + Duration::from_millis(ms), carries, 120_000);
            (moved, tier.is_apart())
        };
        assert_eq!(at(0, 100_000), (false, false));
        assert_eq!(at(300, 130_000), (false, false), "a dip of a moment");
        assert_eq!(at(400, 100_000), (false, false));
        assert_eq!(at(900, 80_000), (true, true));
        assert_eq!(at(2_000, 150_000), (false, true), "enough, but hardly");
        assert_eq!(at(3_000, 200_000), (false, true));
        assert_eq!(at(6_000, 200_000), (false, true));
        assert_eq!(at(6_500, 170_000), (false, true), "not for long enough");
        assert_eq!(at(7_000, 200_000), (false, true));
        assert_eq!(at(11_100, 200_000), (true, false));
        assert!(!tier.join());
    }
}
