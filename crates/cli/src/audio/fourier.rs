//! A discrete Fourier transform, radix 2, in place (Cooley and Tukey 1965). For whole recordings, not for real time.

use std::f64::consts::PI;

/// A complex number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    pub(super) fn real(re: f64) -> Self {
        Self { re, im: 0.0 }
    }

    /// The product of `self` and the conjugate of `other`.
    pub(super) fn times_conjugate(self, other: Self) -> Self {
        Self { re: self.re * other.re + self.im * other.im, im: self.im * other.re - self.re * other.im }
    }

    fn times(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }
}

/// Transforms `values`, whose length is a power of two.
pub(super) fn forward(values: &mut [Complex]) {
    transform(values, -1.0);
}

/// The way back, scaled by the length.
pub(super) fn inverse(values: &mut [Complex]) {
    transform(values, 1.0);
}

fn transform(values: &mut [Complex], sign: f64) {
    let length = values.len();
    debug_assert!(length.is_power_of_two());
    if length < 2 {
        return;
    }
    let shift = usize::BITS - length.trailing_zeros();
    for index in 0..length {
        let mirrored = index.reverse_bits() >> shift;
        if index < mirrored {
            values.swap(index, mirrored);
        }
    }
    let mut half = 1;
    while half < length {
        let angle = sign * PI / half as f64;
        let twiddles: Vec<Complex> = (0..half)
            .map(|step| {
                let (im, re) = (angle * step as f64).sin_cos();
                Complex { re, im }
            })
            .collect();
        for block in values.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for ((one, other), twiddle) in low.iter_mut().zip(high).zip(&twiddles) {
                let product = other.times(*twiddle);
                let sum = Complex { re: one.re + product.re, im: one.im + product.im };
                *other = Complex { re: one.re - product.re, im: one.im - product.im };
                *one = sum;
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_has_one_line_and_comes_back() {
        let tone: Vec<Complex> =
            (0..64).map(|n| Complex::real((2.0 * PI * 5.0 * f64::from(n) / 64.0).cos())).collect();
        let mut values = tone.clone();
        forward(&mut values);
        for (line, value) in values.iter().enumerate() {
            let expected = if line == 5 || line == 59 { 32.0 } else { 0.0 };
            assert!((value.re - expected).abs() < 1e-9 && value.im.abs() < 1e-9, "line {line}: {value:?}");
        }
        inverse(&mut values);
        for (value, original) in values.iter().zip(&tone) {
            assert!((value.re / 64.0 - original.re).abs() < 1e-12);
        }
    }
}
