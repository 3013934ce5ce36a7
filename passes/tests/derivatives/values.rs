//! Derivatives with respect to any value, structural zeros, second order, and lengths that are not known.

use damo_graph::op::input::InputKind;
use damo_graph::op::scalar;
use damo_graph::{AnyArray, DType, Graph, Symbol, Type, Value};
use damo_passes::derive::{gradient, hvp, jvp, vjp};
use ndarray::{arr0, arr1, arr2};

fn scalar_input(graph: &mut Graph, name: &str) -> Value {
    graph.add_input(name, Type::scalar(DType::F64), InputKind::Argument).unwrap()
}

fn run(graph: &Graph, output: Value, inputs: &[AnyArray]) -> Vec<f64> {
    let mut graph = graph.clone();
    graph.set_outputs([output]);
    graph.evaluate(inputs).unwrap()[0].to_reals().into_iter().collect()
}

#[test]
fn any_value_can_be_differentiated_by() {
    let mut graph = Graph::new();
    let x = scalar_input(&mut graph, "x");
    let y = graph.apply(&scalar::EXP, &[x]).unwrap();
    let cost = graph.times(y, y).unwrap();
    let found = gradient(&mut graph, cost, &[x, y, cost]).unwrap();
    let at = [AnyArray::from(arr0(0.5))];
    let [by_x, by_y, by_cost] = found[..] else { panic!() };
    assert!((run(&graph, by_x.unwrap(), &at)[0] - 2.0 * 1f64.exp()).abs() < 1e-14);
    assert!((run(&graph, by_y.unwrap(), &at)[0] - 2.0 * 0.5f64.exp()).abs() < 1e-14);
    assert_eq!(run(&graph, by_cost.unwrap(), &at), [1.0]);
    // Forward mode takes the same total: along (1, 1) the slope is the sum of both.
    let one = graph.number(DType::F64, 1.0).unwrap();
    let slope = jvp(&mut graph, &[cost], &[x, y], &[one, one]).unwrap()[0].unwrap();
    let sum = run(&graph, by_x.unwrap(), &at)[0] + run(&graph, by_y.unwrap(), &at)[0];
    assert!((run(&graph, slope, &at)[0] - sum).abs() < 1e-14);
}

#[test]
fn a_zero_of_the_structure_is_no_array() {
    let mut graph = Graph::new();
    let (x, other) = (scalar_input(&mut graph, "x"), scalar_input(&mut graph, "other"));
    let cost = graph.times(x, x).unwrap();
    let nodes = graph.len();
    assert_eq!(gradient(&mut graph, cost, &[other]).unwrap(), [None]);
    assert!(graph.len() <= nodes + 1, "only the 1 that every gradient starts from");
    let found = gradient(&mut graph, cost, &[other, x]).unwrap();
    assert!(found[0].is_none() && found[1].is_some());
    let one = graph.number(DType::F64, 1.0).unwrap();
    assert_eq!(jvp(&mut graph, &[cost, other], &[x], &[one]).unwrap()[1], None);
    assert_eq!(vjp(&mut graph, &[], &[], &[x]).unwrap(), [None]);
}

#[test]
fn derivatives_of_derivatives() {
    // x⁵, five times.
    let mut graph = Graph::new();
    let x = scalar_input(&mut graph, "x");
    let five = graph.number(DType::F64, 5.0).unwrap();
    let mut y = graph.apply(&scalar::POW, &[x, five]).unwrap();
    let at = [AnyArray::from(arr0(2.0))];
    for expected in [80.0, 160.0, 240.0, 240.0, 120.0] {
        y = gradient(&mut graph, y, &[x]).unwrap()[0].unwrap();
        assert!((run(&graph, y, &at)[0] - expected).abs() < 1e-10, "{expected}");
    }
}

#[test]
fn the_hessian_times_a_vector() {
    // ½ xᵀAx with A = [[2, 1], [1, 4]], and one more value that the cost does not read.
    let mut graph = Graph::new();
    let mut vector = |name: &str| graph.add_input(name, Type::new(DType::F64, [2]), InputKind::Argument).unwrap();
    let (x, other, v) = (vector("x"), vector("other"), vector("v"));
    let a = graph.add(damo_graph::op::constant::Constant(AnyArray::from(arr2(&[[2.0, 1.0], [1.0, 4.0]]))), &[]).unwrap();
    let scaled = graph.times(a, x).unwrap();
    let ax = graph.sum(scaled, &[1]).unwrap();
    let terms = graph.times(ax, x).unwrap();
    let sum = graph.sum(terms, &[0]).unwrap();
    let half = graph.number(DType::F64, 0.5).unwrap();
    let cost = graph.times(sum, half).unwrap();
    let found = hvp(&mut graph, cost, &[other, x], &[v, v]).unwrap();
    assert_eq!(found[0], None);
    let at = [arr1(&[5.0, 7.0]), arr1(&[0.0, 0.0]), arr1(&[1.0, -1.0])].map(AnyArray::from);
    assert_eq!(run(&graph, found[1].unwrap(), &at), [1.0, -3.0]);
}

#[test]
fn unknown_lengths_stay_unknown() {
    let (n, m) = (Symbol::new("n"), Symbol::new("m"));
    let mut graph = Graph::new();
    let x = graph.add_input("x", Type::new(DType::F64, [n]), InputKind::Argument).unwrap();
    let y = graph.add_input("y", Type::new(DType::F64, [m]), InputKind::Argument).unwrap();
    let product = graph.times(x, y).unwrap();
    let cost = graph.sum(product, &[0]).unwrap();
    let found = gradient(&mut graph, cost, &[x, y]).unwrap();
    for (found, of) in found.iter().zip([x, y]) {
        assert_eq!(graph.ty(found.unwrap()), graph.ty(of));
    }
    graph.set_outputs(found.into_iter().flatten());
    graph.verify().unwrap();
    let given = [arr1(&[1.0, 2.0]), arr1(&[3.0, 4.0])].map(AnyArray::from);
    let values = graph.evaluate(&given).unwrap();
    assert_eq!((&values[0], &values[1]), (&given[1], &given[0]));
}
