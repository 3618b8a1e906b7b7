//! How often someone may do what shows up on every screen.

use std::time::{Duration, Instant};

/// At once after a pause.
const BURST: u8 = 5;
/// Between further ones. 400 ms: about as fast as one can press a button, and as one can see.
const PAUSE: Duration = Duration::from_millis(400);

/// A bucket of things someone may still do, filled again as time passes.
#[derive(Debug)]
pub(super) struct Allowance {
    left: u8,
    filled_at: Option<Instant>,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { left: BURST, filled_at: None }
    }
}

impl Allowance {
    /// Takes one; `false` when there is none left at `now`.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let since = *self.filled_at.get_or_insert(now);
        let earned = now.saturating_duration_since(since).as_millis() / PAUSE.as_millis();
        if earned >= u128::from(BURST - self.left) {
            self.left = BURST;
            self.filled_at = Some(now);
        } else {
            // Less than a whole bucket, so both conversions are exact.
            let earned = earned as u8;
            self.left += earned;
            self.filled_at = Some(since + PAUSE * u32::from(earned));
        }
        let any = self.left > 0;
        self.left = self.left.saturating_sub(1);
        any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_by_one() {
        let mut allowance = Allowance::default();
        let start = Instant::now();
        let given = (0..100).filter(|_| allowance.take(start)).count();
        assert_eq!(given, usize::from(BURST));
        assert!(!allowance.take(start + PAUSE - Duration::from_millis(1)));
        assert!(allowance.take(start + PAUSE) && !allowance.take(start + PAUSE));
        // Ten seconds of a flood of one each millisecond.
        let given = (400..10_400).filter(|ms| allowance.take(start + Duration::from_millis(*ms))).count();
        assert!((24..=26).contains(&given), "{given}");
        let later = start + Duration::from_secs(60);
        assert_eq!((0..100).filter(|_| allowance.take(later)).count(), usize::from(BURST));
    }
}
