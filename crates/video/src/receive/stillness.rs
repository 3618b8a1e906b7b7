//! Freezes, as W3C's webrtc-stats define `freezeCount`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Over how many gaps the usual one is taken.
const MEMORY: usize = 30;

/// Fewer gaps than this say nothing of what is usual.
const LEAST: usize = 5;

const GRACE: Duration = Duration::from_millis(150);

/// Counts them.
#[derive(Clone, Debug, Default)]
pub(super) struct Stillness {
    last: Option<Instant>,
    gaps: VecDeque<Duration>,
    pub(super) freezes: u32,
    pub(super) frozen: Duration,
}

impl Stillness {
    /// A picture is shown. `taken_after` is how long after the last one it was taken, when nothing between them was lost: a
    /// sender that pauses freezes nothing.
    pub(super) fn shown(&mut self, now: Instant, taken_after: Option<Duration>) {
        let Some(last) = self.last.replace(now) else { return };
        let gap = now.saturating_duration_since(last);
        let paused = taken_after.is_some_and(|taken| gap < taken + GRACE);
        if self.gaps.len() >= LEAST && !paused {
            let usual = self.gaps.iter().sum::<Duration>() / self.gaps.len() as u32;
            if gap >= (usual * 3).max(usual + GRACE) {
                self.freezes += 1;
                self.frozen += gap;
            }
        }
        if paused && gap > GRACE {
            // The pause says nothing of what is usual.
            return;
        }
        if self.gaps.len() == MEMORY {
            self.gaps.pop_front();
        }
        self.gaps.push_back(gap);
    }

    /// Nothing was to be shown for a while.
    pub(super) fn pause(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_long_gap_is_a_freeze_and_a_pause_of_the_sender_is_not() {
        let mut stillness = Stillness::default();
        let mut now = Instant::now();
        let mut show = |stillness: &mut Stillness, after: Duration, taken| {
            now += after;
            stillness.shown(now, taken);
        };
        for _ in 0..30 {
            show(&mut stillness, 33 * MS, Some(33 * MS));
        }
        show(&mut stillness, 180 * MS, None);
        assert_eq!(stillness.freezes, 0, "below 33 + 150 ms");
        show(&mut stillness, 200 * MS, None);
        assert_eq!((stillness.freezes, stillness.frozen), (1, 200 * MS));
        show(&mut stillness, 5_000 * MS, Some(4_990 * MS));
        assert_eq!(stillness.freezes, 1, "the sender paused");
        show(&mut stillness, 5_000 * MS, Some(33 * MS));
        assert_eq!(stillness.freezes, 2, "the network paused");
        stillness.pause();
        show(&mut stillness, 9_000 * MS, None);
        assert_eq!(stillness.freezes, 2);
    }
}
