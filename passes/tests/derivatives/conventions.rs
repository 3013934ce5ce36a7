//! What derivatives are where they do not exist, and what stops them.

use damo_graph::op::constant::Constant;
use damo_graph::op::input::InputKind;
use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar::{self, Scalar};
use damo_graph::op::stop_gradient::StopGradient;
use damo_graph::{AnyArray, DType, Graph, Result, Type, Value};
use damo_passes::derive::{gradient, jvp};
use ndarray::arr1;

/// The gradient of the sum of a function of one vector, which both modes must agree on.
fn slopes(at: &[f64], build: impl Fn(&mut Graph, Value) -> Result<Value>) -> Vec<f64> {
    let reverse = reverse_slopes(at, &build);
    for (place, expected) in reverse.iter().enumerate() {
        let (mut graph, x, cost) = cost(at, &build);
        let mut unit = vec![0.0; at.len()];
        unit[place] = 1.0;
        let unit = graph.add(Constant(AnyArray::from(arr1(&unit))), &[]).unwrap();
        let slope = jvp(&mut graph, &[cost], &[x], &[unit]).unwrap()[0];
        assert_eq!(run(graph, slope, at).map_or(0.0, |slope| slope[0]), *expected, "forward and reverse differ at {place}");
    }
    reverse
}

/// The same in reverse mode alone.
fn reverse_slopes(at: &[f64], build: impl Fn(&mut Graph, Value) -> Result<Value>) -> Vec<f64> {
    let (mut graph, x, cost) = cost(at, build);
    let found = gradient(&mut graph, cost, &[x]).unwrap()[0];
    run(graph, found, at).unwrap_or_else(|| vec![0.0; at.len()])
}

/// A graph of the sum of a function of one vector: the graph, the vector and the sum.
fn cost(at: &[f64], build: impl Fn(&mut Graph, Value) -> Result<Value>) -> (Graph, Value, Value) {
    let mut graph = Graph::new();
    let ty = Type::new(DType::F64, [at.len()]);
    let x = graph.add_input("x", ty, InputKind::Argument).unwrap();
    let y = build(&mut graph, x).unwrap();
    let axes: Vec<usize> = (0..graph.ty(y).rank()).collect();
    let cost = graph.sum(y, &axes).unwrap();
    (graph, x, cost)
}

/// The numbers of a value, if it is not a structural zero.
fn run(mut graph: Graph, value: Option<Value>, at: &[f64]) -> Option<Vec<f64>> {
    graph.set_outputs([value?]);
    Some(graph.evaluate(&[AnyArray::from(arr1(at))]).unwrap()[0].to_reals().into_iter().collect())
}

fn at_zero(scalar: &'static Scalar) -> f64 {
    slopes(&[0.0], |graph, x| graph.apply(scalar, &[x]))[0]
}

#[test]
fn kinks_have_the_documented_slope() {
    assert_eq!(at_zero(&scalar::ABS), 0.0);
    let both = |scalar: &'static Scalar| slopes(&[0.0], |graph, x| graph.apply(scalar, &[x, x]))[0];
    // Each of two that tie gets half.
    assert_eq!(both(&scalar::MAX), 1.0);
    assert_eq!(both(&scalar::HYPOT), 0.0);
    assert_eq!(both(&scalar::ATAN2), 0.0);
    let with_zero = |scalar: &'static Scalar| {
        slopes(&[0.0, 1.0], move |graph, x| {
            let zero = graph.number(DType::F64, 0.0)?;
            graph.apply(scalar, &[x, zero])
        })
    };
    assert_eq!(with_zero(&scalar::MAX), [0.5, 1.0]);
    assert_eq!(with_zero(&scalar::MIN), [0.5, 0.0]);
    assert_eq!(with_zero(&scalar::POW), [0.0, 0.0]);
}

#[test]
fn ties_of_a_reduction_share_equally() {
    let slopes = |reduction| slopes(&[2.0, 1.0, 2.0, 1.0, 2.0, 2.0], move |graph, x| graph.reduce(reduction, x, &[0]));
    assert_eq!(slopes(Reduction::Max), [0.25, 0.0, 0.25, 0.0, 0.25, 0.25]);
    assert_eq!(slopes(Reduction::Min), [0.0, 0.5, 0.0, 0.5, 0.0, 0.0]);
}

#[test]
fn a_choice_does_not_let_the_other_branch_in() {
    // relu as a choice: 0 at 0.
    let relu = slopes(&[-1.0, 0.0, 2.0], |graph, x| {
        let zero = graph.number(DType::F64, 0.0)?;
        let above = graph.apply(&scalar::GT, &[x, zero])?;
        graph.select(above, x, zero)
    });
    assert_eq!(relu, [0.0, 0.0, 1.0]);
    // The cotangent itself is infinite here, and the branch not taken is still 0.
    let guarded = reverse_slopes(&[0.0], |graph, x| {
        let zero = graph.number(DType::F64, 0.0)?;
        let above = graph.apply(&scalar::GT, &[x, zero])?;
        let chosen = graph.select(above, x, zero)?;
        graph.apply(&scalar::SQRT, &[chosen])
    });
    assert_eq!(guarded, [0.0]);
}

#[test]
fn what_stops_derivatives_stops_them() {
    let stopped = slopes(&[3.0], |graph, x| {
        let constant = graph.add(StopGradient, &[x])?;
        graph.times(constant, x)
    });
    assert_eq!(stopped, [3.0]);
    for step in scalar::ALL.iter().filter(|scalar| scalar.is_piecewise_constant() && scalar.arity() == 1 && scalar.real.is_some()) {
        let none = slopes(&[1.5], |graph, x| {
            let y = graph.apply(step, &[x])?;
            graph.cast(y, DType::F64)
        });
        assert_eq!(none, [0.0], "{step:?}");
    }
}

#[test]
fn a_cast_passes_derivatives_in_the_type_of_its_input() {
    let mut graph = Graph::new();
    let x = graph.add_input("x", Type::new(DType::F32, [2]), InputKind::Argument).unwrap();
    let wide = graph.cast(x, DType::F64).unwrap();
    let square = graph.times(wide, wide).unwrap();
    let cost = graph.sum(square, &[0]).unwrap();
    let found = gradient(&mut graph, cost, &[x]).unwrap()[0].unwrap();
    assert_eq!(graph.ty(found).dtype, DType::F32);
    let through_integers = graph.cast(x, DType::I32).unwrap();
    let back = graph.cast(through_integers, DType::F32).unwrap();
    let cost = graph.sum(back, &[0]).unwrap();
    assert_eq!(gradient(&mut graph, cost, &[x]).unwrap(), [None]);
}
