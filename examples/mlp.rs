//! A network of two layers that reads all ten digits: 784 pixels, 500 hidden units, 10 classes.
//!
//! ```text
//! cargo run --release --example mlp -- --epochs 10
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

const HIDDEN: usize = 500;
const BATCH: usize = 60;

fn main() -> anyhow::Result<()> {
    let options = Options::read(&["epochs", "rate"])?;
    let (epochs, rate) = (options.get("epochs", 10)?, options.get("rate", 0.5)?);
    let config = Config::from_env()?;
    let (digits, unseen) = (Digits::<f32>::train()?, Digits::<f32>::test()?);

    let mut random = Random(2010);
    let w1 = Shared::new("w1", random.weights((784, HIDDEN), 784, HIDDEN));
    let b1 = Shared::new("b1", Array1::<f32>::zeros(HIDDEN));
    let w2 = Shared::new("w2", random.weights((HIDDEN, 10), HIDDEN, 10));
    let b2 = Shared::new("b2", Array1::<f32>::zeros(10));

    let tape = Tape::new();
    let n = tape.dim("n");
    let x = tape.input::<f32>("x", (n, 784));
    let y = tape.input::<f32>("y", (n, 10)); // 1 in the column of the digit
    let parameters = [tape.shared(&w1), tape.shared(&b1), tape.shared(&w2), tape.shared(&b2)];
    let [w1t, b1t, w2t, b2t] = parameters;

    let hidden = (x.dot(w1t) + b1t).tanh();
    let scores = hidden.dot(w2t) + b2t;
    let cost = -(y * scores.log_softmax(Axis(1))).sum_axis(Axis(1)).mean();
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
    println!("cost curve     {}", report::draw_costs("mlp.svg", "784-500-10, ten digits: cost", &costs)?.display());
    println!("graph          {}", report::write("mlp.dot", &train.graph().to_dot())?.display());
    report::profile("mlp", &train, &config)?;
    Ok(())
}
