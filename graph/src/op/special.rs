//! Meanings of pointwise functions that neither Rust nor `libm` has, or that they have with fewer digits.

mod bessel;
mod erfc;
mod erfcx_derivative;
mod gamma;
mod normal;
mod tails;
mod wide;

pub use bessel::{bessel_i0, bessel_i1};
pub use erfc::erfc;
pub use erfcx_derivative::erfcx_derivative;
pub use gamma::{digamma, lgamma, polygamma};
pub use normal::{ONE_OVER_SQRT_TAU, erf_inv, ndtr, ndtri};
pub use tails::{ONE_OVER_SQRT_PI, erfcx, log_1m_exp, log_cosh, log_erfc, log_ndtr, logit, sinc, spherical_j1, x_minus_ln_1p};

use erfc::divided;
use wide::Wide;

/// `base` to the power of `exponent` on integers, wrapping. A negative exponent gives 0 unless the base is 1 or −1.
pub fn integer_power(base: i128, exponent: i128) -> i128 {
    match (base, exponent < 0) {
        (1, _) => 1,
        (-1, _) => {
            if exponent % 2 == 0 {
                1
            } else {
                -1
            }
        }
        (_, true) => 0,
        (_, false) => {
            let (mut power, mut square, mut rest) = (1i128, base, exponent);
            while rest > 0 {
                if rest & 1 == 1 {
                    power = power.wrapping_mul(square);
                }
                square = square.wrapping_mul(square);
                rest >>= 1;
            }
            power
        }
    }
}

/// The larger, with +0 above −0; NaN if either is.
pub fn maximum(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        f64::NAN
    } else if x == y {
        if x.is_sign_negative() { y } else { x }
    } else if x > y {
        x
    } else {
        y
    }
}

/// The smaller, with −0 below +0; NaN if either is.
pub fn minimum(x: f64, y: f64) -> f64 {
    -maximum(-x, -y)
}

/// ln(eˣ + eʸ)
pub fn log_add_exp(x: f64, y: f64) -> f64 {
    let (low, high) = (minimum(x, y), maximum(x, y));
    if high.is_infinite() || high.is_nan() || low == f64::NEG_INFINITY {
        return high;
    }
    let (difference, dropped) = difference(low, high);
    let power = difference.exp();
    let more = (power + power * dropped).ln_1p();
    if high > -0.5 * more || high < -2.0 * more {
        return high + more;
    }
    // Next to its zeros the two cancel.
    let more = ((Wide::from(low) - high).exp() + 1.0).ln();
    (more + high).round()
}

/// The inverse of cosh, for x ≥ 1. (`libm` gives numbers below as well, where rounding makes it one.)
pub fn acosh(x: f64) -> f64 {
    if x < 1.0 { f64::NAN } else { libm::acosh(x) }
}

/// x − y, and what rounding drops from it (Knuth, `TwoSum`); nothing where the difference overflows.
fn difference(x: f64, y: f64) -> (f64, f64) {
    let difference = x - y;
    let of_y = x - difference;
    let dropped = (x - (difference + of_y)) + (of_y - y);
    (difference, if difference.is_finite() { dropped } else { 0.0 })
}

/// 1/cosh² x, without overflow.
pub fn sech2(x: f64) -> f64 {
    let twice = 2.0 * x.abs();
    if twice > 800.0 {
        return 0.0;
    }
    if twice > 700.0 {
        // The exponential may be subnormal, where its error would be fourfold.
        return (Wide::LN_2.scaled(2.0) - twice).exp().round();
    }
    let small = (-twice).exp();
    // 1 + small, exactly, and its square.
    let sum = 1.0 + small;
    let dropped = small - (sum - 1.0);
    let square = sum * sum;
    let below = sum.mul_add(sum, -square) + 2.0 * sum * dropped;
    let (above, quotient) = (4.0 * small, 4.0 * small / square);
    divided(above, -quotient * below, square)
}

/// ln(eˣ − eʸ), for x ≥ y; −∞ where both are −∞.
pub fn log_sub_exp(x: f64, y: f64) -> f64 {
    if y == f64::NEG_INFINITY || x.is_nan() {
        return x;
    }
    let by = y - x;
    let more = log_1m_exp(by);
    if x == f64::INFINITY || by.is_nan() || more == 0.0 || more == f64::NEG_INFINITY || by > 0.0 {
        return x + more;
    }
    if x < -0.25 * more || x > -4.0 * more {
        // What rounding dropped from the difference, times the slope there.
        let dropped = (Wide::from(y) - x).low;
        return x + (more - dropped / (-by).exp_m1());
    }
    // Next to its zeros the two cancel.
    let by = Wide::from(y) - x;
    let rest = if by.high > -0.35 { -by.small_exp_m1() } else { -by.exp() + 1.0 };
    (rest.ln() + x).round()
}

/// log₂(2ˣ + 2ʸ)
pub fn log_add_exp2(x: f64, y: f64) -> f64 {
    let (low, high) = (minimum(x, y), maximum(x, y));
    if high.is_infinite() || high.is_nan() || low == f64::NEG_INFINITY {
        return high;
    }
    let (difference, dropped) = difference(low, high);
    let power = difference.exp2();
    let more = (power + power * dropped * std::f64::consts::LN_2).ln_1p() * std::f64::consts::LOG2_E;
    if high > -0.5 * more || high < -2.0 * more {
        return high + more;
    }
    let more = (((Wide::from(low) - high) * Wide::LN_2).exp() + 1.0).ln() / Wide::LN_2;
    (more + high).round()
}

/// 1/(1 + e⁻ˣ)
pub fn sigmoid(x: f64) -> f64 {
    let small = (-x.abs()).exp();
    // 1 + small, exactly.
    let sum = 1.0 + small;
    let dropped = small - (sum - 1.0);
    let above = if x < 0.0 { small } else { 1.0 };
    divided(above, -(above / sum) * dropped, sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;
    const LN_2: f64 = std::f64::consts::LN_2;
    const NAN: f64 = f64::NAN;

    fn same(left: f64, right: f64) -> bool {
        left.to_bits() == right.to_bits() || left.is_nan() && right.is_nan()
    }

    #[test]
    fn ends_and_poles() {
        type Case = (&'static str, fn(f64) -> f64, &'static [(f64, f64)]);
        let cases: &[Case] = &[
            ("sigmoid", sigmoid, &[(-INF, 0.0), (INF, 1.0), (0.0, 0.5), (-745.0, 5e-324)]),
            ("sech2", sech2, &[(-INF, 0.0), (INF, 0.0), (0.0, 1.0), (1e300, 0.0), (-372.0, 3e-323)]),
            ("erfc", erfc, &[(-INF, 2.0), (INF, 0.0), (0.0, 1.0), (-0.0, 1.0), (-30.0, 2.0), (27.5, 0.0), (1e300, 0.0)]),
            ("erf_inv", erf_inv, &[(1.0, INF), (-1.0, -INF), (0.0, 0.0), (-0.0, -0.0), (1.1, NAN), (-INF, NAN)]),
            ("ndtr", ndtr, &[(-INF, 0.0), (INF, 1.0), (0.0, 0.5), (-0.0, 0.5), (-50.0, 0.0)]),
            ("ndtri", ndtri, &[(0.0, -INF), (-0.0, -INF), (1.0, INF), (0.5, 0.0), (-0.1, NAN), (1.1, NAN)]),
            ("lgamma", lgamma, &[(0.0, INF), (-0.0, INF), (-3.0, INF), (1.0, 0.0), (2.0, 0.0), (INF, INF), (-INF, INF), (1e308, INF), (-1e300, INF)]),
            ("digamma", digamma, &[(0.0, -INF), (-0.0, INF), (-3.0, NAN), (INF, INF), (-INF, NAN)]),
            ("trigamma", |x| polygamma(1.0, x), &[(0.0, INF), (-2.0, INF), (INF, 0.0), (-INF, NAN)]),
            ("tetragamma", |x| polygamma(2.0, x), &[(0.0, -INF), (-2.0, NAN), (INF, -0.0), (-INF, NAN)]),
            ("log_1m_exp", log_1m_exp, &[(0.0, -INF), (-0.0, -INF), (-INF, -0.0), (1e-300, NAN), (INF, NAN)]),
            ("logit", logit, &[(0.0, -INF), (1.0, INF), (0.5, 0.0), (-0.1, NAN), (1.1, NAN)]),
            ("erfcx", erfcx, &[(-INF, INF), (INF, 0.0), (0.0, 1.0), (-30.0, INF)]),
            ("erfcx'", |x| erfcx_derivative(1.0, x), &[(-INF, -INF), (INF, -0.0), (0.0, -std::f64::consts::FRAC_2_SQRT_PI), (-30.0, -INF)]),
            ("erfcx''", |x| erfcx_derivative(2.0, x), &[(-INF, INF), (INF, 0.0), (0.0, 2.0), (-0.0, 2.0), (1e300, 0.0)]),
            ("log_erfc", log_erfc, &[(-INF, LN_2), (INF, -INF), (0.0, -0.0)]),
            ("log_ndtr", log_ndtr, &[(-INF, -INF), (INF, -0.0), (40.0, -0.0)]),
            ("log_cosh", log_cosh, &[(-INF, INF), (INF, INF), (0.0, 0.0), (-0.0, 0.0), (1e308, 1e308)]),
            ("x_minus_ln_1p", x_minus_ln_1p, &[(0.0, 0.0), (-1.0, INF), (INF, INF), (-2.0, NAN)]),
            ("sinc", sinc, &[(0.0, 1.0), (-0.0, 1.0), (INF, NAN)]),
            ("spherical_j1", spherical_j1, &[(0.0, 0.0), (-0.0, -0.0), (INF, NAN)]),
            ("bessel_i0", bessel_i0, &[(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, INF), (720.0, INF)]),
            ("bessel_i1", bessel_i1, &[(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (-720.0, -INF)]),
        ];
        for (name, function, points) in cases {
            assert!(function(NAN).is_nan(), "{name}(NaN)");
            for &(x, y) in *points {
                assert!(same(function(x), y), "{name}({x}) is {} and not {y}", function(x));
            }
        }
    }

    #[test]
    fn orders_that_are_no_orders_give_nan() {
        assert!([-1.0, 0.5, INF, NAN, 1e300].iter().all(|&order| polygamma(order, 1.0).is_nan()));
        assert!([-1.0, 0.5, INF, NAN, 101.0].iter().all(|&order| erfcx_derivative(order, 1.0).is_nan()));
        assert!(same(polygamma(1e6, 1.0), -INF));
        assert!(same(polygamma(150.0, 1e10), -0.0));
    }

    #[test]
    fn greater_and_smaller_know_nan_and_signed_zero() {
        for (x, y, greater, smaller) in
            [(1.0, 2.0, 2.0, 1.0), (0.0, -0.0, 0.0, -0.0), (-0.0, 0.0, 0.0, -0.0), (NAN, 1.0, NAN, NAN), (-INF, NAN, NAN, NAN)]
        {
            assert!(same(maximum(x, y), greater) && same(minimum(x, y), smaller), "{x} {y}");
        }
    }

    #[test]
    fn sums_of_exponentials_know_infinity() {
        for add in [log_add_exp, log_add_exp2] {
            assert!(same(add(-INF, -INF), -INF) && same(add(INF, -INF), INF) && same(add(INF, INF), INF));
            assert!(same(add(-INF, -3.5), -3.5) && add(NAN, -INF).is_nan() && add(INF, NAN).is_nan());
            assert!(same(add(1e308, 1e308), 1e308) && same(add(0.0, -1e308), 0.0));
        }
        assert!(same(log_add_exp2(-1.0, -1.0), 0.0));
    }

    #[test]
    fn a_difference_of_exponentials_knows_infinity() {
        let at = |x, y, result| assert!(same(log_sub_exp(x, y), result), "{x} {y}: {}", log_sub_exp(x, y));
        for (x, y) in [(-INF, -INF), (-1.0, -INF), (INF, -INF), (INF, 3.0), (0.0, -1e308), (1e308, -1e308), (1e308, 0.5)] {
            at(x, y, x);
        }
        for x in [0.0, -1e308, 3.5, 1e308] {
            at(x, x, -INF);
        }
        for (x, y) in [(-INF, -1.0), (1.0, 2.0), (INF, INF), (NAN, 1.0), (1.0, NAN), (NAN, -INF), (-INF, NAN), (-1.0, INF)] {
            at(x, y, NAN);
        }
        at(LN_2, 0.0, -4.638_093_627_692_599e-17);
        at(1000.0, 999.0, 999.541_324_854_612_9);
    }

    #[test]
    fn integer_powers_wrap() {
        assert_eq!(integer_power(3, 5), 243);
        assert_eq!((integer_power(0, 0), integer_power(0, 3), integer_power(0, -1)), (1, 0, 0));
        assert_eq!((integer_power(1, i128::MIN), integer_power(-1, -3), integer_power(-1, i128::MIN), integer_power(7, -1)), (1, -1, 1, 0));
        assert_eq!(integer_power(2, 130), 0);
        assert_eq!(integer_power(-5, 77), (-5i128).wrapping_pow(77));
    }
}
