//! Steps of training networks that convolve images: one large image, and `LeNet` on a batch of digits.
//!
//! `cnn` and `lenet` pool by windows; `cnn_rs` and `lenet_rs` pool by a reshape and a maximum, as peers without pooling do.

use damo::prelude::*;
use damo::{Config, Float};
use ndarray::{ArrayD, Axis, arr1};

use super::Prepared;
use super::repeated::calling;
use super::training::Step;
use crate::random::{Random, zeros};

pub fn prepare<T: Float>(case: &str, _size: &str, config: &Config) -> Prepared {
    let Some(network) = Network::<T>::of_case(case) else { return Ok(None) };
    let step = network.freeze(config)?;
    calling(step, move |step| step.call((&network.images, &network.labels)))
}

/// The largest elements of windows of that length over images of these channels and side.
type Pool<T> = for<'t> fn(Tensor<'t, T>, [usize; 2], usize) -> Tensor<'t, T>;

fn by_windows<T: Float>(x: Tensor<'_, T>, _lengths: [usize; 2], window: usize) -> Tensor<'_, T> {
    x.max_pool([window, window])
}

fn by_reshape<T: Float>(x: Tensor<'_, T>, [channels, side]: [usize; 2], window: usize) -> Tensor<'_, T> {
    let windows = side / window;
    x.reshape((x.tape().dim("n"), channels, windows, window, windows, window)).max_axes(&[Axis(3), Axis(5)])
}

/// A layer of filters, with their biases.
fn filtered<'t, T: Float>(x: Tensor<'t, T>, filters: Tensor<'t, T>, biases: Tensor<'t, T>, outputs: usize) -> Tensor<'t, T> {
    x.conv(filters) + biases.reshape((outputs, 1, 1))
}

/// A network, and a batch to train it on.
pub struct Network<T: Float> {
    is_lenet: bool,
    pool: Pool<T>,
    /// Filters or weights, and biases, layer by layer.
    parameters: Vec<Shared<T>>,
    /// How far a step goes.
    rate: f64,
    pub images: ArrayD<T>,
    pub labels: ArrayD<i32>,
}

impl<T: Float> Network<T> {
    /// That of the case, if it is one of these.
    pub fn of_case(case: &str) -> Option<Self> {
        let pool = if case.ends_with("_rs") { by_reshape } else { by_windows };
        match case {
            "cnn" | "cnn_rs" => Some(Network::large(pool)),
            "lenet" | "lenet_rs" => Some(Network::lenet(pool)),
            _ => None,
        }
    }

    fn large(pool: Pool<T>) -> Self {
        let mut random = Random::default();
        let layers: [(&[usize], usize, f64); 3] = [(&[6, 1, 7, 7], 6, 7.0), (&[16, 6, 7, 7], 16, 17.0), (&[16 * 44 * 44, 10], 10, 176.0)];
        let parameters = parameters(&mut random, &layers);
        let images = random.normal::<T>(&[1, 1, 256, 256], 1.0);
        // One image is learnt in two steps of 0.01; then all gradients are 0 or denormal. A small rate keeps the cost where it is.
        Network { is_lenet: false, pool, parameters, rate: 1e-8, images, labels: arr1(&[3]).into_dyn() }
    }

    fn lenet(pool: Pool<T>) -> Self {
        let mut random = Random::default();
        let layers: [(&[usize], usize, f64); 4] =
            [(&[20, 1, 5, 5], 20, 5.0), (&[50, 20, 5, 5], 50, 22.0), (&[800, 500], 500, 28.0), (&[500, 10], 10, 22.0)];
        let parameters = parameters(&mut random, &layers);
        let images = random.normal::<T>(&[64, 1, 28, 28], 1.0);
        Network { is_lenet: true, pool, parameters, rate: 0.01, images, labels: random.below(10, 64) }
    }

    /// What the last layer gives for each class.
    fn scores<'t>(&self, x: Tensor<'t, T>, p: &[Tensor<'t, T>]) -> Tensor<'t, T> {
        let n = x.tape().dim("n");
        if self.is_lenet {
            let h = (self.pool)(filtered(x, p[0], p[1], 20), [20, 24], 2).tanh();
            let h = (self.pool)(filtered(h, p[2], p[3], 50), [50, 8], 2).tanh();
            let h = (h.reshape((n, 800)).dot(p[4]) + p[5]).tanh();
            h.dot(p[6]) + p[7]
        } else {
            let h = (self.pool)(filtered(x, p[0], p[1], 6), [6, 250], 5).tanh();
            let h = filtered(h, p[2], p[3], 16).tanh();
            h.reshape((n, 16 * 44 * 44)).dot(p[4]) + p[5]
        }
    }

    /// From an empty tape to a frozen step.
    pub fn freeze(&self, config: &Config) -> damo::Result<Step<T>> {
        let tape = Tape::new();
        let side = if self.is_lenet { 28 } else { 256 };
        let (x, labels) = (tape.input::<T>("x", (tape.dim("n"), 1, side, side)), tape.input::<i32>("labels", (tape.dim("n"),)));
        let parameters: Vec<_> = self.parameters.iter().map(|parameter| tape.shared(parameter)).collect();
        let scores = self.scores(x, &parameters);
        let cost = -(labels.one_hot::<T>(10) * scores.log_softmax(Axis(1))).sum_axis(Axis(1)).mean();
        let gradients = cost.grad(parameters.clone());
        let mut step = tape.function((x, labels), cost);
        for (parameter, gradient) in parameters.into_iter().zip(gradients) {
            step = step.update(parameter, parameter - gradient * T::from_f64(self.rate));
        }
        step.freeze(config)
    }
}

/// Layers' filters or weights, of one over that number on average, and biases, so many: 0.
fn parameters<T: Float>(random: &mut Random, layers: &[(&[usize], usize, f64)]) -> Vec<Shared<T>> {
    let layer = |(place, &(shape, outputs, scale)): (usize, &(&[usize], usize, f64))| {
        let weights = random.normal::<T>(shape, 1.0 / scale);
        [Shared::new(&format!("w{place}"), weights), Shared::new(&format!("b{place}"), zeros::<T>(&[outputs]))]
    };
    layers.iter().enumerate().flat_map(layer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The costs of the first steps are those of PyTorch on the same arrays, whichever way is pooled.
    #[test]
    fn costs_are_those_of_a_peer() {
        let large = [1.947_969_1, 1.947_898_5, 1.947_825, 1.947_751_3, 1.947_677_1];
        let lenet = [2.388_253_2, 2.290_223_6, 2.247_394, 2.224_135_4, 2.208_812_7];
        for (case, expected) in [("cnn", large), ("cnn_rs", large), ("lenet", lenet), ("lenet_rs", lenet)] {
            let network = Network::<f32>::of_case(case).unwrap();
            let step = network.freeze(&Config::default()).unwrap();
            for expected in expected {
                let cost = step.call((&network.images, &network.labels)).unwrap()[[]];
                assert!((cost - expected).abs() < 1e-5 * expected, "{case}: {cost} is not {expected}");
            }
        }
    }
}
