//! Matrices with short rows: some of them at a time are turned, so that vectors run down their columns.

use pulp::{Simd, WithSimd};

use crate::library::blend::Blend;
use crate::library::lanes::Multiply;
use crate::library::matmul::pack::pack;
use crate::library::pairwise::Pairwise;
use crate::library::vector::BLOCK;
use crate::view::{View, ViewMut};

/// Rows of fewer elements are short.
const SHORT: usize = 32;

/// So many rows are turned at a time.
pub const ROWS: usize = 64;

/// Whether turning so many rows of so many elements is worth it.
pub fn is_worth_turning(rows: usize, length: usize) -> bool {
    rows >= ROWS && (2..SHORT).contains(&length)
}

/// Each row by the vector: one term after the other, whichever rows stand beside it.
pub struct ByVector<'a, T> {
    pub rows: View<'a, T, 2>,
    pub x: &'a [T],
    pub blend: Blend<'a, T, 1>,
    pub y: ViewMut<'a, T, 1>,
}

impl<T: Multiply> WithSimd for ByVector<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [count, length] = self.rows.lengths();
        let mut turned = [T::ZERO; ROWS * SHORT];
        let turned = &mut turned[..ROWS * length];
        for start in (0..count).step_by(ROWS) {
            let end = count.min(start + ROWS);
            pack(self.rows.part(start, end).transposed(), ROWS, turned);
            let mut sums = [T::ZERO; ROWS];
            for (column, &x) in turned.chunks_exact(ROWS).zip(self.x) {
                let ((sums, _), (column, _)) = (T::lanes_mut::<S>(&mut sums), T::lanes::<S>(column));
                let x = T::splat(simd, x);
                sums.iter_mut().zip(column).for_each(|(sum, &column)| *sum = T::times_plus(simd, column, x, *sum));
            }
            self.y.range(start, end).write(self.blend.range(start, end).of(sums[..end - start].iter().copied()));
        }
    }
}

/// The sum of all rows, each times an element of the vector.
pub struct Combined<'a, T> {
    pub rows: View<'a, T, 2>,
    pub x: &'a [T],
    pub blend: Blend<'a, T, 1>,
    pub y: ViewMut<'a, T, 1>,
}

impl<T: Multiply> WithSimd for Combined<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [count, length] = self.rows.lengths();
        let mut turned = [T::ZERO; ROWS * SHORT];
        let turned = &mut turned[..ROWS * length];
        let mut totals = [Pairwise::new(T::ZERO); SHORT];
        for block in (0..count).step_by(BLOCK) {
            let mut sums = [T::splat(simd, T::ZERO); SHORT];
            let last = count.min(block + BLOCK);
            for start in (block..last).step_by(ROWS) {
                let end = last.min(start + ROWS);
                pack(self.rows.part(start, end).transposed(), ROWS, turned);
                // Where there is no row, zeros meet zeros.
                let mut factors = [T::ZERO; ROWS];
                factors[..end - start].copy_from_slice(&self.x[start..end]);
                let (factors, _) = T::lanes::<S>(&factors);
                for (sum, column) in sums.iter_mut().zip(turned.chunks_exact(ROWS)) {
                    let (column, _) = T::lanes::<S>(column);
                    *sum = column.iter().zip(factors).fold(*sum, |sum, (&column, &x)| T::times_plus(simd, column, x, sum));
                }
            }
            totals.iter_mut().zip(sums).take(length).for_each(|(total, sum)| total.push(T::total(simd, sum)));
        }
        self.y.write(self.blend.of(totals[..length].iter().map(Pairwise::sum)));
    }
}
