//! The innermost loop of convolutions, and of matrix products where there is no machine code for it: some filters by some columns, held in
//! registers.

use pulp::Simd;

use super::lanes::Multiply;

/// At most so many filters are multiplied at once.
pub const ROWS: usize = 6;

/// At most so many vectors of columns.
pub const VECTORS: usize = 4;

/// Half as many registers, as machines without AVX-512 have, hold less (the tile of BLIS on such machines).
const FEW: [usize; 2] = [ROWS, 2];

/// How many filters and how many vectors are multiplied at once on a machine with these vectors.
#[inline(always)]
pub fn size<T: Multiply, S: Simd>() -> [usize; 2] {
    if size_of::<T::Lanes<S>>() >= 64 { [ROWS, VECTORS] } else { FEW }
}

/// `tile[row, column] = Σ filters[q, row] · columns[q, column]`, the filters side by side for each `q`, and as many vectors of columns.
#[inline(always)]
pub fn multiply<T: Multiply, S: Simd>(simd: S, filters: &[T], rows: usize, columns: &[T], vectors: usize, tile: &mut [T]) {
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

/// The same for a tile as large as they are on this machine.
#[inline(always)]
pub fn multiply_whole<T: Multiply, S: Simd>(simd: S, filters: &[T], columns: &[T], tile: &mut [T]) {
    match size::<T, S>() {
        FEW => fixed::<T, S, { FEW[0] }, { FEW[1] }>(simd, filters, columns, tile),
        _ => fixed::<T, S, ROWS, VECTORS>(simd, filters, columns, tile),
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
