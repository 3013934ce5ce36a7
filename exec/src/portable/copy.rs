//! Copies between tiles and strided memory.

#![expect(unsafe_code, reason = "in-place results are read and written through pointers")]
#![expect(clippy::cast_ptr_alignment, reason = "memory is aligned for its elements: `Sweep::check` and the scratch see to it")]

use bytemuck::Pod;

/// Elements at regular distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// How many; of a partial run so many for each step of the tile along its first loop.
    pub length: usize,
    /// From one to the next, in elements.
    pub stride: isize,
    /// Whether the length is per step of the tile.
    pub partial: bool,
}

impl Run {
    /// How many elements there are in a tile of so many steps.
    pub const fn now(&self, steps: usize) -> usize {
        if self.partial { self.length * steps } else { self.length }
    }
}

/// A run so short that copying it element by element is faster than calling for it.
const SHORT: usize = 32;

/// Copies strided memory into a tile, in the order of the runs, outermost first.
///
/// # Safety
///
/// All elements that the runs reach from `from` may be read, and the tile has room for as many. Both hold elements of `size` bytes, aligned
/// as the dtype of that size.
pub(super) unsafe fn gather(to: *mut u8, from: *const u8, size: usize, runs: &[Run], steps: usize) {
    macro_rules! typed {
        ($element:ty) => {{
            let mut to = to.cast::<$element>();
            // SAFETY: the caller's.
            unsafe { gather_runs(&mut to, from.cast(), runs, steps) }
        }};
    }
    match size {
        1 => typed!(u8),
        2 => typed!(u16),
        4 => typed!(u32),
        8 => typed!(u64),
        _ => typed!([u64; 2]),
    }
}

/// # Safety
///
/// As [`gather`]; `to` moves on by what was copied.
unsafe fn gather_runs<T: Pod>(to: &mut *mut T, from: *const T, runs: &[Run], steps: usize) {
    match runs {
        [] => {
            // SAFETY: the caller lets this element be read.
            let element = unsafe { from.read() };
            // SAFETY: the tile has room for it.
            unsafe { to.write(element) };
            *to = to.wrapping_add(1);
        }
        [run] => {
            let length = run.now(steps);
            match run.stride {
                // SAFETY: the caller lets these neighbours be read, and the tile, which is memory of its own, has room for them.
                1 => unsafe { std::ptr::copy_nonoverlapping(from, *to, length) },
                0 => {
                    // SAFETY: the caller lets this element be read.
                    let element = unsafe { from.read() };
                    for place in 0..length {
                        // SAFETY: the tile has room for `length` elements.
                        unsafe { to.wrapping_add(place).write(element) };
                    }
                }
                stride => {
                    for place in 0..length {
                        // SAFETY: the caller lets every element of the run be read.
                        let element = unsafe { from.wrapping_offset(place as isize * stride).read() };
                        // SAFETY: the tile has room for `length` elements.
                        unsafe { to.wrapping_add(place).write(element) };
                    }
                }
            }
            *to = to.wrapping_add(length);
        }
        // The same over and over: what is there already is copied, twice as much each time.
        [run, inner @ ..] if run.stride == 0 => {
            let (start, times) = (*to, run.now(steps));
            // SAFETY: the caller's, of a part of the runs.
            unsafe { gather_runs(to, from, inner, steps) };
            // SAFETY: both point into the tile.
            let mut there = unsafe { to.offset_from_unsigned(start) };
            let all = there * times;
            while there < all {
                let more = there.min(all - there);
                // SAFETY: the tile has room for all, of which the first `there` are written; the parts do not overlap.
                unsafe { std::ptr::copy_nonoverlapping(start, start.wrapping_add(there), more) };
                there += more;
            }
            *to = start.wrapping_add(all);
        }
        [run, last] if last.now(steps) < SHORT => {
            let (length, times) = (last.now(steps), run.now(steps));
            for place in 0..times {
                let from = from.wrapping_offset(place as isize * run.stride);
                for step in 0..length {
                    // SAFETY: the caller lets every element of the runs be read.
                    let element = unsafe { from.wrapping_offset(step as isize * last.stride).read() };
                    // SAFETY: the tile has room for all of them.
                    unsafe { to.wrapping_add(step).write(element) };
                }
                *to = to.wrapping_add(length);
            }
        }
        [run, inner @ ..] => {
            for place in 0..run.now(steps) {
                // SAFETY: the caller's, of a part of the runs.
                unsafe { gather_runs(to, from.wrapping_offset(place as isize * run.stride), inner, steps) };
            }
        }
    }
}

/// Copies a tile into strided memory, in the order of the runs, outermost first.
///
/// # Safety
///
/// All elements that the runs reach from `to` may be written, and the tile has as many. Both hold elements of `size` bytes, aligned as the
/// dtype of that size.
pub(super) unsafe fn scatter(to: *mut u8, from: *const u8, size: usize, runs: &[Run], steps: usize) {
    macro_rules! typed {
        ($element:ty) => {{
            let mut from = from.cast::<$element>();
            // SAFETY: the caller's.
            unsafe { scatter_runs(to.cast(), &mut from, runs, steps) }
        }};
    }
    match size {
        1 => typed!(u8),
        2 => typed!(u16),
        4 => typed!(u32),
        8 => typed!(u64),
        _ => typed!([u64; 2]),
    }
}

/// # Safety
///
/// As [`scatter`]; `from` moves on by what was copied.
unsafe fn scatter_runs<T: Pod>(to: *mut T, from: &mut *const T, runs: &[Run], steps: usize) {
    match runs {
        [] => {
            // SAFETY: the tile has this element.
            let element = unsafe { from.read() };
            // SAFETY: the caller lets it be written.
            unsafe { to.write(element) };
            *from = from.wrapping_add(1);
        }
        [run] => {
            let length = run.now(steps);
            if run.stride == 1 {
                // SAFETY: the tile, which is memory of its own, has `length` elements, and the caller lets these neighbours be written.
                unsafe { std::ptr::copy_nonoverlapping(*from, to, length) };
            } else {
                for place in 0..length {
                    // SAFETY: the tile has `length` elements.
                    let element = unsafe { from.wrapping_add(place).read() };
                    // SAFETY: the caller lets every element of the run be written.
                    unsafe { to.wrapping_offset(place as isize * run.stride).write(element) };
                }
            }
            *from = from.wrapping_add(length);
        }
        [run, inner @ ..] => {
            for place in 0..run.now(steps) {
                // SAFETY: the caller's, of a part of the runs.
                unsafe { scatter_runs(to.wrapping_offset(place as isize * run.stride), from, inner, steps) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathering_and_scattering_undo_each_other() {
        let numbers: Vec<u32> = (0..24).collect();
        let run = |length, stride, partial| Run { length, stride, partial };
        for (runs, steps) in [
            (vec![run(2, -12, true), run(3, 1, false), run(2, 3, false)], 1),
            (vec![run(1, 1, true), run(4, 6, false)], 5),
            (vec![run(2, 12, true), run(3, 2, false)], 1),
            (vec![], 1),
        ] {
            let count: usize = runs.iter().map(|run| run.now(steps)).product();
            let start = if runs.first().is_some_and(|run| run.stride < 0) { 12 } else { 0 };
            let (mut tile, mut back) = (vec![u32::MAX; count], vec![u32::MAX; 24]);
            // SAFETY: the runs stay inside the numbers, and the tile is as long as they are.
            unsafe { gather(tile.as_mut_ptr().cast(), numbers.as_ptr().wrapping_add(start).cast(), 4, &runs, steps) };
            assert!(tile.iter().all(|&x| x < 24));
            let base = back.as_mut_ptr().wrapping_add(start);
            // SAFETY: likewise.
            unsafe { scatter(base.cast(), tile.as_ptr().cast(), 4, &runs, steps) };
            assert_eq!(back.iter().filter(|&&x| x < 24).count(), count);
            assert!(back.iter().zip(&numbers).all(|(&back, &number)| back == number || back == u32::MAX));
        }
    }
}
