//! Loudness in dBov: 0 is full scale, -127 silence (RFC 6464, RFC 6465).

/// The level of digital silence.
pub(crate) const SILENCE_DBOV: f32 = -127.0;

/// The loudness of some samples, dBov: their root mean square against the greatest there can be.
pub(crate) fn dbov(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return SILENCE_DBOV;
    }
    let power = samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32;
    power_dbov(power)
}

/// The loudness that belongs to a mean square.
pub(crate) fn power_dbov(power: f32) -> f32 {
    if power.is_nan() || power <= 0.0 {
        return SILENCE_DBOV;
    }
    (10.0 * power.log10()).clamp(SILENCE_DBOV, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_loudnesses() {
        let sine: Vec<f32> = (0..48_000).map(|n| (n as f32 * 0.1).sin()).collect();
        assert!((dbov(&sine) + 3.01).abs() < 0.05, "a full sine is {} dBov", dbov(&sine));
        assert_eq!(dbov(&[1.0, -1.0]), 0.0);
        assert!((dbov(&[0.001; 480]) + 60.0).abs() < 0.01);
        assert_eq!(dbov(&[0.0; 480]), SILENCE_DBOV);
        assert_eq!(dbov(&[]), SILENCE_DBOV);
        assert_eq!(dbov(&[f32::NAN]), SILENCE_DBOV);
        assert_eq!(dbov(&[4.0; 3]), 0.0);
    }
}
