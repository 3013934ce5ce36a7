//! Calls in debug mode are the calls they are without: same results and errors, states all or nothing, any lengths, any threads.

use std::sync::Arc;

use damo::debug::Hooks;
use damo::prelude::*;
use damo::{EngineChoice, ErrorKind};
use damo_testing::faults::programs::failing as failing_with;
use ndarray::{Array1, Array2, ArrayD, Axis, arr1, s};

use crate::{faults, quiet};

/// Numbers that look random.
fn numbers(rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 37 + j * 101 + i * j * 13) % 97) as f32 / 48.5 - 1.0)
}

fn labels(rows: usize, classes: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, classes), |(i, j)| f32::from((i * 7) % classes == j))
}

#[test]
fn the_steps_of_logistic_regression_have_no_findings() {
    for threads in [1, 2] {
        let tape = Tape::new();
        let n = tape.dim("n");
        let (x, y) = (tape.input::<f32>("x", (n, 60)), tape.input::<f32>("y", (n,)));
        let (w, b) = (Shared::new("w", Array1::<f32>::zeros(60).view()), Shared::new("b", ndarray::arr0(0f32).view()));
        let (wt, bt) = (tape.shared(&w), tape.shared(&b));
        let p1 = 1.0 / (1.0 + (-(x.dot(wt)) - bt).exp());
        let xent = -y * p1.ln() - (1.0 - y) * (1.0 - p1).ln();
        let cost = xent.mean() + 0.01 * (wt * wt).sum();
        let [gw, gb] = cost.grad([wt, bt]);
        let config = Config { threads, debug_raise: true, ..quiet() };
        let train = tape.function((x, y), cost).update(wt, wt - 0.1 * gw).update(bt, bt - 0.1 * gb).freeze(&config).unwrap();
        let evaluate = tape.function((x, y), (cost, p1.gt(0.5))).freeze(&config).unwrap();
        for (step, rows) in [50, 7, 50, 0, 1].into_iter().enumerate() {
            let (x, y) = (numbers(rows, 60), numbers(rows, 1).remove_axis(Axis(1)).mapv(|x| f32::from(x > 0.0)));
            if rows > 0 {
                train.call((&x, &y)).unwrap_or_else(|error| panic!("step {step}: {error}"));
            }
            evaluate.call((&x, &y)).unwrap();
        }
        assert!(w.get().iter().all(|x| x.is_finite() && *x != 0.0));
        assert_eq!([faults(&train.findings()), faults(&evaluate.findings())].concat(), Vec::<String>::new());
    }
}

#[test]
fn the_steps_of_a_perceptron_have_no_findings() {
    let tape = Tape::new();
    let n = tape.dim("n");
    let (x, y) = (tape.input::<f32>("x", (n, 40)), tape.input::<f32>("y", (n, 10)));
    let states = [("w1", (40, 30)), ("b1", (1, 30)), ("w2", (30, 10)), ("b2", (1, 10))]
        .map(|(name, (rows, columns))| Shared::new(name, (0.3 * numbers(rows, columns)).view()));
    let weights = [0, 1, 2, 3].map(|place| tape.shared(&states[place]));
    let [w1, b1, w2, b2] = weights;
    let scores = (x.dot(w1) + b1).tanh().dot(w2) + b2;
    let cost = -(y * scores.log_softmax(Axis(1))).sum_axis(Axis(1)).mean();
    let gradients = cost.grad(weights);
    let mut train = tape.function((x, y), cost);
    for (weight, gradient) in weights.into_iter().zip(gradients) {
        train = train.update(weight, weight - 0.5 * gradient);
    }
    let train = train.freeze(&Config { debug_raise: true, ..quiet() }).unwrap();
    let rows = [20, 20, 20, 5, 20, 20];
    let costs: Vec<f32> = rows.iter().map(|&rows| train.call((&numbers(rows, 40), &labels(rows, 10))).unwrap()[[]]).collect();
    assert!(costs[5] < costs[0], "{costs:?}");
    assert_eq!(faults(&train.findings()), Vec::<String>::new());
}

#[test]
fn results_are_those_of_a_call_that_is_not_watched() {
    for &engine in EngineChoice::ALL {
        let made = |config: &Config| {
            let tape = Tape::new();
            let x = tape.matrix::<f64>("x");
            let cost = (1.0 + x.exp()).ln().sum_axis(Axis(0));
            tape.function(x, (cost, cost.sum().grad(x))).freeze(config).unwrap()
        };
        let (plain, watched) = (made(&Config { engine, ..Config::default() }), made(&Config { engine, plan_cache: 1, ..quiet() }));
        let sampled = made(&Config { engine, ..Config::from_sources(None, Some("mode=debug,debug.sample=0.5")).unwrap() });
        for shape in [(3, 4), (0, 4), (4, 0), (1, 1), (3, 4), (0, 0), (70, 33)] {
            let x = Array2::from_shape_fn(shape, |(i, j)| (i as f64 - 1.3) * (j as f64 - 0.7));
            let expected = plain.call(&x).unwrap();
            assert_eq!(watched.call(&x).unwrap(), expected);
            assert_eq!(sampled.call(&x).unwrap(), expected);
            // Arrays of any strides, and arrays to write to.
            let turned = x.t().as_standard_layout().into_owned();
            let mut given = (Array1::zeros(shape.1), Array2::zeros((shape.0, 2 * shape.1)));
            watched.call_into(&turned.t(), (&mut given.0, &mut given.1.slice_mut(s![.., ..;2]))).unwrap();
            assert_eq!((given.0.view().into_dyn(), given.1.slice(s![.., ..;2]).into_dyn()), (expected.0.view(), expected.1.view()));
        }
        assert_eq!(faults(&watched.findings()), Vec::<String>::new());
        assert_eq!(faults(&sampled.findings()), Vec::<String>::new());
    }
}

#[test]
fn a_call_that_fails_says_the_same_and_changes_nothing() {
    let before = arr1(&[1.0, 2.0, 3.0]).into_dyn();
    let w = Shared::new("w", before.view());
    let made = |config: &Config| {
        let tape = Tape::new();
        let (places, state) = (tape.vector::<i64>("places"), tape.shared(&w));
        let taken = state.select_axis(Axis(0), places);
        tape.function(places, taken).update(state, state + taken.sum()).freeze(config).unwrap()
    };
    let (plain, watched) = (made(&Config::default()), made(&quiet()));
    let (expected, error) = (plain.call(&arr1(&[0i64, 3])).unwrap_err(), watched.call(&arr1(&[0i64, 3])).unwrap_err());
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Execution, expected.to_string()));
    assert_eq!(w.get(), before);
    let taken = watched.call(&arr1(&[0i64, -1])).unwrap();
    assert_eq!((taken, w.get()), (arr1(&[1.0, 3.0]).into_dyn(), arr1(&[5.0, 6.0, 7.0]).into_dyn()));
    assert_eq!(faults(&watched.findings()), Vec::<String>::new());
}

#[test]
fn many_threads_may_call_at_once() {
    let tape = Tape::new();
    let x = tape.vector::<f32>("x");
    let shares = (x / x.max_axis(Axis(0))).exp();
    let count = Shared::new("count", ndarray::arr0(0f32).view());
    let state = tape.shared(&count);
    let function = tape.function(x, shares / shares.sum()).update(state, state + 1.0).freeze(&Config { threads: 2, ..quiet() }).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let function = &function;
            scope.spawn(move || {
                for length in 1..12 {
                    let x: ArrayD<f32> = (0..length * 40).map(|k| (k + thread) as f32 + 0.5).collect::<Array1<f32>>().into_dyn();
                    let shares = function.call(&x.into_dimensionality::<ndarray::Ix1>().unwrap()).unwrap();
                    assert!((shares.sum() - 1.0).abs() < 1e-5);
                }
            });
        }
    });
    assert_eq!(count.get()[[]], 44.0);
    assert_eq!(faults(&function.findings()), Vec::<String>::new());
}

#[test]
fn a_failing_call_is_not_blamed_for_what_another_thread_has_written() {
    let written_by = |elsewhere: bool| {
        failing_with(move |state| {
            let state = state.clone();
            let write = move || drop(state.set(arr1(&[0.0, 0.0, 7.0])));
            Hooks {
                step: Some(Arc::new(move |_| if elsewhere { std::thread::scope(|scope| drop(scope.spawn(&write).join())) } else { write() })),
                ..Hooks::default()
            }
        })
        .unwrap()
    };
    let (own, other) = (written_by(false), written_by(true));
    assert_eq!((own.findings.len(), own.findings[0].name()), (1, "failed call changed a state"));
    assert!(other.findings.is_empty() && other.error.is_some_and(|error| error.kind() == ErrorKind::Execution), "{:?}", other.findings);
}
