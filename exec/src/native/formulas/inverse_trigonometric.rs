//! Arc tangent, arc sine, arc cosine.

use super::super::lanes::Lanes;
use super::parts::{Double, horner, pick, series, two, with_sign_of};

/// (atan r − r)/r³ over r² on |r| ≤ 1; relative error of atan: 2⁻³⁰·⁸ and 2⁻⁵⁴·⁷.
const ATAN_NARROW: &[f64] = &[
    -0.333_333_28,
    0.199_997_16,
    -0.142_803_45,
    0.110_612_58,
    -0.088_216_096,
    0.067_640_68,
    -0.044_989_567,
    0.022_782_8,
    -0.007_427_545_3,
    0.001_134_888_3,
];
const ATAN_WIDE: &[f64] = &[
    -0.333_333_333_333_318_6,
    0.199_999_999_997_552_14,
    -0.142_857_142_713_440_22,
    0.111_111_106_789_819_54,
    -0.090_909_012_390_021_91,
    0.076_922_129_677_257_76,
    -0.066_658_606_323_380_85,
    0.058_773_091_912_442_11,
    -0.052_392_385_956_744_746,
    0.046_739_663_356_882_476,
    -0.040_926_765_485_430_94,
    0.034_068_486_267_046_75,
    -0.025_827_709_869_440_083,
    0.016_978_974_234_089_384,
    -0.009_185_278_655_073_542,
    0.003_856_373_178_418_643_3,
    -0.001_164_222_064_358_596_3,
    2.230_569_885_952_366_7e-4,
    -2.026_221_344_625_641e-5,
];
/// (asin r − r)/r³ over r² on |r| ≤ ½; relative error of asin: 2⁻²⁷·⁶ and 2⁻⁵⁵·⁹.
const ASIN_NARROW: &[f64] = &[0.166_667_52, 0.074_953_094, 0.045_469_15, 0.024_184_758, 0.042_158_354];
const ASIN_WIDE: &[f64] = &[
    0.166_666_666_666_654_08,
    0.075_000_000_003_371_02,
    0.044_642_856_828_273_486,
    0.030_381_959_138_719_366,
    0.022_371_758_018_138_38,
    0.017_359_705_121_742_015,
    0.013_885_233_092_227_852,
    0.012_169_220_103_301_787,
    0.006_527_967_272_001_312,
    0.019_528_214_642_637_615,
    -0.016_224_068_264_917_395,
    0.031_912_076_533_903_94,
];

/// π/2 in two words.
fn half_pi<F: Lanes>(like: F) -> Double<F> {
    two(like, (1.570_796_370_506_286_6, -4.371_138_828_673_793e-8), (std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17))
}

/// base + atan r for |r| ≤ 1, where the base is 0 or larger than r.
fn atan_from<F: Lanes>(base: Double<F>, r: F) -> F {
    let square = r * r;
    let sum = Double::fast_sum(base.high, r).plus_low(base.low);
    sum.high + (r * square).mul_add(horner(square, pick::<F, _>(ATAN_NARROW, ATAN_WIDE)), sum.low)
}

/// The number in two words where the mask holds, else 0.
fn only_if<F: Lanes>(mask: F::Mask, x: Double<F>) -> Double<F> {
    let zero = x.high.number(0.0);
    Double::select(mask, x, Double { high: zero, low: zero })
}

/// atan x for all x, within 1 ulp (in f32 1.023 of the number before rounding, near 1): beyond 1, π/2 + atan(−1/x).
pub(crate) fn atan<F: Lanes>(x: F) -> F {
    let size = x.abs();
    let one = x.number(1.0);
    let far = one.lt(size);
    let (top, bottom) = (F::select(far, -one, size), F::select(far, size, one));
    let r = top / bottom;
    let base = only_if(far, half_pi(x));
    // What a quotient beyond 1 lacks, times the slope of the arc tangent there: about 1 − r²/2.
    let lacking = r.mul_add(-bottom, top) * -r;
    let lacking = F::select(size.lt(x.number(1e9)), lacking, x.number(0.0)) * (r * r).mul_add(x.number(-0.5), one);
    with_sign_of(atan_from(Double { high: base.high, low: base.low + lacking }, r), x)
}

/// The angle of the point (x, y) for all y and x, within 1 ulp but where both are almost subnormal, 1.5 there.
///
/// ±atan of the smaller over the larger size, in two words, from 0, π/2 or π.
pub(crate) fn atan2<F: Lanes>(y: F, x: F) -> F {
    let (height, width) = (y.abs(), x.abs());
    let (zero, one) = (x.number(0.0), x.number(1.0));
    let steep = width.lt(height);
    let left = x.sign_bit();
    let large = F::select(steep, height, width);
    let small = F::select(steep, width, height);
    // ∞/∞ is 1 here, and 0/0 is 0.
    let equal = small.equal(large);
    let small = F::select(equal, F::select(large.equal(zero), zero, one), small);
    let large = F::select(equal, one, large);
    // (x, y) right and flat: 0 + a; right and steep: π/2 − a; left and steep: π/2 + a; left and flat: π − a.
    let half = half_pi(x);
    let flat = only_if(left, Double { high: half.high + half.high, low: half.low + half.low });
    let base = Double::select(steep, half, flat);
    let minus = (steep | left) & !(steep & left);
    let small = F::select(minus, -small, small);
    let quotient = small / large;
    let rest = quotient.mul_add(-large, small) / large;
    let rest = F::select(large.lt(x.number(f64::INFINITY)), rest, zero);
    atan_from(Double { high: base.high, low: base.low + rest }, quotient).copysign(y)
}

/// asin r − r for |r| ≤ ½ with r² given.
fn asin_bend<F: Lanes>(r: F, square: F) -> F {
    r * square * series(square, ASIN_NARROW, ASIN_WIDE)
}

/// asin x for all x, within 1.5 ulps: beyond ½, π/2 − 2·asin √((1 − x)/2) (FDLIBM, `e_asin.c`).
pub(crate) fn asin<F: Lanes>(x: F) -> F {
    let size = x.abs();
    let near = size.lt(x.number(0.5));
    let rest = size.mul_add(x.number(-0.5), x.number(0.5));
    let square = F::select(near, size * size, rest);
    let r = F::select(near, size, -(rest.sqrt() * 2.0));
    let base = only_if(!near, half_pi(x));
    let bend = asin_bend(r, square);
    let sum = Double::fast_sum(base.high, r);
    with_sign_of(sum.high + (sum.low + (bend + base.low)), x)
}

/// acos x for all x, within 1.5 ulps: π/2 − asin x up to ½; beyond, 2·asin √((1 − |x|)/2), or that from π (FDLIBM, `e_acos.c`).
pub(crate) fn acos<F: Lanes>(x: F) -> F {
    let size = x.abs();
    let near = size.lt(x.number(0.5));
    let below = x.lt(x.number(0.0));
    let rest = size.mul_add(x.number(-0.5), x.number(0.5));
    let square = F::select(near, size * size, rest);
    let root = rest.sqrt() * 2.0;
    let r = F::select(near, -x, F::select(below, -root, root));
    let half = half_pi(x);
    let far = only_if(below, Double { high: half.high + half.high, low: half.low + half.low });
    let base = Double::select(near, half, far);
    let bend = asin_bend(r, square);
    let sum = Double::fast_sum(base.high, r);
    sum.high + (sum.low + (bend + base.low))
}
