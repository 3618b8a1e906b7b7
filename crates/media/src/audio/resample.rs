//! From one sample rate to another.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType, WindowFunction,
};

/// Turns mono sound of one rate into another. With equal rates it only copies.
pub(crate) struct Resampler {
    inner: Option<Inner>,
}

struct Inner {
    resampler: Async<f32>,
    /// Samples that wait for a full chunk.
    pending: Vec<f32>,
    output: Vec<f32>,
}

/// A pair of rates that cannot be converted.
#[derive(Debug, thiserror::Error)]
#[error("cannot convert {from} Hz to {to} Hz")]
pub(crate) struct UnsupportedRates {
    from: u32,
    to: u32,
}

impl Resampler {
    /// Rates in Hz.
    ///
    /// # Errors
    /// When a rate is no sound device's (1–768 kHz).
    pub(crate) fn new(from: u32, to: u32) -> Result<Self, UnsupportedRates> {
        let sane = 1_000..=768_000;
        if !sane.contains(&from) || !sane.contains(&to) {
            return Err(UnsupportedRates { from, to });
        }
        if from == to {
            return Ok(Self { inner: None });
        }
        Ok(Self { inner: Some(Inner::new(from, to)?) })
    }

    /// Converts `input` and appends the result to `output`. Up to 2.5 ms are held back until the next call.
    pub(crate) fn process(&mut self, input: &[f32], output: &mut Vec<f32>) {
        match &mut self.inner {
            None => output.extend_from_slice(input),
            Some(inner) => inner.process(input, output),
        }
    }

    /// Whether it only copies.
    pub(crate) fn is_copy(&self) -> bool {
        self.inner.is_none()
    }
}

impl Inner {
    fn new(from: u32, to: u32) -> Result<Self, UnsupportedRates> {
        let parameters = SincInterpolationParameters {
            sinc_len: 64,
            f_cutoff: Some(0.91),
            oversampling_factor: 256,
            interpolation: SincInterpolationType::Linear,
            window: WindowFunction::BlackmanHarris2,
        };
        let chunk = (from as usize / 400).max(1);
        let ratio = f64::from(to) / f64::from(from);
        let resampler = Async::new_sinc(ratio, 1.0, &parameters, chunk, 1, FixedAsync::Input)
            .map_err(|_| UnsupportedRates { from, to })?;
        let output = vec![0.0; resampler.output_frames_max()];
        Ok(Self { resampler, pending: Vec::with_capacity(chunk * 8), output })
    }

    fn process(&mut self, input: &[f32], output: &mut Vec<f32>) {
        self.pending.extend_from_slice(input);
        let mut used = 0;
        loop {
            let need = self.resampler.input_frames_next();
            let Some(chunk) = self.pending.get(used..used + need) else { break };
            let room = self.output.len();
            let (Ok(source), Ok(mut sink)) =
                (InterleavedSlice::new(chunk, 1, need), InterleavedSlice::new_mut(&mut self.output, 1, room))
            else {
                break;
            };
            let Ok((read, written)) = self.resampler.process_into_buffer(&source, &mut sink, None) else {
                break;
            };
            output.extend_from_slice(&self.output[..written]);
            used += read;
        }
        self.pending.drain(..used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::testing::{sine_at, snr_of_sine};

    fn convert(from: u32, to: u32, hz: f32) -> Vec<f32> {
        let input = sine_at(from, hz, 0.5, from as usize);
        let mut resampler = Resampler::new(from, to).unwrap();
        let mut output = Vec::new();
        // Odd pieces, as devices deliver them.
        for piece in input.chunks(137) {
            resampler.process(piece, &mut output);
        }
        output
    }

    #[test]
    fn usual_rates_keep_a_tone_clean() {
        for (from, to) in
            [(44_100, 48_000), (48_000, 44_100), (16_000, 48_000), (96_000, 48_000), (8_000, 48_000)]
        {
            let output = convert(from, to, 1_000.0);
            let expected = to as usize;
            assert!(
                output.len().abs_diff(expected) < to as usize / 100,
                "{from}→{to}: {} samples",
                output.len()
            );
            let snr = snr_of_sine(&output[to as usize / 4..to as usize * 3 / 4], to, 1_000.0);
            println!("{from} → {to} Hz: {snr:.1} dB");
            assert!(snr > 70.0, "{from}→{to}: {snr} dB");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_removed_and_not_folded_down() {
        let output = convert(96_000, 48_000, 30_000.0);
        let rest = output[4_800..].iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        assert!(rest < 0.002, "30 kHz left {rest}");
    }

    #[test]
    fn equal_rates_only_copy() {
        let mut resampler = Resampler::new(48_000, 48_000).unwrap();
        let mut output = Vec::new();
        resampler.process(&[0.1, 0.2], &mut output);
        assert_eq!(output, [0.1, 0.2]);
        assert!(resampler.is_copy());
    }

    #[test]
    fn senseless_rates_are_refused() {
        assert!(Resampler::new(0, 48_000).is_err());
        assert!(Resampler::new(48_000, u32::MAX).is_err());
    }
}
