//! Reductions of tiles: many accumulators in a fixed tree, so that the error of a sum grows slowly and its bits depend on shapes alone.

use damo_graph::op::reduce::Reduction;
use damo_graph::{DType, Problem};
use pulp::NullaryFnOnce;

use super::apply::dispatch;
use super::combine::{All, Any, Combine, Max, Min, Product, Sum};
use super::stored::{elements, elements_mut};
use super::sums;

/// The loops of one reduction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reducer {
    /// The dtype of the tiles: half precision is reduced as `f32`, short integers as `i64` (a sum that wraps there and is cut to fewer bits is
    /// the sum that wraps at fewer bits).
    pub reads: DType,
    /// Bytes of an accumulator.
    pub size: usize,
    /// Combines a tile `[outer, reduced, inner]` into accumulators `[outer, inner]`.
    pub fold: fn(accumulators: &mut [u8], tile: &[u8], shape: [usize; 3]),
    /// Combines accumulators into accumulators.
    pub combine: fn(accumulators: &mut [u8], more: &[u8]),
    /// Sets accumulators to the neutral element.
    pub clear: fn(accumulators: &mut [u8]),
    /// Writes the results over the accumulators, one after the other, given how many elements each is of.
    pub finish: fn(accumulators: &mut [u8], count: f64),
    /// The dtype of the results.
    pub gives: DType,
}

impl Reducer {
    /// The loops that reduce elements of a dtype.
    pub fn of(kind: Reduction, dtype: DType) -> Result<Reducer, Problem> {
        let reads = match dtype {
            DType::F16 | DType::BF16 => DType::F32,
            DType::I8 | DType::I16 | DType::I32 | DType::U8 | DType::U16 | DType::U32 => DType::I64,
            DType::Bool | DType::I64 | DType::U64 | DType::F32 | DType::F64 | DType::C64 | DType::C128 => dtype,
        };
        macro_rules! extremes_and_products {
            ($($variant:ident: $element:ty, $wide:literal;)*) => {
                match (kind, reads) {
                    (Reduction::All, DType::Bool) => Some(reducer::<All, false>(reads)),
                    (Reduction::Any, DType::Bool) => Some(reducer::<Any, false>(reads)),
                    (Reduction::Sum, DType::I64) => Some(reducer::<Sum<i64>, false>(reads)),
                    (Reduction::Sum, DType::U64) => Some(reducer::<Sum<u64>, false>(reads)),
                    (Reduction::Sum, DType::F32) => Some(Reducer { gives: DType::F64, ..reducer::<Sum<f32>, true>(reads) }),
                    (Reduction::Mean, DType::F32) => Some(Reducer { gives: DType::F64, finish: divide, ..reducer::<Sum<f32>, true>(reads) }),
                    (Reduction::Sum, DType::F64) => Some(compensated(sums::sum)),
                    (Reduction::Mean, DType::F64) => Some(compensated(sums::mean)),
                    $((Reduction::Product, DType::$variant) => Some(reducer::<Product<$element>, $wide>(reads)),
                    (Reduction::Max, DType::$variant) => Some(reducer::<Max<$element>, $wide>(reads)),
                    (Reduction::Min, DType::$variant) => Some(reducer::<Min<$element>, $wide>(reads)),)*
                    _ => None,
                }
            };
        }
        let found = extremes_and_products!(I64: i64, false; U64: u64, false; F32: f32, true; F64: f64, true;);
        found.ok_or_else(|| Problem::dtype(format!("`{kind}` is not defined on elements of type {dtype}")))
    }
}

fn reducer<C: Combine, const WIDE: bool>(reads: DType) -> Reducer {
    Reducer {
        reads,
        size: size_of::<C::Part>(),
        fold: fold::<C, WIDE>,
        combine: combine::<C, WIDE>,
        clear: |accumulators| elements_mut(accumulators).fill(C::NEUTRAL),
        finish: |_, _| {},
        gives: reads,
    }
}

fn compensated(finish: fn(&mut [u8], f64)) -> Reducer {
    let (fold, combine, clear) = (sums::fold, sums::combine, sums::clear);
    Reducer { reads: DType::F64, size: sums::BYTES, fold, combine, clear, finish, gives: DType::F64 }
}

fn divide(sums: &mut [u8], count: f64) {
    for sum in elements_mut::<f64>(sums) {
        *sum /= count;
    }
}

fn combine<C: Combine, const WIDE: bool>(accumulators: &mut [u8], more: &[u8]) {
    let (accumulators, more) = (elements_mut::<C::Part>(accumulators), elements::<C::Part>(more));
    dispatch::<WIDE>(|| combine_loop::<C>(accumulators, more));
}

#[inline(always)]
fn combine_loop<C: Combine>(accumulators: &mut [C::Part], more: &[C::Part]) {
    for (accumulator, &more) in accumulators.iter_mut().zip(more) {
        *accumulator = C::combine(*accumulator, more);
    }
}

#[inline(always)]
fn elements_loop<C: Combine>(accumulators: &mut [C::Part], elements: &[C::Raw]) {
    for (accumulator, &x) in accumulators.iter_mut().zip(elements) {
        *accumulator = C::combine(*accumulator, C::part(x));
    }
}

fn fold<C: Combine, const WIDE: bool>(accumulators: &mut [u8], tile: &[u8], [outer, reduced, inner]: [usize; 3]) {
    let (accumulators, tile) = (elements_mut::<C::Part>(accumulators), elements::<C::Raw>(tile));
    if outer == 0 || reduced == 0 || inner == 0 {
        return;
    }
    dispatch::<WIDE>(Folding::<C> { accumulators, tile, reduced, inner });
}

/// A tile that is about to be combined into accumulators.
struct Folding<'a, C: Combine> {
    accumulators: &'a mut [C::Part],
    tile: &'a [C::Raw],
    reduced: usize,
    inner: usize,
}

impl<C: Combine> NullaryFnOnce for Folding<'_, C> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Folding { accumulators, tile, reduced, inner } = self;
        match inner {
            1 if reduced == 1 => elements_loop::<C>(accumulators, tile),
            1 => rows::<C>(accumulators, tile, reduced),
            _ => columns::<C>(accumulators, tile, reduced, inner),
        }
    }
}

/// Each row becomes one.
#[inline(always)]
fn rows<C: Combine>(accumulators: &mut [C::Part], tile: &[C::Raw], reduced: usize) {
    for (accumulator, row) in accumulators.iter_mut().zip(tile.chunks_exact(reduced)) {
        let one = match row.len() {
            0..16 => row.iter().fold(C::NEUTRAL, |sum, &x| C::combine(sum, C::part(x))),
            16..32 => lanes::<C, 4>(row),
            32..256 => lanes::<C, 16>(row),
            // A quarter of the lanes, if wide, fits in the registers, and has digits enough to go on for long.
            _ if size_of::<C::Part>() > 4 => row.chunks(LANES * 64).fold(C::NEUTRAL, |sum, part| C::combine(sum, lanes::<C, { LANES / 4 }>(part))),
            // Each lane combines 16 elements at most, then enters a tree.
            _ => row.chunks(LANES * 16).fold(C::NEUTRAL, |sum, part| C::combine(sum, lanes::<C, LANES>(part))),
        };
        *accumulator = C::combine(*accumulator, one);
    }
}

/// So many elements are combined side by side: a few vectors, to hide the latency of a sum.
const LANES: usize = 64;

/// A row in `L` lanes, which are then combined pair by pair.
#[inline(always)]
fn lanes<C: Combine, const L: usize>(row: &[C::Raw]) -> C::Part {
    let mut lanes = [C::NEUTRAL; L];
    let (whole, tail) = row.as_chunks::<L>();
    for chunk in whole {
        for lane in 0..L {
            lanes[lane] = C::combine(lanes[lane], C::part(chunk[lane]));
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(tail) {
        *lane = C::combine(*lane, C::part(x));
    }
    let mut width = L;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] = C::combine(lanes[lane], lanes[lane + width]);
        }
    }
    lanes[0]
}

/// Each column becomes one.
#[inline(always)]
fn columns<C: Combine>(accumulators: &mut [C::Part], tile: &[C::Raw], reduced: usize, inner: usize) {
    for (accumulators, tile) in accumulators.chunks_exact_mut(inner).zip(tile.chunks_exact(reduced * inner)) {
        if inner < LANES / 2 { narrow_columns::<C>(accumulators, tile, inner) } else { wide_columns::<C>(accumulators, tile, inner) }
    }
}

/// Several short rows side by side are combined like one long row, and in the end with each other, half by half.
#[inline(always)]
fn narrow_columns<C: Combine>(accumulators: &mut [C::Part], tile: &[C::Raw], inner: usize) {
    let mut sums = [C::NEUTRAL; LANES];
    let several = LANES / inner;
    for part in tile.chunks(several * inner * 16) {
        let mut lanes = [C::NEUTRAL; LANES];
        if several * inner == LANES {
            // The length of these loops is known.
            let (whole, tail) = part.as_chunks::<LANES>();
            for rows in whole {
                elements_loop::<C>(&mut lanes, rows);
            }
            elements_loop::<C>(&mut lanes[..tail.len()], tail);
        } else {
            for rows in part.chunks(several * inner) {
                elements_loop::<C>(&mut lanes[..rows.len()], rows);
            }
        }
        let mut held = several;
        while held > 1 {
            let kept = held.div_ceil(2);
            let (left, right) = lanes.split_at_mut(kept * inner);
            combine_loop::<C>(left, &right[..(held - kept) * inner]);
            held = kept;
        }
        combine_loop::<C>(&mut sums[..inner], &lanes[..inner]);
    }
    combine_loop::<C>(accumulators, &sums[..inner]);
}

/// So wide are columns at most whose many rows are combined on the stack before they enter the accumulators.
const WIDE: usize = 512;

/// Four rows at a time.
#[inline(always)]
fn wide_columns<C: Combine>(accumulators: &mut [C::Part], tile: &[C::Raw], inner: usize) {
    if inner <= WIDE && tile.len() > 16 * inner {
        let mut sums = [C::NEUTRAL; WIDE];
        fours::<C>(&mut sums[..inner], tile);
        combine_loop::<C>(accumulators, &sums[..inner]);
    } else {
        fours::<C>(accumulators, tile);
    }
}

#[inline(always)]
fn fours<C: Combine>(sums: &mut [C::Part], tile: &[C::Raw]) {
    let inner = sums.len();
    let mut fours = tile.chunks_exact(4 * inner);
    for four in &mut fours {
        let (upper, lower) = four.split_at(2 * inner);
        let ((first, second), (third, fourth)) = (upper.split_at(inner), lower.split_at(inner));
        for ((sum, (&first, &second)), (&third, &fourth)) in sums.iter_mut().zip(first.iter().zip(second)).zip(third.iter().zip(fourth)) {
            let (upper, lower) = (C::combine(C::part(first), C::part(second)), C::combine(C::part(third), C::part(fourth)));
            *sum = C::combine(*sum, C::combine(upper, lower));
        }
    }
    for row in fours.remainder().chunks_exact(inner) {
        elements_loop::<C>(sums, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_tile_is_folded() {
        let sum = Reducer::of(Reduction::Sum, DType::F32).unwrap();
        for [outer, reduced, inner] in [
            [1, 1, 1],
            [3, 1, 1],
            [2, 5, 1],
            [1, 100, 1],
            [2, 300, 1],
            [1, 9, 4],
            [3, 7, 2],
            [1, 900, 5],
            [2, 70, 40],
            [1, 2000, 1],
            [2, 0, 3],
            [0, 2, 2],
        ] {
            let tile: Vec<f32> = (0..outer * reduced * inner).map(|k| (k % 53) as f32).collect();
            let mut found = vec![1.0f64; outer * inner];
            (sum.fold)(bytemuck::cast_slice_mut(&mut found), bytemuck::cast_slice(&tile), [outer, reduced, inner]);
            for (place, found) in found.iter().enumerate() {
                let (o, i) = (place / inner, place % inner);
                let expected: f64 = (0..reduced).map(|r| f64::from(tile[(o * reduced + r) * inner + i])).sum();
                assert_eq!(*found, 1.0 + expected, "{outer} {reduced} {inner}");
            }
        }
    }

    #[test]
    fn extremes_see_not_a_number_and_the_sign_of_zero() {
        let reduce = |kind, row: &[f32]| {
            let reducer = Reducer::of(kind, DType::F32).unwrap();
            let mut found = [0.0f32];
            (reducer.clear)(bytemuck::cast_slice_mut(&mut found));
            (reducer.fold)(bytemuck::cast_slice_mut(&mut found), bytemuck::cast_slice(row), [1, row.len(), 1]);
            found[0]
        };
        for length in [2, 40, 1000] {
            let mut row = vec![-0.0f32; length];
            row[length / 2] = 0.0;
            assert!(reduce(Reduction::Max, &row).is_sign_positive() && reduce(Reduction::Min, &row).is_sign_negative());
            row[length - 1] = f32::NAN;
            row[0] = f32::INFINITY;
            assert!(reduce(Reduction::Max, &row).is_nan() && reduce(Reduction::Min, &row).is_nan());
        }
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        assert!(Reducer::of(Reduction::Sum, DType::C64).is_err());
        assert!(Reducer::of(Reduction::All, DType::F32).is_err());
        assert!(Reducer::of(Reduction::Mean, DType::I32).is_err());
        assert_eq!(Reducer::of(Reduction::Sum, DType::BF16).unwrap().reads, DType::F32);
    }
}
