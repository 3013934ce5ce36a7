//! Second derivatives and whole Jacobians: a Hessian times a vector, and the Jacobian of a layer.

use damo::prelude::*;
use damo::{Config, Float};
use ndarray::{Axis, arr0};

use super::Prepared;
use super::repeated::calling;
use crate::random::{Random, zeros};

pub fn prepare<T: Float>(case: &str, _size: &str, config: &Config) -> Prepared {
    match case {
        "hvp" => hessian_times_vector::<T>(config),
        "jacobian" => jacobian::<T>(config),
        _ => Ok(None),
    }
}

/// Of the logistic regression's cost, by its weights.
fn hessian_times_vector<T: Float>(config: &Config) -> Prepared {
    let tape = Tape::new();
    let n = tape.dim("n");
    let (w, b) = (tape.input::<T>("w", (784,)), tape.input::<T>("b", ()));
    let (x, y, v) = (tape.input::<T>("x", (n, 784)), tape.input::<T>("y", (n,)), tape.input::<T>("v", (784,)));
    let one = tape.constant(arr0(T::from_f64(1.0)));
    let p1 = one / (one + (-x.dot(w) - b).exp());
    let xent = -y * p1.ln() - (one - y) * (one - p1).ln();
    let cost = xent.mean() + (w * w).sum() * T::from_f64(0.01);
    let product = cost.hvp(w, v);
    let function = tape.function([w, b, x, y, v], product).freeze(config)?;

    let mut random = Random::default();
    let (ws, bs) = (random.normal::<T>(&[784], 1.0 / 28.0), zeros::<T>(&[]));
    let xs = random.normal::<T>(&[400, 784], 1.0);
    let ys = random.below(2, 400).mapv(|label| T::from_f64(f64::from(label)));
    let vs = random.normal::<T>(&[784], 1.0);
    calling(function, move |function| function.call([&ws, &bs, &xs, &ys, &vs]))
}

/// Of tanh(W x), by x. There is no `jacobian` yet: a user stacks one row for each result.
fn jacobian<T: Float>(config: &Config) -> Prepared {
    const LENGTH: usize = 200;
    let tape = Tape::new();
    let (weights, x) = (tape.input::<T>("weights", (LENGTH, LENGTH)), tape.input::<T>("x", (LENGTH,)));
    let y = weights.dot(x).tanh();
    let unit = tape.eye::<T>(LENGTH);
    let rows: Vec<_> = (0..LENGTH).map(|row| y.vjp(x, unit.index_axis(Axis(0), row as isize))).collect();
    let function = tape.function((weights, x), tape.stack(Axis(0), &rows)).freeze(config)?;

    let mut random = Random::default();
    let (ws, xs) = (random.normal::<T>(&[LENGTH, LENGTH], 1.0 / 14.0), random.normal::<T>(&[LENGTH], 1.0));
    calling(function, move |function| function.call((&ws, &xs)))
}
