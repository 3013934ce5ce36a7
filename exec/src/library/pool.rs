//! Pooling: the largest element of each window, and its derivatives. A line of windows at a time: first the largest across the lines that it
//! meets, which are vectors, then along the line.

#![expect(unsafe_code, reason = "it makes the slices that kernels work on")]

mod compare;
mod tiled;

use std::ops::Range;

use damo_graph::{DType, ErrorKind, Problem};
use pulp::{Arch, Simd, WithSimd};
use smallvec::SmallVec;

use self::compare::Compare;
use super::convolution::{reached, written};
use crate::pool::{self, Shared};
use crate::region::Region;
use crate::sliding::{PoolFunction, Pooling, Slide};

/// Whether there is a kernel for elements of that type.
pub const fn supports(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64)
}

/// How many bytes of scratch it takes on so many threads.
pub fn scratch_bytes(pooling: &Pooling, threads: usize) -> usize {
    threads * of_thread(pooling) * pooling.dtype.size()
}

/// How many elements a thread has for itself: the largest element of each window of a line, how many are as large, and three lines of elements; or so
/// for more lines at a time.
fn of_thread(pooling: &Pooling) -> usize {
    let elements =
        if tiled::is_tiled(&pooling.slides) { tiled::scratch(&pooling.slides) } else { 2 * pooling.slides[2].count + 3 * pooling.slides[2].length };
    elements.next_multiple_of(LINE)
}

/// So many elements fill a line of a cache.
const LINE: usize = 16;

/// A part that one thread computes has at least so many elements, if there are as many.
const PART: usize = 1 << 15;

/// So many elements are worth a thread.
const WORTH_A_THREAD: usize = 1 << 16;

/// Runs a pooling on the memory of a plan's buffers, by their places. The bits are the same on any number of threads, and in whatever order they
/// take up their work.
///
/// Fails if an operand is not all inside its buffer, or the dtype is not one of [`supports`].
///
/// # Safety
///
/// While it runs nobody else writes the operands' memory or touches the result's, which overlaps no operand. The memory holds elements of
/// the pooling's dtype.
pub unsafe fn run(pooling: &Pooling, buffers: &[Region<'_>], scratch: &mut [u8], threads: usize, order: usize) -> Result<(), Problem> {
    if pooling.dtype == DType::F32 {
        // SAFETY: the caller's.
        unsafe { run_typed::<f32>(pooling, buffers, scratch, threads, order) }
    } else if pooling.dtype == DType::F64 {
        // SAFETY: the caller's.
        unsafe { run_typed::<f64>(pooling, buffers, scratch, threads, order) }
    } else {
        Err(Problem::dtype(format!("there is no pooling kernel for elements of type {}", pooling.dtype)))
    }
}

/// # Safety
///
/// As [`run`].
unsafe fn run_typed<T: Compare>(pooling: &Pooling, buffers: &[Region<'_>], scratch: &mut [u8], threads: usize, order: usize) -> Result<(), Problem> {
    // SAFETY: the caller's.
    let (x, _) = unsafe { reached::<T>(&pooling.input, buffers) }?;
    let given: &[T] = match &pooling.given {
        // SAFETY: the caller's.
        Some(given) => unsafe { reached::<T>(given, buffers) }?.0,
        None => &[],
    };
    // SAFETY: the caller's.
    let out = unsafe { written::<T>(&pooling.out, buffers) }?;
    let scratch: Option<&mut [T]> = scratch.get_mut(..scratch_bytes(pooling, threads)).and_then(|bytes| bytemuck::try_cast_slice_mut(bytes).ok());
    let scratch = scratch.ok_or_else(|| Problem::new(ErrorKind::Execution, "a pooling has no scratch"))?;
    let [elements, windows] = [pooling.elements(), pooling.windows()];
    let of_out = if pooling.function == PoolFunction::Cotangent { elements } else { windows };
    let rows_at_once = PART.div_ceil(elements.max(1));
    let (own_length, own, out) = (of_thread(pooling), Shared(scratch.as_mut_ptr()), Shared(out.as_mut_ptr()));
    let threads = threads.min(pooling.rows * elements / WORTH_A_THREAD).max(1);
    pool::share(threads, pooling.rows.div_ceil(rows_at_once), order, |range, worker| {
        let rows = range * rows_at_once..pooling.rows.min((range + 1) * rows_at_once);
        // SAFETY: the result has these rows, and no other thread has them.
        let out = unsafe { std::slice::from_raw_parts_mut(out.get().wrapping_add(rows.start * of_out), rows.len() * of_out) };
        // SAFETY: the scratch has room for each worker, and this is this one's.
        let own = unsafe { std::slice::from_raw_parts_mut(own.get().wrapping_add(worker * own_length), own_length) };
        let x = &x[rows.start * elements..rows.end * elements];
        let of_given = if pooling.function == PoolFunction::Tangent { elements } else { windows };
        let given = given.get(rows.start * of_given..rows.end * of_given).unwrap_or_default();
        Arch::new().dispatch(Part { pooling, rows: rows.len(), x, given, out, scratch: own });
    });
    Ok(())
}

/// Some rows of a pooling, for one instruction set.
struct Part<'a, T> {
    pooling: &'a Pooling,
    rows: usize,
    x: &'a [T],
    given: &'a [T],
    out: &'a mut [T],
    scratch: &'a mut [T],
}

impl<T: Compare> WithSimd for Part<'_, T> {
    type Output = ();

    /// The last axis has a stride that the compiler should know where it is small.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Part { pooling, rows, x, given, out, scratch } = self;
        let stride = pooling.slides[2].stride;
        if tiled::is_tiled(&pooling.slides) {
            return match stride {
                2 => tiled::pool::<T, S, 2>(simd, pooling, rows, x, given, out, scratch),
                _ => tiled::pool::<T, S, 0>(simd, pooling, rows, x, given, out, scratch),
            };
        }
        match stride {
            1 => pool_by::<T, 1>(pooling, rows, x, given, out, scratch),
            2 => pool_by::<T, 2>(pooling, rows, x, given, out, scratch),
            3 => pool_by::<T, 3>(pooling, rows, x, given, out, scratch),
            _ => pool_by::<T, 0>(pooling, rows, x, given, out, scratch),
        }
    }
}

/// Some rows. `STRIDE` is that of the last axis, or 0 if it is another.
#[inline(always)]
fn pool_by<T: Compare, const STRIDE: usize>(pooling: &Pooling, rows: usize, x: &[T], given: &[T], out: &mut [T], scratch: &mut [T]) {
    let slides = &pooling.slides;
    let [planes, lines, count] = slides.map(|slide| slide.count);
    let elements = pooling.elements();
    let (largest, rest) = scratch.split_at_mut(count);
    let (counts, rest) = rest.split_at_mut(count);
    let (line_of_largest, rest) = rest.split_at_mut(slides[2].length);
    let (wide, rest) = rest.split_at_mut(slides[2].length);
    let shares = &mut rest[..slides[2].length];
    let are_apart = slides.iter().all(|slide| slide.stride >= slide.taps);
    if pooling.function == PoolFunction::Cotangent && !(are_apart && slides.iter().all(is_full)) {
        out.fill(T::ZERO);
    }
    let tap = |tap| {
        let windows = slides[2].inside(tap, 0, count);
        let first = slides[2].start(tap) + (windows.start * slides[2].stride) as isize;
        (!windows.is_empty()).then_some(Tap { windows, first: first as usize })
    };
    let taps: SmallVec<[Tap; 8]> = (0..slides[2].taps).filter_map(tap).collect();
    for place in 0..rows * planes * lines {
        let (row, window) = (place / lines / planes, [place / lines % planes, place % lines]);
        let (image, windows) = (row * elements..(row + 1) * elements, place * count..(place + 1) * count);
        let line = Line::<T, STRIDE> { slides, taps: &taps, window, x: &x[image.clone()] };
        match pooling.function {
            PoolFunction::Max => line.largest(line_of_largest, &mut out[windows]),
            PoolFunction::Tangent => {
                line.largest(line_of_largest, largest);
                line.count(largest, counts);
                line.sum(largest, &given[image], &mut out[windows.clone()]);
                out[windows].iter_mut().zip(&*counts).for_each(|(sum, &count)| *sum = *sum / count);
            }
            PoolFunction::Cotangent if are_apart => {
                line.largest(line_of_largest, largest);
                line.spread(largest, wide);
                line.count_apart(wide, line_of_largest, counts);
                counts.iter_mut().zip(&given[windows]).for_each(|(count, &given)| *count = given / *count);
                line.spread(counts, shares);
                line.share_apart(wide, shares, &mut out[image]);
            }
            PoolFunction::Cotangent => {
                line.largest(line_of_largest, largest);
                line.count(largest, counts);
                // The count of each window becomes the share of each of its largest.
                counts.iter_mut().zip(&given[windows]).for_each(|(count, &given)| *count = given / *count);
                line.share(largest, counts, &mut out[image]);
            }
        }
    }
}

/// Whether every element is in a window.
fn is_full(slide: &Slide) -> bool {
    slide.stride <= slide.taps && slide.begin <= 0 && slide.begin + (slide.count * slide.stride) as isize >= slide.length as isize
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

    /// Where each line of elements begins that the windows meet.
    #[inline(always)]
    fn each_line(&self, mut of: impl FnMut(usize)) {
        let [planes, lines, line] = self.slides;
        for plane in (0..planes.taps).filter_map(|tap| planes.element(self.window[0], tap)) {
            for down in (0..lines.taps).filter_map(|tap| lines.element(self.window[1], tap)) {
                of((plane * lines.length + down) * line.length);
            }
        }
    }

    /// For each tap that meets elements: in which windows, and the first of the elements; the next are a stride apart.
    #[inline(always)]
    fn each_tap(&self, mut of: impl FnMut(Range<usize>, usize)) {
        self.each_line(|start| {
            for tap in self.taps {
                of(tap.windows.clone(), start + tap.first);
            }
        });
    }

    /// The largest element of each window, by way of the largest across lines.
    #[inline(always)]
    fn largest(&self, across: &mut [T], largest: &mut [T]) {
        let mut is_first = true;
        self.each_line(|start| {
            let x = &self.x[start..start + across.len()];
            if is_first {
                across.copy_from_slice(x);
            } else {
                across.iter_mut().zip(x).for_each(|(largest, &x)| *largest = largest.larger(x));
            }
            is_first = false;
        });
        if is_first {
            across.fill(T::LEAST);
        }
        largest.fill(T::LEAST);
        for tap in self.taps {
            let x = across[tap.first..].iter().step_by(self.stride());
            largest[tap.windows.clone()].iter_mut().zip(x).for_each(|(largest, &x)| *largest = largest.larger(x));
        }
    }

    /// What each window has, at all elements of a line; what is in no window has what equals nothing.
    #[inline(always)]
    fn spread(&self, of_windows: &[T], wide: &mut [T]) {
        wide.fill(T::NONE);
        for tap in self.taps {
            let wide = wide[tap.first..].iter_mut().step_by(self.stride());
            wide.zip(&of_windows[tap.windows.clone()]).for_each(|(wide, &of_window)| *wide = of_window);
        }
    }

    /// How many of each window are as large, where no two windows share elements.
    #[inline(always)]
    fn count_apart(&self, wide: &[T], across: &mut [T], counts: &mut [T]) {
        across.fill(T::ZERO);
        self.each_line(|start| {
            let x = self.x[start..].iter().zip(wide);
            across.iter_mut().zip(x).for_each(|(count, (x, largest))| *count += if x == largest { T::ONE } else { T::ZERO });
        });
        counts.fill(T::ZERO);
        for tap in self.taps {
            let x = across[tap.first..].iter().step_by(self.stride());
            counts[tap.windows.clone()].iter_mut().zip(x).for_each(|(count, &x)| *count += x);
        }
    }

    /// Writes the shares of all that are as large, where no two windows share elements.
    #[inline(always)]
    fn share_apart(&self, wide: &[T], shares: &[T], out: &mut [T]) {
        self.each_line(|start| {
            let x = self.x[start..].iter().zip(wide.iter().zip(shares));
            out[start..].iter_mut().zip(x).for_each(|(out, (x, (largest, &share)))| *out = if x == largest { share } else { T::ZERO });
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
