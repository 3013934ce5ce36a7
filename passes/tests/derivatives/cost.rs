//! What derivatives cost: nodes in proportion to the nodes that matter, and time likewise.

use std::time::Instant;

use damo_graph::op::input::InputKind;
use damo_graph::op::scalar;
use damo_graph::{DType, Graph, Type, Value};
use damo_passes::derive::{gradient, jvp};

/// sin applied again and again, and as many nodes that the cost does not read.
fn chain(length: usize) -> (Graph, Value, Value) {
    let mut graph = Graph::new();
    let x = graph.add_input("x", Type::scalar(DType::F64), InputKind::Argument).unwrap();
    let other = graph.add_input("other", Type::scalar(DType::F64), InputKind::Argument).unwrap();
    let (mut y, mut unread) = (x, other);
    for _ in 0..length {
        y = graph.apply(&scalar::SIN, &[y]).unwrap();
        unread = graph.apply(&scalar::COS, &[unread]).unwrap();
    }
    (graph, x, y)
}

#[test]
fn a_gradient_adds_nodes_in_proportion() {
    for length in [100, 1000] {
        let (mut graph, x, cost) = chain(length);
        let before = graph.len();
        gradient(&mut graph, cost, &[x]).unwrap();
        // One cosine and one product each, and the 1 it starts from.
        assert_eq!(graph.len() - before, 2 * length + 1);
        let before = graph.len();
        let one = graph.number(DType::F64, 1.0).unwrap();
        jvp(&mut graph, &[cost], &[x], &[one]).unwrap();
        assert!(graph.len() - before <= length);
    }
}

#[test]
fn time_is_nearly_linear() {
    let time = |length: usize| {
        let (graph, x, cost) = chain(length);
        let runs = (0..5).map(|_| {
            let mut graph = graph.clone();
            let start = Instant::now();
            gradient(&mut graph, cost, &[x]).unwrap();
            start.elapsed()
        });
        runs.min().unwrap_or_default()
    };
    let (short, long) = (time(3_000), time(48_000));
    println!("3000 nodes: {short:.1?}; 48000 nodes: {long:.1?}");
    // 16 times the nodes; a quadratic pass would take 256 times as long.
    assert!(long < short * 80, "3000 nodes take {short:?}, 48000 take {long:?}");
}

#[test]
fn the_same_program_gives_the_same_graph() {
    let text = || {
        let (mut graph, x, cost) = chain(50);
        let found = gradient(&mut graph, cost, &[x]).unwrap();
        graph.set_outputs(found.into_iter().flatten());
        graph.to_text()
    };
    assert_eq!(text(), text());
}
