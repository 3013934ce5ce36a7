//! Pooling: the largest element of each window, and its derivatives. A row of windows at a time, a tap at a time.

#![expect(unsafe_code, reason = "it makes the slices that kernels work on")]

use std::ops::{Div, Range};

use damo_graph::{DType, ErrorKind, Problem};
use pulp::Arch;
use smallvec::SmallVec;

use super::convolution::{reached, written};
use super::lanes::Multiply;
use crate::region::Region;
use crate::sliding::{PoolFunction, Pooling, Slide};

/// Whether there is a kernel for elements of that type.
pub const fn supports(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64)
}

/// How many bytes of scratch it takes: the largest element of each window in a row, and how many are as large.
pub fn scratch_bytes(pooling: &Pooling) -> usize {
    2 * pooling.slides[2].count * pooling.dtype.size()
}

/// Elements that are compared here.
trait Compare: Multiply + bytemuck::Pod + PartialOrd + Div<Output = Self> {
    const LEAST: Self;

    /// The larger, with +0 above −0; NaN if either is.
    fn larger(self, other: Self) -> Self;
}

macro_rules! compare {
    ($float:ty) => {
        impl Compare for $float {
            const LEAST: Self = <$float>::NEG_INFINITY;

            #[inline(always)]
            fn larger(self, other: Self) -> Self {
                let larger = if self > other { self } else { other };
                // Equal ones differ in the sign of 0 at most.
                let larger = if self == other { <$float>::from_bits(self.to_bits() & other.to_bits()) } else { larger };
                if self.is_nan() { self } else { larger }
            }
        }
    };
}
compare!(f32);
compare!(f64);

/// Runs a pooling on the memory of a plan's buffers, by their places.
///
/// Fails if an operand is not all inside its buffer, or the dtype is not one of [`supports`].
///
/// # Safety
///
/// While it runs nobody else writes the operands' memory or touches the result's, which overlaps no operand. The memory holds elements of
/// the pooling's dtype.
pub unsafe fn run(pooling: &Pooling, buffers: &[Region<'_>], scratch: &mut [u8]) -> Result<(), Problem> {
    if pooling.dtype == DType::F32 {
        // SAFETY: the caller's.
        unsafe { run_typed::<f32>(pooling, buffers, scratch) }
    } else if pooling.dtype == DType::F64 {
        // SAFETY: the caller's.
        unsafe { run_typed::<f64>(pooling, buffers, scratch) }
    } else {
        Err(Problem::dtype(format!("there is no pooling kernel for elements of type {}", pooling.dtype)))
    }
}

/// # Safety
///
/// As [`run`].
unsafe fn run_typed<T: Compare>(pooling: &Pooling, buffers: &[Region<'_>], scratch: &mut [u8]) -> Result<(), Problem> {
    // SAFETY: the caller's.
    let (x, _) = unsafe { reached::<T>(&pooling.input, buffers) }?;
    let given: &[T] = match &pooling.given {
        // SAFETY: the caller's.
        Some(given) => unsafe { reached::<T>(given, buffers) }?.0,
        None => &[],
    };
    // SAFETY: the caller's.
    let out = unsafe { written::<T>(&pooling.out, buffers) }?;
    let scratch: Option<&mut [T]> = scratch.get_mut(..scratch_bytes(pooling)).and_then(|bytes| bytemuck::try_cast_slice_mut(bytes).ok());
    let scratch = scratch.ok_or_else(|| Problem::new(ErrorKind::Execution, "a pooling has no scratch"))?;
    Arch::new().dispatch(|| pool(pooling, x, given, out, scratch));
    Ok(())
}

/// The last axis, whose stride the compiler should know where it is small.
#[inline(always)]
fn pool<T: Compare>(pooling: &Pooling, x: &[T], given: &[T], out: &mut [T], scratch: &mut [T]) {
    match pooling.slides[2].stride {
        1 => pool_by::<T, 1>(pooling, x, given, out, scratch),
        2 => pool_by::<T, 2>(pooling, x, given, out, scratch),
        3 => pool_by::<T, 3>(pooling, x, given, out, scratch),
        _ => pool_by::<T, 0>(pooling, x, given, out, scratch),
    }
}

/// `STRIDE` is that of the last axis, or 0 if it is another.
#[inline(always)]
fn pool_by<T: Compare, const STRIDE: usize>(pooling: &Pooling, x: &[T], given: &[T], out: &mut [T], scratch: &mut [T]) {
    let slides = &pooling.slides;
    let [planes, lines, count] = slides.map(|slide| slide.count);
    let elements: usize = slides.iter().map(|slide| slide.length).product();
    let (largest, counts) = scratch.split_at_mut(count);
    if pooling.function == PoolFunction::Cotangent {
        out.fill(T::ZERO);
    }
    let tap = |tap| {
        let windows = slides[2].inside(tap, 0, count);
        let first = slides[2].start(tap) + (windows.start * slides[2].stride) as isize;
        (!windows.is_empty()).then_some(Tap { windows, first: first as usize })
    };
    let taps: SmallVec<[Tap; 8]> = (0..slides[2].taps).filter_map(tap).collect();
    for place in 0..pooling.rows * planes * lines {
        let (row, window) = (place / lines / planes, [place / lines % planes, place % lines]);
        let (image, windows) = (row * elements..(row + 1) * elements, place * count..(place + 1) * count);
        let line = Line::<T, STRIDE> { slides, taps: &taps, window, x: &x[image.clone()] };
        match pooling.function {
            PoolFunction::Max => line.largest(&mut out[windows]),
            PoolFunction::Tangent => {
                line.largest(largest);
                line.count(largest, counts);
                line.sum(largest, &given[image], &mut out[windows.clone()]);
                out[windows].iter_mut().zip(&*counts).for_each(|(sum, &count)| *sum = *sum / count);
            }
            PoolFunction::Cotangent => {
                line.largest(largest);
                line.count(largest, counts);
                // The count of each window becomes the share of each of its largest.
                counts.iter_mut().zip(&given[windows]).for_each(|(count, &given)| *count = given / *count);
                line.share(largest, counts, &mut out[image]);
            }
        }
    }
}

/// In which windows of a line a tap meets elements, and the first of these.
struct Tap {
    windows: Range<usize>,
    first: usize,
}

/// A line of windows along the last axis.
struct Line<'a, T, const STRIDE: usize> {
    slides: &'a [Slide; 3],
    taps: &'a [Tap],
    /// Which it is along the other two.
    window: [usize; 2],
    /// The array that it is a line of.
    x: &'a [T],
}

impl<T: Compare, const STRIDE: usize> Line<'_, T, STRIDE> {
    #[inline(always)]
    fn stride(&self) -> usize {
        if STRIDE == 0 { self.slides[2].stride } else { STRIDE }
    }

    /// For each tap that meets elements: in which windows, and the first of the elements; the next are a stride apart.
    #[inline(always)]
    fn each_tap(&self, mut of: impl FnMut(Range<usize>, usize)) {
        let [planes, lines, line] = self.slides;
        for plane in (0..planes.taps).filter_map(|tap| planes.element(self.window[0], tap)) {
            for down in (0..lines.taps).filter_map(|tap| lines.element(self.window[1], tap)) {
                for tap in self.taps {
                    of(tap.windows.clone(), (plane * lines.length + down) * line.length + tap.first);
                }
            }
        }
    }

    /// The largest element of each window.
    #[inline(always)]
    fn largest(&self, largest: &mut [T]) {
        largest.fill(T::LEAST);
        self.each_tap(|windows, first| {
            let x = self.x[first..].iter().step_by(self.stride());
            largest[windows].iter_mut().zip(x).for_each(|(largest, &x)| *largest = largest.larger(x));
        });
    }

    /// How many of each window are as large.
    #[inline(always)]
    fn count(&self, largest: &[T], counts: &mut [T]) {
        counts.fill(T::ZERO);
        self.each_tap(|windows, first| {
            let x = self.x[first..].iter().step_by(self.stride());
            let counts = counts[windows.clone()].iter_mut().zip(&largest[windows]);
            counts.zip(x).for_each(|((count, largest), x)| *count += if x == largest { T::ONE } else { T::ZERO });
        });
    }

    /// The sums of what is given where they are as large.
    #[inline(always)]
    fn sum(&self, largest: &[T], given: &[T], sums: &mut [T]) {
        sums.fill(T::ZERO);
        self.each_tap(|windows, first| {
            let x = self.x[first..].iter().zip(&given[first..]).step_by(self.stride());
            let sums = sums[windows.clone()].iter_mut().zip(&largest[windows]);
            sums.zip(x).for_each(|((sum, largest), (x, &given))| *sum += if x == largest { given } else { T::ZERO });
        });
    }

    /// Adds the shares to all that are as large.
    #[inline(always)]
    fn share(&self, largest: &[T], shares: &[T], sums: &mut [T]) {
        self.each_tap(|windows, first| {
            let x = self.x[first..].iter().zip(&mut sums[first..]).step_by(self.stride());
            let shares = shares[windows.clone()].iter().zip(&largest[windows]);
            shares.zip(x).for_each(|((&share, largest), (x, sum))| *sum += if x == largest { share } else { T::ZERO });
        });
    }
}
