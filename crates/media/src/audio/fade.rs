//! Gain changes that do not click.

/// How many samples a change from silence to full takes: 5 ms. Shorter is heard as a click, longer cuts syllables.
const RAMP: f32 = 240.0;

/// An on/off gain that moves in a ramp.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fader {
    gain: f32,
    target: f32,
}

impl Fader {
    /// Begins open or closed, without a ramp.
    pub(crate) fn new(open: bool) -> Self {
        let gain = if open { 1.0 } else { 0.0 };
        Self { gain, target: gain }
    }

    /// Opens or closes, from the next sample on.
    pub(crate) fn set_open(&mut self, open: bool) {
        self.target = if open { 1.0 } else { 0.0 };
    }

    /// Whether nothing but digital silence comes out.
    pub(crate) fn is_closed(&self) -> bool {
        self.gain == 0.0 && self.target == 0.0
    }

    /// Applies the gain.
    pub(crate) fn apply(&mut self, samples: &mut [f32]) {
        if self.gain == self.target {
            if self.gain == 0.0 {
                samples.fill(0.0);
            }
            return;
        }
        let step = if self.target > self.gain { 1.0 / RAMP } else { -1.0 / RAMP };
        for sample in samples {
            self.gain = (self.gain + step).clamp(0.0, 1.0);
            *sample *= self.gain;
        }
    }
}

/// Goes over from `from` to `into` within the slices' common length; the result is in `into`.
pub(crate) fn cross(from: &[f32], into: &mut [f32]) {
    let length = from.len().min(into.len());
    let step = 1.0 / (length + 1) as f32;
    for (n, (new, old)) in into.iter_mut().zip(from).enumerate() {
        let share = step * (n + 1) as f32;
        *new = *old * (1.0 - share) + *new * share;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_ramps_to_exact_silence_and_never_steps() {
        let mut fader = Fader::new(true);
        fader.set_open(false);
        let mut samples = [1.0; 480];
        fader.apply(&mut samples);
        let largest = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(largest < 0.005, "a step of {largest}");
        assert!(samples[240..].iter().all(|sample| *sample == 0.0));
        assert!(fader.is_closed());
    }
}
