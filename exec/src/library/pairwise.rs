//! Sums of many terms as a balanced tree: the error grows with the logarithm of their number (Higham 1993, "The accuracy of floating
//! point summation").

use std::ops::Add;

/// Adds up terms as they come, always in the same tree: like a binary counter, each level holds the sum of a power of two of them.
#[derive(Clone, Copy, Debug)]
pub struct Pairwise<T> {
    levels: [T; LEVELS],
    count: usize,
}

/// Enough for more terms than fit in memory.
const LEVELS: usize = 48;

impl<T: Copy + Add<Output = T>> Pairwise<T> {
    /// No terms yet; `zero` is what their sum is.
    pub const fn new(zero: T) -> Self {
        Pairwise { levels: [zero; LEVELS], count: 0 }
    }

    /// Adds a term.
    #[inline]
    pub fn push(&mut self, mut term: T) {
        let full = (self.count.trailing_ones() as usize).min(LEVELS - 1);
        for level in &self.levels[..full] {
            term = *level + term;
        }
        self.levels[full] = term;
        self.count += 1;
    }

    /// The sum of all terms.
    pub fn sum(&self) -> T {
        let held = |level: &usize| self.count >> level & 1 == 1;
        let sums = (0..LEVELS).filter(held).map(|level| self.levels[level]);
        sums.reduce(|sum, level| level + sum).unwrap_or(self.levels[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_where_they_can_be() {
        for count in 0..100u32 {
            let mut sum = Pairwise::new(0.0f64);
            (0..count).for_each(|k| sum.push(f64::from(k)));
            assert_eq!(sum.sum(), f64::from(count * count.saturating_sub(1) / 2));
        }
    }

    #[test]
    fn the_error_stays_small() {
        let mut sum = Pairwise::new(0.0f32);
        (0..1 << 22).for_each(|_| sum.push(0.1));
        assert_eq!(sum.sum(), 0.1f32 * (1 << 22) as f32);
    }
}
