//! The derivatives of e^(x²)·erfc x, which are repeated integrals of erfc: what is left where their formula cancels.

use super::tails::{ONE_OVER_SQRT_PI, erfcx};
use super::wide::Wide;

/// Beyond this order the numbers do not fit, or cost too much.
const HIGHEST_ORDER: f64 = 100.0;

/// The derivative of [`erfcx`], taken `order` times; NaN unless the order is a whole number from 0 to 100.
///
/// It is (−2)ⁿ n! e^(x²) iⁿerfc x, where iⁿerfc is integrated n times (DLMF 7.18).
pub fn erfcx_derivative(order: f64, x: f64) -> f64 {
    if order == 0.0 {
        return erfcx(x);
    }
    if !(order > 0.0 && order == order.floor() && order <= HIGHEST_ORDER) || x.is_nan() {
        return f64::NAN;
    }
    let order = order as u32;
    let size = if x < 0.0 {
        growing(order, x)
    } else if x < 1.0 {
        series(order, x)
    } else {
        fraction(order, x)
    };
    if order % 2 == 1 { -size } else { size }
}

/// By the recurrence DLMF 7.18.7, whose terms all have one sign for x < 0.
fn growing(order: u32, x: f64) -> f64 {
    let mut before = erfcx(x);
    let mut size = 2.0 * (ONE_OVER_SQRT_PI - x * before);
    for n in 1..order {
        (before, size) = (size, 2.0 * (f64::from(n) * before - x * size));
    }
    size
}

/// By the series at 0. Its terms alternate: the digits beyond those of `f64` make up for what cancels.
fn series(order: u32, x: f64) -> f64 {
    // The size of the derivative at 0, of that order and of the next.
    let (mut even, mut odd) = (Wide::ONE, Wide::from(2.0) / Wide::PI.sqrt());
    for n in 1..=order {
        (even, odd) = (odd, even * f64::from(2 * n));
    }
    let square = Wide::from(x) * x;
    let mut sum = Wide::from(0.0);
    odd = odd * x;
    for k in (0..).step_by(2) {
        let difference = even - odd;
        sum = sum + difference;
        if even.high + odd.high < 1e-22 * sum.high {
            break;
        }
        let next = |term: Wide, k: u32| term * square * f64::from(2 * (order + k + 1)) / (f64::from(k + 1) * f64::from(k + 2));
        (even, odd) = (next(even, k), next(odd, k + 1));
    }
    sum.round()
}

/// By the continued fraction DLMF 7.18.13: the product of the quotients of neighbouring orders, from 2/√π on.
fn fraction(order: u32, x: f64) -> f64 {
    if x == f64::INFINITY {
        return 0.0;
    }
    // So many terms are needed for the digits of `f64`, which are halved and more at each level above.
    let root = f64::from(order + 1).sqrt() + 13.0 / x;
    let terms = (root * root) as u32 + 8;
    let tail = (order + 1..=terms).rev().fold(0.0, |quotient, k| f64::from(k) / (x + 0.5 * quotient));
    let (mut quotient, mut size) = (Wide::from(tail), Wide::from(2.0) / Wide::PI.sqrt());
    for k in (0..=order).rev() {
        let above = if k == 0 { 0.5 } else { f64::from(k) };
        quotient = Wide::from(above) / (quotient.scaled(0.5) + x);
        size = size * quotient;
    }
    size.round()
}
