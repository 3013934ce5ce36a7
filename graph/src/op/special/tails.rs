//! Functions that keep their digits where the formula that defines them loses them: tails, logarithms of tails, small differences.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2};

use super::erfc::erfc;
use super::wide::Wide;

/// 1/√π
pub const ONE_OVER_SQRT_PI: f64 = 0.564_189_583_547_756_3;

/// ln(1 − eˣ), for x ≤ 0. Mächler 2012, "Accurately computing log(1 − exp(−|a|))".
pub fn log_1m_exp(x: f64) -> f64 {
    if x > -LN_2 { (-x.exp_m1()).ln() } else { (-x.exp()).ln_1p() }
}

/// ln(p / (1 − p))
pub fn logit(p: f64) -> f64 {
    if (0.25..=0.75).contains(&p) {
        // 2p − 1 is exact here, and so next to the zero at ½ nothing is lost.
        return 2.0 * libm::atanh(2.0 * p - 1.0);
    }
    p.ln() - (-p).ln_1p()
}

/// e^(x²)·erfc x
pub fn erfcx(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x < -27.0 {
        return f64::INFINITY;
    }
    if x > 12.0 {
        // Abramowitz and Stegun 7.1.23.
        let inverse = if x < 1e150 { 0.5 / (x * x) } else { 0.0 };
        let sum = (1..=14).rev().fold(1.0, |sum, k| 1.0 - inverse * f64::from(2 * k - 1) * sum);
        return ONE_OVER_SQRT_PI / x * sum;
    }
    let square = Wide::from(x) * x;
    // The power is split so that it does not overflow before erfc makes it small.
    let half = (square.high * 0.5).exp();
    half * (half * erfc(x)) * (1.0 + square.low)
}

/// ln erfc x
pub fn log_erfc(x: f64) -> f64 {
    if x < -0.5 {
        erfc(x).ln()
    } else if x < 0.5 {
        (-libm::erf(x)).ln_1p()
    } else if x == f64::INFINITY {
        -x
    } else {
        erfcx(x).ln() - x * x
    }
}

/// The logarithm of the probability that a standard normal variable is at most x.
pub fn log_ndtr(x: f64) -> f64 {
    if x > -0.5 {
        (-super::ndtr(-x)).ln_1p()
    } else if x == f64::NEG_INFINITY {
        x
    } else {
        (0.5 * erfcx(-x * FRAC_1_SQRT_2)).ln() - 0.5 * x * x
    }
}

/// ln cosh x
pub fn log_cosh(x: f64) -> f64 {
    let size = x.abs();
    if size < 1.0 {
        let sinh = size.sinh();
        0.5 * (sinh * sinh).ln_1p()
    } else {
        size + ((-2.0 * size).exp().ln_1p() - LN_2)
    }
}

/// x − ln(1 + x)
pub fn x_minus_ln_1p(x: f64) -> f64 {
    if x.abs() < 0.5 {
        // With r = x/(2 + x), ln(1 + x) is 2(r + r³/3 + r⁵/5 + …) and x − 2r is r·x.
        let r = x / (2.0 + x);
        let square = r * r;
        let sum = (1..=18).rev().fold(0.0, |sum, k| 1.0 / f64::from(2 * k + 1) + square * sum);
        return r * (x - 2.0 * square * sum);
    }
    if x == f64::INFINITY {
        return x;
    }
    if x > 2.0 || x <= -1.0 {
        return x - x.ln_1p();
    }
    (Wide::from(x) - (Wide::from(x) + 1.0).ln()).round()
}

/// sin x / x
pub fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { x.sin() / x }
}

/// (sin x − x·cos x) / x²: the slope of [`sinc`] with its sign turned.
pub fn spherical_j1(x: f64) -> f64 {
    let square = x * x;
    if x.abs() < 1.5 {
        // Abramowitz and Stegun 10.1.2.
        return x / 3.0 * (1..=10).rev().fold(1.0, |sum, k| 1.0 - square / f64::from(2 * k * (2 * k + 3)) * sum);
    }
    (x.sin() / x - x.cos()) / x
}
