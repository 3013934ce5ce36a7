//! Hyperbolic functions.

use super::super::lanes::Lanes;
use super::exponential::{exp_in_range, reduce_exactly};
use super::logarithm::ln_of_words;
use super::parts::{Double, constant, horner, pick, series, shifter, with_sign_of};

/// (tanh x − x)/x³ over x² on |x| ≤ 0.859375 and 1; relative error of tanh: 2⁻²⁶·⁷ and 2⁻⁵⁵·⁸.
const TANH_NARROW: &[f64] = &[-3.333_325_7e-1, 1.333_128_4e-1, -5.378_275e-2, 2.107_967_8e-2, -7.086_589e-3, 1.411_982_2e-3];
const TANH_WIDE: &[f64] = &[
    -0.333_333_333_333_329_43,
    0.133_333_333_332_926_93,
    -0.053_968_253_953_371_01,
    0.021_869_488_259_058_34,
    -0.008_863_232_446_491_537,
    0.003_592_105_588_995_069_2,
    -0.001_455_721_314_381_167,
    0.000_589_618_809_870_136,
    -0.000_238_044_423_334_606_7,
    9.476_940_858_814_577e-5,
    -3.608_832_386_077_985e-5,
    1.234_284_403_070_653_5e-5,
    -3.420_532_980_595_983_3e-6,
    6.547_730_167_096_147e-7,
    -6.273_297_203_605_27e-8,
];

/// (sinh r − r)/r³ over r² on |r| ≤ ½ ln 2; relative error of sinh: 2⁻²⁶·² and 2⁻⁶¹·⁷.
const SINH_NARROW: &[f64] = &[0.166_665_43, 0.008_366_537];
const SINH_WIDE: &[f64] =
    &[0.166_666_666_666_666_77, 0.008_333_333_333_321_376, 1.984_126_988_686_561e-4, 2.755_724_337_958_017e-6, 2.510_935_349_024_524e-8];
/// (cosh r − 1)/r² over r² on |r| ≤ ½ ln 2; relative error of cosh: 2⁻³³·³ and 2⁻⁵⁸·⁰.
const COSH_NARROW: &[f64] = &[0.5, 0.041_666_46, 0.001_393_545_2];
const COSH_WIDE: &[f64] =
    &[0.500_000_000_000_001_2, 0.041_666_666_666_519_25, 0.001_388_888_894_611_216_7, 2.480_149_080_106_635_2e-5, 2.763_099_567_502_377e-7];

/// tanh x for all x, within 1 ulp: a polynomial near 0, beyond it 1 − 2/(e²ˣ + 1).
pub(crate) fn tanh<F: Lanes>(x: F) -> F {
    let square = x * x;
    let size = x.abs();
    let near = (square * size).mul_add(horner(square, pick::<F, _>(TANH_NARROW, TANH_WIDE)), size);
    let (fraction, power) = exp_in_range(constant(x, 20.0, 40.0).least(size + size));
    let one = x.number(1.0);
    let far = one - x.number(2.0) / fraction.mul_add(power, one);
    with_sign_of(F::select(size.lt(constant(x, 0.843_75, 1.0)), near, far), x)
}

/// sinh r − r for |r| ≤ ½ ln 2.
pub(super) fn sinh_bend<F: Lanes>(r: F) -> F {
    let square = r * r;
    square * r * series(square, SINH_NARROW, SINH_WIDE)
}

/// e^|x| and e^−|x| in parts: |x| = n·ln 2 + r.
#[derive(Clone, Copy)]
struct Branches<F> {
    /// ¼·2ⁿ
    up: F,
    /// ¼·2⁻ⁿ
    down: F,
    /// r
    r: F,
    /// sinh r − r
    odd: F,
    /// cosh r − 1
    even: F,
}

/// e^|x| and e^−|x| in parts. Quarters, so that nothing overflows before the results do.
fn branches<F: Lanes>(x: F) -> Branches<F> {
    let size = constant(x, 89.7, 710.7).least(x.abs());
    let (whole, Double { high: r, low }) = reduce_exactly(size);
    let quarter = x.number(0.25).to_bits();
    let up = F::from_bits(quarter + (whole.shifted.to_bits() << F::FRACTION));
    // 2⁻ⁿ does not matter from 60 on.
    let bounded = whole.shifted.least(shifter(x) + 60.0);
    let down = F::from_bits(quarter - (bounded.to_bits() << F::FRACTION));
    let square = r * r;
    Branches {
        up,
        down,
        r,
        odd: (square * r).mul_add(series(square, SINH_NARROW, SINH_WIDE), low),
        even: square * series(square, COSH_NARROW, COSH_WIDE),
    }
}

/// sinh x for all x, within 1.5 ulps: sinh r·cosh(n·ln 2) + cosh r·sinh(n·ln 2).
pub(crate) fn sinh<F: Lanes>(x: F) -> F {
    let Branches { up, down, r, odd, even } = branches(x);
    let sum = up + down;
    let Double { high: difference, low } = Double::fast_sum(up, -down);
    let rest = sum.mul_add(odd, difference.mul_add(even, low));
    let quarter = difference + sum.mul_add(r, rest);
    let size = x.abs();
    with_sign_of(F::select(size.lt(constant(x, 1e-5, 1e-9)), size, quarter + quarter), x)
}

/// cosh x for all x, within 1.5 ulps: cosh r·cosh(n·ln 2) + sinh r·sinh(n·ln 2).
pub(crate) fn cosh<F: Lanes>(x: F) -> F {
    let Branches { up, down, r, odd, even } = branches(x);
    let difference = up - down;
    let Double { high: sum, low } = Double::fast_sum(up, down);
    let rest = difference.mul_add(odd, sum.mul_add(even, low));
    let quarter = sum + difference.mul_add(r, rest);
    quarter + quarter
}

/// √(high + low) less the root of `high` that is given.
fn root_rest<F: Lanes>(square: Double<F>, root: F) -> F {
    let remainder = root.mul_add(-root, square.high) + square.low;
    remainder * (root.number(0.5) / root.greatest(root.number(1e-30)))
}

/// asinh x for all x, within 1.5 ulps: ln(|x| + √(x² + 1)) with the sum in two words.
pub(crate) fn asinh<F: Lanes>(x: F) -> F {
    let size = x.abs();
    let (zero, one) = (x.number(0.0), x.number(1.0));
    let limit = constant(x, 16_384.0, 268_435_456.0);
    let bounded = limit.least(size);
    let square = Double::product(bounded, bounded);
    let square = Double::sum(square.high, one).plus_low(square.low);
    let root = square.high.sqrt();
    let sum = Double::fast_sum(root, bounded).plus_low(root_rest(square, root));
    // From the limit on, ln 2|x|.
    let is_large = limit.lt(size);
    let sum = Double { high: F::select(is_large, size, sum.high), low: sum.low };
    let result = ln_of_words(sum, is_large, F::select(is_large, one, zero));
    let is_plain = size.lt(constant(x, 1e-4, 1e-8)) | !size.lt(x.number(f64::INFINITY));
    with_sign_of(F::select(is_plain, size, result), x)
}

/// acosh x for all x, within 1.5 ulps: ln(x + √(x² − 1)) with the sum in two words.
pub(crate) fn acosh<F: Lanes>(x: F) -> F {
    let (zero, one, infinity) = (x.number(0.0), x.number(1.0), x.number(f64::INFINITY));
    let limit = constant(x, 16_384.0, 268_435_456.0);
    let bounded = limit.least(x);
    let square = Double::product(bounded, bounded);
    let square = Double::fast_sum(square.high - 1.0, square.low);
    let root = square.high.sqrt();
    let sum = Double::fast_sum(bounded, root).plus_low(root_rest(square, root));
    // From the limit on, ln 2x.
    let is_large = limit.lt(x);
    let sum = Double { high: F::select(is_large, x, sum.high), low: sum.low };
    let result = ln_of_words(sum, is_large, F::select(is_large, one, zero));
    let result = F::select(x.lt(infinity), result, x);
    F::select(x.lt(one), x.number(f64::NAN), result)
}

/// atanh x for all x, within 1.5 ulps: half the logarithm of (1 + |x|)/(1 − |x|) in two words.
pub(crate) fn atanh<F: Lanes>(x: F) -> F {
    let size = x.abs();
    let (zero, one, infinity) = (x.number(0.0), x.number(1.0), x.number(f64::INFINITY));
    let top = Double::fast_sum(one, size);
    let bottom = Double::fast_sum(one, -size);
    let words = top.over(bottom);
    let result = ln_of_words(words, zero.lt(zero), zero) * 0.5;
    let result = F::select(size.lt(constant(x, 1e-4, 1e-8)), size, result);
    let outside = F::select(size.equal(one), infinity, x.number(f64::NAN));
    with_sign_of(F::select(size.lt(one), result, outside), x)
}
