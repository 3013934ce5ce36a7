//! Transcendental functions that a compiler can run in vector lanes: branch-free, in `f64`, exact to about 2⁻³⁷, for results in `f32`.
//!
//! Rounding such a result to `f32` gives an error below 0.501 ulp. Arguments are reduced as by Cody and Waite (1980, "Software Manual for
//! the Elementary Functions") and the rest is a Taylor polynomial, long enough for the reduced range. Products and sums are rounded one by
//! one, so that every machine gives the same bits.

use std::f64::consts::{FRAC_2_PI, LN_2, LOG2_E};

/// Adding it rounds a number below 2⁵¹ to a whole one, whose bits are then the lowest of the sum.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// A polynomial by Horner's rule, the lowest coefficient first.
#[inline(always)]
fn polynomial<const N: usize>(x: f64, coefficients: [f64; N]) -> f64 {
    let mut sum = coefficients[N - 1];
    for place in (0..N - 1).rev() {
        sum = sum * x + coefficients[place];
    }
    sum
}

/// Limited to `low ..= high`; NaN stays NaN.
#[inline(always)]
fn within(x: f64, low: f64, high: f64) -> f64 {
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

/// eʳ for |r| ≤ ln(2)/2, times the power of two in the lowest bits of `power`.
#[inline(always)]
fn exp_reduced(r: f64, power: f64) -> f64 {
    let series = polynomial(r, [1.0, 1.0, 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0, 1.0 / 40320.0, 1.0 / 362_880.0]);
    series * f64::from_bits((power.to_bits() << 52).wrapping_add(1023 << 52))
}

/// eˣ; beyond ±200, where `f32` has only 0 and ∞, e^±200.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    let x = within(x, -200.0, 200.0);
    let power = x * LOG2_E + ROUND;
    exp_reduced(x - (power - ROUND) * LN_2, power)
}

/// 2ˣ; beyond ±300, 2^±300.
#[inline(always)]
pub(crate) fn exp2(x: f64) -> f64 {
    let x = within(x, -300.0, 300.0);
    let power = x + ROUND;
    exp_reduced((x - (power - ROUND)) * LN_2, power)
}

/// eˣ − 1
#[inline(always)]
pub(crate) fn exp_m1(x: f64) -> f64 {
    let near = x * polynomial(x, [1.0, 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0]);
    if x.abs() < 0.125 { near } else { exp(x) - 1.0 }
}

/// (2·artanh s)/s over z = s², for |s| ≤ 0.2.
#[inline(always)]
fn artanh_series(z: f64) -> f64 {
    2.0 * polynomial(z, [1.0, 1.0 / 3.0, 1.0 / 5.0, 1.0 / 7.0, 1.0 / 9.0, 1.0 / 11.0, 1.0 / 13.0, 1.0 / 15.0])
}

/// k and m of x = 2ᵏ · m, with m between √½ and √2; x is positive, finite and not subnormal (no `f32` is, as an `f64`).
#[inline(always)]
fn split(x: f64) -> (f64, f64) {
    // The bits of √½ are taken off before the exponent is split from the rest.
    const SQRT_HALF: u64 = 0x3FE6_A09E_667F_3BCD;
    let bits = x.to_bits().wrapping_sub(SQRT_HALF);
    let exponent = (bits.wrapping_add(1024 << 52)) >> 52;
    let m = f64::from_bits((bits & ((1 << 52) - 1)).wrapping_add(SQRT_HALF));
    // A whole number below 2⁵² as the lowest bits of 2⁵², so that no conversion is needed.
    (f64::from_bits(exponent | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + 1024.0), m)
}

/// A logarithm of x: the finite value where x is positive and finite, else what the logarithm is there.
#[inline(always)]
fn logarithm(x: f64, finite: f64) -> f64 {
    let positive = if x == f64::INFINITY { x } else { finite };
    let defined = if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    if x > 0.0 { positive } else { defined }
}

/// The natural logarithm of a number that is not subnormal.
#[inline(always)]
pub(crate) fn ln(x: f64) -> f64 {
    let (k, m) = split(x);
    let s = (m - 1.0) / (m + 1.0);
    logarithm(x, k * LN_2 + s * artanh_series(s * s))
}

/// ln(1 + x)
#[inline(always)]
pub(crate) fn ln_1p(x: f64) -> f64 {
    let (k, m) = split(1.0 + x);
    // Near 0 the digits of x are those of the result.
    let near = x.abs() < 0.3;
    let (k, top, bottom) = (if near { 0.0 } else { k }, if near { x } else { m - 1.0 }, if near { x + 2.0 } else { m + 1.0 });
    let s = top / bottom;
    let value = logarithm(1.0 + x, k * LN_2 + s * artanh_series(s * s));
    if x == 0.0 { x } else { value }
}

/// tanh x
#[inline(always)]
pub(crate) fn tanh(x: f64) -> f64 {
    let z = x * x;
    let near = x * polynomial(z, [1.0, -1.0 / 3.0, 2.0 / 15.0, -17.0 / 315.0]);
    let power = exp(2.0 * within(x, -50.0, 50.0));
    let far = (power - 1.0) / (power + 1.0);
    if x.abs() < 0.015_625 { near } else { far }
}

/// 1/cosh² x
#[inline(always)]
pub(crate) fn sech2(x: f64) -> f64 {
    let small = exp(-2.0 * x.abs());
    let sum = 1.0 + small;
    4.0 * small / (sum * sum)
}

/// 1/(1 + e⁻ˣ)
#[inline(always)]
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// ln(1 + eˣ)
#[inline(always)]
pub(crate) fn softplus(x: f64) -> f64 {
    let positive = if x > 0.0 { x } else { 0.0 };
    let power = exp(-x.abs());
    // ln(1 + p) = 2·artanh(p/(2 + p)), whose argument is at most ⅓ here: a few terms more than elsewhere.
    let s = power / (2.0 + power);
    let z = s * s;
    let more = polynomial(z, [1.0 / 17.0, 1.0 / 19.0, 1.0 / 21.0, 1.0 / 23.0]);
    let z8 = (z * z) * (z * z) * ((z * z) * (z * z));
    positive + s * (artanh_series(z) + 2.0 * z8 * more)
}

/// The largest size of an argument for which [`sin`] and [`cos`] are exact enough.
pub(crate) const TURNS: f64 = 100_000.0;

/// π/2 to 33 bits, so that products with a whole number below 2²⁰ are exact, and what is missing.
const HALF_PI: (f64, f64) = (1.570_796_326_734_125_6, 6.077_100_506_506_192e-11);

/// Sine and cosine of x less whole quarter turns, and a number whose lowest two bits count the quarter turns.
#[inline(always)]
fn quarter_turns(x: f64) -> (f64, f64, u64) {
    let turns = x * FRAC_2_PI + ROUND;
    let k = turns - ROUND;
    let r = (x - k * HALF_PI.0) - k * HALF_PI.1;
    let z = r * r;
    let sin = r * polynomial(z, [1.0, -1.0 / 6.0, 1.0 / 120.0, -1.0 / 5040.0, 1.0 / 362_880.0, -1.0 / 39_916_800.0, 1.0 / 6_227_020_800.0]);
    let cos = polynomial(z, [1.0, -1.0 / 2.0, 1.0 / 24.0, -1.0 / 720.0, 1.0 / 40320.0, -1.0 / 3_628_800.0, 1.0 / 479_001_600.0]);
    (sin, cos, turns.to_bits())
}

/// sin x, for |x| ≤ [`TURNS`].
#[inline(always)]
pub(crate) fn sin(x: f64) -> f64 {
    let (sin, cos, turns) = quarter_turns(x);
    let size = if turns & 1 == 0 { sin } else { cos };
    let turned = if turns & 2 == 0 { size } else { -size };
    if x == 0.0 { x } else { turned }
}

/// cos x, for |x| ≤ [`TURNS`].
#[inline(always)]
pub(crate) fn cos(x: f64) -> f64 {
    let (sin, cos, turns) = quarter_turns(x);
    let size = if turns & 1 == 0 { cos } else { sin };
    if (turns.wrapping_add(1)) & 2 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every so-many-th `f32`, all exponents and both signs.
    fn samples() -> impl Iterator<Item = f64> {
        (0..=u32::MAX).step_by(9973).map(|bits| f64::from(f32::from_bits(bits)))
    }

    fn judge(name: &str, function: fn(f64) -> f64, meaning: fn(f64) -> f64, points: impl Iterator<Item = f64>) {
        let mut worst = (0.0, 0.0);
        for x in points {
            let (found, expected) = (function(x) as f32, meaning(x));
            let rounded = expected as f32;
            if found.to_bits() == rounded.to_bits() || found.is_nan() && rounded.is_nan() {
                continue;
            }
            let ulp = f64::from(rounded.abs().next_up() - rounded.abs());
            let error = (f64::from(found) - expected).abs() / ulp;
            if error.is_nan() || error > worst.0 {
                worst = (error, x);
            }
        }
        assert!(worst.0 < 0.501, "{name}: {worst:?}");
    }

    #[test]
    fn results_are_rounded_as_if_exact() {
        judge("exp", exp, f64::exp, samples());
        judge("exp2", exp2, f64::exp2, samples());
        judge("exp_m1", exp_m1, f64::exp_m1, samples());
        judge("ln", ln, f64::ln, samples());
        judge("ln_1p", ln_1p, f64::ln_1p, samples());
        judge("tanh", tanh, f64::tanh, samples());
        judge("sech2", sech2, |x| x.cosh().recip().powi(2), samples());
        judge("sigmoid", sigmoid, |x| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }, samples());
        judge("softplus", softplus, |x| x.max(0.0) + (-x.abs()).exp().ln_1p(), samples());
        judge("sin", sin, f64::sin, samples().filter(|x| x.abs() <= TURNS));
        judge("cos", cos, f64::cos, samples().filter(|x| x.abs() <= TURNS));
    }
}
