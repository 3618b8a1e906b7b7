//! Whether what was said is in what was heard, on a machine so busy that the delay wanders by tenths of a second.

/// Averaged together: what is left reaches to 1.5 kHz, where vowels live.
const COARSE: usize = 16;

/// Samples of a piece of speech after that: 200 ms.
const PIECE: usize = 600;

/// How alike a piece and its best place in the recording must be. Another vowel of the same voice stays below.
const ALIKE: f64 = 0.75;

/// How many of the loudest pieces are looked for.
const PIECES: usize = 10;

/// The share of the loudest pieces of `said` that are somewhere in `heard` (both 48 kHz mono), 0 to 1.
pub(crate) fn share_heard(said: &[f32], heard: &[f32]) -> f64 {
    let (said, heard) = (coarse(said), coarse(heard));
    let mut pieces: Vec<&[f32]> = said.chunks_exact(PIECE).collect();
    pieces.sort_by(|a, b| energy(b).total_cmp(&energy(a)));
    pieces.truncate(PIECES);
    let found = pieces.iter().filter(|piece| best_likeness(piece, &heard) >= ALIKE).count();
    found as f64 / pieces.len().max(1) as f64
}

/// Every 16th sample after a smoothing that leaves what lies below about 1 kHz: a shift by part of a step then matters
/// little.
fn coarse(samples: &[f32]) -> Vec<f32> {
    let smooth = |samples: &[f32]| -> Vec<f32> {
        let width = 2 * COARSE;
        let mut sum = 0.0_f64;
        let mut smoothed = Vec::with_capacity(samples.len());
        for (at, sample) in samples.iter().enumerate() {
            sum += f64::from(*sample);
            if at >= width {
                sum -= f64::from(samples[at - width]);
            }
            smoothed.push((sum / width as f64) as f32);
        }
        smoothed
    };
    smooth(&smooth(samples)).into_iter().step_by(COARSE).collect()
}

fn energy(samples: &[f32]) -> f64 {
    samples.iter().map(|sample| f64::from(sample * sample)).sum()
}

/// How well the ups and downs in loudness of `said` are found in `heard` at their best place, -1 to 1. Tells whether it
/// is the same utterance even where single samples were lost on the way.
pub(crate) fn same_rhythm(said: &[f32], heard: &[f32]) -> f64 {
    /// 20 ms.
    const STEP: usize = 960;
    let loudness = |samples: &[f32]| -> Vec<f64> {
        samples.chunks_exact(STEP).map(|step| (energy(step) / STEP as f64).sqrt()).collect()
    };
    let (said, heard) = (loudness(said), loudness(heard));
    let centred = |values: &[f64]| -> Vec<f64> {
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        values.iter().map(|value| value - mean).collect()
    };
    let ours = centred(&said);
    let our_norm = ours.iter().map(|value| value * value).sum::<f64>().sqrt();
    heard
        .windows(said.len())
        .map(|window| {
            let theirs = centred(window);
            let norm = our_norm * theirs.iter().map(|value| value * value).sum::<f64>().sqrt();
            let dot: f64 = ours.iter().zip(&theirs).map(|(a, b)| a * b).sum();
            if norm > 1e-9 { dot / norm } else { 0.0 }
        })
        .fold(-1.0, f64::max)
}

fn best_likeness(piece: &[f32], heard: &[f32]) -> f64 {
    let ours = energy(piece);
    heard
        .windows(piece.len())
        .map(|window| {
            let (mut dot, mut theirs) = (0.0_f32, 0.0_f32);
            for (a, b) in piece.iter().zip(window) {
                dot += a * b;
                theirs += b * b;
            }
            let norm = (ours * f64::from(theirs)).sqrt();
            if norm > 1e-9 { f64::from(dot) / norm } else { 0.0 }
        })
        .fold(0.0, f64::max)
}

#[test]
fn speech_is_told_from_other_sound() {
    use bellbird_testkit::{speech, tone_meter};
    let said = speech::sample();
    let mut late = vec![0.0; 31_000];
    // The second half comes 100 ms later than the first, at a third of the loudness.
    late.extend_from_slice(&said[..said.len() / 2]);
    late.extend(std::iter::repeat_n(0.0, 4_800));
    late.extend(said[said.len() / 2..].iter().map(|sample| sample / 3.0));
    let backwards: Vec<f32> = said.iter().rev().copied().collect();
    let tone = tone_meter::tone(180.0, 0.5, 48_000, 300_000);
    let silence = vec![0.0; 300_000];
    let shares = [&late, &silence, &tone, &backwards].map(|heard| share_heard(&said, heard));
    assert!(shares[0] >= 0.8 && shares[1..].iter().all(|share| *share <= 0.4), "{shares:?}");
    let rhythms = [&late, &silence, &tone, &backwards].map(|heard| same_rhythm(&said, heard));
    assert!(rhythms[0] > 0.5 && rhythms[1..].iter().all(|rhythm| *rhythm < 0.5), "{rhythms:?}");
}
