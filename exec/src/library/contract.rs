//! Contractions: a matrix product at each index of the loops around it.

#![expect(unsafe_code, reason = "it makes the views that kernels work on")]

#[cfg(target_arch = "x86_64")]
mod tiles;

use std::ops::Range;

use damo_graph::{DType, ErrorKind, Number, Problem};
use smallvec::SmallVec;

#[cfg(target_arch = "x86_64")]
use self::tiles::Tiles;
use super::blend::Blend;
use super::lanes::Multiply;
use super::matmul::{self, blocks::Geometry};
use super::multiplier::Multiplier;
use super::workers::Workers;
use super::{memory, product};
use crate::instruction_set::InstructionSet;
use crate::pool::{self, Shared};
use crate::region::Region;
use crate::step::{Addend, BatchAxis, Contraction, Matrix};
use crate::view::{View, ViewMut};

/// How contractions are computed.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    multiplier: Multiplier,
}

impl Product {
    /// Those of elements of that type, by machine code of those instructions, if there is to be any.
    pub fn of(dtype: DType, machine_code: Option<InstructionSet>) -> Self {
        Product { multiplier: Multiplier::of(dtype, machine_code) }
    }

    /// Makes ready what a run needs.
    pub fn prepare(self, contraction: &Contraction) {
        #[cfg(target_arch = "x86_64")]
        {
            let tiles = if contraction.dtype == DType::F32 { Tiles::of::<f32> } else { Tiles::of::<f64> };
            if let Some(tiles) = tiles(contraction, self.multiplier) {
                return tiles.prepare(contraction);
            }
        }
        self.multiplier.prepare(contraction.m, contraction.n);
    }

    /// How many bytes of scratch a run on so many threads takes.
    pub fn scratch_bytes(self, contraction: &Contraction, threads: usize) -> usize {
        if contraction.dtype == DType::F32 {
            self.elements::<f32>(contraction, threads) * size_of::<f32>()
        } else {
            self.elements::<f64>(contraction, threads) * size_of::<f64>()
        }
    }

    fn elements<T: Multiply>(self, contraction: &Contraction, threads: usize) -> usize {
        let Contraction { m, k, n, left, right, out, .. } = contraction;
        let [left, right, out] = [left, right, out].map(|matrix| [matrix.rows, matrix.columns]);
        let geometry = Geometry { lengths: [*m, *k, *n], size: size_of::<T>(), left, right, out };
        let of = |threads| matmul::scratch::<T>(&geometry, self.multiplier, threads);
        #[cfg(target_arch = "x86_64")]
        if Tiles::of::<T>(contraction, self.multiplier).is_some() {
            return threads * Tiles::scratch(contraction);
        }
        if contraction.batch.is_empty() { of(threads) } else { of(threads).max(threads * of(1)) }
    }

    /// Runs the contraction on the memory of a plan's buffers, by their places. The bits are the same on any number of threads, and in
    /// whatever order they take up their work.
    ///
    /// Fails if an operand is not all inside its buffer, or the dtype is not `f32` or `f64`, or the scratch is too short.
    ///
    /// # Safety
    ///
    /// While it runs nobody else writes the operands' memory or touches the result's, which overlaps no operand, but may be the addend's very
    /// elements. The memory holds elements of the contraction's dtype.
    pub unsafe fn run(
        self,
        contraction: &Contraction,
        buffers: &[Region<'_>],
        scratch: &mut [u8],
        threads: usize,
        order: usize,
    ) -> Result<(), Problem> {
        match contraction.dtype {
            // SAFETY: the caller's.
            DType::F32 => unsafe { self.run_typed::<f32>(contraction, buffers, scratch, threads, order) },
            // SAFETY: the caller's.
            DType::F64 => unsafe { self.run_typed::<f64>(contraction, buffers, scratch, threads, order) },
            DType::Bool
            | DType::I8
            | DType::I16
            | DType::I32
            | DType::I64
            | DType::U8
            | DType::U16
            | DType::U32
            | DType::U64
            | DType::F16
            | DType::BF16
            | DType::C64
            | DType::C128 => Err(Problem::dtype(format!("there is no matrix product kernel for elements of type {}", contraction.dtype))),
        }
    }

    /// # Safety
    ///
    /// As [`Product::run`].
    unsafe fn run_typed<T: Multiply>(
        self,
        contraction: &Contraction,
        buffers: &[Region<'_>],
        scratch: &mut [u8],
        threads: usize,
        order: usize,
    ) -> Result<(), Problem> {
        let operands = Operands::<T>::of(contraction, buffers)?;
        let needed = self.elements::<T>(contraction, threads);
        let scratch = scratch.get_mut(..needed * size_of::<T>()).and_then(|bytes| bytemuck::try_cast_slice_mut(bytes).ok());
        let scratch: &mut [T] = scratch.ok_or_else(|| Problem::new(ErrorKind::Execution, "a product has no scratch"))?;
        let count: usize = contraction.batch.iter().map(|axis| axis.length).product();
        let each = contraction.m.saturating_mul(contraction.k).saturating_mul(contraction.n);
        if count == 1 || threads == 1 || each >= ALONE {
            let mut workers = Workers { multiplier: self.multiplier, threads, order, scratch };
            // SAFETY: the caller's; one after the other.
            return unsafe { operands.products(0..count, &mut workers) };
        }
        // Each thread does whole products.
        let threads = threads.min(each.saturating_mul(count) / matmul::WORTH_A_THREAD).max(1);
        let own = self.elements::<T>(contraction, 1);
        let (start, ranges) = (Shared(scratch.as_mut_ptr()), if threads == 1 && order == 0 { 1 } else { count.min(threads * RANGES) });
        pool::try_share(threads, ranges, order, |range, worker| {
            // SAFETY: there is scratch for each worker, and no other has this.
            let scratch = unsafe { std::slice::from_raw_parts_mut(start.get().wrapping_add(worker * own), own) };
            let mut workers = Workers { multiplier: self.multiplier, threads: 1, order, scratch };
            // SAFETY: the caller's; results of different indices are different elements.
            unsafe { operands.products(count * range / ranges..count * (range + 1) / ranges, &mut workers) }
        })
    }
}

/// Products of so many multiplications are shared by all threads, smaller ones computed side by side.
const ALONE: usize = 1 << 21;

/// Each thread has so many ranges of products to take up.
const RANGES: usize = 4;

/// The operands of a contraction, checked to be inside their memory.
struct Operands<'a, T> {
    contraction: &'a Contraction,
    left: Region<'a>,
    right: Region<'a>,
    out: Region<'a>,
    alpha: T,
    addend: Option<(Region<'a>, &'a Matrix, T)>,
}

impl<'a, T: Multiply> Operands<'a, T> {
    fn of(contraction: &'a Contraction, buffers: &[Region<'a>]) -> Result<Self, Problem> {
        let Contraction { m, k, n, batch, left, right, out, .. } = contraction;
        let inside = |matrix: &Matrix, lengths: [usize; 2], stride: fn(&BatchAxis) -> isize| {
            let lengths: SmallVec<[usize; 8]> = batch.iter().map(|axis| axis.length).chain(lengths).collect();
            let strides: SmallVec<[isize; 8]> = batch.iter().map(stride).chain([matrix.rows, matrix.columns]).collect();
            let memory = memory(buffers, matrix.buffer)?;
            memory.check::<T>(matrix.offset, &lengths, &strides).map(|()| memory)
        };
        let mut addend = None;
        if let Some(Addend { matrix, beta }) = &contraction.addend {
            addend = Some((inside(matrix, [*m, *n], |axis| axis.addend)?, matrix, T::from_number(Number::Real(*beta))));
        }
        Ok(Operands {
            contraction,
            left: inside(left, [*m, *k], |axis| axis.left)?,
            right: inside(right, [*k, *n], |axis| axis.right)?,
            out: inside(out, [*m, *n], |axis| axis.out)?,
            alpha: T::from_number(Number::Real(contraction.alpha)),
            addend,
        })
    }

    /// Computes the products at indices of the loops around.
    ///
    /// # Safety
    ///
    /// As [`Product::run`]; nobody else computes these.
    unsafe fn products(&self, mut indices: Range<usize>, workers: &mut Workers<'_, T>) -> Result<(), Problem> {
        #[cfg(target_arch = "x86_64")]
        if let Some(tiles) = Tiles::of::<T>(self.contraction, workers.multiplier) {
            // SAFETY: the caller's.
            return unsafe { tiles.run(self, indices, workers.scratch) };
        }
        // SAFETY: the caller's.
        indices.try_for_each(|index| unsafe { self.product(index, workers) })
    }

    /// How far the operands of the product at an index of the loops around are from the first.
    fn starts(&self, index: usize) -> BatchAxis {
        let (mut rest, mut starts) = (index, BatchAxis { length: 1, left: 0, right: 0, addend: 0, out: 0 });
        for axis in self.contraction.batch.iter().rev() {
            let place = (rest % axis.length) as isize;
            rest /= axis.length;
            starts.left += place * axis.left;
            starts.right += place * axis.right;
            starts.addend += place * axis.addend;
            starts.out += place * axis.out;
        }
        starts
    }

    /// Computes the product at an index of the loops around.
    ///
    /// # Safety
    ///
    /// As [`Product::run`]; nobody else computes this one.
    unsafe fn product(&self, index: usize, workers: &mut Workers<'_, T>) -> Result<(), Problem> {
        let Contraction { m, k, n, left, right, out, .. } = self.contraction;
        let strides = |matrix: &Matrix| [matrix.rows, matrix.columns];
        let starts = self.starts(index);
        // SAFETY: the caller vouches for the operands.
        let left = unsafe { View::<T, 2>::new(self.left, left.offset + starts.left, [*m, *k], strides(left)) }?;
        // SAFETY: the caller vouches for the operands.
        let right = unsafe { View::<T, 2>::new(self.right, right.offset + starts.right, [*k, *n], strides(right)) }?;
        let mut blend = Blend { alpha: self.alpha, addend: None };
        if let Some((addend_memory, matrix, beta)) = self.addend {
            // SAFETY: the caller vouches for the operands; where these are the result's elements, kernels read each before they write it.
            let view = unsafe { View::<T, 2>::new(addend_memory, matrix.offset + starts.addend, [*m, *n], strides(matrix)) }?;
            blend.addend = Some((beta, view));
        }
        // SAFETY: the caller vouches for the result.
        let out = unsafe { ViewMut::<T, 2>::new(self.out, out.offset + starts.out, [*m, *n], strides(out)) }?;
        product(left, right, blend, out, workers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nest::BufferId;

    #[test]
    fn contractions_loop_over_their_batch() {
        let numbers: Vec<f64> = (0..24).map(f64::from).collect();
        let mut out = [0.0f64; 8];
        let matrix = |buffer, rows, columns| Matrix { buffer: BufferId(buffer), offset: 0, rows, columns };
        let axis = BatchAxis { length: 2, left: 12, right: 12, addend: 0, out: 4 };
        let contraction = Contraction {
            dtype: DType::F64,
            batch: [axis].into_iter().collect(),
            m: 2,
            k: 6,
            n: 2,
            left: matrix(0, 6, 1),
            right: matrix(0, 1, 6),
            alpha: 1.0,
            addend: None,
            out: matrix(1, 2, 1),
        };
        let buffers = [Region::reading(&numbers), Region::writing(&mut out)];
        let product = Product::of(DType::F64, InstructionSet::best());
        let mut scratch = vec![0.0f64; product.scratch_bytes(&contraction, 2) / 8];
        let scratch = bytemuck::cast_slice_mut(&mut scratch);
        // SAFETY: the result is borrowed, and the operands are another array.
        unsafe { product.run(&contraction, &buffers, scratch, 2, 0) }.unwrap();
        let outside = Contraction { k: 13, ..contraction };
        // SAFETY: as above.
        assert!(unsafe { product.run(&outside, &buffers, scratch, 1, 0) }.is_err());
        assert_eq!(out, [55.0, 145.0, 145.0, 451.0, 1279.0, 1801.0, 1801.0, 2539.0]);
    }

    /// Batches of small products of whole numbers, which are exact, with every operand row by row or column by column.
    fn check<T: Multiply>(machine_code: Option<InstructionSet>, [m, k, n]: [usize; 3], turned: [bool; 4]) {
        let batch = [2, 70];
        let count = batch[0] * batch[1];
        let elements = |seed: usize, each: usize| -> Vec<T> {
            (0..count * each).map(|place| T::from_number(Number::Real(((place * 7 + seed) % 9) as f64 - 4.0))).collect()
        };
        let (left, right, addend) = (elements(1, m * k), elements(2, k * n), elements(3, m * n));
        let mut out = elements(4, m * n);
        let steps = |rows: usize, columns: usize, turned: bool| if turned { [1, rows as isize] } else { [columns as isize, 1] };
        let all = [steps(m, k, turned[0]), steps(k, n, turned[1]), steps(m, n, turned[2]), steps(m, n, turned[3])];
        let matrix = |buffer: u32| Matrix { buffer: BufferId(buffer), offset: 0, rows: all[buffer as usize][0], columns: all[buffer as usize][1] };
        let axis = |length: usize, products: usize| {
            let [left, right, out] = [m * k, k * n, m * n].map(|each| (products * each) as isize);
            BatchAxis { length, left, right, addend: out, out }
        };
        let contraction = Contraction {
            dtype: T::DTYPE,
            batch: [axis(batch[0], batch[1]), axis(batch[1], 1)].into_iter().collect(),
            m,
            k,
            n,
            left: matrix(0),
            right: matrix(1),
            alpha: 2.0,
            addend: Some(Addend { matrix: matrix(2), beta: -1.0 }),
            out: matrix(3),
        };
        let product = Product::of(T::DTYPE, machine_code);
        product.prepare(&contraction);
        for threads in [1, 3] {
            let mut scratch = vec![T::ONE; product.scratch_bytes(&contraction, threads) / size_of::<T>()];
            let buffers = [Region::reading(&left), Region::reading(&right), Region::reading(&addend), Region::writing(&mut out)];
            // SAFETY: the arrays are borrowed.
            unsafe { product.run(&contraction, &buffers, bytemuck::cast_slice_mut(&mut scratch), threads, 0) }.unwrap();
            let at = |elements: &[T], which: usize, each: usize, index: usize, [row, column]: [usize; 2]| {
                let [down, right] = all[which];
                elements[index * each + (row as isize * down + column as isize * right) as usize].to_number().to_real()
            };
            for (index, place) in (0..count).flat_map(|index| (0..m * n).map(move |place| (index, place))) {
                let [row, column] = [place / n, place % n];
                let sum: f64 = (0..k).map(|term| at(&left, 0, m * k, index, [row, term]) * at(&right, 1, k * n, index, [term, column])).sum();
                let expected = 2.0 * sum - at(&addend, 2, m * n, index, [row, column]);
                assert_eq!(at(&out, 3, m * n, index, [row, column]), expected, "{machine_code:?} {m} {k} {n} {turned:?} {threads}");
            }
        }
    }

    #[test]
    fn batches_of_small_products_of_any_strides_are_right() {
        let engines = [None].into_iter().chain(InstructionSet::ALL.into_iter().filter(|set| set.is_available()).map(Some));
        for (engine, lengths) in engines.flat_map(|engine| {
            [
                [4, 4, 4],
                [1, 3, 5],
                [3, 1, 1],
                [6, 5, 16],
                [6, 5, 13],
                [6, 5, 7],
                [14, 9, 32],
                [14, 9, 31],
                [5, 70, 17],
                [2, 65, 1],
                [15, 3, 3],
                [1, 1, 1],
            ]
            .map(move |lengths| (engine, lengths))
        }) {
            for turned in (0..16).map(|bits| [1, 2, 4, 8].map(|bit| bits & bit != 0)) {
                check::<f32>(engine, lengths, turned);
                check::<f64>(engine, lengths, turned);
            }
        }
    }

    #[test]
    fn products_of_one_tile_have_the_bits_of_any_product() {
        let (m, k, n, count) = (5, 70, 13, 3);
        let numbers = |length: usize| (0..length).map(|place| ((place * 7919) % 1000) as f32 / 997.0 - 0.4).collect::<Vec<f32>>();
        let (left, right) = (numbers(count * m * k), numbers(count * k * n));
        let matrix = |buffer, rows| Matrix { buffer: BufferId(buffer), offset: 0, rows, columns: 1 };
        let axis = BatchAxis { length: count, left: (m * k) as isize, right: (k * n) as isize, addend: 0, out: (m * n) as isize };
        let contraction = Contraction {
            dtype: DType::F32,
            batch: [axis].into_iter().collect(),
            m,
            k,
            n,
            left: matrix(0, k as isize),
            right: matrix(1, n as isize),
            alpha: 1.0,
            addend: None,
            out: matrix(2, n as isize),
        };
        for set in InstructionSet::ALL.into_iter().filter(|set| set.is_available()) {
            let product = Product::of(DType::F32, Some(set));
            let mut out = vec![0.0f32; count * m * n];
            let mut scratch = vec![0.0f32; product.scratch_bytes(&contraction, 1) / 4];
            let buffers = [Region::reading(&left), Region::reading(&right), Region::writing(&mut out)];
            // SAFETY: the arrays are borrowed.
            unsafe { product.run(&contraction, &buffers, bytemuck::cast_slice_mut(&mut scratch), 1, 0) }.unwrap();
            for (index, found) in out.chunks_exact(m * n).enumerate() {
                let mut alone = vec![0.0f32; m * n];
                let left = View::rows_of(&left[index * m * k..], m, k).unwrap();
                let right = View::rows_of(&right[index * k * n..], k, n).unwrap();
                let to = ViewMut::rows_of(&mut alone, m, n).unwrap();
                crate::library::tests::multiply(left, right, Blend::PLAIN, to, (Multiplier::of(DType::F32, Some(set)), 1, 0));
                assert_eq!(found, alone, "{set:?}");
            }
        }
    }
}
