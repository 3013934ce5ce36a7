//! Matrix by matrix, in blocks that fit in the caches and tiles that stay in registers (Goto and van de Geijn 2008, "Anatomy of
//! high-performance matrix multiplication").
//!
//! Operands are packed where that pays ([`blocks`]): panels of the right side by all threads together, those of the left side by each for
//! itself. An element's sum is made block by block of the summed axis, and in a block term by term, whatever tile or thread it falls to.

#![expect(unsafe_code, reason = "threads write parts of one result, and machine code takes addresses")]

pub mod blocks;
pub mod pack;
mod squares;

use std::ops::Range;

use damo_graph::{ErrorKind, Problem};
use pulp::Arch;

use self::blocks::{Blocks, Geometry};
use self::pack::pack;
use super::blend::Blend;
use super::lanes::Multiply;
use super::multiplier::{Multiplier, Tile};
use super::workers::Workers;
#[cfg(target_arch = "x86_64")]
use crate::native::Operands;
use crate::pool::{self, Shared};
use crate::view::{View, ViewMut};

/// Starting a thread is worth so many multiplications.
pub const WORTH_A_THREAD: usize = 1 << 18;

/// Several threads share a product in at least so many pieces, if it has as many panels.
const PIECES: usize = 8;

/// So many columns are packed at a time: the processor reads their rows ahead.
const COLUMNS: usize = 256;

/// How many elements of scratch a product takes on so many threads.
pub fn scratch<T: Multiply>(geometry: &Geometry, multiplier: Multiplier, threads: usize) -> usize {
    let blocks = Blocks::of(geometry, multiplier.size::<T>(), multiplier.only_panels());
    blocks.shared() + threads * blocks.own()
}

/// `out = alpha · left · right + beta · addend`; without an addend what was in `out` does not matter, NaN neither.
///
/// `left: [m, k], right: [k, n], addend: [m, n] -> out: [m, n]`; any strides. With `k` of 0 the product is 0. Fails, before
/// anything is written, if the lengths disagree or the scratch is shorter than [`scratch`]; and if there is no memory for machine code.
pub fn matmul<T: Multiply>(
    left: View<'_, T, 2>,
    right: View<'_, T, 2>,
    blend: Blend<'_, T, 2>,
    mut out: ViewMut<'_, T, 2>,
    workers: &mut Workers<'_, T>,
) -> Result<(), Problem> {
    let ([m, k], [depth, n]) = (left.lengths(), right.lengths());
    if out.lengths() != [m, n] || k != depth || blend.addend.is_some_and(|(_, addend)| addend.lengths() != [m, n]) {
        return Err(Problem::new(ErrorKind::Execution, "the lengths of a product disagree"));
    }
    if m == 0 || n == 0 {
        return Ok(());
    }
    if k == 0 {
        let nothing = blend.alpha * T::ZERO;
        let mut added = blend.addend.map(|(beta, addend)| addend.rows().map(move |row| (beta, row)));
        for mut row in out.rows_mut() {
            let addend = added.as_mut().and_then(Iterator::next);
            row.write(Blend { alpha: T::ONE, addend }.of(std::iter::repeat_n(nothing, n)));
        }
        return Ok(());
    }
    let geometry = Geometry { lengths: [m, k, n], size: size_of::<T>(), left: left.strides(), right: right.strides(), out: out.strides() };
    let multiplier = workers.multiplier;
    let blocks = Blocks::of(&geometry, multiplier.size::<T>(), multiplier.only_panels());
    let (mut left, mut right, mut addend) = (left, right, blend.addend);
    if geometry.is_turned() {
        (left, right, out) = (right.transposed(), left.transposed(), out.transposed());
        addend = addend.map(|(beta, addend)| (beta, addend.transposed()));
    }
    if out.strides()[1] < 0 {
        (right, out) = (right.reversed(1), out.reversed(1));
        addend = addend.map(|(beta, addend)| (beta, addend.reversed(1)));
    }
    let threads = workers.threads.min(m.saturating_mul(n).saturating_mul(k) / WORTH_A_THREAD).max(1);
    let (shared, own) = (blocks.shared(), blocks.own());
    let scratch = workers.scratch.get_mut(..shared + threads * own);
    let scratch = scratch.ok_or_else(|| Problem::new(ErrorKind::Execution, "a product was given too little scratch"))?;
    let (shared, own) = scratch.split_at_mut(shared);
    let product = Product {
        multiplier,
        blocks,
        left,
        right,
        alpha: blend.alpha,
        addend,
        lengths: out.lengths(),
        out_strides: out.strides(),
        out: Shared(out.pointer()),
        panels: Shared(shared.as_mut_ptr()),
        own: Shared(own.as_mut_ptr()),
        threads,
        order: workers.order,
    };
    product.run()
}

/// A product with the columns of its result as neighbours, if one of its axes has neighbours.
struct Product<'a, T> {
    multiplier: Multiplier,
    blocks: Blocks,
    left: View<'a, T, 2>,
    right: View<'a, T, 2>,
    alpha: T,
    addend: Option<(T, View<'a, T, 2>)>,
    lengths: [usize; 2],
    out_strides: [isize; 2],
    out: Shared<T>,
    /// Panels of the right side, as [`Blocks::shared`] has them.
    panels: Shared<T>,
    /// What each worker has for itself, one behind the other.
    own: Shared<T>,
    threads: usize,
    order: usize,
}

/// What is multiplied at a time: rows of the left side and panels of the right, of columns from a first one on, for a part of the sum.
struct Piece {
    rows: Range<usize>,
    depth: Range<usize>,
    columns: Range<usize>,
    panels: Range<usize>,
}

impl<T: Multiply> Product<'_, T> {
    fn run(&self) -> Result<(), Problem> {
        let ([m, n], k) = (self.lengths, self.left.lengths()[1]);
        for columns in parts(0..n, self.blocks.columns) {
            for depth in parts(0..k, self.blocks.depth) {
                self.pack_right(&depth, &columns);
                let panels = columns.len().div_ceil(self.blocks.tile[1]);
                let of_rows = m.div_ceil(self.blocks.rows);
                let of_columns = if self.threads > 1 { PIECES.div_ceil(of_rows).min(panels) } else { 1 };
                pool::try_share(self.threads, of_rows * of_columns, self.order, |piece, worker| {
                    let (row, column) = (piece / of_columns * self.blocks.rows, piece % of_columns);
                    self.multiply(
                        &Piece {
                            rows: row..m.min(row + self.blocks.rows),
                            depth: depth.clone(),
                            columns: columns.clone(),
                            panels: panels * column / of_columns..panels * (column + 1) / of_columns,
                        },
                        worker,
                    )
                })?;
            }
        }
        Ok(())
    }

    /// Packs the right side, or of one that lies well only the last columns, if they do not fill a panel.
    fn pack_right(&self, depth: &Range<usize>, columns: &Range<usize>) {
        let width = self.blocks.tile[1];
        let rows = self.right.part(depth.start, depth.end);
        if !self.blocks.packs_right {
            let whole = columns.len() / width * width;
            let last = rows.columns(columns.start + whole, columns.end);
            // SAFETY: the scratch has room for a panel, and no thread uses it now.
            let to = unsafe { std::slice::from_raw_parts_mut(self.panels.get(), width * depth.len()) };
            pack(last, width, to);
            return;
        }
        let panels = columns.len().div_ceil(width);
        let at_a_time = (COLUMNS / width).max(1);
        pool::share(self.threads, panels.div_ceil(at_a_time), self.order, |piece, _| {
            let panels = piece * at_a_time..panels.min((piece + 1) * at_a_time);
            let from = rows.columns(columns.start + panels.start * width, columns.end.min(columns.start + panels.end * width));
            let to = self.panels.get().wrapping_add(panels.start * width * depth.len());
            // SAFETY: the scratch has room for all panels, and no other thread has these.
            let to = unsafe { std::slice::from_raw_parts_mut(to, panels.len() * width * depth.len()) };
            pack(from, width, to);
        });
    }

    /// Multiplies a piece.
    fn multiply(&self, piece: &Piece, worker: usize) -> Result<(), Problem> {
        let [height, width] = self.blocks.tile;
        let own = self.own.get().wrapping_add(worker * self.blocks.own());
        // SAFETY: the scratch has room for each worker, and this is this one's.
        let own = unsafe { std::slice::from_raw_parts_mut(own, self.blocks.own()) };
        let (tile, packed) = own.split_at_mut(height * width);
        if self.blocks.packs_left {
            let rows = self.left.part(piece.rows.start, piece.rows.end).columns(piece.depth.start, piece.depth.end).transposed();
            pack(rows, height, packed);
        }
        for panel in piece.panels.clone() {
            let start = piece.columns.start + panel * width;
            let columns = start..piece.columns.end.min(start + width);
            let strip = Strip { product: self, piece, panel, columns };
            match self.multiplier {
                #[cfg(target_arch = "x86_64")]
                Multiplier::Native(_) if self.is_direct(piece) => strip.directly(packed)?,
                _ => strip.by_tiles(packed, tile)?,
            }
        }
        Ok(())
    }

    /// Whether machine code may write the results, and read the addend, in vectors.
    #[cfg(target_arch = "x86_64")]
    fn is_direct(&self, piece: &Piece) -> bool {
        let of_addend = self.addend.filter(|_| piece.depth.start == 0);
        self.out_strides[1] == 1 && of_addend.is_none_or(|(_, addend)| addend.strides()[1] == 1)
    }

    /// Where a result is.
    fn place(&self, row: usize, column: usize) -> *mut T {
        self.out.get().wrapping_offset(row as isize * self.out_strides[0] + column as isize * self.out_strides[1])
    }

    /// What is added to a block of the sum: the addend to the first, to the others what there is.
    fn added(&self, piece: &Piece) -> Option<(T, *const T, [isize; 2])> {
        if piece.depth.start > 0 {
            return Some((T::ONE, self.out.get().cast_const(), self.out_strides));
        }
        self.addend.map(|(beta, addend)| (beta, addend.pointer(), addend.strides()))
    }
}

/// A piece as far as one panel goes.
struct Strip<'a, T> {
    product: &'a Product<'a, T>,
    piece: &'a Piece,
    panel: usize,
    columns: Range<usize>,
}

impl<T: Multiply> Strip<'_, T> {
    /// The vectors of the right side, and the step from one to the next.
    fn right(&self) -> (*const T, isize) {
        let (product, width) = (self.product, self.product.blocks.tile[1]);
        if product.blocks.packs_right {
            return (product.panels.get().wrapping_add(self.panel * width * self.piece.depth.len()), width as isize);
        }
        if self.columns.len() < width {
            return (product.panels.get(), width as isize);
        }
        let rows = product.right.part(self.piece.depth.start, self.piece.depth.end).columns(self.columns.start, self.columns.end);
        (rows.pointer(), rows.strides()[0])
    }

    /// The factors of the left side from one row on: where, from row to row, from step to step.
    #[cfg(target_arch = "x86_64")]
    fn left(&self, packed: &[T], row: usize) -> (*const T, isize, isize) {
        let (product, height) = (self.product, self.product.blocks.tile[0]);
        if product.blocks.packs_left {
            return (packed.as_ptr().wrapping_add(row * self.piece.depth.len()), 1, height as isize);
        }
        let Piece { rows, depth, .. } = self.piece;
        let rows = product.left.part(rows.start + row, rows.end).columns(depth.start, depth.end);
        let [down, step] = rows.strides();
        (rows.pointer(), down, step)
    }

    /// All rows by machine code, which writes the results.
    #[cfg(target_arch = "x86_64")]
    fn directly(&self, packed: &[T]) -> Result<(), Problem> {
        let (rows, height) = (self.piece.rows.len(), self.product.blocks.tile[0]);
        if rows >= height {
            self.rows(packed, 0, height, rows / height, None)?;
        }
        if rows % height > 0 {
            self.rows(packed, rows / height * height, rows % height, 1, None)?;
        }
        Ok(())
    }

    /// Tiles of so many rows, from one row on, by machine code: to the results, or one to a tile without what is added.
    #[cfg(target_arch = "x86_64")]
    fn rows(&self, packed: &[T], first: usize, height: usize, tiles: usize, tile: Option<&mut [T]>) -> Result<(), Problem> {
        let (product, piece) = (self.product, self.piece);
        let Multiplier::Native(kernels) = product.multiplier else {
            return Err(Problem::new(ErrorKind::Execution, "the portable engine has no machine code"));
        };
        let bytes = |elements: isize| elements * size_of::<T>() as isize;
        let (left, left_row, left_step) = self.left(packed, first);
        let (right, right_step) = self.right();
        let depth = piece.depth.len();
        let to_next = if product.blocks.packs_left { (height * depth) as isize } else { height as isize * left_row };
        let row = piece.rows.start + first;
        let added = product.added(piece).filter(|_| tile.is_none());
        let (out, out_row) = match tile {
            Some(tile) => (tile.as_mut_ptr(), product.blocks.tile[1] as isize),
            None => (product.place(row, self.columns.start), product.out_strides[0]),
        };
        let (beta, addend, addend_row) = match added {
            Some((beta, addend, [down, right])) => (beta, addend.wrapping_offset(row as isize * down + self.columns.start as isize * right), down),
            None => (T::ZERO, std::ptr::null(), 0),
        };
        let mut operands = Operands {
            left: left.cast(),
            left_row: bytes(left_row),
            left_step: bytes(left_step),
            right: right.cast(),
            right_step: bytes(right_step),
            depth,
            out: out.cast(),
            out_row: bytes(out_row),
            addend: addend.cast(),
            addend_row: bytes(addend_row),
            tiles,
            next: [bytes(to_next), bytes(height as isize * out_row), bytes(height as isize * addend_row), 0],
            alpha: product.alpha.to_word(),
            beta: beta.to_word(),
            ..Operands::default()
        };
        // SAFETY: the views reach all factors and addends of these rows, columns and steps, and panels are filled up to whole vectors; the
        // results, or the tile, are this piece's alone, and are the addend's elements or overlap none of these.
        unsafe { kernels.run(height, self.columns.len(), &mut operands) }
    }

    /// All rows tile by tile, each of which is then written to the results.
    #[cfg_attr(not(target_arch = "x86_64"), expect(clippy::unnecessary_wraps, reason = "machine code may refuse"))]
    fn by_tiles(&self, packed: &[T], tile: &mut [T]) -> Result<(), Problem> {
        let [height, width] = self.product.blocks.tile;
        for first in (0..self.piece.rows.len()).step_by(height) {
            let rows = height.min(self.piece.rows.len() - first);
            match self.product.multiplier {
                #[cfg(target_arch = "x86_64")]
                Multiplier::Native(_) => self.rows(packed, first, rows, 1, Some(tile))?,
                Multiplier::Portable => {
                    let depth = self.piece.depth.len();
                    let left = &packed[first * depth..(first + height) * depth];
                    // SAFETY: the panel was packed whole, and nobody writes it now.
                    let right = unsafe { std::slice::from_raw_parts(self.right().0, width * depth) };
                    Arch::new().dispatch(Tile { left, right, tile });
                    for sum in &mut *tile {
                        *sum = self.product.alpha * *sum;
                    }
                }
            }
            for (row, sums) in tile.chunks_exact(width).enumerate().take(rows) {
                self.write(self.piece.rows.start + first + row, &sums[..self.columns.len()]);
            }
        }
        Ok(())
    }

    /// Writes scaled sums of a row to its results.
    fn write(&self, row: usize, sums: &[T]) {
        let added = self.product.added(self.piece);
        for (&sum, column) in sums.iter().zip(self.columns.clone()) {
            let result = match added {
                Some((beta, addend, [down, right])) => {
                    let addend = addend.wrapping_offset(row as isize * down + column as isize * right);
                    // SAFETY: the view of the addend, or of the results, has this element, and no other thread writes it.
                    sum + beta * unsafe { addend.read() }
                }
                None => sum,
            };
            // SAFETY: the view of the results has this element, and it is this piece's alone.
            unsafe { self.product.place(row, column).write(result) };
        }
    }
}

/// A range in parts of a length.
fn parts(range: Range<usize>, length: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(length.max(1)).map(move |start| start..end.min(start + length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruction_set::InstructionSet;
    use crate::library::tests::{Array, naive};

    fn multiply<T: Multiply>(left: View<'_, T, 2>, right: View<'_, T, 2>, blend: Blend<'_, T, 2>, out: ViewMut<'_, T, 2>) {
        crate::library::tests::multiply(left, right, blend, out, (Multiplier::of(T::DTYPE, InstructionSet::best()), 1, 0));
    }

    #[test]
    fn alpha_and_beta_scale() {
        let (left, right) = (Array::<f64>::new(3, 4, false, 1), Array::<f64>::new(4, 2, true, 2));
        let mut out = [f64::NAN; 6];
        multiply(left.view(), right.view(), Blend { alpha: 2.0, addend: None }, ViewMut::rows_of(&mut out, 3, 2).unwrap());
        let expected: Vec<f64> = naive(&left, &right).into_iter().map(|x| 2.0 * x).collect();
        assert!(out.iter().zip(&expected).all(|(x, y)| (x - y).abs() < 1e-14));
        let doubled = out;
        let addend = Some((-0.5, View::rows_of(&doubled, 3, 2).unwrap()));
        multiply(left.view(), right.view(), Blend { alpha: 1.0, addend }, ViewMut::rows_of(&mut out, 3, 2).unwrap());
        assert!(out.iter().all(|x| x.abs() < 1e-14), "{out:?}");
        let (left, right) = (Array::<f64>::new(3, 0, false, 1), Array::<f64>::new(0, 2, true, 2));
        let mut out = [f64::NAN; 6];
        let turned = [1.0, 3.0, 5.0, 2.0, 4.0, 6.0];
        let addend = Some((2.0, View::rows_of(&turned, 2, 3).unwrap().transposed()));
        multiply(left.view(), right.view(), Blend { alpha: 1.0, addend }, ViewMut::rows_of(&mut out, 3, 2).unwrap());
        assert_eq!(out, [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]);
    }

    #[test]
    fn axes_may_run_backwards() {
        let (left, right) = (Array::<f64>::new(3, 4, false, 1), Array::<f64>::new(4, 5, true, 2));
        let expected = naive(&left, &right);
        for axes in 0..16 {
            let turn = |view: View<'_, f64, 2>, turns: [bool; 2]| {
                let view = if turns[0] { view.reversed(0) } else { view };
                // The elements again, in memory in the other order.
                let elements: Vec<f64> = view.rows().flat_map(|row| row.iter().collect::<Vec<_>>()).collect();
                (elements, turns[0])
            };
            let (left, turned_left) = turn(left.view(), [axes & 1 != 0, false]);
            let (right, turned_right) = turn(right.view(), [axes & 2 != 0, false]);
            let left = View::rows_of(&left, 3, 4).unwrap();
            let right = View::rows_of(&right, 4, 5).unwrap();
            let (left, right) = (if turned_left { left.reversed(0) } else { left }, if turned_right { right.reversed(0) } else { right });
            let mut out = [f64::NAN; 15];
            let view = ViewMut::rows_of(&mut out, 3, 5).unwrap();
            let view = if axes & 4 != 0 { view.reversed(0) } else { view };
            let view = if axes & 8 != 0 { view.transposed().reversed(0).transposed() } else { view };
            multiply(left, right, Blend { alpha: 1.0, addend: None }, view);
            for (place, found) in out.iter().enumerate() {
                let (row, column) = (place / 5, place % 5);
                let (row, column) = (if axes & 4 != 0 { 2 - row } else { row }, if axes & 8 != 0 { 4 - column } else { column });
                assert!((found - expected[row * 5 + column]).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn lengths_that_disagree_and_little_scratch_change_nothing() {
        let left = Array::<f32>::new(3, 4, false, 1);
        let mut out = [7.0; 9];
        let mut workers = Workers { multiplier: Multiplier::Portable, threads: 1, order: 0, scratch: &mut [] };
        assert!(matmul(left.view(), left.view(), Blend::PLAIN, ViewMut::rows_of(&mut out, 3, 3).unwrap(), &mut workers).is_err());
        let right = Array::<f32>::new(4, 3, false, 2);
        assert!(matmul(left.view(), right.view(), Blend::PLAIN, ViewMut::rows_of(&mut out, 3, 3).unwrap(), &mut workers).is_err());
        assert_eq!(out, [7.0; 9]);
    }
}
