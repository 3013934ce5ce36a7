//! A convolutional network that reads all ten digits: two layers of filters with pooling, then two dense layers (`LeNet`, 1998).
//!
//! ```text
//! cargo run --release --example lenet -- --epochs 2
//! ```

#[path = "support/digits.rs"]
mod digits;
#[path = "support/options.rs"]
mod options;
#[path = "support/random.rs"]
mod random;
#[path = "support/report.rs"]
mod report;
#[path = "support/training.rs"]
mod training;

use damo::prelude::*;
use digits::Digits;
use ndarray::{Array1, Axis};
use options::Options;
use random::Random;
use training::Training;

const BATCH: usize = 64;

fn main() -> anyhow::Result<()> {
    let options = Options::read(&["epochs", "rate"])?;
    let (epochs, rate) = (options.get("epochs", 2)?, options.get("rate", 0.2)?);
    let config = Config::from_env()?;
    let (digits, unseen) = (Digits::<f32>::train()?, Digits::<f32>::test()?);

    let mut random = Random(1998);
    let weights = [
        Shared::new("filters1", random.weights((20, 1, 5, 5), 25, 500)),
        Shared::new("filters2", random.weights((50, 20, 5, 5), 500, 1250)),
        Shared::new("w3", random.weights((800, 500), 800, 500)),
        Shared::new("w4", random.weights((500, 10), 500, 10)),
    ];
    let biases = [("b1", 20), ("b2", 50), ("b3", 500), ("b4", 10)].map(|(name, length)| Shared::new(name, Array1::<f32>::zeros(length)));

    let tape = Tape::new();
    let n = tape.dim("n");
    let x = tape.input::<f32>("x", (n, 784));
    let y = tape.input::<f32>("y", (n, 10)); // 1 in the column of the digit
    let [f1, f2, w3, w4] = weights.each_ref().map(|shared| tape.shared(shared));
    let [b1, b2, b3, b4] = biases.each_ref().map(|shared| tape.shared(shared));

    let images = x.reshape((n, 1, 28, 28));
    let layer1 = (images.conv(f1).max_pool([2, 2]) + b1.reshape((20, 1, 1))).tanh(); // [n, 20, 12, 12]
    let layer2 = (layer1.conv(f2).max_pool([2, 2]) + b2.reshape((50, 1, 1))).tanh(); // [n, 50, 4, 4]
    let hidden = (layer2.reshape((n, 800)).dot(w3) + b3).tanh();
    let scores = hidden.dot(w4) + b4;
    let cost = -(y * scores.log_softmax(Axis(1))).sum_axis(Axis(1)).mean();

    let parameters = [f1, f2, w3, w4, b1, b2, b3, b4];
    let gradients = cost.grad(parameters);
    let mut train = tape.function((x, y), cost);
    for (parameter, gradient) in parameters.into_iter().zip(gradients) {
        train = train.update(parameter, parameter - rate * gradient);
    }
    let train = train.freeze(&config)?;
    let read = tape.function(x, scores.argmax_axis(Axis(1))).freeze(&config)?;

    let step = |batch: &Digits<f32>| train.call((&batch.pixels, &batch.one_hot()));
    let guess = |digits: &Digits<f32>| read.call(&digits.pixels);
    let Training { costs, busy } = training::train(epochs, BATCH, &mut random, (&digits, &unseen), step, guess)?;

    println!("time per step  {:.3} ms", 1e3 * busy.as_secs_f64() / costs.len().max(1) as f64);
    println!("cost curve     {}", report::draw_costs("lenet.svg", "LeNet, ten digits: cost", &costs)?.display());
    report::profile("lenet", &train, &config)?;
    Ok(())
}
