//! Functions of whole rows: the norm, the place of an extreme, the products of all others.
//!
//! They follow the ops' meanings step by step: they compute in `f64`, or in `i128` for integers, and round once.

#![expect(unsafe_code, reason = "it makes the views of rows that kernels work on")]

use damo_graph::dtype::Class;
use damo_graph::{DType, Element, Float, Number, Problem};

use super::factors::product;
use super::memory;
use super::norm::norm;
use crate::region::Region;
use crate::step::{Row, RowFunction};
use crate::view::{View, ViewMut};

/// Whether there is a kernel for a function of elements of that type.
pub const fn supports(function: RowFunction, dtype: DType) -> bool {
    match function {
        RowFunction::Norm | RowFunction::Product => dtype.is_float(),
        RowFunction::ArgMax | RowFunction::ArgMin => !matches!(dtype.class(), Class::Complex),
        RowFunction::ProductOfOthers => dtype.is_float() || dtype.is_integer(),
    }
}

/// Runs a function of rows on the memory of a plan's buffers, by their places.
///
/// Fails if an operand is not all inside its buffer, or the function is not one of [`supports`].
///
/// # Safety
///
/// While it runs nobody else writes the input's memory or touches the result's, which overlaps the input only where it is the same
/// element for element. The memory holds elements of the row's dtype.
pub unsafe fn run(row: &Row, buffers: &[Region<'_>]) -> Result<(), Problem> {
    let memories = (memory(buffers, row.input.buffer)?, memory(buffers, row.out.buffer)?);
    match row.dtype {
        // SAFETY: the caller's.
        DType::F16 => unsafe { floats::<half::f16>(row, memories) },
        // SAFETY: the caller's.
        DType::BF16 => unsafe { floats::<half::bf16>(row, memories) },
        // SAFETY: the caller's.
        DType::F32 => unsafe { floats::<f32>(row, memories) },
        // SAFETY: the caller's.
        DType::F64 => unsafe { floats::<f64>(row, memories) },
        DType::C64 | DType::C128 => Err(refused(row)),
        // SAFETY: the caller's.
        DType::Bool => unsafe { integers::<bool>(row, memories) },
        // SAFETY: the caller's.
        DType::I8 => unsafe { integers::<i8>(row, memories) },
        // SAFETY: the caller's.
        DType::I16 => unsafe { integers::<i16>(row, memories) },
        // SAFETY: the caller's.
        DType::I32 => unsafe { integers::<i32>(row, memories) },
        // SAFETY: the caller's.
        DType::I64 => unsafe { integers::<i64>(row, memories) },
        // SAFETY: the caller's.
        DType::U8 => unsafe { integers::<u8>(row, memories) },
        // SAFETY: the caller's.
        DType::U16 => unsafe { integers::<u16>(row, memories) },
        // SAFETY: the caller's.
        DType::U32 => unsafe { integers::<u32>(row, memories) },
        // SAFETY: the caller's.
        DType::U64 => unsafe { integers::<u64>(row, memories) },
    }
}

/// # Safety
///
/// As [`run`].
unsafe fn floats<T: Float>(row: &Row, memories: (Region<'_>, Region<'_>)) -> Result<(), Problem> {
    match row.function {
        RowFunction::Norm => {
            // SAFETY: the caller's.
            unsafe { each::<T, T>(row, memories, 1, |x, mut y| y.write([T::from_f64(norm(&x))])) }
        }
        RowFunction::Product => {
            // SAFETY: the caller's.
            unsafe { each::<T, T>(row, memories, 1, |x, mut y| y.write([T::from_f64(product(&x))])) }
        }
        RowFunction::ArgMax | RowFunction::ArgMin => {
            let is_max = row.function == RowFunction::ArgMax;
            // SAFETY: the caller's.
            unsafe { each::<T, i64>(row, memories, 1, |x, mut y| y.write([place_of_extreme(x.iter().map(T::to_f64), is_max)])) }
        }
        RowFunction::ProductOfOthers => {
            // SAFETY: the caller's.
            unsafe {
                each::<T, T>(row, memories, row.length, |x, mut y| {
                    others(&Products { x: &x, widen: T::to_f64, narrow: T::from_f64, times: |a, b| a * b }, &mut y, 0, row.length, 1.0);
                })
            }
        }
    }
}

/// # Safety
///
/// As [`run`].
unsafe fn integers<T: Element>(row: &Row, memories: (Region<'_>, Region<'_>)) -> Result<(), Problem> {
    match row.function {
        RowFunction::ArgMax | RowFunction::ArgMin => {
            let is_max = row.function == RowFunction::ArgMax;
            // SAFETY: the caller's.
            unsafe { each::<T, i64>(row, memories, 1, |x, mut y| y.write([place_of_extreme(x.iter().map(|x| x.to_number().to_integer()), is_max)])) }
        }
        RowFunction::ProductOfOthers => {
            let (widen, narrow) = (|x: T| x.to_number().to_integer(), |x| T::from_number(Number::Integer(x)));
            // SAFETY: the caller's.
            unsafe {
                each::<T, T>(row, memories, row.length, |x, mut y| {
                    others(&Products { x: &x, widen, narrow, times: i128::wrapping_mul }, &mut y, 0, row.length, 1);
                })
            }
        }
        RowFunction::Norm | RowFunction::Product => Err(refused(row)),
    }
}

fn refused(row: &Row) -> Problem {
    Problem::dtype(format!("there is no kernel for {:?} of {}", row.function, row.dtype))
}

/// Does something with each row and its results, of which there are `results`.
///
/// # Safety
///
/// As [`run`].
unsafe fn each<T: Element, U: Element>(
    row: &Row,
    (input, out): (Region<'_>, Region<'_>),
    results: usize,
    kernel: impl Fn(View<'_, T, 1>, ViewMut<'_, U, 1>),
) -> Result<(), Problem> {
    for (from, to) in row.starts() {
        // SAFETY: the caller vouches for the input.
        let x = unsafe { View::<T, 1>::new(input, from, [row.length], [row.input.step]) }?;
        // SAFETY: the caller vouches for the result. Kernels read each element before they write it.
        let y = unsafe { ViewMut::<U, 1>::new(out, to, [results], [row.out.step]) }?;
        kernel(x, y);
    }
    Ok(())
}

/// Where the extreme first is; a NaN is beyond everything.
fn place_of_extreme<T: PartialOrd + Copy>(mut elements: impl Iterator<Item = T>, is_max: bool) -> i64 {
    let Some(mut best) = elements.next() else { return 0 };
    let mut place = 0;
    // Only a NaN differs from itself.
    #[allow(clippy::eq_op, reason = "it asks for NaN, of integers too")]
    let is_nan = |x: T| x != x;
    for (index, x) in elements.enumerate() {
        let beyond = if is_max { x > best } else { x < best };
        if beyond || is_nan(x) && !is_nan(best) {
            (best, place) = (x, index as i64 + 1);
        }
    }
    place
}

/// A row whose elements are multiplied, and in what numbers.
struct Products<'a, 'v, T, W> {
    x: &'a View<'v, T, 1>,
    widen: fn(T) -> W,
    narrow: fn(W) -> T,
    times: fn(W, W) -> W,
}

/// How many elements are done at once, on the stack.
const BLOCK: usize = 32;

/// The products of the others for elements `start` to `end`, given the product of everything outside; half by half.
fn others<T: Element, W: Copy + From<bool>>(of: &Products<'_, '_, T, W>, y: &mut ViewMut<'_, T, 1>, start: usize, end: usize, outside: W) {
    let at = |from: usize, to: usize| of.x.range(from, to).iter().map(of.widen);
    if end - start > BLOCK {
        let middle = start.midpoint(end);
        // Both products come before anything is written: the result may be the row itself.
        let [left, right] = [(start, middle), (middle, end)].map(|(from, to)| at(from, to).fold(W::from(true), of.times));
        others(of, y, start, middle, (of.times)(outside, right));
        others(of, y, middle, end, (of.times)(outside, left));
        return;
    }
    let mut elements = [outside; BLOCK];
    for (element, x) in elements.iter_mut().zip(at(start, end)) {
        *element = x;
    }
    let mut products = [outside; BLOCK];
    let mut before = outside;
    for (product, &x) in products.iter_mut().zip(&elements[..end - start]) {
        *product = before;
        before = (of.times)(before, x);
    }
    let mut after = W::from(true);
    for (product, &x) in products[..end - start].iter_mut().zip(&elements).rev() {
        *product = (of.times)(*product, after);
        after = (of.times)(after, x);
    }
    y.range(start, end).write(products[..end - start].iter().map(|&product| (of.narrow)(product)));
}
