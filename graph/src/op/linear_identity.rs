//! Checks of derivative rules: the identity ⟨A x, u⟩ = ⟨x, Aᵀ u⟩, and tangents against differences.

use ndarray::{ArrayD, Zip};

use super::{Derivative, Op, Primitive};
use crate::any_array::AnyArray;
use crate::dtype::DType;
use crate::graph::{Graph, Value};
use crate::op::input::InputKind;
use crate::sizes::Sizes;
use crate::types::Type;

fn declare(graph: &mut Graph, name: &str, array: &AnyArray) -> Value {
    let ty = Type::new(array.dtype(), array.shape().iter().copied());
    graph.add_input(name, ty, InputKind::Argument).unwrap()
}

/// Numbers without a pattern, of the shape of a value.
fn noise(graph: &Graph, value: Value) -> AnyArray {
    let ty = graph.ty(value);
    let mut state = 0x9e37_79b9u64;
    let array = ArrayD::from_shape_simple_fn(ty.dims.known().unwrap(), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    });
    AnyArray::from_reals(ty.dtype, &array)
}

fn inner(left: &AnyArray, right: &AnyArray) -> f64 {
    assert_eq!(left.shape(), right.shape());
    Zip::from(&left.to_reals()).and(&right.to_reals()).fold(0.0, |sum, x, y| sum + x * y)
}

fn assert_near(left: f64, right: f64, within: f64) {
    assert!((left - right).abs() <= within * left.abs().max(right.abs()).max(1.0), "{left} vs {right}");
}

/// Evaluates `op(inputs)` and its transposes, and checks the identity that defines them: for a linear op over all floating-point
/// inputs together, for a multilinear one over each while the others stay.
pub(super) fn assert_transpose(op: impl Into<Op>, inputs: &[AnyArray]) {
    let op = op.into();
    let mut graph = Graph::new();
    let values: Vec<Value> = inputs.iter().enumerate().map(|(place, array)| declare(&mut graph, &format!("x{place}"), array)).collect();
    let result = graph.add(op.clone(), &values).unwrap();
    let direction = noise(&graph, result);
    let cotangent = declare(&mut graph, "u", &direction);
    let (linear, together) = match op.rules().derivative() {
        Derivative::Linear(linear) => (linear, true),
        Derivative::Multilinear(linear) => (linear, false),
        Derivative::Pointwise(_) | Derivative::Tangent(_) | Derivative::Zero | Derivative::Undefined(_) => panic!("{op:?} is not linear"),
    };
    let varying: Vec<usize> = (0..inputs.len()).filter(|&place| inputs[place].dtype().is_float()).collect();
    let transposed: Vec<Value> = varying.iter().map(|&wrt| linear.transpose(&mut graph, &values, wrt, cotangent).unwrap()).collect();
    for (&wrt, &transposed) in varying.iter().zip(&transposed) {
        assert_eq!(graph.ty(transposed), graph.ty(values[wrt]), "the cotangent has the type of the input");
    }
    graph.set_outputs([result].into_iter().chain(transposed));
    let given: Vec<AnyArray> = inputs.iter().cloned().chain([direction.clone()]).collect();
    let outputs = graph.evaluate(&given).unwrap();
    let forward = inner(&outputs[0], &direction);
    let backward: Vec<f64> = varying.iter().zip(&outputs[1..]).map(|(&wrt, transposed)| inner(&inputs[wrt], transposed)).collect();
    if together {
        assert_near(forward, backward.iter().sum(), 1e-12);
    } else {
        for backward in backward {
            assert_near(forward, backward, 1e-12);
        }
    }
}

/// The tangent of an op of one input at a point in a direction.
pub(super) fn tangent_at(op: &(impl Into<Op> + Clone), x: &AnyArray, direction: &AnyArray) -> AnyArray {
    let op: Op = op.clone().into();
    let mut graph = Graph::new();
    let (value, moved) = (declare(&mut graph, "x", x), declare(&mut graph, "v", direction));
    let result = graph.add(op.clone(), &[value]).unwrap();
    let Derivative::Tangent(rule) = op.rules().derivative() else { panic!("{op:?} has no tangent") };
    let tangent = rule.tangent(&mut graph, &[value], result, &[Some(moved)]).unwrap().unwrap();
    assert_eq!(graph.ty(tangent), graph.ty(result), "the tangent has the type of the result");
    graph.set_outputs([tangent]);
    graph.evaluate(&[x.clone(), direction.clone()]).unwrap().remove(0)
}

/// Checks the tangent of an op of one input against differences, and its own cotangent, if it has one, against the tangent.
pub(super) fn assert_tangent(op: &(impl Into<Op> + Primitive + Clone), x: &AnyArray) {
    let mut graph = Graph::new();
    let value = declare(&mut graph, "x", x);
    let result = graph.add(op.clone(), &[value]).unwrap();
    let (direction, u) = (noise(&graph, value), noise(&graph, result));
    let tangent = tangent_at(op, x, &direction);

    let at = |step: f64| {
        let moved = AnyArray::from_reals(DType::F64, &(x.to_reals() + direction.to_reals() * step));
        op.evaluate(&[&moved], &Sizes::default()).unwrap()[0].to_reals()
    };
    // A central difference of fourth order: error about 1e-11 here.
    let h = 1e-3;
    let difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
    Zip::from(&tangent.to_reals()).and(&difference).for_each(|&given, &expected| assert_near(given, expected, 1e-8));

    let cotangent = declare(&mut graph, "u", &u);
    let Derivative::Tangent(rule) = op.derivative() else { panic!("{op:?} has no tangent") };
    if let Some(cotangents) = rule.cotangent(&mut graph, &[value], result, cotangent).unwrap() {
        graph.set_outputs([cotangents[0].unwrap()]);
        let outputs = graph.evaluate(&[x.clone(), u.clone()]).unwrap();
        assert_near(inner(&tangent, &u), inner(&direction, &outputs[0]), 1e-12);
    }
}
