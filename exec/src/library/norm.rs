//! The Euclidean norm of one row, in `f64`: one pass over plain squares, and another over scaled ones where those over- or underflow.

use damo_graph::Float;
use pulp::{Arch, NullaryFnOnce};

use super::pairwise::Pairwise;
use crate::view::View;

/// So many squares are summed at once, on the stack.
const BLOCK: usize = 256;

/// What brings the largest and the smallest numbers to where squares are safe: a power of two, and so exact.
const SHRINK: f64 = power_of_two(-600);
const STRETCH: f64 = power_of_two(600);

/// A sum of squares below this may have lost some of them to underflow: they are as small as 2⁻¹⁰⁷⁴.
const SMALLEST: f64 = power_of_two(-900);

/// 2 to a whole power, which is not subnormal.
const fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// `√Σx²`: `x: [n] -> []`. ∞ if an element is infinite, else NaN if one is.
pub(super) fn norm<T: Float>(x: &View<'_, T, 1>) -> f64 {
    let sum = squares(x, 1.0);
    if (SMALLEST..f64::INFINITY).contains(&sum) {
        return sum.sqrt();
    }
    if sum.is_nan() {
        // An infinite size is the larger, whatever the others are.
        let infinite = x.iter().any(|x| x.to_f64().is_infinite());
        return if infinite { f64::INFINITY } else { f64::NAN };
    }
    let scale = if sum < SMALLEST { STRETCH } else { SHRINK };
    squares(x, scale).sqrt() / scale
}

/// The sum of the squares of a row times a number.
fn squares<T: Float>(x: &View<'_, T, 1>, scale: f64) -> f64 {
    let arch = Arch::new();
    let mut sum = Pairwise::new(0.0);
    let mut copy = [0.0; BLOCK];
    let length = x.lengths()[0];
    for start in (0..length).step_by(BLOCK) {
        let part = x.range(start, start + BLOCK);
        sum.push(if let Some(block) = part.as_slice() {
            arch.dispatch(Squares { block, scale })
        } else {
            let block = &mut copy[..part.lengths()[0]];
            block.iter_mut().zip(part.iter()).for_each(|(place, x)| *place = x.to_f64());
            arch.dispatch(Squares { block, scale })
        });
    }
    sum.sum()
}

/// So many sums go on side by side.
const LANES: usize = 16;

/// A block whose scaled squares are about to be summed, in lanes that are then summed as a tree. Its call is always inlined into code for an
/// instruction set.
struct Squares<'a, T> {
    block: &'a [T],
    scale: f64,
}

impl<T: Float> NullaryFnOnce for Squares<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let (whole, tail) = self.block.as_chunks::<LANES>();
        let mut lanes = [0.0; LANES];
        for chunk in whole {
            for lane in 0..LANES {
                let x = chunk[lane].to_f64() * self.scale;
                lanes[lane] += x * x;
            }
        }
        for (lane, x) in lanes.iter_mut().zip(tail) {
            let x = x.to_f64() * self.scale;
            *lane += x * x;
        }
        let mut width = LANES;
        while width > 1 {
            width /= 2;
            for lane in 0..width {
                lanes[lane] += lanes[lane + width];
            }
        }
        lanes[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_length_and_size_agree_with_the_definition() {
        for length in [0, 1, 2, 31, 255, 256, 257, 5000] {
            for scale in [1.0, 1e-200, 1e200, 1e-320, 1e304] {
                let row: Vec<f64> = (0..length).map(|k| f64::from((k * 37) % 101 - 50) * scale).collect();
                let sum: f64 = (0..length).map(|k| f64::from((k * 37) % 101 - 50).powi(2)).sum();
                let (found, expected) = (norm(&View::of(&row)), sum.sqrt() * scale);
                // Numbers near 1e-320 have few bits themselves.
                assert!((found - expected).abs() <= 3.0 * f64::EPSILON * expected + 1e-319, "{length} {scale}: {found} {expected}");
            }
        }
        let row: Vec<f32> = (0..1000).map(|_| 1e38f32).collect();
        assert!((norm(&View::of(&row)) / (f64::from(1e38f32) * 1000f64.sqrt()) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn infinities_and_nan() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        for (row, expected) in [([nan, 1.0, -inf], inf), ([inf, inf, 0.0], inf), ([f64::MAX, f64::MAX, 0.0], inf), ([0.0, -0.0, 0.0], 0.0)] {
            assert_eq!(norm(&View::of(&row)), expected);
        }
        assert!(norm(&View::of(&[1.0, nan])).is_nan());
        assert_eq!(norm(&View::of(&[5e-324, 0.0])), 5e-324);
        assert_eq!(norm(&View::of(&[3e-200, 4e-200])), 5e-200);
    }
}
