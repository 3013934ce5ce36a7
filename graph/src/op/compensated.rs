//! Sums of floats that do not lose what rounding drops.

/// A running sum with the digits it lost, after Neumaier (1974): its error hardly grows with the count of terms.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Compensated {
    sum: f64,
    lost: f64,
}

impl Compensated {
    /// Adds a term.
    pub(super) fn add(&mut self, term: f64) {
        let sum = self.sum + term;
        self.lost += if self.sum.abs() >= term.abs() { (self.sum - sum) + term } else { (term - sum) + self.sum };
        self.sum = sum;
    }

    /// Adds a product, with the digits that its own rounding drops (Ogita, Rump and Oishi 2005).
    pub(super) fn add_product(&mut self, left: f64, right: f64) {
        let product = left * right;
        self.add(product);
        let dropped = left.mul_add(right, -product);
        if dropped.is_finite() {
            self.add(dropped);
        }
    }

    /// The sum. Where it is infinite or NaN, the lost digits mean nothing.
    pub(super) fn value(self) -> f64 {
        if self.sum.is_finite() { self.sum + self.lost } else { self.sum }
    }
}

/// The sum of numbers; 0 of none.
pub(super) fn sum(terms: impl IntoIterator<Item = f64>) -> f64 {
    let mut sum = Compensated::default();
    terms.into_iter().for_each(|term| sum.add(term));
    sum.value()
}

/// The sum of numbers divided by a number. Only the quotient may overflow.
pub(super) fn share(terms: &[f64], by: f64) -> f64 {
    let whole = sum(terms.iter().copied());
    if whole.is_finite() {
        return whole / by;
    }
    // 2¹⁰⁰: brings as many terms as fit in memory into range.
    let scale = 1.267_650_600_228_229_4e30;
    sum(terms.iter().map(|term| term / scale)) / by * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rounding_drops_comes_back() {
        assert_eq!(sum([1.0, 1e100, 1.0, -1e100]), 2.0);
        let mut dot = Compensated::default();
        dot.add_product(1.0 + f64::EPSILON, 1.0 - f64::EPSILON);
        dot.add(-1.0);
        assert_eq!(dot.value(), -f64::EPSILON * f64::EPSILON);
    }

    #[test]
    fn infinities_and_nan_stay_what_they_are() {
        assert_eq!(sum([f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(sum([f64::INFINITY, f64::NEG_INFINITY]).is_nan() && sum([f64::NAN, 1.0]).is_nan());
        let mut dot = Compensated::default();
        dot.add_product(f64::MAX, 2.0);
        assert_eq!(dot.value(), f64::INFINITY);
    }
}
