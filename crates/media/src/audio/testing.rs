//! Measuring sound, for the tests of this crate.

use std::f64::consts::TAU;

/// A sine at 48 kHz.
pub(crate) fn sine(hz: f32, amplitude: f32, samples: usize) -> Vec<f32> {
    sine_at(48_000, hz, amplitude, samples)
}

/// A sine at any rate.
pub(crate) fn sine_at(rate: u32, hz: f32, amplitude: f32, samples: usize) -> Vec<f32> {
    let step = TAU * f64::from(hz) / f64::from(rate);
    (0..samples).map(|n| ((n as f64 * step).sin() * f64::from(amplitude)) as f32).collect()
}

/// The amplitude of one frequency in some sound.
pub(crate) fn goertzel(samples: &[f32], rate: u32, hz: f32) -> f32 {
    let (cos, sin) = project(samples, rate, f64::from(hz));
    (cos * cos + sin * sin).sqrt() as f32
}

fn project(samples: &[f32], rate: u32, hz: f64) -> (f64, f64) {
    let step = TAU * hz / f64::from(rate);
    let (mut cos, mut sin) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        cos += f64::from(*sample) * (n as f64 * step).cos();
        sin += f64::from(*sample) * (n as f64 * step).sin();
    }
    let scale = 2.0 / samples.len() as f64;
    (cos * scale, sin * scale)
}

/// How far one sine stands out of everything else, dB.
pub(crate) fn snr_of_sine(samples: &[f32], rate: u32, hz: f32) -> f32 {
    let step = TAU * f64::from(hz) / f64::from(rate);
    let (cos, sin) = project(samples, rate, f64::from(hz));
    let (mut signal, mut noise) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let model = cos * (n as f64 * step).cos() + sin * (n as f64 * step).sin();
        signal += model * model;
        noise += (f64::from(*sample) - model).powi(2);
    }
    (10.0 * (signal / noise.max(1e-20)).log10()) as f32
}

/// The harmonics' share of a tone.
pub(crate) fn thd(samples: &[f32], hz: f32) -> f32 {
    let of = |n: u8| goertzel(samples, 48_000, hz * f32::from(n));
    (2..=7).map(|n| of(n).powi(2)).sum::<f32>().sqrt() / of(1)
}

/// White noise, -1..=1, the same for the same seed.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// Something with the statistics of a voice: a buzz of varying pitch through two moving resonances, in syllables
/// with pauses between them. 48 kHz.
pub(crate) fn voice(seed: u64, seconds: f32) -> Vec<f32> {
    let mut noise = Noise(seed.max(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let count = (seconds * 48_000.0) as usize;
    let (mut samples, mut phase) = (Vec::with_capacity(count), 0.0f32);
    let mut formants = [[0.0f32; 2]; 3];
    let mut syllable = 0;
    let (mut length, mut pitch, mut tuning) = (0, 120.0, [600.0, 1_400.0, 2_600.0]);
    for n in 0..count {
        if syllable >= length {
            syllable = 0;
            length = 6_000 + ((noise.next() + 1.0) * 4_000.0) as usize;
            pitch = 110.0 + 50.0 * noise.next();
            tuning = [
                500.0 + 250.0 * noise.next(),
                1_500.0 + 600.0 * noise.next(),
                2_600.0 + 300.0 * noise.next(),
            ];
        }
        let part = syllable as f32 / length as f32;
        let envelope = if part < 0.75 { (part / 0.75 * std::f32::consts::PI).sin().max(0.0) } else { 0.0 };
        phase += (pitch * (1.0 + 0.1 * (n as f32 / 9_000.0).sin())) / 48_000.0;
        let pulse = if phase >= 1.0 {
            phase -= 1.0;
            6.0
        } else {
            0.0
        };
        let source = pulse + 0.05 * noise.next();
        let mut value = 0.0;
        for (state, hz) in formants.iter_mut().zip(tuning) {
            let radius = (-std::f32::consts::PI * 90.0 / 48_000.0f32).exp();
            let turn = 2.0 * radius * (std::f32::consts::TAU * hz / 48_000.0).cos();
            let out = source * 0.02 + turn * state[0] - radius * radius * state[1];
            *state = [out, state[0]];
            value += out;
        }
        samples.push((value * envelope * 0.35).clamp(-0.9, 0.9));
        syllable += 1;
    }
    samples
}

/// The greatest correlation of `heard` with `sent` over delays of 0..`most` samples, and that delay. Searched coarsely
/// first, then around the best, so the sound must be a voice's: without much above 3 kHz.
pub(crate) fn match_of(sent: &[f32], heard: &[f32], most: usize) -> (f32, usize) {
    let at = |delay: usize, stride: usize| {
        let (mut cross, mut a, mut b) = (0.0f32, 1e-9f32, 1e-9f32);
        for (x, y) in sent.iter().zip(&heard[delay..]).step_by(stride) {
            cross += x * y;
            a += x * x;
            b += y * y;
        }
        (cross / (a * b).sqrt(), delay)
    };
    let better = |best: (f32, usize), new: (f32, usize)| if new.0 > best.0 { new } else { best };
    let most = most.min(heard.len());
    let coarse = (0..most).step_by(4).map(|delay| at(delay, 11)).fold((0.0, 0), better);
    let around = coarse.1.saturating_sub(8)..(coarse.1 + 9).min(most);
    around.map(|delay| at(delay, 1)).fold((0.0, coarse.1), better)
}

/// How well the loudness of two sounds moves together, 20 ms by 20 ms in dB, at the best delay of 0..=`most` steps of
/// 2.5 ms: what a listener calls the same words, whatever filters did to the wave.
pub(crate) fn envelope_match(sent: &[f32], heard: &[f32], most: usize) -> (f32, usize) {
    let envelope = |samples: &[f32]| -> Vec<f32> {
        samples.chunks_exact(960).map(|part| crate::audio::level::dbov(part).max(-60.0)).collect()
    };
    let ours = envelope(sent);
    let mut best = (0.0, 0);
    for step in 0..=most {
        let Some(rest) = heard.get(step * 120..) else { break };
        let theirs = envelope(rest);
        let count = ours.len().min(theirs.len());
        let mean = |values: &[f32]| values.iter().sum::<f32>() / count as f32;
        let (a, b) = (&ours[..count], &theirs[..count]);
        let (mean_a, mean_b) = (mean(a), mean(b));
        let (mut cross, mut of_a, mut of_b) = (0.0, 1e-9, 1e-9);
        for (x, y) in a.iter().zip(b) {
            cross += (x - mean_a) * (y - mean_b);
            of_a += (x - mean_a).powi(2);
            of_b += (y - mean_b).powi(2);
        }
        let correlation = cross / f32::sqrt(of_a * of_b);
        if correlation > best.0 {
            best = (correlation, step * 120);
        }
    }
    best
}
