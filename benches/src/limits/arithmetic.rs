//! The peak of fused multiply-adds, on as many independent sums as hide how long one takes.
#![expect(clippy::inline_always, reason = "only what is inlined is compiled for the instructions that were chosen")]

use std::hint::black_box;

use pulp::{Arch, Simd, WithSimd};

use super::together::seconds;

/// Two multiply-adds start in a cycle and take four or five: ten sums would do, and twelve leave room in sixteen registers.
const SUMS: usize = 12;
/// Steps of each round: about half a millisecond.
const STEPS: usize = 100_000;
const ROUNDS: usize = 100;

struct SinglePrecision;
struct DoublePrecision;

impl WithSimd for SinglePrecision {
    /// How many numbers were multiplied and added, and their sum.
    type Output = (usize, f32);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (usize, f32) {
        let (factor, term) = (simd.splat_f32s(black_box(0.999)), simd.splat_f32s(black_box(1e-4)));
        let mut sums = [simd.splat_f32s(black_box(1.0)); SUMS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, factor, term);
            }
        }
        let lanes = size_of::<S::f32s>() / size_of::<f32>();
        (STEPS * SUMS * lanes, sums.iter().map(|&sum| simd.reduce_sum_f32s(sum)).sum())
    }
}

impl WithSimd for DoublePrecision {
    type Output = (usize, f64);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (usize, f64) {
        let (factor, term) = (simd.splat_f64s(black_box(0.999)), simd.splat_f64s(black_box(1e-4)));
        let mut sums = [simd.splat_f64s(black_box(1.0)); SUMS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = simd.mul_add_f64s(*sum, factor, term);
            }
        }
        let lanes = size_of::<S::f64s>() / size_of::<f64>();
        (STEPS * SUMS * lanes, sums.iter().map(|&sum| simd.reduce_sum_f64s(sum)).sum())
    }
}

/// Additions and multiplications of `f32` per second, on so many threads together.
pub fn peak_f32(threads: usize) -> f64 {
    let arch = Arch::new();
    let (count, _) = arch.dispatch(SinglePrecision);
    let work = || {
        move || {
            black_box(arch.dispatch(SinglePrecision));
        }
    };
    (2 * count * threads) as f64 / seconds(threads, ROUNDS, work)
}

/// Additions and multiplications of `f64` per second, on so many threads together.
pub fn peak_f64(threads: usize) -> f64 {
    let arch = Arch::new();
    let (count, _) = arch.dispatch(DoublePrecision);
    let work = || {
        move || {
            black_box(arch.dispatch(DoublePrecision));
        }
    };
    (2 * count * threads) as f64 / seconds(threads, ROUNDS, work)
}
