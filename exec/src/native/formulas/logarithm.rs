//! Logarithms.
//!
//! x = 2ᵏ·(1 + f) with √½ ≤ 1 + f < √2. f32: ln(1 + f) = f − f²/2 + f³·Q(f), without division. f64: 2·artanh s with s = f/(2 + f), written as
//! f − s·(f − R(s²)) (FDLIBM, `e_log.c`; Muller, Elementary Functions, section 11.3).

use super::super::lanes::Lanes;
use super::parts::{Double, constant, horner, pick, polynomial};

/// (ln(1 + f) − f + f²/2)/f³ on √½ ≤ 1 + f ≤ √2; relative error of the logarithm: 2⁻²⁷·³.
const LN_NARROW: &[f64] =
    &[3.333_333e-1, -2.500_082_3e-1, 2.000_124_2e-1, -1.662_331_5e-1, 1.420_167_1e-1, -1.316_075_2e-1, 1.276_115e-1, -7.630_98e-2];
/// (2·artanh s − 2s)/s³ over s² on s ≤ (√2 − 1)/(√2 + 1); relative error of artanh: 2⁻⁵⁹·⁵.
const LN_WIDE: &[f64] = &[
    0.666_666_666_666_673_4,
    0.399_999_999_994_170_63,
    0.285_714_287_418_886_2,
    0.222_221_986_220_372_1,
    0.181_835_618_838_687_07,
    0.153_141_109_706_245_42,
    0.147_953_630_943_694_04,
];

/// ln 2 in two words; the first is short enough that k times it is exact.
fn ln_2<F: Lanes>(like: F) -> Double<F> {
    Double {
        high: constant(like, 0.693_145_751_953_125, 0.693_147_180_369_123_8),
        low: constant(like, 1.428_606_765_330_187e-6, 1.908_214_929_270_587_7e-10),
    }
}

/// x = 2ᵏ·(1 + f).
#[derive(Clone, Copy)]
pub(super) struct Split<F> {
    pub k: F,
    pub f: F,
}

/// Takes a positive normal x apart; k is `offset` too large where given.
fn split_with<F: Lanes>(x: F, offset: F) -> Split<F> {
    let one = x.number(1.0).to_bits();
    // From √½ upwards, rounded down to a number of few bits.
    let floor = x.bits(pick::<F, _>(0x3f35_04f3, 0x3fe6_a09e_667f_3bcd));
    let moved = x.to_bits() + (one - floor);
    let large = constant(x, 8_388_608.0, 4_503_599_627_370_496.0);
    let k = F::from_bits((moved >> F::FRACTION) | large.to_bits()) - offset;
    let fraction = moved & x.bits((1 << F::FRACTION) - 1);
    Split { k, f: F::from_bits(fraction + floor) - 1.0 }
}

/// The exponent bias within [`split_with`].
fn offset<F: Lanes>(like: F) -> F {
    constant(like, 8_388_608.0 + 127.0, 4_503_599_627_370_496.0 + 1023.0)
}

/// Takes a positive normal x apart.
pub(super) fn split_normal<F: Lanes>(x: F) -> Split<F> {
    split_with(x, offset(x))
}

/// Takes a positive x apart, subnormal or not.
pub(super) fn split<F: Lanes>(x: F) -> Split<F> {
    let small = x.lt(constant(x, f64::from(f32::MIN_POSITIVE), f64::MIN_POSITIVE));
    let scale = pick::<F, _>(16_777_216.0, 18_014_398_509_481_984.0);
    let scaled_offset = constant(x, 8_388_608.0 + 127.0 + 24.0, 4_503_599_627_370_496.0 + 1023.0 + 54.0);
    split_with(F::select(small, x * scale, x), F::select(small, scaled_offset, offset(x)))
}

/// ln(1 + f) − f for the f of a [`Split`].
pub(super) fn bend<F: Lanes>(f: F) -> F {
    if F::FRACTION == 23 {
        let square = f * f;
        square * f.mul_add(polynomial(f, LN_NARROW), f.number(-0.5))
    } else {
        let s = f / (f + 2.0);
        let square = s * s;
        s * (square * horner(square, LN_WIDE) - f)
    }
}

/// The result where the argument is in the domain (0, ∞) of a logarithm, else what IEEE 754 says.
pub(super) fn with_edges<F: Lanes>(x: F, result: F) -> F {
    let (zero, infinity) = (x.number(0.0), x.number(f64::INFINITY));
    let result = F::select(x.lt(infinity), result, x);
    let result = F::select(x.lt(zero), x.number(f64::NAN), result);
    F::select(x.equal(zero), -infinity, result)
}

/// ln x for all x, within 1 ulp.
pub(crate) fn ln<F: Lanes>(x: F) -> F {
    let Split { k, f } = split(x);
    let ln_2 = ln_2(x);
    let near = k.mul_add(ln_2.low, bend(f));
    with_edges(x, k.mul_add(ln_2.high, f + near))
}

/// What is next to ln u in the sum k·ln 2 + f + rest, in this order of size.
#[derive(Clone, Copy)]
struct Terms<F> {
    k: F,
    f: F,
    rest: F,
}

impl<F: Lanes> Terms<F> {
    /// With ln(1 + f) − f added to the last.
    fn bent(self) -> Self {
        Self { rest: self.rest + bend(self.f), ..self }
    }

    /// The sum, rounded about once.
    fn value(self) -> F {
        self.k.mul_add(ln_2(self.k).high, self.f + self.rest)
    }

    /// The sum in two words.
    fn words(self) -> Double<F> {
        let sum = Double::fast_sum(self.k * ln_2(self.k).high, self.f);
        Double::fast_sum(sum.high, sum.low + self.rest)
    }
}

/// 2⁻ᵏ for u = 2ᵏ·(1 + f), where that is a normal number.
fn inverse_power<F: Lanes>(u: F, f: F) -> F {
    F::from_bits(u.number(1.0).to_bits() - (u.to_bits() - (f + 1.0).to_bits()))
}

/// low/(1 + f) for a low that is tiny against 1: a parabola through 1 is enough.
fn shrink<F: Lanes>(low: F, f: F) -> F {
    low * f.mul_add(f.mul_add(f.number(0.75), f.number(-0.98)), f.number(1.0))
}

/// ln(high + low) for a normal `high` with |low| of about an ulp of it at most; `is_exact` where `low` does not matter; with `more` for k.
pub(super) fn ln_of_words<F: Lanes>(u: Double<F>, is_exact: F::Mask, more: F) -> F {
    let Split { k, f } = split_normal(u.high);
    let low = F::select(is_exact, u.high.number(0.0), u.low * inverse_power(u.high, f));
    let k = k + more;
    let rest = k.mul_add(ln_2(k).low, shrink(low, f) + bend(f));
    Terms { k, f, rest }.value()
}

/// The terms of ln(1 + x) but for what [`bend`] adds to the last.
///
/// u = 1 + x is split; what its rounding lost, brought to the scale of f, is f's second word (FDLIBM, `s_log1p.c`). f is x itself where
/// nothing was split off.
fn terms_1p<F: Lanes>(x: F, u: F) -> Terms<F> {
    let zero = x.number(0.0);
    let lost = Double::sum(x, x.number(1.0)).low;
    let Split { k, f } = split_normal(u);
    let is_whole = k.equal(zero);
    // Where 2⁻ᵏ is not a normal number, nothing was lost.
    let low = F::select(is_whole | constant(x, 3e7, 2e16).lt(u), zero, lost * inverse_power(u, f));
    let f = F::select(is_whole, x, f);
    Terms { k, f, rest: k.mul_add(ln_2(x).low, shrink(low, f)) }
}

/// x − ln(1 + x) within the domain.
pub(super) fn x_minus_terms_1p<F: Lanes>(x: F, u: F) -> F {
    let Terms { k, f, rest } = terms_1p(x, u);
    // f − ln(1 + f): f²/2 in two words, and less.
    let half = Double::product(f * 0.5, f);
    let square = f * f;
    let less = if F::FRACTION == 23 {
        square * f * polynomial(f, LN_NARROW)
    } else {
        let s = f / (f + 2.0);
        let square = s * s;
        s * square.mul_add(horner(square, LN_WIDE), half.high)
    };
    let split_off = k.mul_add(-ln_2(x).high, x) - f;
    (split_off + half.high) + ((half.low - less) - rest)
}

/// The result where the argument of ln(1 + x) is in the domain (−1, ∞), else what IEEE 754 says.
fn with_edges_1p<F: Lanes>(x: F, u: F, result: F) -> F {
    let (zero, infinity) = (x.number(0.0), x.number(f64::INFINITY));
    let result = F::select(x.abs().lt(constant(x, 2e-8, 5e-17)), x, result);
    let result = F::select(x.lt(infinity), result, x);
    let result = F::select(u.lt(zero), x.number(f64::NAN), result);
    F::select(u.equal(zero), -infinity, result)
}

/// ln(1 + x) for all x, within 1 ulp.
pub(crate) fn ln_1p<F: Lanes>(x: F) -> F {
    let u = x + 1.0;
    with_edges_1p(x, u, terms_1p(x, u).bent().value())
}

/// x · (high + low), where only `high` may be infinite, and 0 where x is 0 but `y` is not NaN.
fn product_or_zero<F: Lanes>(x: F, logarithm: Double<F>, y: F) -> F {
    let (zero, infinity) = (x.number(0.0), x.number(f64::INFINITY));
    let product = x * logarithm.high;
    let product = F::select(product.abs().lt(infinity), x.mul_add(logarithm.high, x * logarithm.low), product);
    F::select(x.equal(zero) & !y.is_nan(), zero, product)
}

/// x · ln y for all x and y, and 0 where x is 0, within 1 ulp.
pub(crate) fn xlogy<F: Lanes>(x: F, y: F) -> F {
    let Split { k, f } = split(y);
    let words = Terms { k, f, rest: k.mul_add(ln_2(k).low, bend(f)) }.words();
    product_or_zero(x, Double { high: with_edges(y, words.high), low: words.low }, y)
}

/// x · ln(1 + y) for all x and y, and 0 where x is 0, within 1 ulp.
pub(crate) fn xlog1py<F: Lanes>(x: F, y: F) -> F {
    let u = y + 1.0;
    let words = terms_1p(y, u).bent().words();
    // Of the sign of `high`, so that a zero keeps its sign.
    let low = F::select(y.abs().lt(constant(x, 2e-8, 5e-17)), y * 0.0, words.low);
    product_or_zero(x, Double { high: with_edges_1p(y, u, words.high), low }, y)
}

/// ln(1 + f) in two words for the f of a [`Split`].
pub(super) fn fraction<F: Lanes>(f: F) -> Double<F> {
    Double::fast_sum(f, bend(f))
}

/// log₂ x for all x, within 1 ulp; exact for powers of 2.
pub(crate) fn log2<F: Lanes>(x: F) -> F {
    let Split { k, f } = split(x);
    let fraction = fraction(f);
    let factor = constant(x, 1.442_695_021_629_333_5, std::f64::consts::LOG2_E);
    let factor_low = constant(x, 1.925_963_033_500_011e-8, 2.035_527_374_093_103_3e-17);
    let low = fraction.low.mul_add(factor, fraction.high * factor_low);
    with_edges(x, k + fraction.high.mul_add(factor, low))
}

/// log₁₀ x for all x, within 1 ulp.
pub(crate) fn log10<F: Lanes>(x: F) -> F {
    let Split { k, f } = split(x);
    let fraction = fraction(f);
    let factor = constant(x, 0.434_294_492_006_301_9, std::f64::consts::LOG10_E);
    let factor_low = constant(x, -1.010_304_995_219_257_8e-8, 1.098_319_650_216_765e-17);
    // log₁₀ 2, the first word short enough that k times it is exact.
    let two = constant(x, 0.301_025_390_625, 0.301_029_995_663_611_77);
    let two_low = constant(x, 4.605_039_066_518_657e-6, 3.694_239_077_158_931e-13);
    let low = k.mul_add(two_low, fraction.low.mul_add(factor, fraction.high * factor_low));
    with_edges(x, k.mul_add(two, fraction.high.mul_add(factor, low)))
}
