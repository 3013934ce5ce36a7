//! Vector by vector: dot products.

use pulp::{Arch, Simd, WithSimd};

use super::lanes::Multiply;
use super::pairwise::Pairwise;
use super::workers::Workers;
use crate::view::{View, ViewMut};

/// Sums are kept in registers for so many elements, then enter a pairwise tree.
pub(super) const BLOCK: usize = 2048;

/// Parts of a sum are so many blocks, or twice, four times as many until there are few enough.
const PART: usize = 64;

/// At most so many parts.
const PARTS: usize = 256;

/// `Σ left · right`: `left: [k], right: [k] -> []`; 0 if they are empty. Elements that only one has count as 0.
pub fn dot<T: Multiply>(left: View<'_, T, 1>, right: View<'_, T, 1>, workers: &Workers<'_, T>) -> T {
    if let (Some(left), Some(right)) = (left.as_slice(), right.as_slice()) {
        return dot_of_slices(left, right, workers);
    }
    let (mut total, mut sum) = (Pairwise::new(T::ZERO), T::ZERO);
    for (place, (x, y)) in left.iter().zip(right.iter()).enumerate() {
        if place % 16 == 0 {
            total.push(sum);
            sum = T::ZERO;
        }
        sum += x * y;
    }
    total.push(sum);
    total.sum()
}

/// A power of two of blocks is a whole branch of the tree that all of them make: the sum is the same in whatever parts.
fn dot_of_slices<T: Multiply>(left: &[T], right: &[T], workers: &Workers<'_, T>) -> T {
    let length = left.len().min(right.len());
    if workers.threads_for(length) == 1 {
        return Arch::new().dispatch(Dot { left, right });
    }
    let blocks = length.div_ceil(BLOCK);
    let part = PART * blocks.div_ceil(PART * PARTS).next_power_of_two() * BLOCK;
    let mut sums = [T::ZERO; PARTS];
    let count = length.div_ceil(part);
    workers.share(ViewMut::of(&mut sums[..count]), 1, length, |parts, mut sums| {
        let of_part = |place: usize| {
            let part = place * part..length.min((place + 1) * part);
            Arch::new().dispatch(Dot { left: &left[part.clone()], right: &right[part] })
        };
        sums.write(parts.map(of_part));
    });
    let mut total = Pairwise::new(T::ZERO);
    sums[..count].iter().for_each(|&sum| total.push(sum));
    total.sum()
}

struct Dot<'a, T> {
    left: &'a [T],
    right: &'a [T],
}

impl<T: Multiply> WithSimd for Dot<'_, T> {
    type Output = T;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> T {
        if self.left.len() <= BLOCK {
            return dot_of_block(simd, self.left, self.right);
        }
        let mut total = Pairwise::new(T::ZERO);
        for (left, right) in self.left.chunks(BLOCK).zip(self.right.chunks(BLOCK)) {
            total.push(dot_of_block(simd, left, right));
        }
        total.sum()
    }
}

/// Four vectors of sums, to hide their latency.
#[inline(always)]
fn dot_of_block<T: Multiply, S: Simd>(simd: S, left: &[T], right: &[T]) -> T {
    let length = left.len().min(right.len());
    let (left, left_tail) = T::lanes::<S>(&left[..length]);
    let (right, right_tail) = T::lanes::<S>(&right[..length]);
    let mut sums = [T::splat(simd, T::ZERO); 4];
    let (left_fours, left_rest) = left.as_chunks::<4>();
    let (right_fours, right_rest) = right.as_chunks::<4>();
    for (x, y) in left_fours.iter().zip(right_fours) {
        sums[0] = T::times_plus(simd, x[0], y[0], sums[0]);
        sums[1] = T::times_plus(simd, x[1], y[1], sums[1]);
        sums[2] = T::times_plus(simd, x[2], y[2], sums[2]);
        sums[3] = T::times_plus(simd, x[3], y[3], sums[3]);
    }
    for (&x, &y) in left_rest.iter().zip(right_rest) {
        sums[0] = T::times_plus(simd, x, y, sums[0]);
    }
    let sum = T::plus(simd, T::plus(simd, sums[0], sums[1]), T::plus(simd, sums[2], sums[3]));
    left_tail.iter().zip(right_tail).fold(T::total(simd, sum), |sum, (&x, &y)| sum + x * y)
}
