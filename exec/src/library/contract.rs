//! Contractions: a matrix product at each index of the loops around it.

#![expect(unsafe_code, reason = "it makes the views that kernels work on")]

use damo_graph::{DType, Number, Problem};
use smallvec::SmallVec;

use super::blend::Blend;
use super::lanes::Multiply;
use super::{memory, product};
use crate::step::{Addend, BatchAxis, Contraction, Matrix};
use crate::view::{Region, View, ViewMut};

/// Runs a contraction on the memory of a plan's buffers, by their places.
///
/// Fails if an operand is not all inside its buffer, or the dtype is not `f32` or `f64`.
///
/// # Safety
///
/// While it runs nobody else writes the operands' memory or touches the result's, which overlaps no operand, but may be the addend's very
/// elements. The memory holds elements of the contraction's dtype.
pub unsafe fn contract(contraction: &Contraction, buffers: &[Region<'_>]) -> Result<(), Problem> {
    match contraction.dtype {
        // SAFETY: the caller's.
        DType::F32 => unsafe { contract_typed::<f32>(contraction, buffers) },
        // SAFETY: the caller's.
        DType::F64 => unsafe { contract_typed::<f64>(contraction, buffers) },
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
/// As [`contract`].
unsafe fn contract_typed<T: Multiply>(contraction: &Contraction, buffers: &[Region<'_>]) -> Result<(), Problem> {
    let Contraction { m, k, n, batch, left, right, out, .. } = contraction;
    let (left_memory, right_memory, out_memory) = (memory(buffers, left.buffer)?, memory(buffers, right.buffer)?, memory(buffers, out.buffer)?);
    // Everything is checked before anything is written.
    let inside = |memory: Region<'_>, matrix: &Matrix, lengths: [usize; 2], stride: fn(&BatchAxis) -> isize| {
        let lengths: SmallVec<[usize; 8]> = batch.iter().map(|axis| axis.length).chain(lengths).collect();
        let strides: SmallVec<[isize; 8]> = batch.iter().map(stride).chain([matrix.rows, matrix.columns]).collect();
        memory.check::<T>(matrix.offset, &lengths, &strides)
    };
    inside(left_memory, left, [*m, *k], |axis| axis.left)?;
    inside(right_memory, right, [*k, *n], |axis| axis.right)?;
    inside(out_memory, out, [*m, *n], |axis| axis.out)?;
    let mut addend = None;
    if let Some(Addend { matrix, beta }) = &contraction.addend {
        let addend_memory = memory(buffers, matrix.buffer)?;
        inside(addend_memory, matrix, [*m, *n], |axis| axis.addend)?;
        addend = Some((addend_memory, matrix, T::from_number(Number::Real(*beta))));
    }
    let alpha = T::from_number(Number::Real(contraction.alpha));
    let strides = |matrix: &Matrix| [matrix.rows, matrix.columns];
    let count: usize = batch.iter().map(|axis| axis.length).product();
    for index in 0..count {
        let (mut rest, mut starts) = (index, BatchAxis { length: 1, left: 0, right: 0, addend: 0, out: 0 });
        for axis in batch.iter().rev() {
            let place = (rest % axis.length) as isize;
            rest /= axis.length;
            starts.left += place * axis.left;
            starts.right += place * axis.right;
            starts.addend += place * axis.addend;
            starts.out += place * axis.out;
        }
        // SAFETY: the caller vouches for the operands.
        let left = unsafe { View::<T, 2>::new(left_memory, left.offset + starts.left, [*m, *k], strides(left)) }?;
        // SAFETY: the caller vouches for the operands.
        let right = unsafe { View::<T, 2>::new(right_memory, right.offset + starts.right, [*k, *n], strides(right)) }?;
        let mut blend = Blend { alpha, addend: None };
        if let Some((addend_memory, matrix, beta)) = addend {
            // SAFETY: the caller vouches for the operands; where these are the result's elements, kernels read each before they write it.
            let view = unsafe { View::<T, 2>::new(addend_memory, matrix.offset + starts.addend, [*m, *n], strides(matrix)) }?;
            blend.addend = Some((beta, view));
        }
        // SAFETY: the caller vouches for the result.
        let out = unsafe { ViewMut::<T, 2>::new(out_memory, out.offset + starts.out, [*m, *n], strides(out)) }?;
        product(left, right, blend, out);
    }
    Ok(())
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
        // SAFETY: the result is borrowed, and the operands are another array.
        unsafe { contract(&contraction, &buffers) }.unwrap();
        let outside = Contraction { k: 13, ..contraction };
        // SAFETY: as above.
        assert!(unsafe { contract(&outside, &buffers) }.is_err());
        assert_eq!(out, [55.0, 145.0, 145.0, 451.0, 1279.0, 1801.0, 1801.0, 2539.0]);
    }
}
