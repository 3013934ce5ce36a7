//! Random nonsense through the public API: whatever is written and given, nothing panics, no error blames Damo, and a failure changes no state.

use damo::prelude::*;
use damo::{ErrorKind, Result};
use ndarray::{ArrayD, Axis, Dimension, IxDyn, arr1};
use proptest::prelude::*;

/// One step: which op, on which values, with two parameters that mean what they mean, right or wrong.
type Step = (u8, u8, u8, u8, u8);

/// Does something with what is there, without asking whether it can be done.
fn take<'t>(tape: &'t Tape, values: &[Tensor<'t, f64>], (op, left, right, p, q): Step) -> Tensor<'t, f64> {
    let x = values[usize::from(left) % values.len()];
    let y = values[usize::from(right) % values.len()];
    let (axis, other) = (Axis(usize::from(p % 4)), Axis(usize::from(q % 4)));
    let lengths = (usize::from(p % 5), usize::from(q % 5));
    match op % 34 {
        0 => x + y,
        1 => x * y,
        2 => x.dot(y),
        3 => x.sum_axis(axis),
        4 => x.max_axis(axis),
        5 => x.mean_axis_keep(axis),
        6 => x.reshape(lengths),
        7 => x.broadcast(lengths),
        8 => x.permuted_axes([axis.0, other.0]),
        9 => x.slice_axis(axis, usize::from(p % 5)..usize::from(q % 5)),
        10 => x.index_axis(axis, isize::from(q % 7) - 3),
        11 => x.insert_axis(axis),
        12 => x.remove_axis(axis),
        13 => concatenate(axis, &[x, y]),
        14 => stack(axis, &[x, y]),
        15 => x.softmax(axis),
        16 => select(x.gt(y), x, y),
        17 => x.t(),
        18 => x.select_axis(axis, tape.constant(arr1(&[i64::from(q % 7) - 3, 0]))),
        19 => x.sum().grad(y),
        20 => x.grad(or_zero(y)),
        21 => x.pad(&[(usize::from(p % 3), usize::from(q % 3))]),
        22 => x.tril(i64::from(p) - 2),
        23 => x.diag(),
        24 => x.to_diag(),
        25 => x.trace(),
        26 => x.contract(y, &[axis], &[other]),
        27 => x.outer(y),
        28 => x.std_axis_ddof(axis, f64::from(q)),
        29 => x.vjp(y, x),
        30 => x.jvp(or_zero(y), x),
        31 => x.powi(i32::from(p) - 128),
        32 => x.argmax_axis(axis).cast::<f64>().sqrt(),
        _ => (x.log_softmax(axis) - y.ln()).exp(),
    }
}

/// Traces, freezes and calls.
fn attempt(tape: &Tape, w: &Shared<f64>, steps: &[Step], arrays: &[ArrayD<f64>; 4], config: &Config) -> Result<()> {
    let n = tape.dim("n");
    let inputs = [tape.input::<f64>("a", (n,)), tape.input::<f64>("b", (n, 3)), tape.matrix::<f64>("c"), tape.scalar::<f64>("d")];
    let state = tape.shared(w);
    let mut values = inputs.to_vec();
    values.push(state);
    for &step in steps {
        let value = take(tape, &values, step);
        values.push(value);
    }
    let last = values[values.len() - 1];
    let function = tape.function(inputs, last).update(state, state + last.sum()).freeze(config)?;
    function.call(arrays.each_ref()).map(drop)
}

/// An array of that rank, most of the time, with lengths from 0 to 3.
fn array(rank: usize) -> impl Strategy<Value = ArrayD<f64>> {
    let shape = prop_oneof![8 => prop::collection::vec(0..4usize, rank), 1 => prop::collection::vec(0..4usize, 0..4)];
    shape.prop_map(|shape| ArrayD::from_shape_fn(IxDyn(&shape), |place| place.slice().iter().sum::<usize>() as f64 - 1.5))
}

/// Arrays that agree in `n`, most of the time.
fn arrays() -> impl Strategy<Value = [ArrayD<f64>; 4]> {
    let agreeing = (0..4usize).prop_flat_map(|n| {
        let of = |shape: Vec<usize>| ArrayD::from_elem(IxDyn(&shape), 0.5);
        (Just(of(vec![n])), Just(of(vec![n, 3])), array(2), Just(of(Vec::new()))).prop_map(|(a, b, c, d)| [a, b, c, d])
    });
    prop_oneof![3 => agreeing, 1 => (array(1), array(2), array(2), array(0)).prop_map(|(a, b, c, d)| [a, b, c, d])]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_failures_change_nothing(
        steps in prop::collection::vec(any::<Step>(), 1..5),
        arrays in arrays(),
        engine in prop::sample::select(vec!["portable", "reference"]),
    ) {
        let before = arr1(&[1.0, 2.0, 3.0]).into_dyn();
        let w = Shared::new("w", before.view());
        let config = Config::from_sources(None, Some(&format!("engine={engine},verify=true"))).unwrap();
        let tape = Tape::new();
        if let Err(error) = attempt(&tape, &w, &steps, &arrays, &config) {
            prop_assert!(!matches!(error.kind(), ErrorKind::Verify | ErrorKind::Io | ErrorKind::Config | ErrorKind::Parse), "{}", error);
            prop_assert_eq!(w.get(), before);
            prop_assert!(error.source_line().is_some_and(|line| line.file == file!()), "no line of the user's: {}", error);
        }
    }
}
