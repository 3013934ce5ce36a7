//! How fast memory is copied, combined and read.
#![expect(clippy::inline_always, reason = "only what is inlined is compiled for the instructions that were chosen")]

use std::hint::black_box;

use pulp::Arch;

use super::Level;
#[cfg(target_arch = "x86_64")]
use super::streaming;
use super::together::seconds;

/// A line of the caches.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub struct Line(pub [f32; 16]);

/// Each timed round moves at least so many bytes of one array.
const ROUND: usize = 16_000_000;

/// An array of so many bytes, all written once.
fn lines(bytes: usize) -> Vec<Line> {
    vec![Line([1.0; 16]); bytes.div_ceil(size_of::<Line>())]
}

/// Bytes per second that a kernel moves over three arrays, of which it counts some.
fn rate(array: usize, threads: usize, counted: usize, kernel: impl Fn(&mut [Line], &[Line], &[Line]) + Sync) -> f64 {
    let part = lines(array / threads).len();
    let (repeats, rounds) = ((ROUND / array).max(1), if array > ROUND { 9 } else { 15 });
    let work = || {
        let bytes = part * size_of::<Line>();
        let (mut target, first, second) = (lines(bytes), lines(bytes), lines(bytes));
        let kernel = &kernel;
        move || {
            for _ in 0..repeats {
                kernel(black_box(&mut target), black_box(&first), black_box(&second));
            }
        }
    };
    let bytes = part * size_of::<Line>() * threads * counted * repeats;
    bytes as f64 / seconds(threads, rounds, work)
}

/// The bandwidths over arrays of so many bytes, shared out among threads.
pub fn level(array: usize, threads: usize) -> Level {
    let arch = Arch::new();
    let copy = rate(array, threads, 2, |target, first, _| target.copy_from_slice(first));
    let triad = rate(array, threads, 3, |target, first, second| arch.dispatch(|| combine(target, first, second)));
    let read = rate(array, threads, 1, |_, first, _| {
        black_box(arch.dispatch(|| sum(first)));
    });
    let (mut level, streams) = (Level { array, copy, triad, read }, array > ROUND / 8);
    #[cfg(target_arch = "x86_64")]
    if streams && streaming::is_possible() {
        level.copy = level.copy.max(rate(array, threads, 2, |target, first, _| streaming::copy(target, first)));
        level.triad = level.triad.max(rate(array, threads, 3, streaming::combine));
    }
    level
}

/// One array plus three times another.
#[inline(always)]
fn combine(target: &mut [Line], first: &[Line], second: &[Line]) {
    for ((target, first), second) in target.iter_mut().zip(first).zip(second) {
        for ((target, first), second) in target.0.iter_mut().zip(first.0).zip(second.0) {
            *target = first + 3.0 * second;
        }
    }
}

/// The sum of an array in 64 parts: as many as keep the loads busy.
#[inline(always)]
fn sum(array: &[Line]) -> [[f32; 16]; 4] {
    let mut sums = [[0f32; 16]; 4];
    for group in array.as_chunks::<4>().0 {
        for (sums, line) in sums.iter_mut().zip(group) {
            for (sum, number) in sums.iter_mut().zip(line.0) {
                *sum += number;
            }
        }
    }
    sums
}
