//! Numbers of about 106 bits as sums of two `f64`: what keeps the digits of a special function next to its zeros.
//!
//! Algorithms: Dekker 1971, "A floating-point technique for extending the available precision"; Hida, Li and Bailey 2001,
//! "Algorithms for quad-double precision floating point arithmetic".

use std::ops::{Add, Div, Mul, Neg, Sub};

/// The sum of two `f64` that do not overlap. For finite values far from overflow; callers answer the others themselves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wide {
    pub high: f64,
    pub low: f64,
}

/// The sum and its rounding error, exactly.
fn two_sum(a: f64, b: f64) -> Wide {
    let high = a + b;
    let part = high - a;
    Wide { high, low: (a - (high - part)) + (b - part) }
}

/// The same where `a` is the larger.
fn quick_two_sum(a: f64, b: f64) -> Wide {
    let high = a + b;
    Wide { high, low: b - (high - a) }
}

impl Wide {
    pub const ONE: Wide = Wide { high: 1.0, low: 0.0 };
    pub const PI: Wide = Wide { high: std::f64::consts::PI, low: 1.224_646_799_147_353_2e-16 };
    pub const LN_2: Wide = Wide { high: std::f64::consts::LN_2, low: 2.319_046_813_846_299_6e-17 };
    pub const TAU: Wide = Wide { high: std::f64::consts::TAU, low: 2.449_293_598_294_706_4e-16 };

    /// The nearest `f64`.
    pub fn round(self) -> f64 {
        self.high + self.low
    }

    /// Times a power of two, exactly.
    pub fn scaled(self, power: f64) -> Wide {
        Wide { high: self.high * power, low: self.low * power }
    }

    pub fn sqrt(self) -> Wide {
        let root = self.high.sqrt();
        quick_two_sum(root, (self - Wide::from(root) * root).high / (2.0 * root))
    }

    /// To a whole power.
    pub fn power(self, exponent: u64) -> Wide {
        let (mut power, mut square, mut rest) = (Wide::ONE, self, exponent);
        while rest > 0 {
            if rest & 1 == 1 {
                power = power * square;
            }
            rest >>= 1;
            if rest > 0 {
                square = square * square;
            }
        }
        power
    }

    /// eˣ − 1 for |x| < 0.4, by Taylor's series at x/512 and doubling: e²ˣ − 1 = 2(eˣ − 1) + (eˣ − 1)².
    pub fn small_exp_m1(self) -> Wide {
        let x = self.scaled(1.0 / 512.0);
        let series = (2..=10).rev().fold(Wide::ONE, |sum, k| Wide::ONE + x * sum / f64::from(k));
        (0..9).fold(x * series, |result, _| result.scaled(2.0) + result * result)
    }

    pub fn exp(self) -> Wide {
        if self.high.abs() > 1500.0 {
            return Wide::from(self.high.exp());
        }
        let twos = (self.high / Wide::LN_2.high).round();
        // In two steps, because 2¹⁰²⁴ does not fit.
        let (half, rest) = ((twos / 2.0).floor(), twos - (twos / 2.0).floor());
        ((self - Wide::LN_2 * twos).small_exp_m1() + 1.0).scaled(half.exp2()).scaled(rest.exp2())
    }

    /// The natural logarithm, by two steps of Newton's at once.
    pub fn ln(self) -> Wide {
        let near = self.high.ln();
        let off = self * Wide::from(-near).exp() - 1.0;
        off - off * off.scaled(0.5) + near
    }

    /// sin πx for |x| ≤ ½, by Taylor's series.
    pub fn sin_pi(self) -> Wide {
        let x = self * Wide::PI;
        let square = -(x * x);
        x * (1..=15).rev().fold(Wide::ONE, |sum, k| Wide::ONE + square * sum / f64::from(2 * k * (2 * k + 1)))
    }

    /// cos πx for |x| ≤ ½, without loss where it is zero.
    pub fn cos_pi(self) -> Wide {
        (Wide::from(0.5) - if self.high < 0.0 { -self } else { self }).sin_pi()
    }
}

impl From<f64> for Wide {
    fn from(high: f64) -> Self {
        Wide { high, low: 0.0 }
    }
}

impl Add for Wide {
    type Output = Wide;
    fn add(self, other: Wide) -> Wide {
        let (high, low) = (two_sum(self.high, other.high), two_sum(self.low, other.low));
        let sum = quick_two_sum(high.high, high.low + low.high);
        quick_two_sum(sum.high, sum.low + low.low)
    }
}

impl Mul for Wide {
    type Output = Wide;
    fn mul(self, other: Wide) -> Wide {
        let high = self.high * other.high;
        let error = self.high.mul_add(other.high, -high);
        quick_two_sum(high, error + (self.high * other.low + self.low * other.high))
    }
}

impl Div for Wide {
    type Output = Wide;
    fn div(self, other: Wide) -> Wide {
        let first = self.high / other.high;
        let rest = self - other * first;
        let second = rest.high / other.high;
        let third = (rest - other * second).high / other.high;
        quick_two_sum(first, second) + third
    }
}

impl Neg for Wide {
    type Output = Wide;
    fn neg(self) -> Wide {
        Wide { high: -self.high, low: -self.low }
    }
}

impl Sub for Wide {
    type Output = Wide;
    fn sub(self, other: Wide) -> Wide {
        self + -other
    }
}

macro_rules! with_plain_numbers {
    ($($trait:ident $method:ident)*) => { $(impl $trait<f64> for Wide {
        type Output = Wide;
        fn $method(self, other: f64) -> Wide { self.$method(Wide::from(other)) }
    })* };
}
with_plain_numbers! { Add add Sub sub Mul mul Div div }

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether two agree to 98 bits, relative to the larger of 1 and themselves.
    fn agree(left: Wide, right: Wide) -> bool {
        (left - right).high.abs() <= 2f64.powi(-98) * left.high.abs().max(1.0)
    }

    #[test]
    fn functions_undo_each_other() {
        for x in [1e-9, 0.1, 0.7, 1.0, 1.0 + 1e-9, 3.0, 17.5, 300.0] {
            let wide = Wide::from(x) / 3.0;
            assert!(agree(wide.exp().ln(), wide), "ln exp {x}");
            assert!(agree(wide.sqrt() * wide.sqrt() / wide, Wide::ONE), "sqrt {x}");
            assert!(agree(wide * 3.0 / x, Wide::ONE), "division {x}");
            let angle = Wide::from((x / 700.0).min(0.5));
            assert!(agree(angle.sin_pi() * angle.sin_pi() + angle.cos_pi() * angle.cos_pi(), Wide::ONE), "angle {x}");
        }
        assert_eq!(Wide::from(1.0).exp().round(), std::f64::consts::E);
        assert!(agree(Wide::from(0.5).sin_pi(), Wide::ONE));
        assert_eq!((Wide::from(1.0) / 3.0).power(3).round(), 1.0 / 27.0);
    }
}
