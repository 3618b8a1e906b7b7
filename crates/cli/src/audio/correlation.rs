//! How alike what was heard is to what was said, and how much later it was heard.
//!
//! The two are aligned as a whole, where their cross-correlation is largest; then each stretch of what was said is
//! compared with the stretch of the recording it belongs to, allowing for the few milliseconds by which a jitter buffer
//! moves what follows when it grows or shrinks. The match is the mean of the stretches' normalised correlations,
//! weighted by their energy: speech that is missing in the recording counts as not alike at all.

use super::fourier::{Complex, forward, inverse};

/// One stretch, samples: 60 ms at 48 kHz. Long enough for a sound of speech, short against a sentence in which the
/// jitter buffer moves once or twice.
const STRETCH: usize = 2880;

/// How far a stretch may have moved, samples: 20 ms at 48 kHz, one packet.
const SLACK: isize = 960;

/// A stretch this alike is where the one before it was; no other place is looked at.
const PLAINLY_ALIKE: f64 = 0.9;

/// Stretches this much weaker than the loudest are pauses, whose noise is like nothing. Energy ratio: 40 dB.
const PAUSE: f64 = 1e-4;

/// Steps of the first search, samples: a quarter of the period of 3 kHz, above which speech has little.
const STEP: isize = 4;

/// Of how many samples the first search looks at one.
const ROUGHLY: usize = 4;

/// Where the beginning of what was said lies in the recording, samples; negative when it was cut off. `None` when one
/// of the two is silent.
pub(crate) fn offset(said: &[f32], heard: &[f32]) -> Option<isize> {
    (energy(said) > 0.0 && energy(heard) > 0.0).then(|| best_offset(said, heard))
}

/// How alike they are, given their [`offset`]: 0 (nothing alike) to 1 (the same but for loudness). `heard_from`: the
/// first sample of what was said that could have been heard; the speech before it was said to nobody.
pub(crate) fn likeness(said: &[f32], heard: &[f32], offset: isize, heard_from: usize) -> f64 {
    let said = said.get(heard_from..).unwrap_or_default();
    let offset = offset + heard_from.cast_signed();
    let loudest = said.chunks(STRETCH).map(energy).fold(0.0, f64::max);
    let (mut sum, mut weights, mut shift) = (0.0, 0.0, 0);
    for (number, stretch) in said.chunks(STRETCH).enumerate() {
        let weight = energy(stretch);
        if weight <= loudest * PAUSE {
            continue;
        }
        let start = offset + (number * STRETCH).cast_signed();
        let at = |shift: isize| correlation(stretch, heard, start + shift, 1);
        let mut best = best_of(shift - STEP..=shift + STEP, 1, at);
        if best.0 < PLAINLY_ALIKE {
            let roughly = |shift: isize| correlation(stretch, heard, start + shift, ROUGHLY);
            let anywhere = best_of(-SLACK..=SLACK, STEP, roughly);
            let near = best_of(anywhere.1 - STEP..=anywhere.1 + STEP, 1, at);
            if near.0 > best.0 {
                best = near;
            }
        }
        shift = best.1.clamp(-SLACK, SLACK);
        sum += weight * best.0;
        weights += weight;
    }
    if weights > 0.0 { (sum / weights).clamp(0.0, 1.0) } else { 0.0 }
}

/// The best correlation among some shifts, 0 at least, and its shift.
fn best_of(shifts: std::ops::RangeInclusive<isize>, step: isize, at: impl Fn(isize) -> f64) -> (f64, isize) {
    let first = *shifts.start();
    shifts
        .step_by(step.unsigned_abs())
        .map(|shift| (at(shift), shift))
        .fold((0.0, first), |best, candidate| if candidate.0 > best.0 { candidate } else { best })
}

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

/// The normalised correlation of `stretch` with `heard` from `start` on, looking at every `every`-th sample; what lies
/// outside of `heard` is silence.
fn correlation(stretch: &[f32], heard: &[f32], start: isize, every: usize) -> f64 {
    // The part of the stretch that lies inside.
    let skip = start.min(0).unsigned_abs().min(stretch.len());
    let from = start.max(0).unsigned_abs().min(heard.len());
    let (inside, there) = (&stretch[skip..], &heard[from..]);
    let (mut cross, mut other) = (0.0_f32, 0.0_f32);
    for (a, b) in inside.iter().zip(there).step_by(every) {
        cross += a * b;
        other += b * b;
    }
    let own: f32 = stretch.iter().step_by(every).map(|sample| sample * sample).sum();
    if own == 0.0 || other == 0.0 { 0.0 } else { f64::from(cross / (own * other).sqrt()) }
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

    fn compare(said: &[f32], heard: &[f32], heard_from: usize) -> (isize, f64) {
        let offset = offset(said, heard).expect("neither is silent");
        (offset, likeness(said, heard, offset, heard_from))
    }

    #[test]
    fn the_same_sound_later_and_quieter_is_the_same() {
        let said = speech(1, 96_000);
        let heard: Vec<f32> = shifted(&said, 3_333).iter().map(|sample| sample * 0.3).collect();
        let (offset, likeness) = compare(&said, &heard, 0);
        assert_eq!(offset, 3_333);
        assert!(likeness > 0.9999, "{likeness}");
    }

    #[test]
    fn a_beginning_nobody_could_hear_is_left_aside() {
        let said = speech(1, 96_000);
        let heard = &said[20_000..];
        let (offset, likeness) = compare(&said, heard, 20_000);
        assert_eq!(offset, -20_000);
        assert!(likeness > 0.999, "{likeness}");
        let (_, missing) = compare(&said, heard, 0);
        assert!(missing < 0.9, "what is missing counts: {missing}");
    }

    #[test]
    fn other_speech_silence_and_loss_are_told_apart() {
        let said = speech(1, 96_000);
        let (_, other) = compare(&said, &speech(2, 96_000), 0);
        assert!(other < 0.75, "{other}");
        assert_eq!(offset(&said, &[0.0; 96_000]), None);
        assert_eq!(offset(&said, &[]), None);

        let mut broken = said.clone();
        broken[48_000..].fill(0.0);
        let (_, half) = compare(&said, &broken, 0);
        assert!((0.3..0.7).contains(&half), "{half}");
    }

    #[test]
    fn noise_lowers_the_match_by_its_share() {
        let said = speech(1, 96_000);
        // As strong as the speech: the correlation is one over the root of two.
        let noise = speech(9, 96_000);
        let noisy: Vec<f32> = said.iter().zip(&noise).map(|(a, b)| a + b).collect();
        let (_, likeness) = compare(&said, &noisy, 0);
        assert!((0.6..0.9).contains(&likeness), "{likeness}");
    }

    #[test]
    fn a_jump_of_one_packet_is_followed() {
        let said = speech(1, 192_000);
        let mut heard = said[..96_000].to_vec();
        heard.extend_from_slice(&[0.0; 960]);
        heard.extend_from_slice(&said[96_000..]);
        let (_, likeness) = compare(&said, &heard, 0);
        assert!(likeness > 0.97, "{likeness}");
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
