//! Many voices into one loudspeaker.

use super::FRAME;

/// What the limiter lets through at most. A little below full scale, for the device's own filters overshoot.
const CEILING: f32 = 0.95;

/// How much of the way back to full gain one frame goes: a tenth, so about 0.25 s after a peak it is undone.
const RELEASE: f32 = 0.1;

/// Adds voices and keeps the sum below full scale without the crackle of clipping. What fits passes unchanged.
#[derive(Clone, Debug)]
pub(crate) struct Mixer {
    sum: [f32; FRAME],
    gain: f32,
}

impl Default for Mixer {
    fn default() -> Self {
        Self { sum: [0.0; FRAME], gain: 1.0 }
    }
}

impl Mixer {
    /// Adds one voice to the frame being made.
    pub(crate) fn add(&mut self, voice: &[f32; FRAME]) {
        for (sum, sample) in self.sum.iter_mut().zip(voice) {
            *sum += sample;
        }
    }

    /// Hands the frame out and begins the next one.
    pub(crate) fn finish(&mut self) -> [f32; FRAME] {
        let mut frame = std::mem::replace(&mut self.sum, [0.0; FRAME]);
        let peak = frame.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        let room = if peak > CEILING { CEILING / peak } else { 1.0 };
        let start = self.gain;
        // Down at once, within the frame that needs it; up slowly.
        let end = room.min(start + (1.0 - start) * RELEASE);
        self.gain = if end > 0.999 { 1.0 } else { end };
        if start == 1.0 && self.gain == 1.0 {
            return frame;
        }
        let step = (self.gain - start) / 48.0;
        for (n, sample) in frame.iter_mut().enumerate() {
            let gain = if n < 48 { start + step * (n + 1) as f32 } else { self.gain };
            // The ramp's first millisecond may still be too loud: bend it rather than clip it.
            *sample = soft(*sample * gain);
        }
        frame
    }
}

/// Passes what is below the ceiling and bends what is above towards 1.
fn soft(sample: f32) -> f32 {
    let over = sample.abs() - CEILING;
    if over <= 0.0 {
        return sample;
    }
    let rest = 1.0 - CEILING;
    (CEILING + rest * (over / (over + rest))).copysign(sample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::testing::{sine, thd};

    #[test]
    fn what_fits_passes_unchanged() {
        let mut mixer = Mixer::default();
        let voice: [f32; FRAME] = sine(440.0, 0.5, FRAME).try_into().unwrap();
        mixer.add(&voice);
        assert_eq!(mixer.finish(), voice);
        assert_eq!(mixer.finish(), [0.0; FRAME]);
    }

    #[test]
    fn three_loud_voices_stay_in_range_without_the_harmonics_of_clipping() {
        let voice = sine(500.0, 0.9, 48_000);
        let mut mixer = Mixer::default();
        let (mut limited, mut clipped) = (Vec::new(), Vec::new());
        for frame in voice.chunks_exact(FRAME) {
            let frame: [f32; FRAME] = frame.try_into().unwrap();
            for _ in 0..3 {
                mixer.add(&frame);
            }
            limited.extend(mixer.finish());
            clipped.extend(frame.iter().map(|sample| (sample * 3.0).clamp(-1.0, 1.0)));
        }
        assert!(limited.iter().all(|sample| sample.abs() <= 1.0));
        let (ours, theirs) = (thd(&limited[24_000..], 500.0), thd(&clipped[24_000..], 500.0));
        assert!(ours < 0.01 && theirs > 0.2, "distortion {ours}, by clipping {theirs}");
    }

    #[test]
    fn the_gain_comes_back_after_a_peak() {
        let mut mixer = Mixer::default();
        mixer.add(&[1.9; FRAME]);
        mixer.finish();
        let mut last = 0.0;
        for _ in 0..100 {
            mixer.add(&[0.5; FRAME]);
            last = mixer.finish()[FRAME - 1];
        }
        assert_eq!(last, 0.5);
    }
}
