//! The logistic regression of Theano's tutorial, on real handwriting: is this digit a 3 or an 8?
//!
//! ```text
//! cargo run --release --example logistic_regression -- --float f64 --steps 500
//! ```

#[path = "support/digits.rs"]
mod digits;
#[path = "support/options.rs"]
mod options;
#[path = "support/report.rs"]
mod report;

use std::time::Instant;

use damo::prelude::*;
use digits::Digits;
use ndarray::{Array1, ArrayD, arr0};
use options::Options;

fn main() -> anyhow::Result<()> {
    let options = Options::read(&["float", "steps"])?;
    let steps = options.get("steps", 2000)?;
    match options.get("float", String::from("f32"))?.as_str() {
        "f32" => train::<f32>(steps),
        "f64" => train::<f64>(steps),
        other => anyhow::bail!("`--float {other}` cannot be used: write f32 or f64"),
    }
}

/// Trains and tests with numbers of type `T`: Theano's `floatX` is a type parameter.
fn train<T: Float>(steps: usize) -> anyhow::Result<()> {
    let config = Config::from_env()?;
    let (training, testing) = (Digits::<T>::train()?.only([3, 8]), Digits::<T>::test()?.only([3, 8]));

    let w = Shared::new("w", Array1::<T>::default(784));
    let b = Shared::new("b", arr0(T::default()));

    let tape = Tape::new();
    let n = tape.dim("n");
    let x = tape.input::<T>("x", (n, 784));
    let y = tape.input::<T>("y", (n,));
    let (wt, bt) = (tape.shared(&w), tape.shared(&b));

    let number = |value: f64| y.constant(value); // of type T
    let (one, rate) = (number(1.0), number(0.1));
    let p1 = one / (one + (-(x.dot(wt)) - bt).exp()); // the probability of an 8
    let prediction = p1.gt(number(0.5));
    let xent = -y * p1.ln() - (one - y) * (one - p1).ln(); // cross-entropy
    let cost = xent.mean() + number(0.01) * (wt * wt).sum();
    let [gw, gb] = cost.grad([wt, bt]);

    let train = tape.function((x, y), cost).update(wt, wt - rate * gw).update(bt, bt - rate * gb).freeze(&config)?;
    let evaluate = tape.function((x, y), (cost, prediction)).freeze(&config)?;

    let (before, after) = (train.traced_graph(), train.graph());
    println!("The training step as traced:\n\n{}", before.to_text());
    println!("The training step as frozen:\n\n{}", after.to_text());
    println!("What rewriting did, rule by rule:\n\n{}", after.explain_rewrites());
    report::write("logistic_regression.before.dot", &before.to_dot())?;
    let dot = report::write("logistic_regression.dot", &after.to_dot())?;

    let labels = training.is(8);
    let mut costs = Vec::with_capacity(steps);
    let bar = report::progress(steps)?;
    let start = Instant::now();
    for _ in 0..steps {
        let cost: ArrayD<T> = train.call((&training.pixels, &labels))?;
        costs.push(cost[[]].to_f64());
        bar.inc(1);
    }
    let seconds = start.elapsed().as_secs_f64();
    bar.finish();

    let (cost, _): (ArrayD<T>, ArrayD<bool>) = evaluate.call((&training.pixels, &labels))?;
    let (_, prediction) = evaluate.call((&testing.pixels, &testing.is(8)))?;
    let right = prediction.iter().zip(&testing.labels).filter(|&(&is_eight, &label)| is_eight == (label == 8)).count();
    let svg = report::draw_costs("logistic_regression.svg", "Logistic regression, 3 against 8: cost", &costs)?;

    println!("digits         {} to train, {} to test", training.labels.len(), testing.labels.len());
    println!("final cost     {:.6}", cost[[]].to_f64());
    println!("test accuracy  {:.4} ({right} of {})", right as f64 / testing.labels.len() as f64, testing.labels.len());
    println!("time per step  {:.3} ms", 1e3 * seconds / steps.max(1) as f64);
    println!("cost curve     {}", svg.display());
    println!("graph          {}", dot.display());
    report::profile("logistic_regression", &train, &config)?;
    Ok(())
}
