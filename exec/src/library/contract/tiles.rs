//! Products that are one tile each: machine code goes from one to the next by itself.

use std::ops::Range;

use damo_graph::{ErrorKind, Problem};

use super::Operands;
use crate::library::lanes::Multiply;
use crate::library::matmul::blocks::{Blocks, Geometry};
use crate::library::multiplier::Multiplier;
use crate::native::{self, MicroKernels};
use crate::step::{BatchAxis, Contraction};
use crate::view::View;

/// Products of vectors are sums in several parts if they are longer.
const SHORT: usize = 64;

/// So many elements are copied at a time at most, or one right side.
const PACKED: usize = 4096;

/// How products are computed that are one tile each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles {
    kernels: &'static MicroKernels,
    /// Whether the transposed products are computed: columns are rows then, and the sides change places.
    is_turned: bool,
    /// Whether the right sides are copied first, so that their rows' elements are neighbours.
    packs: bool,
}

impl Tiles {
    /// The way for these products, if each is a tile whose rows have neighbours as elements. The sums are those of
    /// [`matmul`](crate::library::matmul::matmul).
    pub fn of<T: Multiply>(contraction: &Contraction, multiplier: Multiplier) -> Option<Tiles> {
        let Multiplier::Native(kernels) = multiplier else { return None };
        let Contraction { m, k, n, left, right, out, .. } = contraction;
        let geometry = Geometry {
            lengths: [*m, *k, *n],
            size: size_of::<T>(),
            left: [left.rows, left.columns],
            right: [right.rows, right.columns],
            out: [out.rows, out.columns],
        };
        let blocks = Blocks::of(&geometry, kernels.size(), false);
        let longest = if *m == 1 || *n == 1 { SHORT } else { blocks.depth };
        if *k == 0 || *k > longest || contraction.batch.is_empty() && (*m == 1 || *n == 1) {
            return None;
        }
        let [rows, columns] = kernels.size();
        let fits = |is_turned: bool, packs: bool| {
            let shape = Shape::of(contraction, is_turned);
            let are_neighbours = |steps: [isize; 2]| shape.columns == 1 || steps[1] == 1;
            let lies_well = are_neighbours(shape.out) && are_neighbours(shape.addend) && (packs || are_neighbours(shape.right));
            lies_well && (1..=rows).contains(&shape.rows) && (1..=columns).contains(&shape.columns)
        };
        let ways = [(false, false), (true, false), (false, true), (true, true)];
        ways.into_iter().find(|&(is_turned, packs)| fits(is_turned, packs)).map(|(is_turned, packs)| Tiles { kernels, is_turned, packs })
    }

    /// How many elements of scratch a run takes at most, however the operands lie.
    pub fn scratch(contraction: &Contraction) -> usize {
        let each = (contraction.k * contraction.m.max(contraction.n)).max(1);
        let count: usize = contraction.batch.iter().map(|axis| axis.length).product();
        each * (PACKED / each).min(count).max(1)
    }

    /// Elements of a right side.
    fn each(self, contraction: &Contraction) -> usize {
        contraction.k * Shape::of(contraction, self.is_turned).columns
    }

    /// Makes ready what a run needs.
    pub fn prepare(self, contraction: &Contraction) {
        let shape = Shape::of(contraction, self.is_turned);
        self.kernels.prepare_cut(shape.rows, shape.columns);
    }

    /// Computes the products at some indices of the loops around.
    ///
    /// Fails if the system gives no memory for code, or the scratch is shorter than [`Tiles::scratch`].
    ///
    /// # Safety
    ///
    /// As [`Product::run`](super::Product::run); nobody else computes these.
    pub unsafe fn run<T: Multiply>(self, operands: &Operands<'_, T>, indices: Range<usize>, scratch: &mut [T]) -> Result<(), Problem> {
        let contraction = operands.contraction;
        if scratch.len() < Tiles::scratch(contraction) {
            return Err(Problem::new(ErrorKind::Execution, "a product was given too little scratch"));
        }
        let shape = Shape::of(contraction, self.is_turned);
        let inner = contraction.batch.last().copied().unwrap_or(BatchAxis { length: 1, left: 0, right: 0, addend: 0, out: 0 });
        let bytes = |elements: isize| elements * size_of::<T>() as isize;
        let (mut index, [left_of, right_of]) = (indices.start, if self.is_turned { [1, 0] } else { [0, 1] });
        while index < indices.end {
            // As many as there are along the innermost loop.
            let mut tiles = (inner.length - index % inner.length).min(indices.end - index);
            let starts = operands.starts(index);
            let sides = [
                (operands.left.base(), contraction.left.offset + starts.left, inner.left),
                (operands.right.base(), contraction.right.offset + starts.right, inner.right),
            ];
            let at = |base: *mut u8, place: isize| base.wrapping_offset(bytes(place));
            let [left, right] = [sides[left_of], sides[right_of]];
            let (mut right_at, mut right_step, mut next_right) = (at(right.0, right.1).cast_const(), bytes(shape.right[0]), bytes(right.2));
            if self.packs {
                let each = self.each(contraction);
                let packed = scratch.chunks_exact_mut(each.max(1)).take(tiles);
                tiles = packed.len();
                for (place, to) in (0..).zip(packed) {
                    let from = right_at.cast::<T>().wrapping_offset(place * right.2);
                    // SAFETY: the operands are checked to be inside their memory, and nobody writes them.
                    let from = unsafe { View::<T, 2>::unchecked(from, [contraction.k, shape.columns], shape.right) };
                    to.chunks_exact_mut(shape.columns)
                        .zip(from.rows())
                        .for_each(|(to, row)| to.iter_mut().zip(row.iter()).for_each(|(to, x)| *to = x));
                }
                (right_at, right_step, next_right) = (scratch.as_ptr().cast(), bytes(shape.columns as isize), bytes(each as isize));
            }
            let (beta, addend) = match operands.addend {
                Some((memory, matrix, beta)) => (beta, at(memory.base(), matrix.offset + starts.addend).cast_const()),
                None => (T::ZERO, std::ptr::null()),
            };
            let mut call = native::Operands {
                left: at(left.0, left.1),
                left_row: bytes(shape.left[0]),
                left_step: bytes(shape.left[1]),
                right: right_at,
                right_step,
                depth: contraction.k,
                out: at(operands.out.base(), contraction.out.offset + starts.out),
                out_row: bytes(shape.out[0]),
                addend,
                addend_row: bytes(shape.addend[0]),
                tiles,
                next: [bytes(left.2), bytes(inner.out), if addend.is_null() { 0 } else { bytes(inner.addend) }, next_right],
                alpha: operands.alpha.to_word(),
                beta: beta.to_word(),
                ..native::Operands::default()
            };
            // SAFETY: the operands are checked to be inside their memory; the rest is the caller's.
            unsafe { self.kernels.run_cut(shape.rows, shape.columns, &mut call) }?;
            index += tiles;
        }
        Ok(())
    }
}

/// A tile: its rows and columns, and steps from row to row and from column to column.
struct Shape {
    rows: usize,
    columns: usize,
    left: [isize; 2],
    right: [isize; 2],
    addend: [isize; 2],
    out: [isize; 2],
}

impl Shape {
    fn of(contraction: &Contraction, is_turned: bool) -> Shape {
        let Contraction { m, n, left, right, out, addend, .. } = contraction;
        let [left, right, out] = [left, right, out].map(|matrix| [matrix.rows, matrix.columns]);
        let addend = addend.as_ref().map_or(out, |addend| [addend.matrix.rows, addend.matrix.columns]);
        if is_turned {
            let turn = |[down, right]: [isize; 2]| [right, down];
            Shape { rows: *n, columns: *m, left: turn(right), right: turn(left), addend: turn(addend), out: turn(out) }
        } else {
            Shape { rows: *m, columns: *n, left, right, addend, out }
        }
    }
}
