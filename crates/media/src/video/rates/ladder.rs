//! What is given up when the bits do not suffice, step by step: a camera's size first and its frame rate last, a screen's frame
//! rate and never its size, since small text is no text.
//!
//! Pure, told the time.

use std::time::{Duration, Instant};

use bellbird_call::MediaKind;

/// How long the bits must be too few before a step is taken down. A dip of a moment is what the quantizer is for.
const DOWN_AFTER: Duration = Duration::from_millis(400);
/// How long they must suffice before a step is taken up again.
const UP_AFTER: Duration = Duration::from_secs(3);
/// An encoder busier than this share of its time takes a step down,
const BUSY: f32 = 0.85;
/// and only one that is less busy than this goes up again.
const IDLE: f32 = 0.45;

/// What an encoder is to make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::video) struct Rung {
    /// The longest short side, pixels; larger pictures are scaled down.
    pub(in crate::video) short_side: u32,
    /// Pictures a second at the most.
    pub(in crate::video) fps: u32,
    /// Bits per second from which on this is chosen on the way up,
    enter: u64,
    /// and below which it is left.
    leave: u64,
}

const fn rung(short_side: u32, fps: u32, enter: u64, leave: u64) -> Rung {
    Rung { short_side, fps, enter, leave }
}

const CAMERA: &[Rung] = &[
    rung(720, 30, 700_000, 480_000),
    rung(540, 30, 430_000, 280_000),
    rung(360, 30, 240_000, 150_000),
    rung(270, 30, 140_000, 95_000),
    rung(180, 30, 90_000, 70_000),
    rung(180, 15, 0, 0),
];

/// More than a page that is scrolled needs, and what films need is a camera's business.
const SCREEN: &[Rung] = &[
    rung(u32::MAX, 15, 600_000, 400_000),
    rung(u32::MAX, 10, 350_000, 250_000),
    rung(u32::MAX, 5, 180_000, 120_000),
    rung(u32::MAX, 3, 0, 0),
];

/// Where one kind of picture stands.
#[derive(Debug)]
pub(in crate::video) struct Ladder {
    rungs: &'static [Rung],
    at: usize,
    too_much_since: Option<Instant>,
    enough_since: Option<Instant>,
}

impl Ladder {
    /// Of [`MediaKind::Video`] or [`MediaKind::Screen`], for a beginning with this rate.
    pub(in crate::video) fn new(kind: MediaKind, rate: u64) -> Self {
        let rungs = match kind {
            MediaKind::Audio | MediaKind::Video => CAMERA,
            MediaKind::Screen => SCREEN,
        };
        let at = rungs.iter().position(|rung| rate >= rung.leave).unwrap_or(rungs.len() - 1);
        Self { rungs, at, too_much_since: None, enough_since: None }
    }

    /// What to make now.
    pub(in crate::video) fn rung(&self) -> Rung {
        self.rungs[self.at]
    }

    /// Takes the rate, and the share of its time that the encoder works. `true` when the rung changed.
    pub(in crate::video) fn update(&mut self, now: Instant, rate: u64, load: f32) -> bool {
        let rung = self.rung();
        let last = self.at + 1 == self.rungs.len();
        let too_much = !last && (rate < rung.leave || load > BUSY);
        let above = self.at.checked_sub(1).map(|above| self.rungs[above]);
        let enough = above.is_some_and(|above| rate >= above.enter) && load < IDLE;
        let since = |held: bool, at: &mut Option<Instant>| {
            if held {
                Some(now.saturating_duration_since(*at.get_or_insert(now)))
            } else {
                at.take().and(None)
            }
        };
        let too_much = since(too_much, &mut self.too_much_since);
        let enough = since(enough, &mut self.enough_since);
        if too_much.is_some_and(|held| held >= DOWN_AFTER) {
            self.at += 1;
            // Straight to where the rate belongs: each change of size costs a keyframe.
            while self.at + 1 < self.rungs.len() && rate < self.rungs[self.at].leave {
                self.at += 1;
            }
        } else if enough.is_some_and(|held| held >= UP_AFTER) {
            self.at -= 1;
            while self.at > 0 && rate >= self.rungs[self.at - 1].enter {
                self.at -= 1;
            }
        } else {
            return false;
        }
        (self.too_much_since, self.enough_since) = (None, None);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds a rate for some seconds, ten updates each; yields the changes.
    fn hold(ladder: &mut Ladder, now: &mut Instant, seconds: u64, rate: u64, load: f32) -> Vec<(u32, u32)> {
        let mut changes = Vec::new();
        for _ in 0..seconds * 10 {
            *now += Duration::from_millis(100);
            if ladder.update(*now, rate, load) {
                changes.push((ladder.rung().short_side, ladder.rung().fps));
            }
        }
        changes
    }

    #[test]
    fn a_camera_gives_up_size_first_and_gets_it_back_later() {
        let mut now = Instant::now();
        let mut ladder = Ladder::new(MediaKind::Video, 600_000);
        assert_eq!(ladder.rung().short_side, 720);
        assert_eq!(hold(&mut ladder, &mut now, 2, 300_000, 0.1), [(540, 30)]);
        assert_eq!(hold(&mut ladder, &mut now, 2, 200_000, 0.1), [(360, 30)]);
        assert_eq!(hold(&mut ladder, &mut now, 2, 60_000, 0.1), [(180, 15)], "at once, not step by step");
        assert_eq!(hold(&mut ladder, &mut now, 2, 1_000_000, 0.1), [], "not yet");
        assert_eq!(hold(&mut ladder, &mut now, 2, 1_000_000, 0.1), [(720, 30)]);
    }

    #[test]
    fn a_screen_gives_up_frames_and_never_its_size() {
        let mut now = Instant::now();
        let mut ladder = Ladder::new(MediaKind::Screen, 2_000_000);
        assert_eq!(hold(&mut ladder, &mut now, 1, 300_000, 0.1), [(u32::MAX, 10)]);
        assert_eq!(hold(&mut ladder, &mut now, 1, 60_000, 0.1), [(u32::MAX, 3)]);
    }

    #[test]
    fn a_rate_that_wavers_changes_nothing() {
        let mut now = Instant::now();
        let mut ladder = Ladder::new(MediaKind::Video, 600_000);
        for _ in 0..20 {
            now += Duration::from_millis(200);
            assert!(!ladder.update(now, 470_000, 0.1));
            now += Duration::from_millis(200);
            assert!(!ladder.update(now, 700_000, 0.1));
        }
        // Between a rung's own limit and the next one's, it stays for good.
        assert_eq!(hold(&mut ladder, &mut now, 60, 500_000, 0.1), []);
    }

    #[test]
    fn an_encoder_that_cannot_keep_up_steps_down_too() {
        let mut now = Instant::now();
        let mut ladder = Ladder::new(MediaKind::Video, 2_000_000);
        assert_eq!(hold(&mut ladder, &mut now, 1, 2_000_000, 0.95), [(540, 30), (360, 30)]);
        assert_eq!(hold(&mut ladder, &mut now, 9, 2_000_000, 0.6), []);
        assert_eq!(hold(&mut ladder, &mut now, 4, 2_000_000, 0.2), [(720, 30)]);
    }
}
