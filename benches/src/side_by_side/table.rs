//! All cases with their sizes, the work that each cannot do without, and what is wanted of Damo.

use super::options::Options;
use crate::failure::Failure;
use crate::limits::Level;

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name of the case.
    pub case: &'static str,
    /// Its size.
    pub size: String,
    /// What it moves and computes at least, where that is known.
    pub work: Option<Work>,
    /// What is wanted.
    pub target: Option<Target>,
}

/// What is wanted of Damo's time.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// At most this share of the best peer's.
    OfPeer(f64),
    /// At most so many times what the machine needs.
    OfLimit(f64),
    /// At most so many microseconds.
    Microseconds(f64),
}

/// Elements that are read and written once each, and additions and multiplications.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    read: f64,
    written: f64,
    /// Additions and multiplications, where they are many.
    pub flops: f64,
}

impl Work {
    /// The bytes that are moved.
    pub fn bytes(&self, element: usize) -> f64 {
        (self.read + self.written) * element as f64
    }

    /// How many arrays of the measured bandwidth's kernel it is like: reading one, copying one to another, or two to a third.
    pub fn arrays(&self) -> f64 {
        if self.written < 0.1 * self.read {
            1.0
        } else if self.read < 1.5 * self.written {
            2.0
        } else {
            3.0
        }
    }

    /// The bandwidth at a level of the memory that its kernel has.
    pub fn bandwidth(&self, level: &Level) -> f64 {
        let arrays = self.arrays();
        if arrays < 2.0 {
            level.read
        } else if arrays < 3.0 {
            level.copy
        } else {
            level.triad
        }
    }
}

/// What only moves elements.
#[expect(clippy::unnecessary_wraps, reason = "an entry may have none")]
fn moves(read: usize, written: usize) -> Option<Work> {
    Some(Work { read: read as f64, written: written as f64, flops: 0.0 })
}

/// What also computes a great deal.
#[expect(clippy::unnecessary_wraps, reason = "an entry may have none")]
fn computes(read: usize, written: usize, flops: usize) -> Option<Work> {
    Some(Work { read: read as f64, written: written as f64, flops: flops as f64 })
}

/// Additions and multiplications of the product of an m·k and a k·n matrix.
const fn product(m: usize, k: usize, n: usize) -> usize {
    2 * m * k * n
}

/// Those of training a network on a batch: forward, and backward by the weights and, but for the first layer, by what comes in.
fn training(batch: usize, widths: &[usize]) -> usize {
    let layers: Vec<usize> = widths.windows(2).map(|ends| product(batch, ends[0], ends[1])).collect();
    3 * layers.iter().sum::<usize>() - layers[0]
}

/// All cases, in the order in which they are run.
pub fn all() -> Vec<Entry> {
    use Target::{Microseconds, OfLimit, OfPeer};
    let mut table = Vec::new();
    let mut add = |case, size: &str, work, target| table.push(Entry { case, size: size.to_owned(), work, target });
    for (place, case) in ["elemwise1", "elemwise2", "elemwise3", "elemwise4", "elemwise5", "elemwise6"].into_iter().enumerate() {
        for (size, length) in [("1e2", 100), ("1e3", 1_000), ("1e4", 10_000), ("1e5", 100_000), ("1e6", 1_000_000), ("1e7", 10_000_000)] {
            let wanted = if place >= 4 && length >= 10_000 { 0.5 } else { 0.9 };
            add(case, size, moves(if place == 0 { 1 } else { 2 } * length, length), Some(OfPeer(wanted)));
        }
    }
    for (case, inputs) in [("elemwise1_out", 1), ("elemwise3_out", 2)] {
        for (size, length) in [("1e6", 1_000_000), ("1e7", 10_000_000)] {
            add(case, size, moves(inputs * length, length), Some(OfLimit(1.15)));
        }
    }
    add("softmax", "128x1000", moves(128_000, 128_000), Some(OfPeer(0.3)));
    add("layernorm", "512x768", moves(512 * 768, 512 * 768), Some(OfPeer(0.85)));
    add("gelu_fb", "1e6", moves(2_000_000, 2_000_000), Some(OfPeer(0.6)));
    add("logsumexp", "128x1000", moves(128_000, 128), Some(OfPeer(0.2)));
    add("reduce_sumab", "1e7", moves(20_000_000, 1), Some(OfLimit(1.1)));
    add("reduce_dot", "1e7", moves(20_000_000, 1), Some(OfLimit(1.1)));
    add("reduce_rows", "4096x1024", moves(4096 * 1024, 4096), Some(OfLimit(1.1)));
    add("reduce_cols", "4096x1024", moves(4096 * 1024, 1024), Some(OfLimit(1.1)));
    add("reduce_var", "4096x1024", moves(4096 * 1024, 1), Some(OfPeer(0.5)));
    // The images are read forward and backward; that they are in the cache the second time is not counted on.
    add("logreg", "400x784", computes(2 * 400 * 784, 784, 2 * product(400, 784, 1)), Some(OfPeer(0.6)));
    add("mlp", "60x784-500-10", computes(784 * 500, 784 * 500, training(60, &[784, 500, 10])), Some(OfPeer(0.8)));
    let weights = 784 * 1024 + 1024 * 1024;
    add("mlp256", "256x784-1024-1024-10", computes(weights, weights, training(256, &[784, 1024, 1024, 10])), Some(OfPeer(0.85)));
    let convolutions = 2 * product(250 * 250, 49, 6) + 3 * product(44 * 44, 6 * 49, 16) + 3 * product(1, 16 * 44 * 44, 10);
    add("cnn", "1x1x256x256", computes(256 * 256, 10, convolutions), Some(OfPeer(0.25)));
    add("cnn_rs", "1x1x256x256", computes(256 * 256, 10, convolutions), Some(OfPeer(0.25)));
    let convolutions = 2 * product(64 * 24 * 24, 25, 20) + 3 * product(64 * 8 * 8, 20 * 25, 50) + 3 * (product(64, 800, 500) + product(64, 500, 10));
    add("lenet", "64x1x28x28", computes(64 * 28 * 28, 10, convolutions), Some(OfPeer(0.5)));
    add("lenet_rs", "64x1x28x28", computes(64 * 28 * 28, 10, convolutions), Some(OfPeer(0.5)));
    for n in [64, 128, 256, 512, 1024, 2048] {
        add("gemm", &n.to_string(), computes(2 * n * n, n * n, product(n, n, n)), Some(OfPeer(1.0)));
    }
    add("gemm_mlp", "60x784x500", computes(784 * 500, 60 * 500, product(60, 784, 500)), Some(OfPeer(1.0)));
    add("gemv", "4096", computes(4096 * 4096, 4096, product(4096, 4096, 1)), Some(OfLimit(1.1)));
    add("dispatch", "1", None, Some(Microseconds(0.2)));
    add("dispatch", "100", None, Some(Microseconds(5.0)));
    // Forward by both weights, backward by both and by the state.
    add("rnn", "T100xB32xH128", computes(100 * 32 * 128, 2 * 128 * 128, 5 * product(3200, 128, 128)), Some(OfPeer(0.6)));
    add("hvp", "400x784", computes(2 * 400 * 784, 784, 3 * product(400, 784, 1)), None);
    add("jacobian", "200x200", moves(200 * 200, 200 * 200), None);
    add("compile_mlp", "60x784-500-10", None, Some(Microseconds(5_000.0)));
    add("compile_cnn", "1x1x256x256", None, Some(Microseconds(10_000.0)));
    table
}

/// Those that are asked for.
///
/// # Errors
///
/// [`Failure::NoCase`] if there are none.
pub fn asked_for(options: &Options) -> Result<Vec<Entry>, Failure> {
    let entries: Vec<Entry> = all().into_iter().filter(|entry| options.asks_for(entry.case, &entry.size)).collect();
    if entries.is_empty() { Err(Failure::NoCase) } else { Ok(entries) }
}

impl Entry {
    /// Whether it is measured once in a new process, because it happens only once in a process.
    pub fn is_first_result(&self) -> bool {
        self.case.starts_with("compile_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_step_of_the_small_network_is_96_million_operations() {
        assert_eq!(training(60, &[784, 500, 10]), 95_880_000);
    }
}
