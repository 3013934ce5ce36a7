//! Vector by vector: dot and outer products.

use pulp::{Arch, Simd, WithSimd};

use super::matmul::Multiply;
use super::pairwise::Pairwise;
use crate::view::{View, ViewMut};

/// Sums are kept in registers for so many elements, then enter a pairwise tree.
pub(super) const BLOCK: usize = 2048;

/// `Σ left · right`: `left: [k], right: [k] -> []`; 0 if they are empty. Elements that only one has count as 0.
pub fn dot<T: Multiply>(left: View<'_, T, 1>, right: View<'_, T, 1>) -> T {
    if let (Some(left), Some(right)) = (left.as_slice(), right.as_slice()) {
        return Arch::new().dispatch(Dot { left, right });
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

/// `out[i, j] = left[i] · right[j]`: `left: [m], right: [n] -> out: [m, n]`.
pub fn outer<T: Multiply>(left: View<'_, T, 1>, right: View<'_, T, 1>, mut out: ViewMut<'_, T, 2>) {
    let contiguous = right.as_slice();
    for (mut row, x) in out.rows_mut().zip(left.iter()) {
        match (row.as_mut_slice(), contiguous) {
            (Some(row), Some(right)) => Arch::new().dispatch(|| scale(row, right, x)),
            _ => row.write(right.iter().map(|y| x * y)),
        }
    }
}

#[inline(always)]
fn scale<T: Multiply>(row: &mut [T], right: &[T], x: T) {
    for (out, &y) in row.iter_mut().zip(right) {
        *out = x * y;
    }
}

/// `a · b + c`, rounded once where the machine does that as fast as twice.
#[inline(always)]
pub(super) fn multiply_add<T: Multiply, S: Simd>(a: T, b: T, c: T) -> T {
    if S::IS_SCALAR { a * b + c } else { a.fused(b, c) }
}

/// The sum of lanes as a balanced tree.
#[inline(always)]
pub(super) fn fold<T: Multiply, const L: usize>(mut lanes: [T; L]) -> T {
    let mut width = L;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
    }
    lanes[0]
}

struct Dot<'a, T> {
    left: &'a [T],
    right: &'a [T],
}

impl<T: Multiply> WithSimd for Dot<'_, T> {
    type Output = T;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> T {
        // Eight vectors of 64 bytes, to hide the latency of the sums.
        if size_of::<T>() == 4 { blocks::<T, S, 128>(self.left, self.right) } else { blocks::<T, S, 64>(self.left, self.right) }
    }
}

#[inline(always)]
fn blocks<T: Multiply, S: Simd, const L: usize>(left: &[T], right: &[T]) -> T {
    if left.len() <= BLOCK {
        return block::<T, S, L>(left, right);
    }
    let mut total = Pairwise::new(T::ZERO);
    for (left, right) in left.chunks(BLOCK).zip(right.chunks(BLOCK)) {
        total.push(block::<T, S, L>(left, right));
    }
    total.sum()
}

#[inline(always)]
fn block<T: Multiply, S: Simd, const L: usize>(left: &[T], right: &[T]) -> T {
    let mut sums = [T::ZERO; L];
    let (left, left_tail) = left.as_chunks::<L>();
    let (right, right_tail) = right.as_chunks::<L>();
    for (x, y) in left.iter().zip(right) {
        for lane in 0..L {
            sums[lane] = multiply_add::<T, S>(x[lane], y[lane], sums[lane]);
        }
    }
    for (sum, (&x, &y)) in sums.iter_mut().zip(left_tail.iter().zip(right_tail)) {
        *sum = multiply_add::<T, S>(x, y, *sum);
    }
    fold(sums)
}
