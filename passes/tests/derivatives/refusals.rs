//! What is refused, and what is said then.

use damo_graph::op::input::InputKind;
use damo_graph::op::scalar;
use damo_graph::{DType, ErrorKind, Graph, Provenance, Source, Type, Value};
use damo_passes::derive::{gradient, jvp, vjp};

fn vector(graph: &mut Graph, name: &str, dtype: DType) -> Value {
    graph.add_input(name, Type::new(dtype, [3]), InputKind::Argument).unwrap()
}

#[test]
fn a_cost_must_be_a_single_float() {
    let mut graph = Graph::new();
    let x = vector(&mut graph, "x", DType::F64);
    let error = gradient(&mut graph, x, &[x]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gradient);
    assert!(error.to_string().contains("sum or mean it first, or use vjp"), "{error}");
    let count = graph.add_input("count", Type::scalar(DType::I64), InputKind::Argument).unwrap();
    let error = gradient(&mut graph, count, &[x]).unwrap_err();
    assert!(error.to_string().contains("must be a float") && error.to_string().contains("i64"), "{error}");
}

#[test]
fn only_floats_vary() {
    let mut graph = Graph::new();
    let (x, k) = (vector(&mut graph, "x", DType::F64), vector(&mut graph, "k", DType::I32));
    let cost = graph.sum(x, &[0]).unwrap();
    let error = gradient(&mut graph, cost, &[x, k]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gradient);
    assert!(error.to_string().contains("k: i32[3]"), "{error}");
}

#[test]
fn tangents_and_cotangents_must_fit() {
    let mut graph = Graph::new();
    let x = vector(&mut graph, "x", DType::F64);
    let y = graph.apply(&scalar::EXP, &[x]).unwrap();
    let single = vector(&mut graph, "single", DType::F32);
    let long = graph.add_input("long", Type::new(DType::F64, [4]), InputKind::Argument).unwrap();
    let number = graph.number(DType::F64, 1.0).unwrap();
    for wrong in [single, long] {
        for error in [vjp(&mut graph, &[y], &[wrong], &[x]).unwrap_err(), jvp(&mut graph, &[y], &[x], &[wrong]).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Gradient);
            assert!(error.to_string().contains("does not fit"), "{error}");
        }
    }
    assert!(vjp(&mut graph, &[y], &[], &[x]).unwrap_err().to_string().contains("0 were given for 1"));
    // One number serves for a whole array.
    let found = vjp(&mut graph, &[y], &[number], &[x]).unwrap()[0].unwrap();
    assert_eq!(graph.ty(found), graph.ty(x));
}

#[test]
fn values_must_be_of_the_graph() {
    let mut graph = Graph::new();
    let x = vector(&mut graph, "x", DType::F64);
    let cost = graph.sum(x, &[0]).unwrap();
    let foreign = Value { result: 5, ..x };
    assert_eq!(gradient(&mut graph, cost, &[foreign]).unwrap_err().kind(), ErrorKind::ForeignTensor);
    assert_eq!(gradient(&mut graph, foreign, &[x]).unwrap_err().kind(), ErrorKind::ForeignTensor);
}

#[test]
fn derivatives_carry_the_users_line() {
    let mut graph = Graph::new();
    let x = vector(&mut graph, "x", DType::F64);
    let source = Source { file: "user.rs", line: 7, column: 3 };
    graph.set_provenance(Provenance::user(source));
    let y = graph.apply(&scalar::EXP, &[x]).unwrap();
    graph.set_provenance(Provenance::default());
    let cost = graph.sum(y, &[0]).unwrap();
    let found = gradient(&mut graph, cost, &[x]).unwrap()[0].unwrap();
    let provenance = graph.node(found.node).provenance();
    assert_eq!(provenance.source, Some(source));
    assert_eq!(provenance.rules.as_slice(), ["gradient"]);
    assert_eq!(*graph.provenance(), Provenance::default());
}
