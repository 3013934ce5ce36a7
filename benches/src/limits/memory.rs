//! How fast memory is copied, combined and read.
#![expect(clippy::inline_always, reason = "only what is inlined is compiled for the instructions that were chosen")]

use std::hint::black_box;

use pulp::{Arch, Simd, WithSimd};

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
        black_box(arch.dispatch(Sum(first)));
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

/// The sum of an array, as eight sums of which each waits for itself alone: as many as keep the loads busy.
struct Sum<'a>(&'a [Line]);

impl WithSimd for Sum<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let mut sums = [simd.splat_f32s(0.0); 8];
        for group in self.0.as_chunks::<4>().0 {
            for (place, line) in group.iter().enumerate() {
                let (vectors, _) = S::as_simd_f32s(&line.0);
                for (part, &vector) in vectors.iter().enumerate() {
                    let sum = &mut sums[(place * vectors.len() + part) % 8];
                    *sum = simd.add_f32s(*sum, vector);
                }
            }
        }
        sums.into_iter().map(|sum| simd.reduce_sum_f32s(sum)).sum()
    }
}
