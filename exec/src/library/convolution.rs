//! Convolution, by gathering windows or by scattering products, whichever computes less: see [`crate::sliding::Method`].
//!
//! Where there is machine code, windows are read where they are (`direct`).

#![expect(unsafe_code, reason = "it makes the slices that kernels work on")]

#[cfg(target_arch = "x86_64")]
mod direct;
mod gather;
mod scatter;

use damo_graph::{DType, ErrorKind, Problem};
use pulp::Arch;

use super::lanes::Multiply;
use super::memory;
use super::multiplier::Multiplier;
use crate::region::{Region, reach};
use crate::sliding::{Convolution, Method};
use crate::step;
use crate::view::{View, ViewMut};
use gather::Gather;

/// Whether there is a kernel for elements of that type.
pub const fn supports(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64)
}

/// How many bytes of scratch it takes on so many threads; what it runs is made ready.
pub fn scratch_bytes(convolution: &Convolution, multiplier: Multiplier, threads: usize) -> usize {
    let elements = if convolution.dtype.size() == 4 {
        scratch::<f32>(convolution, multiplier, threads)
    } else {
        scratch::<f64>(convolution, multiplier, threads)
    };
    elements * convolution.dtype.size()
}

fn scratch<T: Multiply>(convolution: &Convolution, multiplier: Multiplier, threads: usize) -> usize {
    match (convolution.method, multiplier) {
        (Method::Scatter, _) => scatter::scratch::<T>(convolution, multiplier, threads),
        #[cfg(target_arch = "x86_64")]
        (Method::Gather, Multiplier::Native(kernels)) => direct::scratch::<T>(convolution, kernels, threads),
        (Method::Gather, Multiplier::Portable) => gather::scratch::<T>(convolution),
    }
}

/// The memory of the operands.
struct Memory<'a, T> {
    /// All that the input's strides reach, and where its first element is.
    input: &'a [T],
    input_start: isize,
    /// The same of the filter.
    filter: &'a [T],
    filter_start: isize,
    /// The result in row-major order.
    out: &'a mut [T],
}

/// Runs a convolution on the memory of a plan's buffers, by their places. The bits are the same on any number of threads, and in whatever order
/// they take up their work.
///
/// Fails if an operand is not all inside its buffer, or the dtype is not one of [`supports`].
///
/// # Safety
///
/// While it runs nobody else writes the operands' memory or touches the result's, which overlaps no operand. The memory holds elements of
/// the convolution's dtype.
pub unsafe fn run(
    convolution: &Convolution,
    multiplier: Multiplier,
    buffers: &[Region<'_>],
    scratch: &mut [u8],
    threads: usize,
    order: usize,
) -> Result<(), Problem> {
    if convolution.dtype == DType::F32 {
        // SAFETY: the caller's.
        unsafe { run_typed::<f32>(convolution, multiplier, buffers, scratch, threads, order) }
    } else if convolution.dtype == DType::F64 {
        // SAFETY: the caller's.
        unsafe { run_typed::<f64>(convolution, multiplier, buffers, scratch, threads, order) }
    } else {
        Err(Problem::dtype(format!("there is no convolution kernel for elements of type {}", convolution.dtype)))
    }
}

/// # Safety
///
/// As [`run`].
unsafe fn run_typed<T: Multiply>(
    convolution: &Convolution,
    multiplier: Multiplier,
    buffers: &[Region<'_>],
    scratch: &mut [u8],
    threads: usize,
    order: usize,
) -> Result<(), Problem> {
    // SAFETY: the caller's.
    let (input, input_start) = unsafe { reached::<T>(&convolution.input, buffers) }?;
    // SAFETY: the caller's.
    let (filter, filter_start) = unsafe { reached::<T>(&convolution.filter, buffers) }?;
    // SAFETY: the caller's.
    let out = unsafe { written::<T>(&convolution.out, buffers) }?;
    let scratch = scratch.get_mut(..scratch_bytes(convolution, multiplier, threads)).and_then(|bytes| bytemuck::try_cast_slice_mut(bytes).ok());
    let scratch = scratch.ok_or_else(|| Problem::new(ErrorKind::Execution, "a convolution has no scratch"))?;
    let memory = Memory { input, input_start, filter, filter_start, out };
    match (convolution.method, multiplier) {
        (Method::Scatter, _) => scatter::run(convolution, multiplier, memory, scratch, threads, order),
        #[cfg(target_arch = "x86_64")]
        (Method::Gather, Multiplier::Native(kernels)) => direct::run(convolution, kernels, memory, scratch, threads, order),
        (Method::Gather, Multiplier::Portable) => Arch::new().dispatch(Gather { convolution, memory, scratch }),
    }
}

/// All elements that a view's strides reach as a slice, and the place of its first element there.
///
/// # Safety
///
/// Nobody writes these elements meanwhile, and they are of that type.
pub(super) unsafe fn reached<'a, T: Multiply>(view: &step::View, buffers: &[Region<'a>]) -> Result<(&'a [T], isize), Problem> {
    let layout = &view.layout;
    let Some((low, high)) = reach(layout.offset, &layout.shape, &layout.strides) else { return Ok((&[], 0)) };
    let length = usize::try_from(high - low).unwrap_or(usize::MAX).saturating_add(1);
    // SAFETY: the caller's.
    let elements = unsafe { View::<T, 1>::new(memory(buffers, view.buffer)?, low, [length], [1]) }?;
    Ok((elements.as_slice().unwrap_or_default(), layout.offset - low))
}

/// The elements of a view in row-major order, to write.
///
/// # Safety
///
/// Nobody else touches these elements meanwhile, and they are of that type.
pub(super) unsafe fn written<'a, T: Multiply>(view: &step::View, buffers: &[Region<'a>]) -> Result<&'a mut [T], Problem> {
    let count = view.layout.count();
    // SAFETY: the caller's.
    let elements = unsafe { ViewMut::<T, 1>::new(memory(buffers, view.buffer)?, view.layout.offset, [count], [1]) }?;
    elements.into_mut_slice().ok_or_else(|| Problem::new(ErrorKind::Execution, "a result is not in row-major order"))
}
