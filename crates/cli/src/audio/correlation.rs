//! How alike what was heard is to what was said, and how much later it was heard.
//!
//! The two are aligned as a whole, where their cross-correlation is largest; then each stretch of the recording is
//! compared with the stretch it belongs to, allowing for the few samples a resampler or a jitter buffer moves it. The
//! match is the mean of the stretches' normalised correlations, weighted by their energy, over all the speech that
//! could have been heard: speech that is missing in the recording counts as not alike at all.

use super::fourier::{Complex, forward, inverse};

/// One stretch, samples: 100 ms at 48 kHz. Long enough for a syllable, short against the drift of two clocks.
const STRETCH: usize = 4800;

/// How far a stretch may have moved, samples: 10 ms at 48 kHz, one playout frame.
const SLACK: isize = 480;

/// Stretches this much weaker than the loudest are pauses, whose noise is like nothing. Energy ratio: 40 dB.
const PAUSE: f64 = 1e-4;

/// How a recording compares with what was said.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Alignment {
    /// Where the beginning of what was said lies in the recording, samples; negative when it was cut off.
    pub(crate) offset: isize,
    /// 0 (nothing alike) to 1 (the same but for loudness).
    pub(crate) likeness: f64,
}

/// Compares. `heard_from`: the first sample of what was said that could have been heard; what lies before it was
/// said before there was anybody to hear it. `None` when one of the two is silent.
pub(crate) fn align(said: &[f32], heard: &[f32], heard_from: usize) -> Option<Alignment> {
    if energy(said) == 0.0 || energy(heard) == 0.0 {
        return None;
    }
    let offset = best_offset(said, heard);
    let said_at = |start: usize| said.get(start..(start + STRETCH).min(said.len())).unwrap_or_default();
    let starts = || (heard_from..said.len()).step_by(STRETCH);
    let loudest = starts().map(|start| energy(said_at(start))).fold(0.0, f64::max);
    let (mut sum, mut weights) = (0.0, 0.0);
    for start in starts() {
        let stretch = said_at(start);
        let weight = energy(stretch);
        if weight <= loudest * PAUSE {
            continue;
        }
        let center = offset + start.cast_signed();
        let best = (-SLACK..=SLACK)
            .step_by(SEARCH_STEP)
            .map(|shift| (correlation(stretch, heard, center + shift), shift))
            .fold((0.0, 0), |best, candidate| if candidate.0 > best.0 { candidate } else { best });
        let near = best.1 - SEARCH_STEP.cast_signed()..=best.1 + SEARCH_STEP.cast_signed();
        let fine = near.map(|shift| correlation(stretch, heard, center + shift)).fold(best.0, f64::max);
        sum += weight * fine;
        weights += weight;
    }
    (weights > 0.0).then(|| Alignment { offset, likeness: (sum / weights).clamp(0.0, 1.0) })
}

/// Steps of the first search, samples: a quarter of the period of 3 kHz, above which speech has little.
const SEARCH_STEP: usize = 4;

/// The first sample that is louder than a thousandth of full scale (-60 dBFS) for good: not a click.
pub(crate) fn first_sound(heard: &[f32]) -> Option<usize> {
    const LOUD: f32 = 1e-3;
    /// 1 ms at 48 kHz.
    const RUN: usize = 48;
    heard.windows(RUN).position(|run| {
        run[0].abs() > LOUD && run.iter().filter(|sample| sample.abs() > LOUD).count() > RUN / 4
    })
}

fn energy(samples: &[f32]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample).powi(2)).sum()
}

/// Where `said` lies in `heard`: the peak of the cross-correlation, by way of the frequency domain.
fn best_offset(said: &[f32], heard: &[f32]) -> isize {
    let length = (said.len() + heard.len()).next_power_of_two();
    let spectrum = |samples: &[f32]| {
        let mut values: Vec<Complex> = samples.iter().map(|sample| Complex::real((*sample).into())).collect();
        values.resize(length, Complex::default());
        forward(&mut values);
        values
    };
    let mut product: Vec<Complex> = spectrum(heard)
        .into_iter()
        .zip(spectrum(said))
        .map(|(heard, said)| heard.times_conjugate(said))
        .collect();
    inverse(&mut product);
    let peak = product
        .iter()
        .enumerate()
        .fold((0, f64::MIN), |best, (lag, value)| if value.re > best.1 { (lag, value.re) } else { best })
        .0;
    // The upper end of the circle holds the negative lags, down to minus all of what was said.
    if peak >= heard.len() { peak.cast_signed() - length.cast_signed() } else { peak.cast_signed() }
}

/// The normalised correlation of `stretch` with `heard` from `start` on; what lies outside of `heard` is silence.
fn correlation(stretch: &[f32], heard: &[f32], start: isize) -> f64 {
    let (mut cross, mut own, mut other) = (0.0, 0.0, 0.0);
    for (index, sample) in stretch.iter().enumerate() {
        let position = usize::try_from(start + index.cast_signed()).ok();
        let there = position.and_then(|position| heard.get(position)).copied().unwrap_or(0.0);
        let (a, b) = (f64::from(*sample), f64::from(there));
        cross += a * b;
        own += a * a;
        other += b * b;
    }
    if own == 0.0 || other == 0.0 { 0.0 } else { cross / (own * other).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something speech-like: noise through a resonance, in syllables. A small generator keeps it the same always.
    fn speech(seed: u32, length: usize) -> Vec<f32> {
        let mut state = seed;
        let (mut one, mut two) = (0.0_f32, 0.0_f32);
        (0..length)
            .map(|n| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
                let next = 1.9 * one - 0.95 * two + 0.05 * noise;
                (two, one) = (one, next);
                let syllable = (n as f32 / 9600.0 * std::f32::consts::PI).sin().max(0.0);
                next * syllable
            })
            .collect()
    }

    fn shifted(samples: &[f32], offset: usize) -> Vec<f32> {
        let mut shifted = vec![0.0; offset];
        shifted.extend_from_slice(samples);
        shifted
    }

    #[test]
    fn the_same_sound_later_and_quieter_is_the_same() {
        let said = speech(1, 96_000);
        let heard: Vec<f32> = shifted(&said, 3_333).iter().map(|sample| sample * 0.3).collect();
        let found = align(&said, &heard, 0).unwrap();
        assert_eq!(found.offset, 3_333);
        assert!(found.likeness > 0.9999, "{found:?}");
    }

    #[test]
    fn a_beginning_nobody_could_hear_is_left_aside() {
        let said = speech(1, 96_000);
        let heard = &said[20_000..];
        let found = align(&said, heard, 20_000).unwrap();
        assert_eq!(found.offset, -20_000);
        assert!(found.likeness > 0.999, "{found:?}");
        let missing = align(&said, heard, 0).unwrap();
        assert!(missing.likeness < 0.9, "what is missing counts: {missing:?}");
    }

    #[test]
    fn other_speech_silence_and_loss_are_told_apart() {
        let said = speech(1, 96_000);
        let other = align(&said, &speech(2, 96_000), 0).unwrap();
        assert!(other.likeness < 0.6, "{other:?}");
        assert_eq!(align(&said, &[0.0; 96_000], 0), None);
        assert_eq!(align(&said, &[], 0), None);

        let mut broken = said.clone();
        broken[48_000..].fill(0.0);
        let half = align(&said, &broken, 0).unwrap();
        assert!((0.3..0.7).contains(&half.likeness), "{half:?}");
    }

    #[test]
    fn noise_lowers_the_match_by_its_share() {
        let said = speech(1, 96_000);
        // As strong as the speech: the correlation is one over the root of two.
        let noise = speech(9, 96_000);
        let noisy: Vec<f32> = said.iter().zip(&noise).map(|(a, b)| a + b).collect();
        let found = align(&said, &noisy, 0).unwrap();
        assert!((0.6..0.85).contains(&found.likeness), "{found:?}");
    }

    #[test]
    fn a_jump_of_some_milliseconds_is_followed() {
        let said = speech(1, 192_000);
        let mut heard = said[..96_000].to_vec();
        heard.extend_from_slice(&[0.0; 240]);
        heard.extend_from_slice(&said[96_000..]);
        let found = align(&said, &heard, 0).unwrap();
        assert!(found.likeness > 0.98, "{found:?}");
    }

    #[test]
    fn the_first_sound_is_not_a_click() {
        let mut heard = vec![0.0; 10_000];
        heard[100] = 0.9;
        heard[5_000..].fill(0.01);
        assert_eq!(first_sound(&heard), Some(5_000));
        assert_eq!(first_sound(&[0.0; 1000]), None);
    }
}
