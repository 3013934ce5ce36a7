//! Matrix by vector, at the speed of memory.
//!
//! Where rows are contiguous, four rows at a time are multiplied with the vector, each into its own lanes. Where columns are, eight
//! columns at a time are scaled and added into a block of results that stays in the first-level cache.

use pulp::{Arch, Simd, WithSimd};

use super::blend::Blend;
use super::lanes::Multiply;
use super::pairwise::Pairwise;
use super::vector::{BLOCK, dot};
use super::workers::Workers;
use crate::view::{View, ViewMut};

/// `y[i] = alpha · Σ matrix[i, j] · x[j] + beta · addend[i]`; any strides, fastest where rows or columns are contiguous.
///
/// `matrix: [m, k], x: [k], addend: [m] -> y: [m]`.
pub fn matvec<T: Multiply>(matrix: View<'_, T, 2>, x: View<'_, T, 1>, blend: Blend<'_, T, 1>, mut y: ViewMut<'_, T, 1>, workers: &Workers<'_, T>) {
    let ([m, k], [down, right]) = (matrix.lengths(), matrix.strides());
    let elements = m.saturating_mul(k);
    match x.as_slice() {
        Some(x) if right == 1 || k == 1 => workers.share(y, ROWS, elements, |rows, y| {
            let (matrix, blend) = (matrix.part(rows.start, rows.end), blend.range(rows.start, rows.end));
            Arch::new().dispatch(ByRows { matrix, x, blend, y });
        }),
        _ if down == 1 || m == 1 => workers.share(y, COLUMN_UNIT, elements, |rows, mut y| {
            let blocks = rows.len().div_ceil(COLUMN_BLOCK).max(1);
            let width = rows.len().div_ceil(blocks).next_multiple_of(COLUMN_UNIT);
            for start in (0..rows.len()).step_by(width) {
                let place = rows.start + start..rows.end.min(rows.start + start + width);
                let columns = matrix.transposed().columns(place.start, place.end);
                let blend = blend.range(place.start, place.end);
                Arch::new().dispatch(ByColumns { columns, x, blend, y: y.range(start, start + width) });
            }
        }),
        _ => y.write(blend.of(matrix.rows().map(|row| dot(row, x, workers)))),
    }
}

/// So many rows are multiplied at a time.
const ROWS: usize = 4;

struct ByRows<'a, T> {
    matrix: View<'a, T, 2>,
    x: &'a [T],
    blend: Blend<'a, T, 1>,
    y: ViewMut<'a, T, 1>,
}

impl<T: Multiply> WithSimd for ByRows<'_, T> {
    type Output = ();

    /// Each row has the same tree of sums, whichever rows stand beside it.
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut rows = self.matrix.rows().filter_map(|row| row.as_slice());
        let mut place = 0;
        while let Some(first) = rows.next() {
            if let (Some(second), Some(third), Some(fourth)) = (rows.next(), rows.next(), rows.next()) {
                let sums = dots(simd, [first, second, third, fourth], self.x);
                self.y.range(place, place + 4).write(self.blend.range(place, place + 4).of(sums));
                place += 4;
            } else {
                let last = self.matrix.rows().skip(place).filter_map(|row| row.as_slice());
                let sums = last.map(|row| dots(simd, [row], self.x)[0]);
                self.y.range(place, usize::MAX).write(self.blend.range(place, usize::MAX).of(sums));
                return;
            }
        }
    }
}

#[inline(always)]
fn dots<T: Multiply, S: Simd, const R: usize>(simd: S, rows: [&[T]; R], x: &[T]) -> [T; R] {
    if x.len() <= BLOCK {
        return dots_of_block(simd, rows, x);
    }
    let mut totals = [Pairwise::new(T::ZERO); R];
    for start in (0..x.len()).step_by(BLOCK) {
        let block = start..x.len().min(start + BLOCK);
        let mut parts = rows;
        for row in &mut parts {
            *row = &row[block.clone()];
        }
        let sums = dots_of_block(simd, parts, &x[block]);
        totals.iter_mut().zip(sums).for_each(|(total, sum)| total.push(sum));
    }
    let mut sums = [T::ZERO; R];
    sums.iter_mut().zip(&totals).for_each(|(sum, total)| *sum = total.sum());
    sums
}

/// Two vectors of sums per row, to hide their latency.
#[inline(always)]
fn dots_of_block<T: Multiply, S: Simd, const R: usize>(simd: S, rows: [&[T]; R], x: &[T]) -> [T; R] {
    let (lanes, tail) = T::lanes::<S>(x);
    let (pairs, odd) = lanes.as_chunks::<2>();
    let mut row_pairs = [pairs; R];
    let mut row_tails = [(odd, tail); R];
    for ((row_pairs, row_tails), row) in row_pairs.iter_mut().zip(&mut row_tails).zip(rows) {
        let (lanes, tail) = T::lanes::<S>(&row[..x.len()]);
        let (pairs_of_row, odd) = lanes.as_chunks::<2>();
        *row_pairs = &pairs_of_row[..pairs.len()];
        *row_tails = (odd, tail);
    }
    let mut sums = [[T::splat(simd, T::ZERO); 2]; R];
    for (place, x) in pairs.iter().enumerate() {
        for row in 0..R {
            let pair = &row_pairs[row][place];
            sums[row][0] = T::times_plus(simd, pair[0], x[0], sums[row][0]);
            sums[row][1] = T::times_plus(simd, pair[1], x[1], sums[row][1]);
        }
    }
    let mut results = [T::ZERO; R];
    for (result, ([mut even, odds], (row_odd, row_tail))) in results.iter_mut().zip(sums.into_iter().zip(row_tails)) {
        for (&a, &x) in row_odd.iter().zip(odd) {
            even = T::times_plus(simd, a, x, even);
        }
        let whole = T::total(simd, T::plus(simd, even, odds));
        *result = row_tail.iter().zip(tail).fold(whole, |sum, (&a, &x)| sum + a * x);
    }
    results
}

/// So many results are summed at a time: 2 or 4 kilobytes.
const COLUMN_BLOCK: usize = 512;

/// Parts of a result are multiples of so many: whole vectors of every machine.
const COLUMN_UNIT: usize = 64;

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
    blend: Blend<'a, T, 1>,
    y: ViewMut<'a, T, 1>,
}

impl<T: Multiply> WithSimd for ByColumns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
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
                    add_group::<T, S, 1>(simd, &mut levels[0][..width], &[(column, *x)]);
                }
                break;
            }
            add_group::<T, S, GROUP>(simd, &mut levels[0][..width], &group);
            counts[0] += 1;
            carry(simd, &mut levels, &mut counts, width);
        }
        let [first, rest @ ..] = &mut levels;
        for level in rest {
            add_into(simd, &mut first[..width], &level[..width]);
        }
        self.y.write(self.blend.of(first[..width].iter().copied()));
    }
}

/// Moves full levels up.
#[inline(always)]
fn carry<T: Multiply, S: Simd>(simd: S, levels: &mut [[T; COLUMN_BLOCK]; LEVELS], counts: &mut [usize; LEVELS], width: usize) {
    for level in 0..LEVELS - 1 {
        if counts[level] < RADIX {
            return;
        }
        counts[level] = 0;
        counts[level + 1] += 1;
        let (below, above) = levels.split_at_mut(level + 1);
        add_into(simd, &mut above[0][..width], &below[level][..width]);
        below[level][..width].fill(T::ZERO);
    }
}

#[inline(always)]
fn add_into<T: Multiply, S: Simd>(simd: S, sums: &mut [T], more: &[T]) {
    let ((sums, sums_tail), (more, more_tail)) = (T::lanes_mut::<S>(sums), T::lanes::<S>(more));
    sums.iter_mut().zip(more).for_each(|(sum, &more)| *sum = T::plus(simd, *sum, more));
    sums_tail.iter_mut().zip(more_tail).for_each(|(sum, &more)| *sum += more);
}

/// Adds columns, scaled, to the sums.
#[inline(always)]
fn add_group<T: Multiply, S: Simd, const G: usize>(simd: S, sums: &mut [T], group: &[(&[T], T); G]) {
    let width = group.iter().map(|(column, _)| column.len()).fold(sums.len(), usize::min);
    let (lanes, tail) = T::lanes_mut::<S>(&mut sums[..width]);
    let mut columns = [(&[][..], &[][..]); G];
    let mut scales = [T::splat(simd, T::ZERO); G];
    for ((slot, scale), (column, x)) in columns.iter_mut().zip(&mut scales).zip(group) {
        let (whole, rest) = T::lanes::<S>(&column[..width]);
        *slot = (&whole[..lanes.len()], &rest[..tail.len()]);
        *scale = T::splat(simd, *x);
    }
    for (place, sum) in lanes.iter_mut().enumerate() {
        let mut added = T::times(simd, columns[0].0[place], scales[0]);
        for column in 1..G {
            added = T::times_plus(simd, columns[column].0[place], scales[column], added);
        }
        *sum = T::plus(simd, *sum, added);
    }
    for (place, sum) in tail.iter_mut().enumerate() {
        for ((_, rest), (_, x)) in columns.iter().zip(group) {
            *sum += rest[place] * *x;
        }
    }
}
