//! The sentences of the demo: 16 kHz mono 16-bit, made with espeak-ng, one for each side.

use bellbird_app::Clip;

/// What the caller says.
static CALLER: &[u8] = include_bytes!("../../assets/caller.wav");

/// What the callee says.
static CALLEE: &[u8] = include_bytes!("../../assets/callee.wav");

/// Bytes of the header of the two files: RIFF, format and data chunk, without more.
const HEADER: usize = 44;

/// Half the length of the interpolation filter, samples at 16 kHz.
const HALF: isize = 16;

/// 48 kHz for 16 kHz.
const FACTOR: usize = 3;

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Voice {
    /// Who calls.
    Caller,
    /// Who is called.
    Callee,
}

/// The voice as a clip at 48 kHz.
pub(crate) fn clip(voice: Voice) -> Clip {
    let wav = match voice {
        Voice::Caller => CALLER,
        Voice::Callee => CALLEE,
    };
    let samples: Vec<f32> = wav[HEADER..]
        .chunks_exact(2)
        .map(|bytes| f32::from(i16::from_le_bytes([bytes[0], bytes[1]])) / 32_768.0)
        .collect();
    Clip::new(upsample(&samples))
}

/// Three samples for one, by a windowed sinc (Hann).
fn upsample(samples: &[f32]) -> Vec<f32> {
    let weight = |distance: f32| {
        let x = std::f32::consts::PI * distance;
        let sinc = if distance.abs() < 1e-6 { 1.0 } else { x.sin() / x };
        let window = 0.5 + 0.5 * (x / HALF as f32).cos();
        sinc * window
    };
    let taps: Vec<Vec<f32>> = (0..FACTOR)
        .map(|phase| (1 - HALF..=HALF).map(|tap| weight(tap as f32 - phase as f32 / FACTOR as f32)).collect())
        .collect();
    let at = |index: isize| {
        usize::try_from(index).ok().and_then(|index| samples.get(index)).copied().unwrap_or(0.0)
    };
    (0..samples.len() * FACTOR)
        .map(|index| {
            let base = (index / FACTOR).cast_signed();
            let taps = taps[index % FACTOR].iter();
            taps.zip(1 - HALF..=HALF).map(|(weight, tap)| weight * at(base + tap)).sum()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::correlation;

    #[test]
    fn a_tone_stays_the_tone_it_was() {
        let tone = |rate: f32, n: usize| (2.0 * std::f32::consts::PI * 1000.0 * n as f32 / rate).sin();
        let low: Vec<f32> = (0..1600).map(|n| tone(16_000.0, n)).collect();
        let high = upsample(&low);
        for (n, sample) in high.iter().enumerate().skip(300).take(4200) {
            assert!((sample - tone(48_000.0, n)).abs() < 0.01, "sample {n}");
        }
    }

    #[test]
    fn both_voices_speak_from_the_first_moment_and_differ() {
        let (caller, callee) = (clip(Voice::Caller), clip(Voice::Callee));
        for clip in [&caller, &callee] {
            let seconds = clip.samples().len() as f32 / 48_000.0;
            assert!((2.0..10.0).contains(&seconds), "{seconds} s");
            let first = correlation::first_sound(clip.samples());
            assert!(first.is_some_and(|first| first < 480), "{first:?}");
        }
        let offset = correlation::offset(caller.samples(), callee.samples()).expect("both speak");
        let likeness = correlation::likeness(caller.samples(), callee.samples(), offset, 0);
        assert!(likeness < 0.75, "{likeness}");
    }
}
