//! What the machine can do at best: bytes moved per second, by how much memory is touched, and multiply-adds per second.

mod arithmetic;
mod memory;
#[cfg(target_arch = "x86_64")]
mod streaming;
mod together;

use crate::side_by_side::table::Work;

/// How many bytes each array of a measured level has: those of 10³ to 10⁷ numbers of four bytes.
const ARRAYS: [usize; 5] = [4_000, 40_000, 400_000, 4_000_000, 40_000_000];

/// Bytes per second over arrays of one size, the better of ordinary stores and of stores past the caches.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    /// The bytes of each array.
    pub array: usize,
    /// Of one array to another, both counted.
    pub copy: f64,
    /// Of two arrays to a third, all counted.
    pub triad: f64,
    /// Of one array that is summed.
    pub read: f64,
}

/// The limits of the machine on so many threads.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How many threads work.
    pub threads: usize,
    /// Bandwidths, from small arrays to large ones.
    pub levels: Vec<Level>,
    /// Additions and multiplications per second, as fused multiply-adds of `f32`.
    pub flops_f32: f64,
    /// The same of `f64`.
    pub flops_f64: f64,
}

impl Limits {
    /// Measures them, in about two seconds.
    pub fn measure(threads: usize) -> Self {
        Limits {
            threads,
            levels: ARRAYS.map(|array| memory::level(array, threads)).to_vec(),
            flops_f32: arithmetic::peak_f32(threads),
            flops_f64: arithmetic::peak_f64(threads),
        }
    }

    /// The higher of two measurements of each limit: other programs only ever lower it.
    #[must_use]
    pub fn or_better(mut self, other: &Limits) -> Self {
        for (level, other) in self.levels.iter_mut().zip(&other.levels) {
            level.copy = level.copy.max(other.copy);
            level.triad = level.triad.max(other.triad);
            level.read = level.read.max(other.read);
        }
        self.flops_f32 = self.flops_f32.max(other.flops_f32);
        self.flops_f64 = self.flops_f64.max(other.flops_f64);
        self
    }

    /// The microseconds that some work takes at least, on elements of so many bytes.
    pub fn microseconds(&self, work: &Work, element: usize) -> f64 {
        let (bytes, flops) = (work.bytes(element), if element == 8 { self.flops_f64 } else { self.flops_f32 });
        let distance = |level: &Level| (level.array as f64 * work.arrays()).ln() - bytes.max(1.0).ln();
        let nearest = self.levels.iter().min_by(|a, b| distance(a).abs().total_cmp(&distance(b).abs()));
        let moving = nearest.map_or(0.0, |level| bytes / work.bandwidth(level));
        1e6 * moving.max(work.flops / flops)
    }
}
