//! Pooling by windows that stand side by side: many lines of them at a time, so that work is done by whole vectors where lines are short.

use pulp::Simd;
use smallvec::SmallVec;

use super::Compare;
use crate::sliding::{PoolFunction, Pooling, Slide};

/// So many elements are pooled at a time, if a line has not more: what is kept of them stays in the first-level cache.
const AT_ONCE: usize = 1024;

/// At most so many lines of windows at a time.
const LINES: usize = 64;

/// So many elements are spread at a time, at most.
const SPREAD: usize = 8;

/// Whether windows stand side by side from the first element on along all axes. Elements behind the last window are in none.
pub fn is_tiled(slides: &[Slide; 3]) -> bool {
    slides.iter().all(|slide| slide.taps == slide.stride && slide.begin == 0 && slide.count * slide.stride <= slide.length)
}

/// How many lines of windows are pooled at a time.
fn lines_at_once(slides: &[Slide; 3]) -> usize {
    (AT_ONCE / (slides[2].count * slides[2].stride).max(1)).clamp(1, LINES)
}

/// How many elements of scratch it takes: three lines of elements for each line of windows, and three of windows.
pub fn scratch(slides: &[Slide; 3]) -> usize {
    lines_at_once(slides) * slides[2].count * 3 * (slides[2].stride + 1) + 2 * SPREAD
}

/// Some rows. `STRIDE` is that of the last axis, or 0 if it is another.
#[inline(always)]
pub fn pool<T: Compare, S: Simd, const STRIDE: usize>(
    simd: S,
    pooling: &Pooling,
    rows: usize,
    x: &[T],
    given: &[T],
    out: &mut [T],
    scratch: &mut [T],
) {
    let [planes, lines, line] = &pooling.slides;
    let stride = if STRIDE == 0 { line.stride } else { STRIDE };
    let (at_once, windows) = (lines_at_once(&pooling.slides), line.count);
    let width = windows * stride;
    let (of_plane, all) = (lines.length * line.length, rows * planes.count * lines.count);
    if pooling.function == PoolFunction::Cotangent && pooling.slides.iter().any(|slide| slide.count * slide.stride < slide.length) {
        out.fill(T::ZERO);
    }
    if width == 0 {
        return;
    }
    let downs = |plane: usize| (0..lines.taps).map(move |down| plane * of_plane + down * line.length);
    let across: SmallVec<[usize; 16]> = (0..planes.taps).flat_map(downs).collect();
    let (sums, rest) = scratch.split_at_mut(at_once * width);
    let (wide, rest) = rest.split_at_mut(at_once * width + SPREAD);
    let (shares, rest) = rest.split_at_mut(at_once * width + SPREAD);
    let (largest, rest) = rest.split_at_mut(at_once * windows);
    let (counts, picked) = rest.split_at_mut(at_once * windows);

    let (mut starts, mut place) = ([0; LINES], [0; 3]);
    for first in (0..all).step_by(at_once) {
        let count = at_once.min(all - first);
        for start in &mut starts[..count] {
            let [row, plane, down] = place;
            *start = (row * planes.length + plane * planes.stride) * of_plane + down * lines.stride * line.length;
            place = match (plane + 1 < planes.count, down + 1 < lines.count) {
                (_, true) => [row, plane, down + 1],
                (true, false) => [row, plane + 1, 0],
                (false, false) => [row + 1, 0, 0],
            };
        }
        let meeting = Meeting { starts: &starts[..count], across: &across, width };
        let (sums, counts, these) = (&mut sums[..count * width], &mut counts[..count * windows], first * windows..(first + count) * windows);
        let picked = &mut picked[..count * windows];
        if pooling.function == PoolFunction::Max {
            meeting.join::<T, S, Largest>(simd, x, &wide[..count * width], x, sums);
            along::<T, S, Largest, STRIDE>(simd, stride, sums, picked, &mut out[these]);
            continue;
        }
        let (largest, wide) = (&mut largest[..count * windows], &mut wide[..count * width + SPREAD]);
        meeting.join::<T, S, Largest>(simd, x, wide, x, sums);
        along::<T, S, Largest, STRIDE>(simd, stride, sums, picked, largest);
        spread::<T, STRIDE>(stride, largest, wide);
        meeting.join::<T, S, Count>(simd, x, wide, x, sums);
        along::<T, S, Count, STRIDE>(simd, stride, sums, picked, counts);
        if pooling.function == PoolFunction::Tangent {
            let out = &mut out[these];
            meeting.join::<T, S, Sum>(simd, x, wide, given, sums);
            along::<T, S, Sum, STRIDE>(simd, stride, sums, picked, out);
            out.iter_mut().zip(&*counts).for_each(|(sum, &count)| *sum = *sum / count);
        } else {
            let shares = &mut shares[..count * width + SPREAD];
            counts.iter_mut().zip(&given[these]).for_each(|(count, &given)| *count = given / *count);
            spread::<T, STRIDE>(stride, counts, shares);
            meeting.share::<T, S>(simd, x, wide, shares, out);
        }
    }
}

/// What becomes of the elements of a window: each one's own value, and two joined.
trait Join<T: Compare> {
    /// The value of an element, by itself, the largest of its window, and what is given at its place.
    fn value<S: Simd>(simd: S, x: T::Lanes<S>, largest: T::Lanes<S>, given: T::Lanes<S>) -> T::Lanes<S>;

    /// Two of them joined: added up, where nothing else is said.
    #[inline(always)]
    fn join<S: Simd>(simd: S, one: T::Lanes<S>, other: T::Lanes<S>) -> T::Lanes<S> {
        T::plus(simd, one, other)
    }
}

/// The largest.
struct Largest;

impl<T: Compare> Join<T> for Largest {
    #[inline(always)]
    fn value<S: Simd>(_simd: S, x: T::Lanes<S>, _largest: T::Lanes<S>, _given: T::Lanes<S>) -> T::Lanes<S> {
        x
    }

    #[inline(always)]
    fn join<S: Simd>(simd: S, one: T::Lanes<S>, other: T::Lanes<S>) -> T::Lanes<S> {
        T::larger_lanes(simd, one, other)
    }
}

/// How many are as large as the largest of their window.
struct Count;

impl<T: Compare> Join<T> for Count {
    #[inline(always)]
    fn value<S: Simd>(simd: S, x: T::Lanes<S>, largest: T::Lanes<S>, _given: T::Lanes<S>) -> T::Lanes<S> {
        T::where_equal(simd, x, largest, T::splat(simd, T::ONE))
    }
}

/// The sum of what is given where they are.
struct Sum;

impl<T: Compare> Join<T> for Sum {
    #[inline(always)]
    fn value<S: Simd>(simd: S, x: T::Lanes<S>, largest: T::Lanes<S>, given: T::Lanes<S>) -> T::Lanes<S> {
        T::where_equal(simd, x, largest, given)
    }
}

/// Lines of windows, and the lines of elements that they meet.
struct Meeting<'a> {
    /// Where the first element is that each line of windows meets.
    starts: &'a [usize],
    /// From there to each line of elements.
    across: &'a [usize],
    /// How many elements of a line are met.
    width: usize,
}

impl Meeting<'_> {
    /// What becomes of the lines of elements that a line of windows meets, joined; `largest` has a line for each line of windows.
    #[inline(always)]
    fn join<T: Compare, S: Simd, J: Join<T>>(&self, simd: S, x: &[T], largest: &[T], given: &[T], to: &mut [T]) {
        for ((start, largest), to) in self.starts.iter().zip(largest.chunks_exact(self.width)).zip(to.chunks_exact_mut(self.width)) {
            for (place, across) in self.across.iter().enumerate() {
                let (x, given) = (&x[start + across..][..self.width], &given[start + across..][..self.width]);
                if place == 0 {
                    join_line::<T, S, J, true>(simd, x, largest, given, to);
                } else {
                    join_line::<T, S, J, false>(simd, x, largest, given, to);
                }
            }
        }
    }

    /// Writes the shares of all that are as large; both have a line for each line of windows.
    #[inline(always)]
    fn share<T: Compare, S: Simd>(&self, simd: S, x: &[T], largest: &[T], shares: &[T], out: &mut [T]) {
        let lines = largest.chunks_exact(self.width).zip(shares.chunks_exact(self.width));
        for (start, (largest, shares)) in self.starts.iter().zip(lines) {
            for across in self.across {
                let elements = start + across..start + across + self.width;
                join_line::<T, S, Sum, true>(simd, &x[elements.clone()], largest, shares, &mut out[elements]);
            }
        }
    }
}

/// The values of a line's elements, joined to what is there if they are not the first.
#[inline(always)]
fn join_line<T: Compare, S: Simd, J: Join<T>, const FIRST: bool>(simd: S, x: &[T], largest: &[T], given: &[T], to: &mut [T]) {
    let ((x, last_x), (largest, last_largest), (given, last_given)) = (T::lanes::<S>(x), T::lanes::<S>(largest), T::lanes::<S>(given));
    let (to, last) = T::lanes_mut::<S>(to);
    for (((to, &x), &largest), &given) in to.iter_mut().zip(x).zip(largest).zip(given) {
        let value = J::value(simd, x, largest, given);
        *to = if FIRST { value } else { J::join(simd, *to, value) };
    }
    if !last.is_empty() {
        let value = J::value(simd, T::some(simd, last_x), T::some(simd, last_largest), T::some(simd, last_given));
        let joined = if FIRST { value } else { J::join(simd, T::some(simd, last), value) };
        T::write_some(simd, last, joined);
    }
}

/// Each window's part of a line, joined; `picked` has room for an element of each.
#[inline(always)]
fn along<T: Compare, S: Simd, J: Join<T>, const STRIDE: usize>(simd: S, stride: usize, line: &[T], picked: &mut [T], to: &mut [T]) {
    pick::<T, STRIDE>(stride, 0, line, to);
    for tap in 1..stride {
        pick::<T, STRIDE>(stride, tap, line, picked);
        let ((to, last), (more, last_more)) = (T::lanes_mut::<S>(to), T::lanes::<S>(picked));
        for (to, &more) in to.iter_mut().zip(more) {
            *to = J::join(simd, *to, more);
        }
        if !last.is_empty() {
            T::write_some(simd, last, J::join(simd, T::some(simd, last), T::some(simd, last_more)));
        }
    }
}

/// The elements of all windows at a tap.
#[inline(always)]
fn pick<T: Compare, const STRIDE: usize>(stride: usize, tap: usize, line: &[T], picked: &mut [T]) {
    if STRIDE == 2 {
        for (picked, line) in picked.iter_mut().zip(line.as_chunks::<2>().0) {
            *picked = if tap == 0 { T::first(*line) } else { T::second(*line) };
        }
    } else {
        for (picked, line) in picked.iter_mut().zip(line.chunks_exact(stride)) {
            *picked = line[tap];
        }
    }
}

/// What each window has, at all its elements of a line; what stands behind the last is overwritten.
#[inline(always)]
fn spread<T: Compare, const STRIDE: usize>(stride: usize, of_windows: &[T], wide: &mut [T]) {
    if STRIDE == 2 {
        for (wide, &of_window) in wide.as_chunks_mut::<2>().0.iter_mut().zip(of_windows) {
            *wide = T::twice(of_window);
        }
    } else if stride > SPREAD {
        for (wide, &of_window) in wide.chunks_exact_mut(stride).zip(of_windows) {
            wide.fill(of_window);
        }
    } else {
        // As many as a vector: the next window writes over what is its own.
        for (window, &of_window) in of_windows.iter().enumerate() {
            wide[window * stride..][..SPREAD].copy_from_slice(&[of_window; SPREAD]);
        }
    }
}
