//! What the formulas share: polynomials, numbers of two words, powers of 2.

use super::super::lanes::Lanes;

/// One of two constants: of the narrow format (f32) or the wide one (f64).
pub(super) fn pick<F: Lanes, T>(narrow: T, wide: T) -> T {
    if F::FRACTION == 23 { narrow } else { wide }
}

/// A constant of the format in every lane.
pub(super) fn constant<F: Lanes>(like: F, narrow: f64, wide: f64) -> F {
    like.number(pick::<F, _>(narrow, wide))
}

/// A constant of two words.
pub(super) fn two<F: Lanes>(like: F, narrow: (f64, f64), wide: (f64, f64)) -> Double<F> {
    let (high, low) = pick::<F, _>(narrow, wide);
    Double { high: like.number(high), low: like.number(low) }
}

/// Σ cₖ·xᵏ by Horner's rule: the fewest operations, each waiting for the one before.
pub(super) fn horner<F: Lanes>(x: F, coefficients: &[f64]) -> F {
    let (last, rest) = coefficients.split_last().unwrap_or((&0.0, &[]));
    rest.iter().rev().fold(x.number(*last), |sum, &c| sum.mul_add(x, x.number(c)))
}

/// Σ cₖ·xᵏ, even and odd powers apart where there are many: half the waiting for one more multiplication.
pub(super) fn polynomial<F: Lanes>(x: F, coefficients: &[f64]) -> F {
    if coefficients.len() <= 5 {
        return horner(x, coefficients);
    }
    let square = x * x;
    let part = |first: usize| {
        let mut terms = coefficients.iter().skip(first).step_by(2).rev();
        let last = x.number(*terms.next().unwrap_or(&0.0));
        terms.fold(last, |sum, &c| sum.mul_add(square, x.number(c)))
    };
    part(1).mul_add(x, part(0))
}

/// Σ cₖ·xᵏ with the coefficients of the format.
pub(super) fn series<F: Lanes>(x: F, narrow: &[f64], wide: &[f64]) -> F {
    polynomial(x, pick::<F, _>(narrow, wide))
}

/// A number of two words: their exact sum, the second at most about half an ulp of the first.
#[derive(Clone, Copy)]
pub(super) struct Double<F> {
    pub high: F,
    pub low: F,
}

impl<F: Lanes> Double<F> {
    /// x + y without error where |x| ≥ |y| or x = 0 (Dekker 1971).
    pub(super) fn fast_sum(x: F, y: F) -> Self {
        let high = x + y;
        Self { high, low: y - (high - x) }
    }

    /// x + y without error (Knuth, TAOCP 2, 4.2.2).
    pub(super) fn sum(x: F, y: F) -> Self {
        let high = x + y;
        let shadow = high - x;
        Self { high, low: (x - (high - shadow)) + (y - shadow) }
    }

    /// x · y without error, unless it comes near the subnormal numbers.
    pub(super) fn product(x: F, y: F) -> Self {
        let high = x * y;
        Self { high, low: x.mul_add(y, -high) }
    }

    /// The same for another `low`.
    pub(super) fn plus_low(self, low: F) -> Self {
        Self { high: self.high, low: self.low + low }
    }

    /// The quotient, off by some 2^-(2·`FRACTION`) of it: one correction by the remainder.
    pub(super) fn over(self, divisor: Self) -> Self {
        let reciprocal = self.high.number(1.0) / divisor.high;
        let high = self.high * reciprocal;
        let remainder = high.mul_add(-divisor.high, self.high) + high.mul_add(-divisor.low, self.low);
        Self { high, low: remainder * reciprocal }
    }

    /// The product, but for what is as small as the product of the second words.
    pub(super) fn times(self, other: Self) -> Self {
        Self::product(self.high, other.high).plus_low(self.high.mul_add(other.low, self.low * other.high))
    }

    /// One of two numbers by the mask.
    pub(super) fn select(mask: F::Mask, yes: Self, no: Self) -> Self {
        Self { high: F::select(mask, yes.high, no.high), low: F::select(mask, yes.low, no.low) }
    }

    /// The sum of the words.
    pub(super) fn value(self) -> F {
        self.high + self.low
    }
}

/// A whole number n in two forms: as a float, and in the lowest bits of `shifted`.
#[derive(Clone, Copy)]
pub(super) struct Whole<F> {
    pub number: F,
    pub shifted: F,
}

/// 1.5 · 2^`FRACTION`: numbers near it have their unit in their lowest bit.
pub(super) fn shifter<F: Lanes>(like: F) -> F {
    constant(like, 12_582_912.0, 6_755_399_441_055_744.0)
}

impl<F: Lanes> Whole<F> {
    /// The whole number nearest to x · factor, of at most 2^(`FRACTION` − 2).
    pub(super) fn nearest(x: F, factor: F) -> Self {
        let shifter = shifter(x);
        let shifted = x.mul_add(factor, shifter);
        Self { number: shifted - shifter, shifted }
    }

    /// 2ⁿ for |n| up to twice the largest exponent, as two factors that are each a normal number.
    fn power_of_two_halves(self) -> (F, F) {
        let bits = self.shifted.to_bits();
        let half = bits >> 1;
        (exponent(self.shifted, half), exponent(self.shifted, bits - half))
    }

    /// 2ⁿ as two factors that are each a normal number, the second one of two constants; for |n| up to an eighth more than the largest
    /// exponent, and negative n where the mask says so.
    pub(super) fn power_of_two_and_back(self, negative: F::Mask) -> (F, F) {
        let like = self.shifted;
        let (large, small) = (constant(like, 64f64.exp2(), 512f64.exp2()), constant(like, (-64f64).exp2(), (-512f64).exp2()));
        let unit = F::select(negative, large, small);
        (F::from_bits((like.to_bits() << F::FRACTION) + unit.to_bits()), F::select(negative, small, large))
    }

    /// 2⁻ʰ and 2ʲ with h + j = n and |n| up to twice the largest exponent.
    pub(super) fn inverse_and_power_of_two(self) -> (F, F) {
        let bits = self.shifted.to_bits();
        let half = bits >> 1;
        let inverse = F::from_bits(self.shifted.number(1.0).to_bits() - (half << F::FRACTION));
        (inverse, exponent(self.shifted, bits - half))
    }

    /// ½·2ⁿ where that is a normal number.
    pub(super) fn half_power_of_two(self) -> F {
        let half = self.shifted.number(0.5);
        F::from_bits((self.shifted.to_bits() << F::FRACTION) + half.to_bits())
    }

    /// 2ⁿ for an n that is the exponent of a normal number.
    pub(super) fn power_of_two(self) -> F {
        exponent(self.shifted, self.shifted.to_bits())
    }

    /// x · 2ⁿ, rounded once where it becomes subnormal.
    pub(super) fn scale(self, x: F) -> F {
        x.times_power_of_two(self.number).unwrap_or_else(|| {
            let (first, second) = self.power_of_two_halves();
            x * first * second
        })
    }

    /// Both words times 2ⁿ.
    pub(super) fn scale_words(self, x: Double<F>) -> Double<F> {
        Double { high: self.scale(x.high), low: self.scale(x.low) }
    }
}

/// 2^n for the n in the lowest bits.
fn exponent<F: Lanes>(like: F, n: F::Bits) -> F {
    F::from_bits((n << F::FRACTION) + like.number(1.0).to_bits())
}

/// The number, or the bounds nearest to it; NaN stays.
pub(super) fn clamp<F: Lanes>(x: F, low: F, high: F) -> F {
    low.greatest(high.least(x))
}

/// A number that is not negative, with the sign of another.
pub(super) fn with_sign_of<F: Lanes>(size: F, sign: F) -> F {
    F::from_bits(size.to_bits() | (sign.to_bits() & sign.number(-0.0).to_bits()))
}

/// −|x|
pub(super) fn minus_size<F: Lanes>(x: F) -> F {
    F::from_bits(x.to_bits() | x.number(-0.0).to_bits())
}
