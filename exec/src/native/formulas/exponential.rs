//! Exponentials and what is made of one: eˣ, 2ˣ, eˣ − 1, sigmoid, softplus.
//!
//! x = n·ln 2 + r with |r| ≤ ½ ln 2; eʳ = 1 + r + r²·Q(r) (Cody and Waite, Software Manual, chapter 6; Muller, Elementary Functions,
//! chapters 4 and 11). The coefficients are our own minimax fits, rounded one after another.

use super::super::lanes::Lanes;
use super::parts::{Double, Whole, clamp, constant, horner, minus_size, pick, series, two};

/// (eʳ − 1 − r)/r² on |r| ≤ ½ ln 2; relative error of eʳ: 2⁻²⁸·² and 2⁻⁵⁷·⁸.
const EXP_NARROW: &[f64] = &[4.999_999_4e-1, 1.666_651_7e-1, 4.166_810_2e-2, 8.369_192_5e-3, 1.383_891_1e-3];
const EXP_WIDE: &[f64] = &[
    0.500_000_000_000_001_1,
    0.166_666_666_666_664_13,
    0.041_666_666_666_525_42,
    0.008_333_333_333_491_616,
    0.001_388_888_894_503_174_2,
    0.000_198_412_695_181_211_04,
    2.480_149_150_644_817e-5,
    2.755_757_119_710_978_6e-6,
    2.763_086_102_179_606e-7,
    2.500_642_216_828_473e-8,
];
/// (eʳ − 1 − r)/r² on |r| ≤ ½ ln 2; relative error of eʳ − 1: 2⁻³¹·¹ and 2⁻⁶¹·⁵.
const EXP_M1_NARROW: &[f64] = &[0.5, 1.666_666_6e-1, 4.166_649_3e-2, 8.333_544e-3, 1.393_232_8e-3, 1.976_338_8e-4];
const EXP_M1_WIDE: &[f64] = &[
    0.5,
    0.166_666_666_666_666_77,
    0.041_666_666_666_666_71,
    0.008_333_333_333_321_336,
    0.001_388_888_888_885_112_7,
    0.000_198_412_698_867_693_67,
    2.480_158_739_662_324e-5,
    2.755_724_376_185_196e-6,
    2.755_721_451_645_357e-7,
    2.510_911_908_682_484e-8,
    2.093_135_118_192_484_5e-9,
];
/// (2ʳ − 1)/r on |r| ≤ ½; relative error of 2ʳ: 2⁻³⁰·⁴ and 2⁻⁵⁷·¹.
const EXP2_NARROW: &[f64] = &[0.693_147_182, 0.240_226_492, 0.055_504_091_1, 0.009_618_290_7, 0.001_333_406_31, 0.000_153_934_132, 1.524_991_88e-5];
const EXP2_WIDE: &[f64] = &[
    std::f64::consts::LN_2,
    0.240_226_506_959_101_72,
    0.055_504_108_664_824_574,
    0.009_618_129_107_577_117,
    0.001_333_355_814_556_775_2,
    0.000_154_035_304_787_707_73,
    1.525_273_473_760_655_3e-5,
    1.321_542_453_183_406_5e-6,
    1.017_765_624_495_605_6e-7,
    7.075_607_661_312_724_5e-9,
    4.519_295_234_631_071e-10,
];
/// (2·artanh s − 2s)/s³ over s² on s ≤ ⅓; relative error of artanh: 2⁻³³·⁰ and 2⁻⁵⁹·⁴.
pub(super) const ARTANH_THIRD_NARROW: &[f64] = &[6.666_667_5e-1, 3.999_895e-1, 2.861_52e-1, 2.144_415_2e-1, 2.424_382_7e-1];
pub(super) const ARTANH_THIRD_WIDE: &[f64] = &[
    0.666_666_666_666_663_1,
    0.400_000_000_001_558_94,
    0.285_714_285_480_301_76,
    0.222_222_239_584_460_9,
    0.181_817_443_280_725_7,
    0.153_865_513_288_110_63,
    0.133_010_854_534_994_6,
    0.121_052_144_112_357_33,
    0.083_438_392_444_429_91,
    0.170_117_958_001_635_87,
];

/// −ln 2 in two words; the first is short enough that n times it is exact.
fn minus_ln_2<F: Lanes>(like: F) -> Double<F> {
    two(like, (-0.693_145_751_953_125, -1.428_606_765_330_187e-6), (-0.693_147_180_369_123_8, -1.908_214_929_270_587_7e-10))
}

/// eˣ in parts: 2ⁿ · (1 + r + rest), where r is rounded and `rest` has what it lacks.
#[derive(Clone, Copy)]
struct Parts<F> {
    whole: Whole<F>,
    r: F,
    rest: F,
}

/// x = n·ln 2 + r.
fn reduce<F: Lanes>(x: F) -> (Whole<F>, F) {
    let whole = Whole::nearest(x, x.number(std::f64::consts::LOG2_E));
    let ln_2 = minus_ln_2(x);
    (whole, whole.number.mul_add(ln_2.low, whole.number.mul_add(ln_2.high, x)))
}

/// x = n·ln 2 + r + lost, where r is rounded.
pub(super) fn reduce_exactly<F: Lanes>(x: F) -> (Whole<F>, Double<F>) {
    let whole = Whole::nearest(x, x.number(std::f64::consts::LOG2_E));
    let ln_2 = minus_ln_2(x);
    let near = whole.number.mul_add(ln_2.high, x);
    let r = whole.number.mul_add(ln_2.low, near);
    (whole, Double { high: r, low: whole.number.mul_add(ln_2.low, near - r) })
}

/// eˣ in parts, good for eˣ − 1 too; |x| must be clamped to what the format can hold.
fn parts<F: Lanes>(x: F) -> Parts<F> {
    let (whole, Double { high: r, low }) = reduce_exactly(x);
    Parts { whole, r, rest: (r * r).mul_add(horner(r, pick::<F, _>(EXP_M1_NARROW, EXP_M1_WIDE)), low) }
}

/// e^r − 1 − r for |r| ≤ ½ ln 2.
pub(super) fn exp_m1_bend<F: Lanes>(r: F) -> F {
    r * r * series(r, EXP_M1_NARROW, EXP_M1_WIDE)
}

/// e^r − 1 in one word, for the r of [`reduce`].
fn fraction<F: Lanes>(r: F) -> F {
    (r * r).mul_add(series(r, EXP_NARROW, EXP_WIDE), r)
}

/// e^r for the r of [`reduce`].
fn power<F: Lanes>(r: F) -> F {
    let one = r.number(1.0);
    r.mul_add(r.mul_add(series(r, EXP_NARROW, EXP_WIDE), one), one)
}

/// e^r times a power of two: the same bits as if it were multiplied in the end, but sooner there.
fn scaled_power<F: Lanes>(r: F, scale: F) -> F {
    (r * scale).mul_add(r.mul_add(series(r, EXP_NARROW, EXP_WIDE), r.number(1.0)), scale)
}

/// e^x for x within the normal range, as the product of the results.
pub(super) fn exp_in_range<F: Lanes>(x: F) -> (F, F) {
    let (whole, r) = reduce(x);
    (power(r), whole.power_of_two())
}

/// x where eˣ is neither 0 nor infinite, else just beyond.
pub(super) fn clamp_exponent<F: Lanes>(x: F) -> F {
    clamp(x, constant(x, -104.0, -746.0), constant(x, 89.0, 710.0))
}

/// eˣ for all x, within 1 ulp.
pub(crate) fn exp<F: Lanes>(x: F) -> F {
    let (whole, r) = reduce(clamp_exponent(x));
    power(r).times_power_of_two(whole.number).unwrap_or_else(|| {
        let (scale, back) = whole.power_of_two_and_back(x.sign_bit());
        scaled_power(r, scale) * back
    })
}

/// eˣ⁻ᵐ for an x that is at most m, within 2 ulps; 0 where m is infinite.
///
/// x = n·ln 2 + r and m = N·ln 2 + s, so that no difference is rounded and only powers of two are divided (Dukhan and Ablavatski 2020,
/// "Two-pass softmax algorithm"): 2ⁿ⁻ᴺ·eʳ·e⁻ˢ. What depends on m alone is made once per row. Where m is large it is subtracted from both
/// first, which is exact for all x that matter (Sterbenz).
pub(crate) fn exp_below<F: Lanes>(x: F, m: F) -> F {
    let (zero, one) = (x.number(0.0), x.number(1.0));
    let far = constant(x, 210.0, 1500.0).lt(m.abs());
    let origin = F::select(far, m, zero);
    let near = F::select(far, zero, m);
    let lowest = near + constant(x, -105.0, -746.0);
    let (largest, s) = reduce_exactly(near);
    // e⁻ˢ as a factor, and what that lacks as a part of r.
    let factor = Double::fast_sum(one, fraction(-s.high));
    let lacking = factor.low / factor.high - s.low;
    // 2ⁿ⁻ᴺ is so many times too large, so that it is a normal number.
    let lift = f64::from(F::FRACTION + 3).exp2();
    let unit = F::from_bits(x.number(lift).to_bits() - (largest.shifted.to_bits() << F::FRACTION));
    let back = factor.high * lift.recip() + F::select(m.is_nan(), m, zero);

    let (whole, r) = reduce((x - origin).greatest(lowest));
    let scale = F::from_bits((whole.shifted.to_bits() << F::FRACTION) + unit.to_bits());
    scaled_power(r + lacking, scale) * back
}

/// 2ˣ for all x, within 1 ulp.
pub(crate) fn exp2<F: Lanes>(x: F) -> F {
    let x = clamp(x, constant(x, -151.0, -1076.0), constant(x, 128.0, 1024.0));
    let whole = Whole::nearest(x, x.number(1.0));
    let r = x - whole.number;
    whole.scale(r.mul_add(exp2_bend(r), x.number(1.0)))
}

/// (2ʳ − 1)/r for |r| ≤ ½.
pub(super) fn exp2_bend<F: Lanes>(r: F) -> F {
    series(r, EXP2_NARROW, EXP2_WIDE)
}

/// 2ˣ for the sum x of two words.
pub(super) fn exp2_of_words<F: Lanes>(x: Double<F>) -> F {
    let one = x.high.number(1.0);
    let whole = Whole::nearest(x.high, one);
    let near = x.high - whole.number;
    let r = near + x.low;
    let lost = x.low - (r - near);
    whole.scale(r.mul_add(exp2_bend(r), lost * std::f64::consts::LN_2) + 1.0)
}

/// eˣ − 1 for all x, within 1 ulp.
///
/// 2ⁿ·(eʳ − 1) + (2ⁿ − 1), halved until the end so that 2ⁿ does not overflow before the result does.
pub(crate) fn exp_m1<F: Lanes>(x: F) -> F {
    let clamped = clamp(x, constant(x, -18.0, -40.0), constant(x, 89.0, 710.0));
    let Parts { whole, r, rest } = parts(clamped);
    let half = whole.half_power_of_two();
    let less = Double::sum(half, x.number(-0.5));
    let sum = Double::fast_sum(less.high, half * r).plus_low(less.low);
    let result = half.mul_add(rest, sum.low) + sum.high;
    F::select(x.abs().lt(constant(x, 2e-8, 5e-17)), x, result + result)
}

/// e^x for x within what the format can hold, in two words to be scaled: of the values that [`exp`] makes too.
pub(super) fn exp_in_words<F: Lanes>(x: F) -> (Whole<F>, Double<F>) {
    let (whole, r) = reduce(x);
    let one = x.number(1.0);
    let slope = r.mul_add(series(r, EXP_NARROW, EXP_WIDE), one);
    let high = r.mul_add(slope, one);
    (whole, Double { high, low: r.mul_add(slope, one - high) })
}

/// e^x for the sum x of two words, in two words of which the second is not exact; to be scaled.
pub(super) fn exp_words<F: Lanes>(x: Double<F>) -> (Whole<F>, Double<F>) {
    let (whole, r) = reduce_exactly(x.high);
    (whole, Double::fast_sum(x.high.number(1.0), fraction(r.high + (r.low + x.low))))
}

/// e^−|x| in two words. The second is not exact.
pub(super) fn decay<F: Lanes>(x: F) -> Double<F> {
    let (whole, r) = reduce(constant(x, -104.0, -746.0).greatest(minus_size(x)));
    whole.scale_words(Double::fast_sum(x.number(1.0), fraction(r)))
}

/// 1/(1 + e⁻ˣ) for all x, in both tails, within 1 ulp.
///
/// With e⁻ˣ = 2ʰ·2ʲ·p, 2⁻ʰ/(2⁻ʰ + 2ʲ·p), so that nothing overflows; one correction of the quotient by its remainder.
pub(crate) fn sigmoid<F: Lanes>(x: F) -> F {
    let limit = constant(x, 104.0, 746.0);
    let (whole, r) = reduce(clamp(-x, -limit, limit));
    let one = x.number(1.0);
    let power = Double::fast_sum(one, fraction(r));
    let (top, factor) = whole.inverse_and_power_of_two();
    let large = power.high * factor;
    let bottom = Double::fast_sum(large.greatest(top), large.least(top));
    let lost = power.low.mul_add(factor, bottom.low);
    let reciprocal = one / bottom.high;
    let remainder = reciprocal.mul_add(-lost, reciprocal.mul_add(-bottom.high, one));
    reciprocal.mul_add(remainder, reciprocal) * top
}

/// ln(1 + eˣ) for all x, within 1 ulp: max(x, 0) + ln(1 + e) with e = e^−|x|.
///
/// ln(1 + e) = 2·artanh s with s = e/(2 + e), written as e − e²/2 + s·(e²/2 + R(s²)) (FDLIBM, `e_log.c`), the large terms summed in two words.
pub(crate) fn softplus<F: Lanes>(x: F) -> F {
    let decay = decay(x);
    let e = decay.high;
    let s = e / (e + 2.0);
    let square = s * s;
    let half = Double::product(e * 0.5, e);
    let bend = square.mul_add(series(square, ARTANH_THIRD_NARROW, ARTANH_THIRD_WIDE), half.high);
    let bend = s.mul_add(bend, decay.low - half.low);
    let sum = Double::sum(x.greatest(x.number(0.0)), e);
    let rest = Double::fast_sum(sum.high, -half.high);
    let result = rest.high + (bend + (sum.low + rest.low));
    F::select(x.lt(constant(x, 30.0, 60.0)), result, x)
}

/// 1/cosh² x for all x, within 1.5 ulps: 4e/(1 + e)² with e = e^(−2|x|).
pub(crate) fn sech2<F: Lanes>(x: F) -> F {
    let size = constant(x, 60.0, 400.0).least(x.abs());
    let (whole, r) = reduce(size * -2.0);
    let one = x.number(1.0);
    let top = Double::fast_sum(one, fraction(r));
    let e = whole.scale_words(top);
    let root = Double::fast_sum(one, e.high).plus_low(e.low);
    let bottom = Double::product(root.high, root.high).plus_low((root.high + root.high) * root.low);
    whole.scale(top.over(bottom).value() * 4.0)
}

#[cfg(test)]
mod tests {
    use super::super::super::lane::Lane;
    use super::*;

    #[test]
    fn powers_below_a_largest_do_not_round_their_difference() {
        let mut worst: f64 = 0.0;
        for place in 0..200_000u32 {
            let part = |factor: u32| f64::from(place.wrapping_mul(factor) >> 8) / f64::from(1u32 << 24);
            let largest = ((part(2_654_435_761) - 0.5) * [2.0, 60.0, 400.0, 3e4, 1e9][place as usize % 5]) as f32;
            let x = (f64::from(largest) - 100.0 * part(40_503_123)) as f32;
            let x = x.min(largest);
            let exact = (f64::from(x) - f64::from(largest)).exp();
            let found = f64::from(exp_below(Lane(x), Lane(largest)).0);
            let unit = f64::from((exact as f32).next_up() - exact as f32);
            worst = worst.max((found - exact).abs() / unit);
        }
        assert!(worst < 2.0, "{worst} ulps");
        let (infinity, nan) = (f32::INFINITY, f32::NAN);
        for (x, largest, expected) in [(-infinity, 3.0, 0.0), (-infinity, 1e30, 0.0), (1.0, infinity, 0.0), (-1e30, 2.0, 0.0), (-104.5, 0.0, 0.0)] {
            assert_eq!(exp_below(Lane(x), Lane(largest)).0, expected, "{x} {largest}");
        }
        assert!(exp_below(Lane(1.0), Lane(nan)).0.is_nan());
    }
}
