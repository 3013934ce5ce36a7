//! Matrix by vector, at the speed of memory.
//!
//! Where rows are contiguous, four rows at a time are multiplied with the vector, each into its own lanes. Where columns are, eight
//! columns at a time are scaled and added into a block of results that stays in the first-level cache.

use pulp::{Arch, Simd, WithSimd};

use super::matmul::Multiply;
use super::pairwise::Pairwise;
use super::vector::{BLOCK, dot, fold, multiply_add};
use crate::view::{View, ViewMut};

/// `y[i] = Σ matrix[i, j] · x[j]`: `matrix: [m, k], x: [k] -> y: [m]`; any strides, fastest where rows or columns are contiguous.
pub fn matvec<T: Multiply>(matrix: View<'_, T, 2>, x: View<'_, T, 1>, mut y: ViewMut<'_, T, 1>) {
    let ([m, k], [down, right]) = (matrix.lengths(), matrix.strides());
    match x.as_slice() {
        Some(x) if right == 1 || k == 1 => Arch::new().dispatch(ByRows { matrix, x, y }),
        _ if down == 1 || m == 1 => {
            let blocks = m.div_ceil(COLUMN_BLOCK).max(1);
            let width = m.div_ceil(blocks).next_multiple_of(64);
            for start in (0..m).step_by(width.max(1)) {
                let columns = matrix.transposed().columns(start, start + width);
                Arch::new().dispatch(ByColumns { columns, x, y: y.range(start, start + width) });
            }
        }
        _ => y.write(matrix.rows().map(|row| dot(row, x))),
    }
}

struct ByRows<'a, T> {
    matrix: View<'a, T, 2>,
    x: &'a [T],
    y: ViewMut<'a, T, 1>,
}

impl<T: Multiply> WithSimd for ByRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        if size_of::<T>() == 4 { self.run::<S, 16>() } else { self.run::<S, 8>() }
    }
}

impl<T: Multiply> ByRows<'_, T> {
    /// One vector of 64 bytes per row: each row has the same tree of sums, whichever rows stand beside it.
    #[inline(always)]
    fn run<S: Simd, const L: usize>(mut self) {
        let mut rows = self.matrix.rows().filter_map(|row| row.as_slice());
        let mut place = 0;
        while let Some(first) = rows.next() {
            let (second, third, fourth) = (rows.next(), rows.next(), rows.next());
            if let (Some(second), Some(third), Some(fourth)) = (second, third, fourth) {
                let sums = dots::<T, S, L, 4>([first, second, third, fourth], self.x);
                self.y.range(place, place + 4).write(sums);
                place += 4;
            } else {
                for row in [Some(first), second, third].into_iter().flatten() {
                    let sums = dots::<T, S, L, 1>([row], self.x);
                    self.y.range(place, place + 1).write(sums);
                    place += 1;
                }
            }
        }
    }
}

#[inline(always)]
fn dots<T: Multiply, S: Simd, const L: usize, const R: usize>(rows: [&[T]; R], x: &[T]) -> [T; R] {
    let k = x.len();
    if k <= BLOCK {
        return dots_of_block::<T, S, L, R>(rows, x);
    }
    let mut totals = [Pairwise::new(T::ZERO); R];
    for start in (0..k).step_by(BLOCK) {
        let block = start..k.min(start + BLOCK);
        let sums = dots_of_block::<T, S, L, R>(rows.map(|row| row.get(block.clone()).unwrap_or(&[])), &x[block.clone()]);
        totals.iter_mut().zip(sums).for_each(|(total, sum)| total.push(sum));
    }
    totals.map(|total| total.sum())
}

#[inline(always)]
fn dots_of_block<T: Multiply, S: Simd, const L: usize, const R: usize>(rows: [&[T]; R], x: &[T]) -> [T; R] {
    let mut sums = [[T::ZERO; L]; R];
    let (x, x_tail) = x.as_chunks::<L>();
    let rows = rows.map(|row| row.as_chunks::<L>());
    let whole = rows.map(|(row, _)| &row[..x.len().min(row.len())]);
    for (place, x) in x.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(whole) {
            let Some(row) = row.get(place) else { continue };
            for lane in 0..L {
                sums[lane] = multiply_add::<T, S>(row[lane], x[lane], sums[lane]);
            }
        }
    }
    for (sums, (_, tail)) in sums.iter_mut().zip(rows) {
        for (sum, (&a, &x)) in sums.iter_mut().zip(tail.iter().zip(x_tail)) {
            *sum = multiply_add::<T, S>(a, x, *sum);
        }
    }
    sums.map(fold)
}

/// So many results are summed at a time: 2 or 4 KiB.
const COLUMN_BLOCK: usize = 512;

/// So many columns are added at a time.
const GROUP: usize = 8;

/// So many sums enter the next level at once: error grows with 16 times the logarithm to base 16 of the number of columns.
const RADIX: usize = 16;

/// The last level takes all there is: 8 · 16³ columns reach it as one term.
const LEVELS: usize = 4;

struct ByColumns<'a, T> {
    /// Its rows are the contiguous columns of the matrix, at most [`COLUMN_BLOCK`] long.
    columns: View<'a, T, 2>,
    x: View<'a, T, 1>,
    y: ViewMut<'a, T, 1>,
}

impl<T: Multiply> WithSimd for ByColumns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        let mut levels = [[T::ZERO; COLUMN_BLOCK]; LEVELS];
        let mut counts = [0; LEVELS];
        let width = self.columns.lengths()[1].min(COLUMN_BLOCK);
        let mut columns = self.columns.rows().filter_map(|column| column.as_slice()).zip(self.x.iter());
        let mut group = [(&[][..], T::ZERO); GROUP];
        loop {
            let mut held = 0;
            for (slot, column) in group.iter_mut().zip(&mut columns) {
                *slot = column;
                held += 1;
            }
            if held < GROUP {
                for (column, x) in &group[..held] {
                    add_scaled::<T, S>(&mut levels[0][..width], column, *x);
                }
                break;
            }
            add_group::<T, S>(&mut levels[0][..width], &group);
            counts[0] += 1;
            carry(&mut levels, &mut counts, width);
        }
        let [first, rest @ ..] = &mut levels;
        for level in rest {
            first[..width].iter_mut().zip(&level[..width]).for_each(|(sum, &more)| *sum += more);
        }
        self.y.write(first[..width].iter().copied());
    }
}

/// Moves full levels up.
#[inline(always)]
fn carry<T: Multiply>(levels: &mut [[T; COLUMN_BLOCK]; LEVELS], counts: &mut [usize; LEVELS], width: usize) {
    for level in 0..LEVELS - 1 {
        if counts[level] < RADIX {
            return;
        }
        counts[level] = 0;
        counts[level + 1] += 1;
        let (below, above) = levels.split_at_mut(level + 1);
        for (sum, full) in above[0][..width].iter_mut().zip(&mut below[level][..width]) {
            *sum += *full;
            *full = T::ZERO;
        }
    }
}

#[inline(always)]
fn add_scaled<T: Multiply, S: Simd>(sums: &mut [T], column: &[T], x: T) {
    for (sum, &a) in sums.iter_mut().zip(column) {
        *sum = multiply_add::<T, S>(a, x, *sum);
    }
}

#[inline(always)]
fn add_group<T: Multiply, S: Simd>(sums: &mut [T], group: &[(&[T], T); GROUP]) {
    let width = group.iter().map(|(column, _)| column.len()).fold(sums.len(), usize::min);
    let columns = group.map(|(column, _)| &column[..width]);
    let scales = group.map(|(_, x)| x);
    let sums = &mut sums[..width];
    for place in 0..width {
        let mut sum = columns[0][place] * scales[0];
        for (column, x) in columns.iter().zip(scales).skip(1) {
            sum = multiply_add::<T, S>(column[place], x, sum);
        }
        sums[place] += sum;
    }
}
