//! Roots and powers.

use super::super::lanes::Lanes;
use super::exponential::exp2_of_words;
use super::logarithm::{Split, split};
use super::parts::{Double, Whole, clamp, constant, pick, series, two};

/// (1 + f)^(−⅓) on √½ ≤ 1 + f ≤ √2; relative error 2⁻¹⁷·⁴ and 2⁻²²·⁷.
const CBRT_NARROW: &[f64] = &[1.000_003_8, -0.333_260_95, 0.221_605_08, -0.175_818_94, 0.160_417_3, -0.108_062_5];
const CBRT_WIDE: &[f64] = &[
    0.999_999_945_854_051_9,
    -0.333_336_294_097_302_64,
    0.222_238_349_253_651_16,
    -0.172_595_872_704_370_1,
    0.143_149_296_329_994_6,
    -0.129_516_911_579_221_54,
    0.127_462_938_876_347_7,
    -0.081_954_096_012_372_34,
];

/// ∛x for all x, within 1 ulp.
///
/// With |x| = 8ⁿ·m, ½√½ ≤ m < 2√2: y ≈ m^(−⅓) by a polynomial and, in f64, a step of Halley's kind; c = m·y², and a step of Newton's.
pub(crate) fn cbrt<F: Lanes>(x: F) -> F {
    let size = x.abs();
    let Split { k, f } = split(size);
    let n = Whole::nearest(k, x.number(1.0 / 3.0));
    let j = n.number.mul_add(x.number(-3.0), k);
    // 2ʲ and 2^(−j/3) for j = −1, 0, 1.
    let power = j.mul_add(j.mul_add(x.number(0.25), x.number(0.75)), x.number(1.0));
    let root = j.mul_add(j.mul_add(x.number(0.026_810_787_939_486_547), x.number(-0.233_110_261_955_386_7)), x.number(1.0));
    let m = f.mul_add(power, power);
    let mut y = series(f, CBRT_NARROW, CBRT_WIDE) * root;
    if F::FRACTION == 52 {
        let error = (m * y).mul_add(-(y * y), x.number(1.0));
        y = (y * error).mul_add(error.mul_add(x.number(2.0 / 9.0), x.number(1.0 / 3.0)), y);
    }
    let square = y * y;
    let c = m * square;
    let remainder = (c * c).mul_add(-c, m);
    let c = (remainder * square).mul_add(x.number(1.0 / 3.0), c);
    let result = (c * n.power_of_two()).copysign(x);
    F::select(size.lt(x.number(f64::INFINITY)) & x.number(0.0).lt(size), result, x)
}

/// √(x² + y²) for all x and y, without overflow, within 1 ulp.
pub(crate) fn hypot<F: Lanes>(x: F, y: F) -> F {
    let (x, y) = (x.abs(), y.abs());
    let swap = x.lt(y);
    let large = F::select(swap, y, x);
    let small = F::select(swap, x, y);
    let limit = 2f64.powi(pick::<F, _>(60, 500));
    let factor = 2f64.powi(pick::<F, _>(100, 600));
    let one = x.number(1.0);
    let is_huge = x.number(limit).lt(large);
    let is_tiny = large.lt(x.number(1.0 / limit));
    let (up, down) = (x.number(factor), x.number(1.0 / factor));
    let scale = F::select(is_huge, down, F::select(is_tiny, up, one));
    let back = F::select(is_huge, up, F::select(is_tiny, down, one));
    let (large_scaled, small_scaled) = (large * scale, small * scale);
    let result = large_scaled.mul_add(large_scaled, small_scaled * small_scaled).sqrt() * back;
    let infinity = x.number(f64::INFINITY);
    F::select(x.equal(infinity) | y.equal(infinity), infinity, result)
}

/// (2·artanh s/s − 2 − ⅔·s²)/s⁴/ln 2 over s² on s ≤ (√2 − 1)/(√2 + 1); relative error of artanh: 2⁻³⁶·⁸ and 2⁻⁶⁶·³.
const LOG2_TAIL_NARROW: &[f64] = &[0.577_080_2, 0.411_849_9, 0.337_821_96];
const LOG2_TAIL_WIDE: &[f64] = &[
    0.577_078_016_355_618,
    0.412_198_583_091_940_8,
    0.320_598_902_273_397_43,
    0.262_307_701_136_476,
    0.221_983_997_529_008_5,
    0.191_255_158_648_051_82,
    0.190_385_524_064_000_58,
];

/// log₂ x in two words for a positive x, with about 12 bits more than one has.
///
/// 2·artanh s/ln 2 with s = f/(2 + f); what is not small against the result is in two words throughout.
fn log2_words<F: Lanes>(x: F) -> Double<F> {
    let Split { k, f } = split(x);
    let bottom = Double::fast_sum(x.number(2.0), f);
    let s = Double { high: f, low: x.number(0.0) }.over(bottom);
    let square = Double::product(s.high, s.high).plus_low((s.high + s.high) * s.low);
    let third = two(x, (0.961_796_700_954_437_3, -7.028_461_812_552_678e-9), (0.961_796_693_925_975_6, 5.057_761_664_812_590_7e-17));
    let tail = square.high * series(square.high, LOG2_TAIL_NARROW, LOG2_TAIL_WIDE);
    let factor = Double::fast_sum(third.high, tail).plus_low(third.low);
    let bend = square.times(factor);
    let first = two(x, (2.885_390_043_258_667, 3.851_926_067_000_022e-8), (2.885_390_081_777_926_8, 4.071_054_748_186_206_6e-17));
    let slope = Double::fast_sum(first.high, bend.high).plus_low(bend.low + first.low);
    let fraction = s.times(slope);
    Double::fast_sum(k, fraction.high).plus_low(fraction.low)
}

/// x to the power y for all x and y, within 1 ulp; special cases as in C (IEEE 754, 9.2.1).
///
/// 2^(y·log₂ |x|), negated for negative x and odd y.
pub(crate) fn pow<F: Lanes>(x: F, y: F) -> F {
    let (zero, one, infinity) = (x.number(0.0), x.number(1.0), x.number(f64::INFINITY));
    let size = x.abs();
    let logarithm = log2_words(size);
    let high = F::select(size.lt(infinity), logarithm.high, size);
    let high = F::select(size.equal(zero), -infinity, high);
    let product = y * high;
    let low = y.mul_add(logarithm.low, y.mul_add(high, -product));
    let exponent = F::select(size.equal(one) | y.equal(zero), zero, product);
    let low = F::select(product.abs().lt(constant(x, 200.0, 1200.0)), low, zero);
    let exponent = clamp(exponent, constant(x, -151.0, -1077.0), constant(x, 129.0, 1025.0));
    let result = exp2_of_words(Double { high: exponent, low });
    let half = y * 0.5;
    let is_whole = y.equal(y.trunc());
    let is_odd = is_whole & !half.equal(half.trunc());
    let result = F::select(is_odd, result.copysign(x), result);
    F::select(x.lt(zero) & (-infinity).lt(x) & !is_whole, x.number(f64::NAN), result)
}
