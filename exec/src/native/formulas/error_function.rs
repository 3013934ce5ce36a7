//! The error function and its kin.

mod short_tail;

use super::super::lanes::Lanes;
use super::exponential::{exp_in_range, exp_words};
use super::logarithm::ln_of_words;
use super::parts::{Double, constant, horner, minus_size, pick, polynomial, two, with_sign_of};

/// erf x/x − 1 over x² on |x| ≤ 1; relative error of erf: 2⁻²⁹·³ and 2⁻⁵⁶·⁰.
const ERF_NARROW: &[f64] = &[0.128_379_17, -0.376_126_26, 0.112_835_765, -0.026_853_18, 0.005_186_728_7, -7.993_182e-4, 7.788_973e-5];
const ERF_WIDE: &[f64] = &[
    0.128_379_167_095_512_56,
    -0.376_126_389_031_833_43,
    0.112_837_916_709_369_63,
    -0.026_866_170_641_956_15,
    0.005_223_977_596_636_724,
    -8.548_325_475_665_872e-4,
    1.205_528_006_092_121_5e-4,
    -1.492_445_401_334_746_7e-5,
    1.644_396_490_130_907_5e-6,
    -1.618_223_634_722_343_4e-7,
    1.360_764_708_479_818_2e-8,
    -7.588_174_724_354_374e-10,
];
/// (1 − erf x − first)/t with t = x − center on 1 ≤ x ≤ 3.95; error of erf: 2⁻²⁹·⁸. The center makes 1 − first a number of 24 bits, but for
/// 2⁻³⁴, so that the last step is rounded once.
const ERF_FAR_NARROW: &[f64] = &[
    -2.178_133e-3,
    5.445_348e-3,
    -8.349_574e-3,
    8.622_017e-3,
    -6.116_977e-3,
    2.797_948_4e-3,
    -5.432_957_6e-4,
    -2.593_156_8e-4,
    2.520_668_5e-4,
    -8.067_15e-5,
    -6.975_591e-6,
    1.557_167_3e-5,
    -3.694_677_2e-6,
    -8.704_624e-7,
    3.791_641_3e-7,
];
const ERF_FAR_CENTER: f64 = 2.500_014_305_114_746;
const ERF_FAR_LESS_FIRST: f64 = 0.999_593_079_090_118_4;
/// e^(x²)·(1 − erf x) over (x − 3)/(x + 3) on 1 ≤ x ≤ 6; error of erf: 2⁻⁵⁶·⁵.
const ERF_FAR_WIDE: &[f64] = &[
    0.179_001_151_181_353_96,
    -0.326_233_560_045_902_1,
    0.245_603_801_664_162_37,
    -0.150_115_936_346_731_9,
    0.071_665_850_093_776_27,
    -0.024_392_328_170_622_85,
    0.004_270_352_226_917_53,
    7.131_696_786_113_326e-4,
    -5.811_052_219_666_153e-4,
    7.637_514_822_499_66e-5,
    1.029_363_616_856_902_9e-4,
    1.519_781_994_468_279_2e-5,
];

/// (1 + 2x)·e^(x²)·erfc x over (x − K)/(x + K), K = 2 (f32) and 4 (f64), on x ≥ 0.74; relative error 2⁻²⁷·⁰ and 2⁻⁵⁶·⁵.
/// That 1 + 2x makes it almost constant is from Shepherd and Laframboise 1981.
const TAIL_NARROW: &[f64] = &[
    1.276_978_4,
    -0.092_763_83,
    -0.166_030_02,
    0.164_051_34,
    -0.054_227_93,
    -0.008_029_307,
    0.008_778_617,
    0.001_208_351_5,
    -0.001_590_764_2,
    -2.337_146_1e-4,
    2.380_582_2e-4,
];
const TAIL_WIDE: &[f64] = &[
    1.232_995_118_625_552_6,
    -0.139_621_116_840_562_53,
    0.015_379_652_102_621_403,
    0.068_097_054_254_693_45,
    -0.101_039_066_036_413_66,
    0.093_732_834_998_350_85,
    -0.066_330_365_809_391_04,
    0.037_167_515_536_702_09,
    -0.016_197_734_095_446_628,
    0.005_031_969_995_246_609,
    -7.577_729_959_803_834e-4,
    -1.992_568_684_758_060_6e-4,
    1.506_202_663_963_149_6e-4,
    -2.439_822_747_913_848_5e-5,
    -1.121_773_116_951_536_1e-5,
    5.706_348_639_516_932e-6,
    2.855_953_838_216_351_4e-7,
    -8.183_518_944_457_514e-7,
    8.398_665_085_274_598e-8,
    1.014_113_798_978_192_9e-7,
    -2.351_696_329_412_66e-8,
    -8.638_368_174_827_603e-9,
    3.086_039_873_126_655e-9,
];
/// What the first of these coefficients lacks.
const TAIL_LOW: (f64, f64) = (5.117_882_118_099_715e-9, -4.972_416_082_693_542e-17);

/// erf x for all x, within 1 ulp.
///
/// x + x·P(x²) near 0. Beyond, 1 − T(x) with a polynomial (f32) or e^(−x²) times one (f64).
pub(crate) fn erf<F: Lanes>(x: F) -> F {
    let size = x.abs();
    let square = size * size;
    let near = size.mul_add(horner(square, pick::<F, _>(ERF_NARROW, ERF_WIDE)), size);
    let one = x.number(1.0);
    let far = if F::FRACTION == 23 {
        let t = x.number(3.95).least(size) - ERF_FAR_CENTER;
        (-t).mul_add(polynomial(t, ERF_FAR_NARROW), x.number(ERF_FAR_LESS_FIRST))
    } else {
        let size = x.number(6.0).least(size);
        let (fraction, power) = exp_in_range(-(size * size));
        let t = (size - 3.0) / (size + 3.0);
        (fraction * power).mul_add(-horner(t, ERF_FAR_WIDE), one)
    };
    with_sign_of(F::select(size.lt(one), near, far), x)
}

/// e^(x²)·erfc x for x ≥ 0.74, as the quotient of the two results.
fn tail<F: Lanes>(x: Double<F>) -> (Double<F>, Double<F>) {
    let center = pick::<F, _>(2.0, 4.0);
    let t = (x.high - center) / (x.high + center);
    let (first, rest) = pick::<F, _>(TAIL_NARROW, TAIL_WIDE).split_first().unwrap_or((&0.0, &[]));
    let low = constant(t, TAIL_LOW.0, TAIL_LOW.1);
    let top = Double::fast_sum(t.number(*first), t * polynomial(t, rest)).plus_low(low);
    // Halves, so that nothing overflows.
    let top = Double { high: top.high * 0.5, low: top.low * 0.5 };
    (top, Double::fast_sum(x.high, t.number(0.5)).plus_low(x.low))
}

/// Where [`tail`] takes over.
const EDGE: f64 = 0.75;

/// 1 ∓ erf x for the x below [`EDGE`] that is given by its size and sign, in two words.
fn near<F: Lanes>(size: Double<F>, negative: F::Mask) -> Double<F> {
    let square = size.high * size.high;
    let bend = size.high.mul_add(horner(square, pick::<F, _>(ERF_NARROW, ERF_WIDE)), size.low);
    let sum = Double::fast_sum(size.high.number(1.0), F::select(negative, size.high, -size.high));
    sum.plus_low(F::select(negative, bend, -bend))
}

/// erfc x · `factor` for the x that is given by its size and sign, and its square.
fn erfc_scaled<F: Lanes>(size: Double<F>, square: Double<F>, negative: F::Mask, factor: f64) -> F {
    let (whole, decay) = exp_words(Double { high: -square.high, low: -square.low });
    let (top, bottom) = tail(size);
    let far = whole.scale(decay.times(top).over(bottom).value() * factor);
    let far = F::select(negative, -far + 2.0 * factor, far);
    F::select(size.high.lt(size.high.number(EDGE)), near(size, negative).value() * factor, far)
}

/// erfc x for all x, also where it vanishes, within 1.5 ulps; in f32 within 4.
///
/// 1 − erf x near 0; beyond, e^(−x²)·T(x)/(1 + 2x) in two words each, or that from 2.
pub(crate) fn erfc<F: Lanes>(x: F) -> F {
    if F::FRACTION == 23 {
        return short_tail::erfc(x);
    }
    let size = constant(x, 11.0, 28.0).least(x.abs());
    erfc_scaled(Double { high: size, low: x.number(0.0) }, Double::product(size, size), x.sign_bit(), 1.0)
}

/// |x|/√2 in two words.
fn root_half<F: Lanes>(size: F) -> Double<F> {
    let factor = two(size, (0.707_106_769_084_930_4, 1.210_161_748_588_234_3e-8), (std::f64::consts::FRAC_1_SQRT_2, -4.833_646_656_726_457e-17));
    Double::product(size, factor.high).plus_low(size * factor.low)
}

/// The probability that a standard normal variable is at most x, for all x, within 1.5 ulps; in f32 within 4: ½·erfc(−x/√2).
pub(crate) fn ndtr<F: Lanes>(x: F) -> F {
    if F::FRACTION == 23 {
        return short_tail::ndtr(x);
    }
    let size = constant(x, 15.0, 39.0).least(x.abs());
    erfc_scaled(root_half(size), Double::product(size, size * 0.5), !x.sign_bit(), 0.5)
}

/// e^(x²)·erfc x for all x, within 3 ulps.
pub(crate) fn erfcx<F: Lanes>(x: F) -> F {
    let (zero, infinity, edge) = (x.number(0.0), x.number(f64::INFINITY), x.number(EDGE));
    let size = x.abs();
    let exact = Double { high: size, low: zero };
    let (top, bottom) = tail(exact);
    let far = top.over(bottom).value();
    let bounded = constant(x, 11.0, 28.0).least(size);
    let (whole, growth) = exp_words(Double::product(bounded, bounded));
    let close = growth.times(near(exact, x.sign_bit())).value();
    let is_near = size.lt(edge);
    let grown = whole.scale(F::select(is_near, close, growth.value() * 2.0));
    let result = F::select(is_near, grown, F::select(x.sign_bit(), grown - F::select(size.lt(x.number(20.0)), far, zero), far));
    F::select(x.equal(infinity), zero, result)
}

/// The logarithm of [`ndtr`] for all x, also where that vanishes, within 3 ulps.
///
/// Far below 0, −x²/2 + ln(T/(2 + 4z)) with z = |x|/√2.
pub(crate) fn log_ndtr<F: Lanes>(x: F) -> F {
    let (zero, one, infinity) = (x.number(0.0), x.number(1.0), x.number(f64::INFINITY));
    let negative = x.sign_bit();
    let size = x.abs();
    let z = root_half(constant(x, 1e15, 1e60).least(size));
    let square = Double::product(size, size * 0.5);
    let square = Double { high: square.high, low: F::select(square.high.lt(infinity), square.low, zero) };
    let (top, bottom) = tail(z);
    let ratio = top.over(bottom);
    let ratio = Double { high: ratio.high * 0.5, low: ratio.low * 0.5 };
    let limit = constant(x, 110.0, 760.0);
    let bounded = Double::select(square.high.lt(limit), square, Double { high: limit, low: zero });
    let (whole, decay) = exp_words(Double { high: -bounded.high, low: -bounded.low });
    let probability = whole.scale(decay.times(ratio).value());
    let is_near = z.high.lt(x.number(EDGE));
    let close = near(z, !negative);
    let close = Double::fast_sum(close.high * 0.5, close.low * 0.5);
    let far_above = Double::fast_sum(one, -probability);
    let words = Double::select(is_near, close, Double::select(negative, ratio, far_above));
    let logarithm = ln_of_words(words, zero.lt(zero), zero);
    let result = F::select(!is_near & negative, (logarithm - square.low) - square.high, logarithm);
    F::select(x.is_nan(), x, minus_size(result))
}
