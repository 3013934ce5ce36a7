//! Powers with a whole exponent: products, with what rounding drops from them.

use super::super::lanes::Lanes;
use super::parts::constant;

/// The largest exponent that products serve for.
pub(crate) const LARGEST: u32 = 16;

/// x to a whole power from 1 to [`LARGEST`], within 1.5 ulps for 3 and 0.51 for all others; where digits get lost among the subnormal
/// numbers 1.5 as well, or two of the least.
///
/// By squaring, highest bit first; beside each product what it lacks, to first order. (With x(1 + d) for x, d within half an ulp, the product
/// of k of them is off by k·d, which is what this keeps; what is left is of the order of k²·d².) The last product is rounded with it.
pub(crate) fn whole_power<F: Lanes>(x: F, exponent: u32) -> F {
    let mut product = Product { value: x, lacks: None };
    for bit in (1..exponent.ilog2()).rev() {
        product = product.squared();
        if exponent >> bit & 1 == 1 {
            product = product.times(x);
        }
    }
    match (exponent, exponent & 1) {
        (1, _) => x,
        // Cubes are rounded twice: exact enough.
        (3, _) => x * x * x,
        (_, 0) => product.last_square(),
        _ => product.squared().last(x),
    }
}

/// A product, and what it lacks; nothing if it is exact.
struct Product<F> {
    value: F,
    lacks: Option<F>,
}

impl<F: Lanes> Product<F> {
    fn squared(self) -> Self {
        let value = self.value * self.value;
        let own = self.value.mul_add(self.value, -value);
        Product { value, lacks: Some(self.lacks.map_or(own, |lacks| (self.value + self.value).mul_add(lacks, own))) }
    }

    fn times(self, x: F) -> Self {
        let value = self.value * x;
        let own = self.value.mul_add(x, -value);
        Product { value, lacks: Some(self.lacks.map_or(own, |lacks| lacks.mul_add(x, own))) }
    }

    /// The product with x, rounded once.
    fn last(self, x: F) -> F {
        self.lacks.map_or(self.value * x, |lacks| self.value.mul_add(x, or_finite(lacks * x)))
    }

    /// The square, rounded once.
    fn last_square(self) -> F {
        let twice = self.value + self.value;
        self.lacks.map_or(self.value * self.value, |lacks| self.value.mul_add(self.value, or_finite(twice * lacks)))
    }
}

/// What a product lacks; what an infinite one does may be anything, and does not matter.
fn or_finite<F: Lanes>(lacks: F) -> F {
    let most = constant(lacks, 1e33, 1e293);
    lacks.least(most).greatest(-most)
}

#[cfg(test)]
mod tests {
    use super::super::super::lane::Lane;
    use super::*;

    #[test]
    fn powers_are_within_an_ulp() {
        for exponent in 1..=LARGEST {
            let mut worst = (0.0, 0.0);
            for bits in (0..=u32::MAX).step_by(99_991) {
                let x = f32::from_bits(bits);
                let exact = f64::from(x).powi(exponent as i32);
                let (expected, found) = (exact as f32, whole_power(Lane(x), exponent).0);
                if expected.is_nan() || expected.is_infinite() || expected.abs() < f32::MIN_POSITIVE {
                    let close = (f64::from(found) - exact).abs() <= 2.0 * f64::from(f32::from_bits(1));
                    assert!(found.is_nan() && expected.is_nan() || found == expected || close, "{x}^{exponent}: {found}, not {expected}");
                    continue;
                }
                let error = (f64::from(found) - exact).abs() / f64::from(expected.abs().next_up() - expected.abs());
                // What is lacking is itself rounded where it is subnormal.
                let near = expected.abs() < f32::MIN_POSITIVE * f32::exp2(24.0);
                assert!(error <= 1.5, "{x}^{exponent}: {error}");
                if error > worst.0 && !near {
                    worst = (error, x);
                }
            }
            assert!(worst.0 <= if exponent == 3 { 1.5 } else { 0.51 }, "{exponent}: {worst:?}");
        }
    }
}
