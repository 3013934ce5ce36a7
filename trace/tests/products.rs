//! `dot` of all ranks, and contractions, against sums written out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use damo_trace::*;
use ndarray::{Array1, Array2, Array3, ArrayD, Axis, Ix2, arr1, arr2};

fn vector(n: usize, seed: usize) -> Array1<f64> {
    Array1::from_shape_fn(n, |i| ((i * 5 + seed) % 7) as f64 - 3.0)
}

fn matrix(n: usize, m: usize, seed: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, m), |(i, j)| ((i * 5 + j * 3 + seed) % 7) as f64 - 3.0)
}

fn batch(k: usize, n: usize, m: usize, seed: usize) -> Array3<f64> {
    Array3::from_shape_fn((k, n, m), |(b, i, j)| ((b * 11 + i * 5 + j * 3 + seed) % 7) as f64 - 3.0)
}

#[test]
fn vectors_and_matrices() {
    let tape = Tape::new();
    let (v, w) = (vector(3, 1), vector(2, 4));
    let (a, b) = (matrix(2, 3, 2), matrix(3, 4, 5));
    let (vt, wt) = (tape.input_with("v", &v), tape.input_with("w", &w));
    let (at, bt) = (tape.input_with("a", &a), tape.input_with("b", &b));
    assert_eq!(vt.dot(vt).value().unwrap()[[]], v.dot(&v));
    assert_eq!(at.dot(vt).value().unwrap(), a.dot(&v).into_dyn());
    assert_eq!(wt.dot(at).value().unwrap(), w.dot(&a).into_dyn());
    assert_eq!(at.dot(bt).value().unwrap(), a.dot(&b).into_dyn());
    assert_eq!(at.dot(2.0).value().unwrap(), (&a * 2.0).into_dyn());
    assert_eq!(vt.sum().dot(at).value().unwrap(), (&a * v.sum()).into_dyn());
    assert_eq!(vt.outer(wt).value().unwrap(), (v.insert_axis(Axis(1)).dot(&w.insert_axis(Axis(0)))).into_dyn());
    assert_eq!(at.t().dot(at).dims().unwrap().to_string(), "[a.1, a.1]");
}

/// Matrix by matrix; a side without batches serves for all.
fn matmul(left: &ArrayD<f64>, right: &ArrayD<f64>, batches: usize) -> Vec<Array2<f64>> {
    let layer = |array: &ArrayD<f64>, at: usize| -> Array2<f64> {
        match array.ndim() {
            2 => array.clone().into_dimensionality::<Ix2>().unwrap(),
            _ => array.index_axis(Axis(0), at % array.shape()[0]).to_owned().into_dimensionality::<Ix2>().unwrap(),
        }
    };
    (0..batches).map(|at| layer(left, at).dot(&layer(right, at))).collect()
}

#[test]
fn batches_of_matrices() {
    let cases: [(ArrayD<f64>, ArrayD<f64>); 5] = [
        (batch(3, 2, 4, 1).into_dyn(), batch(3, 4, 5, 2).into_dyn()),
        (batch(3, 2, 4, 1).into_dyn(), matrix(4, 5, 2).into_dyn()),
        (matrix(2, 4, 1).into_dyn(), batch(3, 4, 5, 2).into_dyn()),
        (batch(1, 2, 4, 1).into_dyn(), batch(3, 4, 5, 2).into_dyn()),
        (batch(3, 2, 4, 1).into_dyn(), batch(1, 4, 5, 2).into_dyn()),
    ];
    for (left, right) in cases {
        let tape = Tape::new();
        let product = tape.constant(&left).dot(tape.constant(&right)).value().unwrap();
        let plain = matmul(&left, &right, 3);
        assert_eq!(product.shape(), [3, 2, 5]);
        for (at, layer) in plain.into_iter().enumerate() {
            assert_eq!(product.index_axis(Axis(0), at), layer.into_dyn());
        }
    }
}

#[test]
fn vectors_with_batches() {
    let tape = Tape::new();
    let (x, v) = (batch(3, 2, 4, 1), vector(4, 2));
    let (xt, vt) = (tape.input_with("x", &x), tape.input_with("v", &v));
    let product = xt.dot(vt).value().unwrap();
    assert_eq!(product.shape(), [3, 2]);
    assert_eq!(product.index_axis(Axis(0), 1), x.index_axis(Axis(0), 1).dot(&v).into_dyn());
    let w = tape.input_with("w", &vector(2, 3));
    let product = w.dot(xt).value().unwrap();
    assert_eq!(product.index_axis(Axis(0), 2), vector(2, 3).dot(&x.index_axis(Axis(0), 2)).into_dyn());
}

#[test]
fn unknown_batches_must_agree() {
    let tape = Tape::new();
    let (x, y) = (tape.tensor4::<f32>("x"), tape.tensor3::<f32>("y"));
    let product = x.dot(y);
    let (batch, own) = (product.len_of(Axis(1)).unwrap(), x.len_of(Axis(1)).unwrap());
    assert_eq!((batch, product.ndim().unwrap()), (own, 4), "lengths that must agree look the same from then on");
    let graph = tape.graph().unwrap();
    let requirements: Vec<String> = graph.lengths().requirements().iter().map(ToString::to_string).collect();
    assert_eq!(requirements, ["y.0 == x.1", "x.3 == y.1"]);
}

#[test]
fn any_contraction() {
    let tape = Tape::new();
    let (x, y) = (batch(2, 3, 4, 1), matrix(4, 2, 3));
    let (xt, yt) = (tape.input_with("x", &x), tape.input_with("y", &y));
    let product = xt.contract(yt, &[Axis(0), Axis(2)], &[Axis(1), Axis(0)]).value().unwrap();
    let plain = Array1::from_shape_fn(3, |j| (0..2).map(|i| (0..4).map(|k| x[[i, j, k]] * y[[k, i]]).sum::<f64>()).sum());
    assert_eq!(product, plain.into_dyn());
    assert_eq!(
        tape.constant(arr1(&[2, 3])).contract(tape.constant(arr1(&[5, 7])), &[], &[]).value().unwrap(),
        arr2(&[[10, 14], [15, 21]]).into_dyn()
    );
}
