//! Measures a tone: which frequency, how loud, how clean.

/// What a stretch of samples holds at its strongest frequency.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ToneReading {
    /// The strongest frequency, Hz, to about a tenth.
    pub frequency: f64,
    /// Loudness of the tone in dBov (RFC 6465: 0 is a full-scale square wave, so a full-scale sine reads -3).
    pub level: f64,
    /// Tone against everything else, dB.
    pub snr: f64,
}

/// Measures the strongest tone between `from` and `to` Hz in samples of full scale 1.0. `None` for silence or fewer
/// samples than 20 ms.
pub fn measure(samples: &[f32], sample_rate: u32, from: f64, to: f64) -> Option<ToneReading> {
    let rate = f64::from(sample_rate);
    let total: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len().max(1) as f64;
    if samples.len() < sample_rate as usize / 50 || total < 1e-12 {
        return None;
    }
    // Coarse steps of half a bin find the peak; then the interval around it is narrowed to 0.05 Hz.
    let mut step = rate / samples.len() as f64 / 2.0;
    let mut best = from;
    let mut frequency = from;
    let mut strongest = 0.0;
    while frequency <= to {
        let power = tone_power(samples, rate, frequency);
        if power > strongest {
            (strongest, best) = (power, frequency);
        }
        frequency += step;
    }
    while step > 0.05 {
        step /= 2.0;
        for candidate in [best - step, best + step] {
            let power = tone_power(samples, rate, candidate);
            if power > strongest {
                (strongest, best) = (power, candidate);
            }
        }
    }
    let noise = (total - strongest).max(total * 1e-9);
    Some(ToneReading {
        frequency: best,
        level: 10.0 * strongest.log10(),
        snr: 10.0 * (strongest / noise).log10(),
    })
}

/// Mean power of the component at one frequency (Goertzel's algorithm, which costs one multiplication a sample).
fn tone_power(samples: &[f32], rate: f64, frequency: f64) -> f64 {
    let omega = std::f64::consts::TAU * frequency / rate;
    let coefficient = 2.0 * omega.cos();
    let (mut s1, mut s2) = (0.0, 0.0);
    for sample in samples {
        let s0 = f64::from(*sample) + coefficient * s1 - s2;
        s2 = s1;
        s1 = s0;
    }
    let energy = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
    2.0 * energy / (samples.len() as f64).powi(2)
}

/// Mean loudness in dBov; -127 for silence.
pub fn level(samples: &[f32]) -> f64 {
    let power = samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len().max(1) as f64;
    (10.0 * power.log10()).max(-127.0)
}

/// A sine of full scale 1.0 times `amplitude`.
pub fn tone(frequency: f64, amplitude: f32, sample_rate: u32, samples: usize) -> Vec<f32> {
    let omega = std::f64::consts::TAU * frequency / f64::from(sample_rate);
    (0..samples).map(|n| (omega * n as f64).sin() as f32 * amplitude).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn reads_frequency_level_and_noise_of_a_sine() {
        for frequency in [440.0, 997.3, 3000.0] {
            let clean = tone(frequency, 0.5, 48_000, 9600);
            let reading = measure(&clean, 48_000, 200.0, 4000.0).expect("a tone");
            assert!((reading.frequency - frequency).abs() < 0.2, "{reading:?}");
            assert!((reading.level - -9.03).abs() < 0.1, "{reading:?}");
            assert!(reading.snr > 40.0, "{reading:?}");
            let mut random = Random::new(1);
            let noisy: Vec<f32> = clean.iter().map(|s| s + (random.unit() as f32 - 0.5) * 0.2).collect();
            let reading = measure(&noisy, 48_000, 200.0, 4000.0).expect("a tone");
            // Power of the sine 1/8, of the noise 0.2² / 12.
            assert!((reading.snr - 15.7).abs() < 1.0, "{reading:?}");
        }
    }

    #[test]
    fn silence_and_short_stretches_have_no_tone() {
        assert_eq!(measure(&[0.0; 9600], 48_000, 200.0, 4000.0), None);
        assert_eq!(measure(&tone(440.0, 0.5, 48_000, 100), 48_000, 200.0, 4000.0), None);
    }
}
