//! What is left of 1 beyond x, in f32 by words of one number: half the work of two, and twice the error.
//!
//! e^(−x²)·T(t)/(x + K) with t = (x − K)/(x + K) (Shepherd and Laframboise 1981), from 0 on. The power of e is made of the same values as
//! eˣ is, so that a program that computes both, as each derivative does, computes most of it once.

use super::super::super::lanes::Lanes;
use super::super::exponential::{clamp_exponent, exp_in_words};
use super::super::parts::{Double, polynomial};

/// (x + K)·e^(x²)·erfc x over (x − K)/(x + K), K = 1.5, on 0 ≤ x ≤ 10.6; relative error 2⁻²⁸·⁶.
const ERFC: Tail = Tail {
    center: 1.5,
    slope: 0.52,
    first: 0.964_756_25,
    rest: &[
        -0.507_85,
        0.075_621_754,
        0.047_768_045,
        -0.008_119_77,
        -0.009_460_126,
        -8.061_660_3e-4,
        0.001_774_334_8,
        8.633_245e-4,
        -7.214_91e-5,
        -2.252_591_1e-4,
        -6.997_723e-5,
    ],
};

/// (x + K)·e^(x²/2)·ndtr(−x) over (x − K)/(x + K), K = 2.25, on 0 ≤ x ≤ 15; relative error 2⁻²⁶·¹.
const NDTR: Tail = Tail {
    center: 2.25,
    slope: 0.56,
    first: 0.691_433_7,
    rest: &[
        -0.386_381_06,
        0.080_132_97,
        0.027_837_416,
        -0.010_562_126_5,
        -0.005_640_776_4,
        8.227_034e-4,
        0.001_369_480_5,
        2.410_862_4e-4,
        -2.146_653e-4,
        -9.797_973e-5,
    ],
};

/// A tail without its power of e.
struct Tail {
    center: f64,
    /// By how much of itself it falls over t, about.
    slope: f64,
    first: f64,
    rest: &'static [f64],
}

/// e^`exponent` times the tail, where the exponent lacks so much: sizes are bounded so that this is little where eˣ is.
fn times_power<F: Lanes>(tail: &Tail, size: F, exponent: F, lacking: F) -> F {
    let (whole, decay) = exp_in_words(exponent);
    let (one, bottom) = (size.number(1.0), size + tail.center);
    let reciprocal = one / bottom;
    let t = reciprocal.mul_add(size.number(-2.0 * tail.center), one);
    let top = t.mul_add(polynomial(t, tail.rest), t.number(tail.first));
    // What the reciprocal lacks, t lacks so many times, and the tail falls over t.
    let remainder = reciprocal.mul_add(-bottom, one);
    let lost = remainder.mul_add(reciprocal.mul_add(size.number(2.0 * tail.center * tail.slope), one), decay.low + lacking);
    let product = Double::product(decay.high, reciprocal);
    let result = Double::product(product.high, top);
    let result = result.high + product.high.mul_add(lost, product.low).mul_add(top, result.low);
    result.times_power_of_two(whole.number).unwrap_or_else(|| {
        let (scale, back) = whole.power_of_two_and_back(exponent.sign_bit());
        result * scale * back
    })
}

/// erfc x for all x, within 4 ulps.
pub(super) fn erfc<F: Lanes>(x: F) -> F {
    let exponent = clamp_exponent(-(x * x));
    let size = x.number(10.19).least(x.abs());
    let far = times_power(&ERFC, size, exponent, -size.mul_add(size, exponent));
    F::select(x.sign_bit(), -far + 2.0, far)
}

/// The probability that a standard normal variable is at most x, for all x, within 4 ulps.
pub(super) fn ndtr<F: Lanes>(x: F) -> F {
    let exponent = clamp_exponent(x * x * -0.5);
    let size = x.number(14.42).least(x.abs());
    let far = times_power(&NDTR, size, exponent, -(size * 0.5).mul_add(size, exponent));
    F::select(x.sign_bit(), far, -far + 1.0)
}
