//! Networks that convolve images: the training steps that the peers were measured on.

use damo::prelude::*;
use ndarray::{Array, Array2, Array4, Dimension, ShapeBuilder};

use crate::TrainStep;

/// Numbers without a pattern that matters, of about that size.
fn weights<S: ShapeBuilder<Dim: Dimension>>(shape: S, size: f32) -> Array<f32, S::Dim> {
    let mut place = 0.0f32;
    Array::from_shape_simple_fn(shape, || {
        place += 1.0;
        size * (place * 0.7).sin()
    })
}

/// The cost of scores, and a step down its slopes.
fn train<'t, const N: usize>(
    x: Tensor<'t, f32>,
    scores: Tensor<'t, f32>,
    parameters: [Tensor<'t, f32>; N],
    rate: f32,
    config: &Config,
) -> damo::Result<TrainStep> {
    let tape = x.tape();
    let y = tape.input::<f32>("y", scores.dims()?);
    let cost = -(y * scores.log_softmax(ndarray::Axis(1))).sum_axis(ndarray::Axis(1)).mean();
    let gradients = cost.grad(parameters);
    let mut train = tape.function((x, y), cost);
    for (parameter, gradient) in parameters.into_iter().zip(gradients) {
        train = train.update(parameter, parameter - rate * gradient);
    }
    train.freeze(config)
}

/// `LeNet`: filters 20×1×5×5 and 50×20×5×5, each with pooling by 2, then 800-500-10.
///
/// # Errors
///
/// Those of freezing.
pub fn lenet(config: &Config) -> damo::Result<TrainStep> {
    let (f1, f2) = (Shared::new("f1", weights((20, 1, 5, 5), 0.2)), Shared::new("f2", weights((50, 20, 5, 5), 0.045)));
    let (w3, w4) = (Shared::new("w3", weights((800, 500), 0.035)), Shared::new("w4", weights((500, 10), 0.045)));
    let [b1, b2, b3, b4] = [("b1", 20), ("b2", 50), ("b3", 500), ("b4", 10)].map(|(name, length)| Shared::new(name, weights(length, 0.01)));
    let tape = Tape::new();
    let x = tape.input::<f32>("x", (tape.dim("n"), 1, 28, 28));
    let (f1, f2, w3, w4) = (tape.shared(&f1), tape.shared(&f2), tape.shared(&w3), tape.shared(&w4));
    let [b1, b2, b3, b4] = [&b1, &b2, &b3, &b4].map(|b| tape.shared(b));
    let hidden = (x.conv(f1) + b1.reshape((20, 1, 1))).max_pool([2, 2]).tanh();
    let hidden = (hidden.conv(f2) + b2.reshape((50, 1, 1))).max_pool([2, 2]).tanh();
    let hidden = (hidden.reshape((tape.dim("n"), 800)).dot(w3) + b3).tanh();
    train(x, hidden.dot(w4) + b4, [f1, f2, w3, w4, b1, b2, b3, b4], 0.01, config)
}

/// A batch for [`lenet`]: images and one-hot labels.
pub fn lenet_batch() -> (Array4<f32>, Array2<f32>) {
    (weights((64, 1, 28, 28), 1.0), Array2::from_shape_fn((64, 10), |(i, class)| f32::from(u8::from(i % 10 == class))))
}

/// One large image: filters 6×1×7×7 with pooling by 5, then 16×6×7×7, then 30976-10.
///
/// # Errors
///
/// Those of freezing.
pub fn large_image(config: &Config) -> damo::Result<TrainStep> {
    let (f1, f2) = (Shared::new("f1", weights((6, 1, 7, 7), 0.14)), Shared::new("f2", weights((16, 6, 7, 7), 0.06)));
    let w3 = Shared::new("w3", weights((16 * 44 * 44, 10), 0.006));
    let [b1, b2, b3] = [("b1", 6), ("b2", 16), ("b3", 10)].map(|(name, length)| Shared::new(name, weights(length, 0.01)));
    let tape = Tape::new();
    let x = tape.input::<f32>("x", (1, 1, 256, 256));
    let (f1, f2, w3) = (tape.shared(&f1), tape.shared(&f2), tape.shared(&w3));
    let [b1, b2, b3] = [&b1, &b2, &b3].map(|b| tape.shared(b));
    let hidden = (x.conv(f1) + b1.reshape((6, 1, 1))).max_pool([5, 5]).tanh();
    let hidden = (hidden.conv(f2) + b2.reshape((16, 1, 1))).tanh();
    train(x, hidden.reshape((1, 16 * 44 * 44)).dot(w3) + b3, [f1, f2, w3, b1, b2, b3], 1e-8, config)
}

/// The image for [`large_image`], and its one-hot label.
pub fn large_image_batch() -> (Array4<f32>, Array2<f32>) {
    (weights((1, 1, 256, 256), 1.0), Array2::from_shape_fn((1, 10), |(_, class)| f32::from(u8::from(class == 3))))
}
