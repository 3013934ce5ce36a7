//! What a rewriter must not do under the default configuration: erase a NaN, reassociate constants, hide an error of shapes.

#![expect(clippy::eq_op, reason = "formulas such as a − a are the point")]

use damo::prelude::*;
use damo_testing::rewrites::TRAPS;
use ndarray::{Array1, arr1};

#[test]
fn no_trap_springs() {
    let config = Config::default();
    let sprung = TRAPS.iter().flat_map(|trap| {
        let wrong = trap.spring(&config).unwrap_or_else(|error| vec![error.to_string()]);
        wrong.into_iter().map(move |how| format!("{} ({}): {how}", trap.spelling, trap.rewrite))
    });
    let sprung: Vec<String> = sprung.collect();
    assert!(sprung.is_empty(), "{}", sprung.join("\n"));
}

/// Formulas whose value does not need `a` or `b`, and whose shapes must agree all the same.
const SHAPE_UNSAFE: &[(&str, Formula)] = &[
    ("zeros_like(a)·b", |a, b| (a - a) * b),
    ("a·0 + b", |a, b| a * 0.0 + b),
    ("(a·b)/b", |a, b| (a * b) / b),
    ("a − a + b", |a, b| a - a + b),
    ("select(true, a, b)", |a, b| select(a.tape().full((), true), a, b)),
    ("a + 0·b", |a, b| a + 0.0 * b),
    ("(a + b)·0", |a, b| (a + b) * 0.0),
    ("select(a < b, 1, 1)", |a, b| select(a.lt(b), a.tape().full((), 1.0), 1.0)),
];

type Formula = for<'t> fn(Tensor<'t, f64>, Tensor<'t, f64>) -> Tensor<'t, f64>;

#[test]
fn lengths_that_differ_stay_an_error() {
    for (spelling, formula) in SHAPE_UNSAFE {
        // Known lengths: the program is refused.
        let tape = Tape::new();
        let (a, b) = (tape.input::<f64>("a", 2), tape.input::<f64>("b", 3));
        let result = formula(a, b);
        assert!(tape.function((a, b), result).freeze(&Config::default()).is_err(), "{spelling} of 2 and 3 elements");
        // Lengths of the call: the call is refused.
        let tape = Tape::new();
        let (a, b) = (tape.vector::<f64>("a"), tape.vector::<f64>("b"));
        let result = formula(a, b);
        let function = tape.function((a, b), result).freeze(&Config::default()).unwrap();
        assert!(function.call((&arr1(&[1.0, 2.0]), &arr1(&[1.0, 2.0, 3.0]))).is_err(), "{spelling} of 2 and 3 elements, at the call");
        assert_eq!(function.call((&arr1(&[1.0, 2.0]), &arr1(&[1.0, 2.0]))).unwrap().shape(), [2], "{spelling}");
    }
}

#[test]
fn a_mean_leaves_no_demand_on_lengths_behind() {
    let tape = Tape::new();
    let x = tape.vector::<f64>("x");
    let slope = (x - x.mean()).powi(2).mean().grad(x);
    let function = tape.function(x, slope).freeze(&Config::default()).unwrap();
    assert!(function.graph().lengths().requirements().is_empty(), "{}", function.graph().to_text());
    assert!(function.call(&Array1::from_elem(5, 2.0)).is_ok());
}
