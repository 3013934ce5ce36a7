//! The normal distribution and the inverse of the error function.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

use super::erfc::erfc;
use super::wide::Wide;

/// 1/√(2π)
pub const ONE_OVER_SQRT_TAU: f64 = 0.398_942_280_401_432_7;

/// What √½ lacks as an `f64`.
const FRAC_1_SQRT_2_LOW: f64 = -4.833_646_656_726_457e-17;

/// x/√2
fn over_sqrt_2(x: f64) -> Wide {
    Wide { high: FRAC_1_SQRT_2, low: FRAC_1_SQRT_2_LOW } * x
}

/// The probability that a standard normal variable is at most x.
pub fn ndtr(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x.abs() > 40.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    // erfc magnifies the rounding of x/√2 by x²: a step of Taylor's series takes it back.
    let z = over_sqrt_2(-x);
    0.5 * (erfc(z.high) - z.low * FRAC_2_SQRT_PI * (-z.high * z.high).exp())
}

/// ½·erf(x/√2): the probability that a standard normal variable is between 0 and x.
fn central(x: f64) -> f64 {
    let z = over_sqrt_2(x);
    0.5 * (libm::erf(z.high) + z.low * FRAC_2_SQRT_PI * (-z.high * z.high).exp())
}

fn density(x: f64) -> f64 {
    ONE_OVER_SQRT_TAU * (-0.5 * x * x).exp()
}

/// The inverse of [`ndtr`]; NaN outside of 0 to 1.
pub fn ndtri(p: f64) -> f64 {
    if p.is_nan() || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return if p == 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    if p > 0.75 {
        return -lower_tail(1.0 - p);
    }
    if p < 0.25 {
        return lower_tail(p);
    }
    let off = p - 0.5;
    halley(SQRT_2 * inverse_start(2.0 * off), |x| (central(x) - off) / density(x), |x| -x)
}

/// [`ndtri`] below ¼.
fn lower_tail(p: f64) -> f64 {
    // A rough start, Abramowitz and Stegun 26.2.23.
    let t = (-2.0 * p.ln()).sqrt();
    let start = (2.515_517 + t * (0.802_853 + t * 0.010_328)) / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308))) - t;
    if p > 1e-24 {
        return halley(start, |x| (ndtr(x) - p) / density(x), |x| -x);
    }
    // So far out the logarithms tell more than the probabilities, which underflow.
    let goal = p.ln() + 0.5 * std::f64::consts::TAU.ln();
    (0..4).fold(start, |x, _| {
        let inverse = -1.0 / (x * x);
        // Mills' ratio, Abramowitz and Stegun 26.2.12.
        let mills = (1..=12).rev().fold(1.0, |sum, k| 1.0 + inverse * f64::from(2 * k - 1) * sum);
        let off = -0.5 * x * x - (-x).ln() + mills.ln() - goal;
        // The logarithm's slope is the density over the probability: −x over Mills' ratio.
        x - off * mills / -x
    })
}

/// The inverse of the error function; NaN outside of −1 to 1.
pub fn erf_inv(y: f64) -> f64 {
    if y.is_nan() || y.abs() > 1.0 {
        return f64::NAN;
    }
    if y.abs() == 1.0 {
        return y * f64::INFINITY;
    }
    if y.abs() < 1e-20 {
        return y / FRAC_2_SQRT_PI;
    }
    let slope = |x: f64| FRAC_2_SQRT_PI * (-x * x).exp();
    if y.abs() <= 0.5 {
        return halley(inverse_start(y), |x| (libm::erf(x) - y) / slope(x), |x| -2.0 * x);
    }
    let rest = 1.0 - y.abs();
    halley(inverse_start(y.abs()), |x| (rest - erfc(x)) / slope(x), |x| -2.0 * x).copysign(y)
}

/// A start for the inverse of the error function, good to 0.01: Winitzki 2008, "A handy approximation for the error function and its inverse".
fn inverse_start(y: f64) -> f64 {
    const A: f64 = 0.147;
    let logarithm = ((1.0 - y) * (1.0 + y)).ln();
    let part = 2.0 / (std::f64::consts::PI * A) + 0.5 * logarithm;
    // part² − logarithm/A cancels with part² for small y: multiplied out.
    let square = -logarithm / A / ((part * part - logarithm / A).sqrt() + part);
    square.sqrt().copysign(y)
}

/// Halley's method: from the function over its slope, and its second derivative over its slope.
fn halley(start: f64, off: impl Fn(f64) -> f64, bend: impl Fn(f64) -> f64) -> f64 {
    (0..4).fold(start, |x, _| {
        let off = off(x);
        x - off / (1.0 - 0.5 * off * bend(x))
    })
}
