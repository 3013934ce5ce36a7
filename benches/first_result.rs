//! How long a user waits for the first result: from an empty tape to the first cost of a training step, stage by stage.

use std::time::{Duration, Instant};

use damo::Config;
use damo::prelude::*;
use damo_benches::images::lenet_batch;
use damo_benches::network_batch;
use ndarray::{Array, Array1, Array2, Axis, Dimension, ShapeBuilder};

/// How often all is done.
const ROUNDS: usize = 31;

/// What is measured, in order. The first call plans, compiles and runs; one like it only runs.
const STAGES: [&str; 5] = ["recorded", "differentiated", "frozen", "called first", "called again"];

/// The times at which the stages of one round end.
struct Laps(Vec<Instant>);

impl Laps {
    fn end(&mut self) {
        self.0.push(Instant::now());
    }
}

fn weights<S: ShapeBuilder<Dim: Dimension>>(name: &str, shape: S) -> Shared<f32> {
    let mut place = 0.0f32;
    Shared::new(
        name,
        Array::from_shape_simple_fn(shape, || {
            place += 1.0;
            0.05 * place.sin()
        }),
    )
}

/// The rest of a round, from the scores on.
fn train<const N: usize, D: Dimension>(
    laps: &mut Laps,
    (x, images): (Tensor<'_, f32>, &Array<f32, D>),
    (scores, labels): (Tensor<'_, f32>, &Array2<f32>),
    parameters: [Tensor<'_, f32>; N],
) -> damo::Result<()> {
    let y = x.tape().input::<f32>("y", scores.dims()?);
    let cost = -(y * scores.log_softmax(Axis(1))).sum_axis(Axis(1)).mean();
    laps.end();
    let gradients = cost.grad(parameters);
    let changed: Vec<_> = parameters.into_iter().zip(gradients).map(|(parameter, gradient)| parameter - 0.01 * gradient).collect();
    laps.end();
    let mut train = x.tape().function((x, y), cost);
    for (parameter, changed) in parameters.into_iter().zip(changed) {
        train = train.update(parameter, changed);
    }
    let train = train.freeze(&Config::default())?;
    laps.end();
    train.call((images, labels))?;
    laps.end();
    train.call((images, labels))?;
    laps.end();
    Ok(())
}

/// 784-500-10 with tanh.
fn network() -> impl FnMut(&mut Laps) -> damo::Result<()> {
    let states = [weights("w1", (784, 500)), weights("b1", 500), weights("w2", (500, 10)), weights("b2", 10)];
    let (images, labels) = network_batch();
    move |laps| {
        let tape = Tape::new();
        let x = tape.input::<f32>("x", (tape.dim("n"), 784));
        let [w1, b1, w2, b2] = states.each_ref().map(|state| tape.shared(state));
        let scores = (x.dot(w1) + b1).tanh().dot(w2) + b2;
        train(laps, (x, &images), (scores, &labels), [w1, b1, w2, b2])
    }
}

/// Two convolutions with pooling, then 800-500-10.
fn lenet() -> impl FnMut(&mut Laps) -> damo::Result<()> {
    let filters = [weights("f1", (20, 1, 5, 5)), weights("f2", (50, 20, 5, 5))];
    let layers = [weights("w3", (800, 500)), weights("w4", (500, 10))];
    let biases = [20, 50, 500, 10].map(|length| Shared::new(&format!("b{length}"), Array1::<f32>::zeros(length)));
    let (images, labels) = lenet_batch();
    move |laps| {
        let tape = Tape::new();
        let x = tape.input::<f32>("x", (tape.dim("n"), 1, 28, 28));
        let ([f1, f2], [w3, w4]) = (filters.each_ref().map(|state| tape.shared(state)), layers.each_ref().map(|state| tape.shared(state)));
        let [b1, b2, b3, b4] = biases.each_ref().map(|state| tape.shared(state));
        let hidden = (x.conv(f1) + b1.reshape((20, 1, 1))).max_pool([2, 2]).tanh();
        let hidden = (hidden.conv(f2) + b2.reshape((50, 1, 1))).max_pool([2, 2]).tanh();
        let hidden = (hidden.reshape((tape.dim("n"), 800)).dot(w3) + b3).tanh();
        train(laps, (x, &images), (hidden.dot(w4) + b4, &labels), [f1, f2, w3, w4, b1, b2, b3, b4])
    }
}

fn measure(name: &str, mut round: impl FnMut(&mut Laps) -> damo::Result<()>) -> damo::Result<()> {
    let mut times = vec![Vec::new(); STAGES.len()];
    for _ in 0..ROUNDS {
        let mut laps = Laps(vec![Instant::now()]);
        round(&mut laps)?;
        for (times, lap) in times.iter_mut().zip(laps.0.windows(2)) {
            times.push(lap[1] - lap[0]);
        }
    }
    println!("{name}");
    for (stage, times) in STAGES.iter().zip(&mut times) {
        times.sort();
        let quarter = |part: usize| times.get(part * ROUNDS / 4).map_or(0.0, Duration::as_secs_f64) * 1e6;
        println!("  {stage}: {:.0} µs ({:.0} to {:.0})", quarter(2), quarter(1), quarter(3));
    }
    Ok(())
}

fn main() -> damo::Result<()> {
    measure("784-500-10, batch of 60", network())?;
    measure("LeNet, batch of 64", lenet())
}
