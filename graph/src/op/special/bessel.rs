//! Modified Bessel functions of the first kind.

use super::wide::Wide;

/// I₀(x)
pub fn bessel_i0(x: f64) -> f64 {
    bessel_i(0.0, x.abs())
}

/// I₁(x)
pub fn bessel_i1(x: f64) -> f64 {
    if x < 0.0 { -bessel_i(1.0, -x) } else { bessel_i(1.0, x) }
}

/// I₀ or I₁ for x ≥ 0: the power series, Abramowitz and Stegun 9.6.10, and far out the asymptotic one, 9.7.1.
fn bessel_i(order: f64, x: f64) -> f64 {
    if x.is_nan() || x > 720.0 {
        return x * f64::INFINITY;
    }
    if x < 1e-20 {
        return if order == 0.0 { 1.0 } else { 0.5 * x };
    }
    let x = Wide::from(x);
    let (mut term, mut sum, mut k) = (Wide::ONE, Wide::ONE, 0.0);
    if x.high < 25.0 {
        let square = (x * x).scaled(0.25);
        while term.high > 1e-20 * sum.high {
            k += 1.0;
            term = term * square / (k * (k + order));
            sum = sum + term;
        }
        return if order == 0.0 { sum.round() } else { (sum * x).scaled(0.5).round() };
    }
    while term.high.abs() > 1e-20 * sum.high && k < 40.0 {
        k += 1.0;
        let odd = 2.0 * k - 1.0;
        term = term * (odd * odd - 4.0 * order * order) / (x * (8.0 * k));
        sum = sum + term;
    }
    // The exponential in two factors: alone it overflows before the result does.
    let half = x.scaled(0.5).exp();
    (half * (sum / (Wide::TAU * x).sqrt())).round() * half.round()
}
