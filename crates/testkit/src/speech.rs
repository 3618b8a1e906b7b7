//! Recorded speech, and how much of it is still there after a call.

use std::path::{Path, PathBuf};

/// How one recording was found in another.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SpeechMatch {
    /// Samples by which the recording is behind the original.
    pub delay: isize,
    /// How alike they are where the original speaks, 0 (nothing in common) to 1 (the same but for loudness).
    pub similarity: f64,
}

/// Where the speech sample of the tests lies: about 5 s, 48 kHz, mono, 16 bit.
pub fn sample_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/speech.wav")
}

/// The speech sample of the tests, full scale 1.0.
///
/// # Panics
/// When the file is missing or not as described: a test without its material must not pass.
pub fn sample() -> Vec<f32> {
    read_wav(&sample_path())
}

/// Reads a 48 kHz mono WAV of 16-bit integers or floats.
///
/// # Panics
/// When it is not that.
pub fn read_wav(path: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let spec = reader.spec();
    assert_eq!((spec.sample_rate, spec.channels), (48_000, 1), "{}", path.display());
    match spec.sample_format {
        hound::SampleFormat::Int => {
            let scale = f32::from(i16::MAX);
            reader.samples::<i16>().map(|s| f32::from(s.expect("a 16-bit sample")) / scale).collect()
        }
        hound::SampleFormat::Float => reader.samples::<f32>().map(|s| s.expect("a float sample")).collect(),
    }
}

/// Half of the stretch over which likeness is judged at once: 100 ms at 48 kHz. A jitter buffer moves speech by some
/// milliseconds now and then, which hurts the ear little and a rigid comparison much.
const SEGMENT: usize = 9_600;

/// How far a segment may be from where the whole was found: 20 ms at 48 kHz.
const SLACK: usize = 960;

/// Finds `original` in `recording` (both 48 kHz mono) and tells how much of it is there: normalised cross-correlation,
/// segment by segment, weighted by the energy of the original. `None` when either is silent or shorter than 200 ms.
pub fn find(original: &[f32], recording: &[f32]) -> Option<SpeechMatch> {
    if original.len() < SEGMENT || recording.len() < SEGMENT {
        return None;
    }
    let delay = best_delay(original, recording)?;
    let (mut weighted, mut weights) = (0.0, 0.0);
    for (n, segment) in original.chunks_exact(SEGMENT).enumerate() {
        let energy = energy(segment);
        let start = (n * SEGMENT) as isize + delay;
        weighted += energy * best_near(segment, recording, start);
        weights += energy;
    }
    (weights > 1e-9).then(|| SpeechMatch { delay, similarity: (weighted / weights).clamp(0.0, 1.0) })
}

fn energy(samples: &[f32]) -> f64 {
    samples.iter().map(|s| f64::from(*s).powi(2)).sum()
}

/// The best normalised correlation of a segment within the slack around `start`: first in steps of 1/8 ms on every
/// fourth sample, then every step on all.
fn best_near(segment: &[f32], recording: &[f32], start: isize) -> f64 {
    let at = |offset: isize, stride: usize| {
        let from = usize::try_from(start + offset).ok()?;
        let piece = recording.get(from..from + segment.len())?;
        let (mut dot, mut ours, mut theirs) = (0.0, 0.0, 0.0);
        for (a, b) in segment.iter().zip(piece).step_by(stride) {
            let (a, b) = (f64::from(*a), f64::from(*b));
            dot += a * b;
            ours += a * a;
            theirs += b * b;
        }
        let norm = (ours * theirs).sqrt();
        (norm > 1e-9).then(|| dot / norm)
    };
    let slack = SLACK as isize;
    let coarse = (-slack..=slack)
        .step_by(6)
        .filter_map(|offset| Some((at(offset, 4)?, offset)))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let Some((_, near)) = coarse else { return 0.0 };
    (near - 5..=near + 5).filter_map(|offset| at(offset, 1)).fold(0.0, f64::max)
}

/// How many samples are taken together to find the delay roughly: speech has little above 3 kHz.
const COARSE: usize = 8;

/// The lag of the strongest cross-correlation, by Fourier transform of both at an eighth of the rate, then exactly.
fn best_delay(original: &[f32], recording: &[f32]) -> Option<isize> {
    let coarse = |samples: &[f32]| -> Vec<f32> {
        samples.chunks(COARSE).map(|piece| piece.iter().sum::<f32>() / COARSE as f32).collect()
    };
    let (a, b) = (coarse(original), coarse(recording));
    let size = (a.len() + b.len()).next_power_of_two();
    let mut a = spectrum(&a, size);
    let b_length = b.len();
    let b = spectrum(&b, size);
    for (a, b) in a.iter_mut().zip(&b) {
        // The original's conjugate times the recording.
        *a = (a.0 * b.0 + a.1 * b.1, a.0 * b.1 - a.1 * b.0);
    }
    transform(&mut a, true);
    let (lag, peak) =
        a.iter().enumerate().map(|(lag, value)| (lag, value.0)).max_by(|x, y| x.1.total_cmp(&y.1))?;
    if peak < 1e-6 {
        return None;
    }
    let lag = if lag >= b_length { lag as isize - size as isize } else { lag as isize };
    let near = lag * COARSE as isize;
    let reach = 2 * COARSE as isize;
    (near - reach..=near + reach)
        .map(|delay| (dot_at(original, recording, delay), delay))
        .max_by(|x, y| x.0.total_cmp(&y.0))
        .map(|(_, delay)| delay)
}

fn dot_at(original: &[f32], recording: &[f32], delay: isize) -> f64 {
    let skipped = usize::try_from(-delay).unwrap_or(0);
    let from = usize::try_from(delay).unwrap_or(0);
    let pairs = original.iter().skip(skipped).zip(recording.iter().skip(from));
    pairs.step_by(3).map(|(a, b)| f64::from(a * b)).sum()
}

fn spectrum(samples: &[f32], size: usize) -> Vec<(f64, f64)> {
    let mut values: Vec<(f64, f64)> = samples.iter().map(|s| (f64::from(*s), 0.0)).collect();
    values.resize(size, (0.0, 0.0));
    transform(&mut values, false);
    values
}

/// Radix-2 fast Fourier transform in place, unscaled; the length is a power of two.
fn transform(values: &mut [(f64, f64)], inverse: bool) {
    let size = values.len();
    let bits = size.trailing_zeros();
    for i in 0..size {
        let j = i.reverse_bits() >> (usize::BITS - bits.max(1));
        if i < j {
            values.swap(i, j);
        }
    }
    let sign = if inverse { 1.0 } else { -1.0 };
    let mut length = 2;
    while length <= size {
        let angle = sign * std::f64::consts::TAU / length as f64;
        let turns: Vec<(f64, f64)> = (0..length / 2)
            .map(|k| {
                let (sin, cos) = (angle * k as f64).sin_cos();
                (cos, sin)
            })
            .collect();
        for block in values.chunks_exact_mut(length) {
            let (low, high) = block.split_at_mut(length / 2);
            for ((l, h), turn) in low.iter_mut().zip(high).zip(&turns) {
                let product = (h.0 * turn.0 - h.1 * turn.1, h.0 * turn.1 + h.1 * turn.0);
                *h = (l.0 - product.0, l.1 - product.1);
                *l = (l.0 + product.0, l.1 + product.1);
            }
        }
        length *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::tone_meter;

    #[test]
    fn the_sample_is_speech_of_about_five_seconds() {
        let speech = sample();
        assert!((4 * 48_000..7 * 48_000).contains(&speech.len()), "{} samples", speech.len());
        assert!(tone_meter::level(&speech) > -35.0, "{} dBov", tone_meter::level(&speech));
        assert!(std::fs::metadata(sample_path()).expect("file").len() < 600_000);
    }

    #[test]
    fn speech_is_found_delayed_and_quieter() {
        let speech = sample();
        let mut recording = vec![0.0; 12_345];
        recording.extend(speech.iter().map(|s| s * 0.2));
        recording.extend([0.0; 4800]);
        let found = find(&speech, &recording).expect("found");
        assert_eq!(found.delay, 12_345);
        assert!(found.similarity > 0.999, "{found:?}");
    }

    #[test]
    fn half_of_the_speech_is_half_a_match_and_a_shift_within_is_forgiven() {
        let speech = sample();
        let half = speech.len() / 2;
        let mut cut = speech.clone();
        cut[half..].fill(0.0);
        let found = find(&speech, &cut).expect("found");
        assert!((0.2..0.8).contains(&found.similarity), "{found:?}");
        let mut shifted = speech[..half].to_vec();
        shifted.extend([0.0; 480]);
        shifted.extend(&speech[half..]);
        let found = find(&speech, &shifted).expect("found");
        assert!(found.similarity > 0.95, "{found:?}");
    }

    #[test]
    fn noise_silence_and_other_speech_do_not_match() {
        let speech = sample();
        let mut random = Random::new(5);
        let noise: Vec<f32> = (0..speech.len()).map(|_| random.unit() as f32 - 0.5).collect();
        assert!(find(&speech, &noise).expect("found").similarity < 0.3);
        let backwards: Vec<f32> = speech.iter().rev().copied().collect();
        assert!(find(&speech, &backwards).expect("found").similarity < 0.6);
        assert_eq!(find(&speech, &vec![0.0; speech.len()]), None);
    }
}
