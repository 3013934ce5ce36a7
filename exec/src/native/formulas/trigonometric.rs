//! Sine, cosine, tangent.
//!
//! x = n·π/2 + r with π/2 in three words, each product taken off by a fused multiply-add (Cody and Waite, Software Manual, chapter 8;
//! Boldo, Daumas and Li 2009 on why the first of these is exact). Beyond the limit on |x| the formulas are wrong.

use super::super::lanes::Lanes;
use super::parts::{Double, Whole, constant, pick, series};

/// (sin r − r)/r³ over r² on |r| ≤ π/4; relative error of the sine: 2⁻²⁷·⁸ and 2⁻⁵⁷·⁹.
const SIN_NARROW: &[f64] = &[-1.666_665_4e-1, 8.332_106e-3, -1.950_788_1e-4];
const SIN_WIDE: &[f64] = &[
    -0.166_666_666_666_666_3,
    0.008_333_333_333_321_842,
    -0.000_198_412_698_293_847_9,
    2.755_731_355_975_233e-6,
    -2.505_073_966_830_747_7e-8,
    1.589_584_438_255_835_6e-10,
];
/// (cos r − 1 + r²/2)/r⁴ over r² on |r| ≤ π/4; relative error of the cosine: 2⁻³²·⁷ and 2⁻⁶³·⁹.
const COS_NARROW: &[f64] = &[4.166_664_6e-2, -1.388_729_8e-3, 2.443_008_8e-5];
const COS_WIDE: &[f64] = &[
    0.041_666_666_666_666_595,
    -0.001_388_888_888_887_334,
    2.480_158_728_899_934e-5,
    -2.755_731_421_587_835_7e-7,
    2.087_570_519_291_168_6e-9,
    -1.135_873_660_425_606e-11,
];

/// (tan r − r)/r³ over r² on |r| ≤ π/4; relative error of the tangent: 2⁻²⁹·³ and 2⁻⁵⁶·².
const TAN_NARROW: &[f64] = &[0.333_333_52, 0.133_325_71, 0.054_070_935, 0.021_223_01, 0.010_994_27, -1.170_515_4e-4, 0.004_480_731_7];
const TAN_WIDE: &[f64] = &[
    0.333_333_333_333_327_76,
    0.133_333_333_334_148_18,
    0.053_968_253_926_594_933,
    0.021_869_489_610_327_25,
    0.008_863_219_149_956_131,
    0.003_592_289_180_297_745_7,
    0.001_454_757_463_060_237_4,
    5.950_665_444_876_478e-4,
    2.223_751_883_755_474_2e-4,
    1.365_339_108_556_528e-4,
    -2.639_659_355_314_569_3e-5,
    8.946_084_605_614_951e-5,
    -4.488_065_272_688_043e-5,
    2.086_413_823_534_831_7e-5,
];

/// x = n·π/2 + r + low, where |r| ≤ π/4 and `low` is what r lacks.
#[derive(Clone, Copy)]
pub(super) struct Reduced<F> {
    pub n: Whole<F>,
    pub r: F,
    pub low: F,
}

/// x less its nearest multiple of π/2.
pub(super) fn reduce<F: Lanes>(x: F) -> Reduced<F> {
    let n = Whole::nearest(x, x.number(std::f64::consts::FRAC_2_PI));
    let first = constant(x, -1.570_796_370_506_286_6, -std::f64::consts::FRAC_PI_2);
    let second = constant(x, 4.371_138_828_673_793e-8, -6.123_233_995_736_766e-17);
    let third = constant(x, 1.715_124_510_005_881_9e-15, 1.497_384_904_859_169_8e-33);
    // Exact: the difference has no lower bits than its parts, and is small.
    let near = n.number.mul_add(first, x);
    let next = Double::product(n.number, second);
    // Where this is not the larger first, the sum is exact.
    let sum = Double::fast_sum(near, next.high);
    Reduced { n, r: sum.high, low: n.number.mul_add(third, next.low) + sum.low }
}

/// sin(r + low) in two parts, the first much the larger.
fn sine<F: Lanes>(r: F, low: F, square: F) -> (F, F) {
    (r, (square * r).mul_add(series(square, SIN_NARROW, SIN_WIDE), low))
}

/// cos(r + low) − 1: r²·(−½ + r²·C), with what the square lacks.
fn cosine_less_one<F: Lanes>(r: F, low: F, square: F) -> F {
    let lacking = r.mul_add(r, -square);
    let bend = square.mul_add(series(square, COS_NARROW, COS_WIDE), r.number(-0.5));
    square.mul_add(bend, -lacking.mul_add(r.number(0.5), r * low))
}

/// Whether n is odd.
fn odd<F: Lanes>(n: Whole<F>) -> F::Mask {
    F::from_bits(n.shifted.to_bits() << pick::<F, _>(31, 63)).sign_bit()
}

/// The number with its sign changed where the second lowest bit is set.
fn negate_if<F: Lanes>(x: F, bits: F::Bits) -> F {
    F::from_bits(x.to_bits() ^ ((bits >> 1) << pick::<F, _>(31, 63)))
}

/// sin x, within 1 ulp, for |x| up to the limit.
pub(crate) fn sin<F: Lanes>(x: F) -> F {
    let Reduced { n, r, low } = reduce(x);
    let square = r * r;
    let (high, rest) = sine(r, low, square);
    let size = F::select(odd(n), cosine_less_one(r, low, square) + 1.0, high + rest);
    F::select(x.equal(x.number(0.0)), x, negate_if(size, n.shifted.to_bits()))
}

/// cos x, within 1 ulp, for |x| up to the limit.
pub(crate) fn cos<F: Lanes>(x: F) -> F {
    let Reduced { n, r, low } = reduce(x);
    let square = r * r;
    let (high, rest) = sine(r, low, square);
    let size = F::select(odd(n), high + rest, cosine_less_one(r, low, square) + 1.0);
    negate_if(size, n.shifted.to_bits() + x.bits(1))
}

/// sin x / x, and 1 at 0, within 1 ulp, for |x| up to the limit.
pub(crate) fn sinc<F: Lanes>(x: F) -> F {
    let Reduced { n, r, low } = reduce(x);
    let (square, zero) = (r * r, x.number(0.0));
    let (high, rest) = sine(r, low, square);
    let cosine = cosine_less_one(r, low, square);
    let top = Double::fast_sum(F::select(odd(n), x.number(1.0), high), F::select(odd(n), cosine, rest));
    let quotient = top.over(Double { high: x, low: zero }).value();
    F::select(x.abs().lt(constant(x, 1e-4, 1e-9)), x.number(1.0), negate_if(quotient, n.shifted.to_bits()))
}

/// tan x, within 1.5 ulps, for |x| up to the limit: tan r or −1/tan r.
pub(crate) fn tan<F: Lanes>(x: F) -> F {
    let Reduced { n, r, low } = reduce(x);
    let square = r * r;
    let bend = square * r * series(square, TAN_NARROW, TAN_WIDE);
    let slope = (r + bend) * (r + bend);
    let tangent = Double::fast_sum(r, bend + low.mul_add(slope, low));
    let one = x.number(1.0);
    let reciprocal = one / tangent.high;
    let error = tangent.low.mul_add(-reciprocal, tangent.high.mul_add(-reciprocal, one));
    let cotangent = error.mul_add(reciprocal, reciprocal);
    let result = F::select(odd(n), -cotangent, tangent.high);
    F::select(x.equal(x.number(0.0)), x, result)
}
