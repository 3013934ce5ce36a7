//! Checks of derivative rules: the identity ⟨A x, u⟩ = ⟨x, Aᵀ u⟩, what becomes of elements, and tangents against differences.

use ndarray::{ArrayD, Zip};

use super::{Derivative, Elements, Linear, Op, Primitive};
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
    if together {
        assert_elements(&op, linear, inputs);
    }
}

/// Different numbers, none of them 0.
fn distinct(like: &AnyArray, first: usize) -> AnyArray {
    let mut next = first;
    AnyArray::from_reals(
        like.dtype(),
        &like.to_reals().mapv(|_| {
            next += 1;
            next as f64
        }),
    )
}

/// Whether the elements are those of the given arrays, or 0, and how often the most frequent of them that is not 0 occurs.
fn origin(made: &AnyArray, from: &[AnyArray]) -> (bool, usize) {
    let given: Vec<f64> = from.iter().flat_map(|array| array.to_reals().into_iter()).collect();
    let made: Vec<f64> = made.to_reals().into_iter().collect();
    let times = |x: f64| made.iter().filter(|&&y| x == y).count();
    (made.iter().all(|x| *x == 0.0 || given.contains(x)), given.iter().map(|&x| times(x)).max().unwrap_or(0))
}

/// Checks what a linear op says of elements, of itself and of its transpose, on numbers that tell all elements apart; and that
/// truth values pass as it says.
fn assert_elements(op: &Op, linear: &dyn Linear, inputs: &[AnyArray]) {
    let elements = linear.elements();
    let mut first = 0;
    let arrays: Vec<AnyArray> = inputs
        .iter()
        .map(|array| {
            first += 100;
            if array.dtype().is_float() { distinct(array, first) } else { array.clone() }
        })
        .collect();
    let mut graph = Graph::new();
    let values: Vec<Value> = arrays.iter().enumerate().map(|(place, array)| declare(&mut graph, &format!("x{place}"), array)).collect();
    let result = graph.add(op.clone(), &values).unwrap();
    let floats: Vec<AnyArray> = arrays.iter().filter(|array| array.dtype().is_float()).cloned().collect();
    let varying: Vec<usize> = (0..arrays.len()).filter(|&place| arrays[place].dtype().is_float()).collect();
    let cotangent = distinct(&noise(&graph, result), 1000);
    let (u, mask) = (declare(&mut graph, "u", &cotangent), declare(&mut graph, "mask", &cotangent.cast(DType::Bool)));
    let backward: Vec<Value> = varying.iter().map(|&wrt| linear.transpose(&mut graph, &values, wrt, u).unwrap()).collect();
    let mut outputs: Vec<Value> = [result].into_iter().chain(backward).collect();
    let count = outputs.len();
    let (copies, is_copied) = (matches!(elements, Elements::Move | Elements::Copy), matches!(elements, Elements::Move | Elements::Sum));
    if copies {
        let truths: Vec<Value> =
            values.iter().map(|&value| if graph.ty(value).dtype.is_float() { graph.cast(value, DType::Bool).unwrap() } else { value }).collect();
        outputs.push(graph.add(op.clone(), &truths).unwrap());
    }
    if is_copied {
        outputs.extend(varying.iter().map(|&wrt| linear.transpose(&mut graph, &values, wrt, mask).unwrap()));
    }
    graph.set_outputs(outputs);
    let given: Vec<AnyArray> = arrays.iter().cloned().chain([cotangent.clone(), cotangent.cast(DType::Bool)]).collect();
    let found = graph.evaluate(&given).unwrap();
    let (numbers, truths) = found.split_at(count);
    let (there, back): (_, Vec<_>) =
        (origin(&numbers[0], &floats), numbers[1..].iter().map(|made| origin(made, std::slice::from_ref(&cotangent))).collect());
    let once = |(_, times): (bool, usize)| times <= 1;
    let kept = |(kept, _): (bool, usize)| kept;
    match elements {
        Elements::Stay => {
            let same = |left: &AnyArray, right: &AnyArray| left.to_reals() == right.to_reals();
            assert!(varying.len() == 1 && same(&numbers[0], &floats[0]) && same(&numbers[1], &cotangent), "{op:?} moves elements");
        }
        Elements::Move => assert!(kept(there) && once(there) && back.iter().all(|&back| kept(back) && once(back)), "{op:?} does not move elements"),
        Elements::Copy => assert!(kept(there), "{op:?} does not copy elements"),
        Elements::Sum => assert!(back.iter().all(|&back| kept(back)), "the transpose of {op:?} does not copy elements"),
        Elements::Mix => {}
    }
    let expected = numbers[usize::from(!copies)..if is_copied { count } else { 1 }].iter();
    for (truth, number) in truths.iter().zip(expected) {
        assert_eq!(*truth, number.cast(DType::Bool), "{op:?} does not take masks as it takes numbers");
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

/// Checks numbers to four units in the last place.
pub(super) fn assert_near_all(found: &AnyArray, expected: &[f64]) {
    let found = found.to_reals();
    assert_eq!(found.len(), expected.len());
    for (&found, &expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 4.0 * f64::EPSILON * expected.abs(), "{found:e} vs {expected:e}");
    }
}

/// Checks the cotangent of an op of one input at a point, in the sense of [`assert_near_all`].
pub(super) fn assert_cotangent_at(op: &(impl Into<Op> + Primitive + Clone), x: &AnyArray, cotangent: &[f64], expected: &[f64]) {
    let mut graph = Graph::new();
    let cotangent = AnyArray::from(ndarray::arr1(cotangent));
    let (value, u) = (declare(&mut graph, "x", x), declare(&mut graph, "u", &cotangent));
    let result = graph.add(op.clone(), &[value]).unwrap();
    let Derivative::Tangent(rule) = op.derivative() else { panic!("{op:?} has no tangent") };
    let cotangents = rule.cotangent(&mut graph, &[value], result, u).unwrap().unwrap();
    graph.set_outputs([cotangents[0].unwrap()]);
    assert_near_all(&graph.evaluate(&[x.clone(), cotangent]).unwrap()[0], expected);
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
