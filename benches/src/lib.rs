//! The programs that the benches measure, and the data they run on.

pub mod cases;
pub mod failure;
pub mod images;
pub mod large;
pub mod limits;
pub mod load;
pub mod measure;
pub mod random;
pub mod side_by_side;
pub mod stream;
pub mod turns;

use damo::prelude::*;
use ndarray::{Array1, Array2, Axis, arr0};

/// How many images are in a batch of the network's training step.
pub const BATCH: usize = 60;
/// How many images the logistic regression is trained on.
pub const IMAGES: usize = 1600;
/// The pixels of an image.
const PIXELS: usize = 784;
/// The hidden units of the network.
const HIDDEN: usize = 500;

/// A training step: takes images and labels, gives the cost, and updates the weights.
pub type TrainStep = Function<(f32, f32), Cost>;

/// The type of the only output of a training step.
pub type Cost = <Tensor<'static, f32> as Tensors<'static>>::Elements;

/// The training step of a network 784-500-10 with tanh and softmax, from an empty tape to a frozen function.
///
/// # Errors
///
/// Those of freezing.
pub fn network(config: &Config) -> damo::Result<TrainStep> {
    let random = |rows: usize, columns: usize| Array2::from_shape_fn((rows, columns), |(i, j)| 0.05 * ((7 * i + 13 * j) as f32).sin());
    let w1 = Shared::new("w1", random(PIXELS, HIDDEN));
    let b1 = Shared::new("b1", Array1::<f32>::zeros(HIDDEN));
    let w2 = Shared::new("w2", random(HIDDEN, 10));
    let b2 = Shared::new("b2", Array1::<f32>::zeros(10));

    let tape = Tape::new();
    let n = tape.dim("n");
    let (x, y) = (tape.input::<f32>("x", (n, PIXELS)), tape.input::<f32>("y", (n, 10)));
    let parameters = [tape.shared(&w1), tape.shared(&b1), tape.shared(&w2), tape.shared(&b2)];
    let [w1t, b1t, w2t, b2t] = parameters;
    let scores = (x.dot(w1t) + b1t).tanh().dot(w2t) + b2t;
    let cost = -(y * scores.log_softmax(Axis(1))).sum_axis(Axis(1)).mean();
    let gradients = cost.grad(parameters);
    let mut train = tape.function((x, y), cost);
    for (parameter, gradient) in parameters.into_iter().zip(gradients) {
        train = train.update(parameter, parameter - 0.1 * gradient);
    }
    train.freeze(config)
}

/// A batch for the network: images and one-hot labels.
pub fn network_batch() -> (Array2<f32>, Array2<f32>) {
    let images = Array2::from_shape_fn((BATCH, PIXELS), |(i, j)| 0.5 + 0.5 * ((i * 31 + j) as f32).sin());
    (images, Array2::from_shape_fn((BATCH, 10), |(i, class)| f32::from(u8::from(i % 10 == class))))
}

/// The training step of the tutorial's logistic regression, from an empty tape to a frozen function.
///
/// # Errors
///
/// Those of freezing.
pub fn logistic_regression(config: &Config) -> damo::Result<TrainStep> {
    let (w, b) = (Shared::new("w", Array1::<f32>::zeros(PIXELS)), Shared::new("b", arr0(0f32)));
    let tape = Tape::new();
    let n = tape.dim("n");
    let (x, y) = (tape.input::<f32>("x", (n, PIXELS)), tape.input::<f32>("y", (n,)));
    let (wt, bt) = (tape.shared(&w), tape.shared(&b));
    let p1 = 1.0 / (1.0 + (-(x.dot(wt)) - bt).exp());
    let xent = -y * p1.ln() - (1.0 - y) * (1.0 - p1).ln();
    let cost = xent.mean() + 0.01 * (wt * wt).sum();
    let [gw, gb] = cost.grad([wt, bt]);
    tape.function((x, y), cost).update(wt, wt - 0.1 * gw).update(bt, bt - 0.1 * gb).freeze(config)
}

/// So many images and labels that the logistic regression learns from.
pub fn logistic_regression_batch(images: usize) -> (Array2<f32>, Array1<f32>) {
    let pixels = Array2::from_shape_fn((images, PIXELS), |(i, j)| 0.5 + 0.5 * ((i * 31 + j) as f32).sin());
    (pixels, Array1::from_shape_fn(images, |i| f32::from(u8::from(i % 2 == 0))))
}
