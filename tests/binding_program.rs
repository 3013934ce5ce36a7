//! The program of the README, as written there, runs and trains.

use damo::prelude::*;
use ndarray::prelude::*;

#[test]
fn the_binding_program_runs() -> damo::Result<()> {
    let w = Shared::new("w", Array1::<f32>::zeros(784)); // state that survives calls
    let b = Shared::new("b", arr0(0f32));

    let tape = Tape::new();
    let n = tape.dim("n"); // a length not known yet
    let x = tape.input::<f32>("x", (n, 784));
    let y = tape.input::<f32>("y", (n,));
    let (wt, bt) = (tape.shared(&w), tape.shared(&b));

    let p1 = 1.0 / (1.0 + (-(x.dot(wt)) - bt).exp()); // ordinary Rust arithmetic
    let prediction = p1.gt(0.5);
    let xent = -y * p1.ln() - (1.0 - y) * (1.0 - p1).ln();
    let cost = xent.mean() + 0.01 * (wt * wt).sum();
    let [gw, gb] = cost.grad([wt, bt]);

    let train = tape.function((x, y), (prediction, xent)).update(wt, wt - 0.1 * gw).update(bt, bt - 0.1 * gb).freeze(&Config::from_env()?)?; // rewrite, schedule, compile
    let (xs, ys) = (Array2::<f32>::zeros((400, 784)), Array1::<f32>::zeros(400));
    let (pred, err): (ArrayD<bool>, ArrayD<f32>) = train.call((&xs, &ys))?;
    println!("{}", w.get()); // the trained weights

    assert!(pred.iter().all(|&one| !one) && pred.shape() == [400]);
    assert!(err.iter().all(|&loss| (loss - 2f32.ln()).abs() < 1e-6));
    assert_eq!(w.get(), ArrayD::zeros(vec![784]));
    // The slope of the cost along b is the mean of p1 - y, which is 1/2 here.
    assert!((b.get()[[]] + 0.05).abs() < 1e-8);
    Ok(())
}
