//! The same random arrays as everybody's, in plain vectors.

use crate::stream::Stream;

/// Streams of random numbers, one for each array that is asked for.
#[derive(Default)]
pub struct Random(u64);

impl Random {
    fn stream(&mut self) -> Stream {
        self.0 += 1;
        Stream::of_array(self.0)
    }

    /// Numbers from 0.5 to 1.5.
    pub fn uniform(&mut self, count: usize) -> Vec<f32> {
        let stream = self.stream();
        (0..count).map(|place| stream.uniform(place) as f32).collect()
    }

    /// Numbers of mean 0 and this standard deviation.
    pub fn normal(&mut self, count: usize, deviation: f64) -> Vec<f32> {
        let stream = self.stream();
        (0..count).map(|place| (deviation * stream.normal(place)) as f32).collect()
    }

    /// Whole numbers from 0 to below a bound.
    pub fn below(&mut self, bound: u32, count: usize) -> Vec<u32> {
        let stream = self.stream();
        (0..count).map(|place| (f64::from(bound) * stream.unit(place)) as u32).collect()
    }
}

/// Of the two matrices of a product: rows, the length that is summed over, columns.
pub fn product(case: &str, size: &str) -> Option<[usize; 3]> {
    match case {
        "gemm" => size.parse().ok().map(|n| [n; 3]),
        "gemm_mlp" => Some([60, 784, 500]),
        _ => None,
    }
}

/// How long the vectors of a size such as `1e6` are.
pub fn length(size: &str) -> Option<usize> {
    size.parse::<f64>().ok().map(|length| length as usize)
}

/// The network of the case `mlp`: weights of both layers, images and labels of a batch of 60.
pub struct Network {
    pub w1: Vec<f32>,
    pub w2: Vec<f32>,
    pub images: Vec<f32>,
    pub labels: Vec<u32>,
}

impl Network {
    pub fn new() -> Self {
        let mut random = Random::default();
        // As the other peers count arrays: zeros are none.
        let (w1, w2) = (random.normal(784 * 500, 1.0 / 28.0), random.normal(5000, 1.0 / 500f64.sqrt()));
        let images = random.normal(60 * 784, 1.0);
        Network { w1, w2, images, labels: random.below(10, 60) }
    }
}
