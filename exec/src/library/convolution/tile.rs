//! The innermost loop of a convolution: some filters by some columns, held in registers.

use pulp::Simd;

use crate::library::lanes::Multiply;

/// At most so many filters are multiplied at once.
pub(super) const ROWS: usize = 6;

/// At most so many vectors of columns.
pub(super) const VECTORS: usize = 4;

/// Half as many registers, as machines without AVX-512 have, hold less (the tile of BLIS on such machines).
const FEW: [usize; 2] = [ROWS, 2];

/// How many filters and how many vectors are multiplied at once on a machine with these vectors.
#[inline(always)]
pub(super) fn size<T: Multiply, S: Simd>() -> [usize; 2] {
    if size_of::<T::Lanes<S>>() >= 64 { [ROWS, VECTORS] } else { FEW }
}

/// `tile[row, column] = Σ filters[q, row] · columns[q, column]`, the filters side by side for each `q`, and as many vectors of columns.
#[inline(always)]
pub(super) fn multiply<T: Multiply, S: Simd>(simd: S, filters: &[T], rows: usize, columns: &[T], vectors: usize, tile: &mut [T]) {
    macro_rules! by_size {
        ($($rows:literal $vectors:literal,)*) => {
            match (rows, vectors) {
                $(($rows, $vectors) => fixed::<T, S, $rows, $vectors>(simd, filters, columns, tile),)*
                _ => {}
            }
        };
    }
    by_size! {
        1 1, 2 1, 3 1, 4 1, 5 1, 6 1,
        1 2, 2 2, 3 2, 4 2, 5 2, 6 2,
        1 3, 2 3, 3 3, 4 3, 5 3, 6 3,
        1 4, 2 4, 3 4, 4 4, 5 4, 6 4,
    }
}

#[inline(always)]
fn fixed<T: Multiply, S: Simd, const R: usize, const V: usize>(simd: S, filters: &[T], columns: &[T], tile: &mut [T]) {
    let mut sums = [[T::splat(simd, T::ZERO); V]; R];
    let (columns, _) = T::lanes::<S>(columns).0.as_chunks::<V>();
    let (filters, _) = filters.as_chunks::<R>();
    for (filters, columns) in filters.iter().zip(columns) {
        for row in 0..R {
            let factor = T::splat(simd, filters[row]);
            for vector in 0..V {
                sums[row][vector] = T::times_plus(simd, factor, columns[vector], sums[row][vector]);
            }
        }
    }
    let (tile, _) = T::lanes_mut::<S>(tile).0.as_chunks_mut::<V>();
    for (to, sums) in tile.iter_mut().zip(sums) {
        *to = sums;
    }
}
