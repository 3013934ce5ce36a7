//! The program that the design binds, as far as a tape goes; and what the compiler must infer in it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use damo_trace::*;
use ndarray::{Array1, Axis, arr0, arr1};

#[test]
fn logistic_regression_reads_as_arithmetic() {
    let w = Shared::new("w", Array1::<f32>::zeros(784));
    let b = Shared::new("b", arr0(0f32));

    let tape = Tape::new();
    let n = tape.dim("n");
    let x = tape.input::<f32>("x", (n, 784));
    let y = tape.input::<f32>("y", (n,));
    let (wt, bt) = (tape.shared(&w), tape.shared(&b));

    let p1 = 1.0 / (1.0 + (-(x.dot(wt)) - bt).exp());
    let prediction = p1.gt(0.5);
    let xent = -y * p1.ln() - (1.0 - y) * (1.0 - p1).ln();
    let cost = xent.mean() + 0.01 * (wt * wt).sum();
    let step = wt - 0.1 * wt;

    assert_eq!(prediction.ty().unwrap().to_string(), "bool[n]");
    assert_eq!(xent.ty().unwrap().to_string(), "f32[n]");
    assert_eq!(cost.ty().unwrap().to_string(), "f32");
    assert_eq!(step.ty().unwrap().to_string(), "f32[784]");
    tape.check().unwrap();
    assert_eq!(tape.shareds().iter().map(|(_, shared)| shared.name()).collect::<Vec<_>>(), ["w", "b"]);
}

/// Theano's `floatX` is a type parameter.
fn standardise<T: Float>(x: Tensor<'_, T>, scale: T) -> Tensor<'_, T> {
    let centred = x - x.mean_axis_keep(Axis(0));
    centred / x.std_axis_keep(Axis(0)).max(T::from_f64(1e-6)) * scale
}

fn residual<R: Real>(x: R, y: R) -> R {
    R::select(x.gt(y), (x - y).powi(2), x.tanh() * x.constant(2.0)).sqrt()
}

#[test]
fn one_function_serves_every_float() {
    let tape = Tape::new();
    let x = tape.input_with("x", &arr1(&[1.0f64, 3.0]));
    assert_eq!(standardise(x, 2.0).value().unwrap(), arr1(&[-2.0, 2.0]).into_dyn());
    let y = tape.input_with("y", &arr1(&[1.0f32, 3.0]));
    assert_eq!(standardise(y, 2.0).value().unwrap(), arr1(&[-2.0f32, 2.0]).into_dyn());
}

#[test]
fn one_formula_serves_numbers_and_tensors() {
    let tape = Tape::new();
    let (xs, ys) = (arr1(&[0.5, 3.0]), arr1(&[2.0, 1.0]));
    let traced = residual(tape.input_with("x", &xs), tape.input_with("y", &ys));
    let eager = arr1(&[residual(0.5, 2.0), residual(3.0, 1.0)]);
    assert_eq!(traced.value().unwrap(), eager.into_dyn());
}

#[test]
fn one_state_is_one_tensor() {
    let (w, v) = (Shared::new("w", arr1(&[1.0f32, 2.0])), Shared::new("w", arr1(&[1.0f32, 2.0])));
    let tape = Tape::new();
    let (once, again) = (tape.shared(&w), tape.shared(&w.clone()));
    assert_eq!(once.index(), again.index());
    assert_eq!((once * 2.0).value().unwrap(), arr1(&[2.0f32, 4.0]).into_dyn());
    let _ = tape.shared(&v);
    assert_eq!(tape.check().unwrap_err().kind(), ErrorKind::Declaration);
}
