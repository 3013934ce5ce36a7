//! What this machine can do at best: bytes copied per second, by how many are touched, and multiply-adds per second.
//!
//! It is measured once in a process for each number of threads, when a report is first asked for, in some hundredths of a second. Benches
//! measure the same with more patience.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::{Barrier, Mutex};
use std::time::Instant;

use pulp::{Arch, Simd, WithSimd};

use crate::executable::lock;

/// So many bytes a copy touches at each level, source and target together: the caches near the processor, farther ones, and memory.
const TOUCHED: [usize; 4] = [1 << 14, 1 << 18, 1 << 22, 1 << 26];
/// Each round of a level copies at least so many bytes, so that the clock does not matter.
const ROUND: usize = 1 << 20;
/// Of so many rounds the fastest counts: what others do only ever takes time. The last level has fewer.
const ROUNDS: usize = 12;

/// Two multiply-adds start in a cycle and take four or five: ten sums would do, and twelve leave room in sixteen registers.
const SUMS: usize = 12;
/// Steps of each round: less than a tenth of a millisecond.
const STEPS: usize = 10_000;

/// The limits of the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// On so many threads together.
    pub threads: usize,
    /// Copying, from few bytes to many.
    pub copy: Vec<CopyLimit>,
    /// Operations on `f32` per second: a fused multiply-add is two.
    pub flops_f32: f64,
    /// The same on `f64`.
    pub flops_f64: f64,
}

/// How fast so many bytes are copied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CopyLimit {
    /// The bytes touched, source and target together, by each thread its share.
    pub bytes: usize,
    /// Bytes per second, read and written ones both counted.
    pub bandwidth: f64,
}

impl Limits {
    /// The limits on so many threads: measured at the first question.
    pub fn on(threads: usize) -> Limits {
        static KNOWN: Mutex<BTreeMap<usize, Limits>> = Mutex::new(BTreeMap::new());
        let threads = threads.max(1);
        // Who asks meanwhile waits, and does not disturb.
        lock(&KNOWN).entry(threads).or_insert_with(|| Limits::measure(threads)).clone()
    }

    fn measure(threads: usize) -> Limits {
        let copy = TOUCHED.map(|bytes| CopyLimit { bytes, bandwidth: copy(bytes, threads) });
        let arch = Arch::new();
        let peak = |multiply_adds: &(dyn Fn() -> usize + Sync)| {
            let seconds = fastest(threads, ROUNDS, || {
                || {
                    black_box(multiply_adds());
                }
            });
            (2 * multiply_adds() * threads) as f64 / seconds
        };
        Limits {
            threads,
            copy: copy.to_vec(),
            flops_f32: peak(&|| arch.dispatch(SinglePrecision)),
            flops_f64: peak(&|| arch.dispatch(DoublePrecision)),
        }
    }

    /// How many bytes per second are copied where so many are touched: at the nearest level.
    pub fn bandwidth(&self, bytes: f64) -> f64 {
        let distance = |level: &&CopyLimit| ((level.bytes as f64).ln() - bytes.max(1.0).ln()).abs();
        self.copy.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).map_or(f64::INFINITY, |level| level.bandwidth)
    }

    /// How many operations per second, on numbers of 64 bits or of 32.
    pub const fn flops(&self, is_double: bool) -> f64 {
        if is_double { self.flops_f64 } else { self.flops_f32 }
    }
}

/// The seconds of the fastest round, when every thread does its own work, which it makes itself.
fn fastest<W: FnMut()>(threads: usize, rounds: usize, work: impl Fn() -> W + Sync) -> f64 {
    let barrier = Barrier::new(threads);
    let one = || {
        let mut work = work();
        let mut best = f64::INFINITY;
        // The first round warms up.
        for round in 0..=rounds {
            barrier.wait();
            let start = Instant::now();
            work();
            barrier.wait();
            if round > 0 {
                best = best.min(start.elapsed().as_secs_f64());
            }
        }
        best
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(one);
        }
        one()
    })
}

/// A line of the caches: what is not aligned to one is copied slowly by some processors.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([u8; 64]);

/// Bytes copied per second, where the threads together touch so many.
fn copy(touched: usize, threads: usize) -> f64 {
    let lines = (touched / 2 / threads / size_of::<Line>()).max(1);
    let repeats = (ROUND / touched).max(1);
    let rounds = if touched > ROUND { 4 } else { ROUNDS };
    let seconds = fastest(threads, rounds, || {
        let (source, mut target) = (vec![Line([1; 64]); lines], vec![Line([0; 64]); lines]);
        move || {
            for _ in 0..repeats {
                black_box(&mut target).copy_from_slice(black_box(&source));
            }
            black_box(target[0].0);
        }
    });
    (2 * lines * size_of::<Line>() * threads * repeats) as f64 / seconds
}

/// Declares multiply-adds on as many independent sums of a format as keep the processor busy.
macro_rules! multiply_adds {
    ($($name:ident: $float:ident, $lanes:ident, $splat:ident, $mul_add:ident;)*) => {$(
        struct $name;

        impl WithSimd for $name {
            /// How many numbers were multiplied and added.
            type Output = usize;

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) -> usize {
                let (factor, term) = (simd.$splat(black_box(0.999)), simd.$splat(black_box(1e-4)));
                let mut sums = [simd.$splat(black_box(1.0)); SUMS];
                for _ in 0..STEPS {
                    for sum in &mut sums {
                        *sum = simd.$mul_add(*sum, factor, term);
                    }
                }
                black_box(sums);
                STEPS * SUMS * size_of::<S::$lanes>() / size_of::<$float>()
            }
        }
    )*};
}
multiply_adds! {
    SinglePrecision: f32, f32s, splat_f32s, mul_add_f32s;
    DoublePrecision: f64, f64s, splat_f64s, mul_add_f64s;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_measured_once() {
        let limits = Limits::on(1);
        assert!(limits.copy.iter().all(|level| level.bandwidth.is_finite() && level.bandwidth > 0.0), "{limits:?}");
        assert!(limits.flops_f32 > 0.0 && limits.flops_f64 > 0.0);
        assert_eq!(Limits::on(1), limits);
        assert_eq!(Limits::on(2).threads, 2);
    }

    #[test]
    fn the_nearest_level_is_taken() {
        let level = |bytes| CopyLimit { bytes, bandwidth: bytes as f64 };
        let limits = Limits { threads: 1, copy: vec![level(1 << 10), level(1 << 20)], flops_f32: 2.0, flops_f64: 1.0 };
        assert_eq!([0.0, 1e3, 3e4, 4e4, 1e9].map(|bytes| limits.bandwidth(bytes)), [1024.0, 1024.0, 1024.0, 1_048_576.0, 1_048_576.0]);
        assert_eq!((limits.flops(false), limits.flops(true)), (2.0, 1.0));
    }
}
