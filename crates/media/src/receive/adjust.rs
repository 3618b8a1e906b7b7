//! Makes decoded sound shorter or longer, to mend the delay.
//!
//! Today whole frames are left out or repeated, with a cross-fade, and where the policy allows in quiet moments
//! only. A time stretcher that changes the length of speech itself takes the place of [`Adjuster::shorten`] and
//! [`Adjuster::lengthen`]: same samples in, fewer or more out.

use crate::audio::FRAME;
use crate::audio::fade::cross;
use crate::audio::level::dbov;

/// The length of a cross-fade, samples: 2.5 ms.
const CROSS: usize = 120;

/// Quieter than this is always quiet, dBov.
const QUIET_DBOV: f32 = -55.0;

/// Quiet is what lies this far below the loudness of the speech around it, dB.
const BELOW_SPEECH_DB: f32 = 22.0;

/// How fast the loudness of speech is forgotten, dB per frame.
const SPEECH_DECAY_DB: f32 = 0.05;

/// Knows how loud the speech was lately, and joins cut sound.
#[derive(Clone, Debug)]
pub(crate) struct Adjuster {
    speech_dbov: f32,
}

impl Default for Adjuster {
    fn default() -> Self {
        Self { speech_dbov: -30.0 }
    }
}

impl Adjuster {
    /// Learns from a frame that is played.
    pub(crate) fn observe(&mut self, frame: &[f32; FRAME]) {
        self.speech_dbov = (self.speech_dbov - SPEECH_DECAY_DB).max(dbov(frame)).max(-60.0);
    }

    /// Whether 10 ms more or less of this would go unnoticed.
    pub(crate) fn is_quiet(&self, samples: &[f32]) -> bool {
        dbov(samples) < QUIET_DBOV.max(self.speech_dbov - BELOW_SPEECH_DB)
    }

    /// Leaves `dropped` out: the beginning of `next` is joined to what would have been heard.
    pub(crate) fn shorten(&self, dropped: &[f32; FRAME], next: &mut [f32; FRAME]) {
        cross(&dropped[..CROSS], &mut next[..CROSS]);
    }

    /// Makes sound to put before `next`, which was to follow `last`: `next` itself, joined to the end of `last`.
    pub(crate) fn lengthen(&self, last: &[f32; FRAME], next: &[f32; FRAME]) -> [f32; FRAME] {
        let mut extra = *next;
        // What follows `last` is `next` anyway; the seam that needs joining is the one after, where `next` begins
        // anew. So end in what leads to its beginning: the end of `last`.
        let tail = FRAME - CROSS;
        let mut lead = [0.0; CROSS];
        lead.copy_from_slice(&last[tail..]);
        cross(&next[tail..], &mut lead);
        extra[tail..].copy_from_slice(&lead);
        extra
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::testing::sine;

    fn largest_step(samples: &[f32]) -> f32 {
        samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn cuts_and_repeats_leave_no_step() {
        // 130 Hz does not fit into 10 ms: a plain cut would jump.
        let sound = sine(130.0, 0.5, FRAME * 3);
        let frames: Vec<[f32; FRAME]> =
            sound.chunks_exact(FRAME).map(|part| part.try_into().unwrap()).collect();
        let natural = largest_step(&sound);
        let adjuster = Adjuster::default();
        let mut next = frames[2];
        adjuster.shorten(&frames[1], &mut next);
        let shorter = [frames[0], next].concat();
        assert!(largest_step(&shorter) < natural * 2.0, "{} against {natural}", largest_step(&shorter));
        let extra = adjuster.lengthen(&frames[0], &frames[1]);
        let longer = [frames[0], extra, frames[1]].concat();
        assert!(largest_step(&longer) < natural * 2.0, "{} against {natural}", largest_step(&longer));
    }

    #[test]
    fn quiet_is_told_by_the_speech_around() {
        let mut adjuster = Adjuster::default();
        adjuster.observe(&[0.2; FRAME]);
        assert!(adjuster.is_quiet(&[0.01; FRAME]));
        assert!(!adjuster.is_quiet(&[0.1; FRAME]));
        for _ in 0..2_000 {
            adjuster.observe(&[0.005; FRAME]);
        }
        assert!(!adjuster.is_quiet(&[0.01; FRAME]), "what is loud for a whisperer");
    }
}
