//! Logarithms of what exponentials and quotients make, and differences of a logarithm and its argument.

use super::super::lanes::Lanes;
use super::exponential::{ARTANH_THIRD_NARROW, ARTANH_THIRD_WIDE, decay, exp_m1_bend, exp_words, exp2_of_words};
use super::hyperbolic::sinh_bend;
use super::logarithm::{ln_of_words, x_minus_terms_1p};
use super::parts::{Double, constant, minus_size, series};

/// Scales a positive number out of the subnormal ones: with what is to be added to the k of its logarithm.
fn lift<F: Lanes>(x: Double<F>) -> (Double<F>, F) {
    let is_tiny = x.high.lt(constant(x.high, 2f64.powi(-60), 2f64.powi(-900)));
    let (one, zero) = (x.high.number(1.0), x.high.number(0.0));
    let factor = F::select(is_tiny, constant(x.high, 2f64.powi(80), 2f64.powi(200)), one);
    let more = F::select(is_tiny, constant(x.high, -80.0, -200.0), zero);
    (Double { high: x.high * factor, low: x.low * factor }, more)
}

/// ln(1 + v) for the sum v of two words from 0 to 1.
fn ln_1p_small<F: Lanes>(v: Double<F>) -> F {
    let s = v.high / (v.high + 2.0);
    let square = s * s;
    let half = v.high * 0.5 * v.high;
    let bend = s.mul_add(square.mul_add(series(square, ARTANH_THIRD_NARROW, ARTANH_THIRD_WIDE), half), v.low - half);
    v.high + bend
}

/// ln(1 − eˣ) for all x ≤ 0, within 2.5 ulps: of −(eˣ − 1) near 0, beyond of 1 − eˣ, in two words.
pub(crate) fn log_1m_exp<F: Lanes>(x: F) -> F {
    let (zero, one, infinity) = (x.number(0.0), x.number(1.0), x.number(f64::INFINITY));
    let decay = decay(x);
    let far = Double::fast_sum(one, -decay.high).plus_low(-decay.low);
    // x itself is the remainder there.
    let size = x.abs();
    let rest = exp_m1_bend(-size);
    let close = Double::fast_sum(size, -rest);
    let words = Double::select(size.lt(x.number(0.3)), close, far);
    let (words, more) = lift(words);
    let result = ln_of_words(words, zero.lt(zero), more);
    let result = F::select(x.equal(zero), -infinity, result);
    // A zero is −0.
    F::select(x.le(zero), minus_size(result), x.number(f64::NAN))
}

/// ln(p/(1 − p)) for all p, within 2.5 ulps: of the quotient in two words.
pub(crate) fn logit<F: Lanes>(x: F) -> F {
    let (zero, one, infinity) = (x.number(0.0), x.number(1.0), x.number(f64::INFINITY));
    let (top, more) = lift(Double { high: x, low: zero });
    let quotient = top.over(Double::fast_sum(one, -x));
    let result = ln_of_words(quotient, zero.lt(zero), more);
    let outside = F::select(x.equal(one), infinity, x.number(f64::NAN));
    let outside = F::select(x.equal(zero), -infinity, outside);
    F::select(zero.lt(x) & x.lt(one), result, outside)
}

/// ln cosh x for all x, within 2.5 ulps: ln(1 + 2·sinh²(x/2)) near 0, beyond |x| − ln 2 + ln(1 + e^(−2|x|)).
pub(crate) fn log_cosh<F: Lanes>(x: F) -> F {
    let size = x.abs();
    let half = size * 0.5;
    let sine = Double::fast_sum(half, sinh_bend(half));
    let twice = sine.high + sine.high;
    let square = Double::product(twice, sine.high).plus_low((twice + twice) * sine.low);
    let is_near = size.lt(x.number(0.69));
    let argument = Double::select(is_near, square, decay(size + size));
    let ln_2 = constant(x, 0.693_147_182_464_599_6, std::f64::consts::LN_2);
    let ln_2_low = constant(x, -1.904_654_212_125_933_6e-9, 2.319_046_813_846_299_6e-17);
    let logarithm = ln_1p_small(argument);
    let far = (size - ln_2) + (logarithm - ln_2_low);
    F::select(is_near, logarithm, far)
}

/// ln(1 + 1/x) for all x ≥ 0, within 2 ulps: of the sum in two words.
pub(crate) fn ln_1p_recip<F: Lanes>(x: F) -> F {
    let (zero, one, infinity) = (x.number(0.0), x.number(1.0), x.number(f64::INFINITY));
    let (scaled, more) = lift(Double { high: x, low: zero });
    let is_scaled = more.lt(zero);
    let reciprocal = one / scaled.high;
    let low = reciprocal.mul_add(-scaled.high, one) * reciprocal;
    let sum = Double::sum(F::select(is_scaled, zero, one), reciprocal).plus_low(low);
    let result = ln_of_words(sum, zero.lt(zero), -more);
    let result = F::select(x.equal(infinity), zero, F::select(x.equal(zero), infinity, result));
    F::select(zero.le(x), result, x.number(f64::NAN))
}

/// x − ln(1 + x) for all x, within 2.5 ulps: where nothing is split off the logarithm, what its formula adds to x.
pub(crate) fn x_minus_ln_1p<F: Lanes>(x: F) -> F {
    let (zero, infinity) = (x.number(0.0), x.number(f64::INFINITY));
    let u = x + 1.0;
    let result = x_minus_terms_1p(x, u);
    let result = F::select(x.equal(infinity) | u.equal(zero), infinity, result);
    F::select(zero.le(u), result, x.number(f64::NAN))
}

/// The larger and the smaller; NaN where either is.
fn ordered<F: Lanes>(x: F, y: F) -> (F, F) {
    let is_less = x.lt(y) | y.is_nan();
    (F::select(is_less, y, x), F::select(is_less, x, y))
}

/// high + more, where `high` is infinite or NaN, or the difference of the two, just `high`.
fn log_sum<F: Lanes>(high: F, low: F, more: F) -> F {
    let infinity = high.number(f64::INFINITY);
    F::select(high.abs().lt(infinity) & (-infinity).lt(low), high + more, high)
}

/// low − high in two words, but not below a limit.
fn difference<F: Lanes>(low: F, high: F, limit: F) -> Double<F> {
    let difference = Double::sum(low, -high);
    let nothing = Double { high: limit, low: limit.number(0.0) };
    Double::select(difference.high.lt(limit), nothing, difference)
}

/// Whether the sum of two numbers loses no more than two bits.
fn keeps_digits<F: Lanes>(high: F, more: F) -> F::Mask {
    (more * -0.25).lt(high) | high.lt(more * -4.0)
}

/// ln(eˣ + eʸ) for all x and y, within 2.5 ulps where the second result holds; elsewhere, next to 0, the two terms cancel.
pub(crate) fn log_add_exp<F: Lanes>(x: F, y: F) -> (F, F::Mask) {
    let (high, low) = ordered(x, y);
    let (whole, fraction) = exp_words(difference(low, high, constant(x, -104.0, -746.0)));
    let more = ln_1p_small(whole.scale_words(fraction));
    let is_plain = !high.abs().lt(x.number(f64::INFINITY)) | keeps_digits(high, more);
    (log_sum(high, low, more), is_plain)
}

/// log₂(2ˣ + 2ʸ) for all x and y, within 3 ulps where the second result holds; elsewhere, next to 0, the two terms cancel.
pub(crate) fn log_add_exp2<F: Lanes>(x: F, y: F) -> (F, F::Mask) {
    let (high, low) = ordered(x, y);
    let zero = x.number(0.0);
    let power = exp2_of_words(difference(low, high, constant(x, -151.0, -1077.0)));
    let more = ln_1p_small(Double { high: power, low: zero }) * std::f64::consts::LOG2_E;
    let is_plain = !high.abs().lt(x.number(f64::INFINITY)) | keeps_digits(high, more);
    (log_sum(high, low, more), is_plain)
}
