//! What becomes one nest, and what must not.

use damo_exec::Plan;
use damo_exec::layout::Layout;
use damo_exec::step::Step;
use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar::{ABS, ADD, EXP, MUL, NEG, SUB};
use damo_graph::{DType, Graph, Sizes, Value};

use crate::judge::{CHECKED, agree, known, whole};

/// The plan of a graph whose lengths are all known.
fn plan(graph: &Graph) -> Plan {
    let layouts: Vec<Layout> = graph.inputs().iter().map(|&node| Layout::contiguous(&graph.node(node).types()[0].dims.known().unwrap())).collect();
    Plan::make(graph, &Sizes::default(), &layouts, &CHECKED).unwrap()
}

fn nests(plan: &Plan) -> usize {
    plan.steps().iter().filter(|step| matches!(step.step, Step::Nest(_))).count()
}

fn matrix(graph: &mut Graph, name: &str) -> Value {
    known(graph, name, DType::F64, &[6, 9])
}

#[test]
fn a_chain_is_one_nest_without_memory() {
    let mut graph = Graph::new();
    let (x, y) = (matrix(&mut graph, "x"), matrix(&mut graph, "y"));
    let sum = graph.apply(&ADD, &[x, y]).unwrap();
    let product = graph.apply(&MUL, &[sum, x]).unwrap();
    let end = graph.apply(&NEG, &[product]).unwrap();
    graph.set_outputs([end]);
    let plan = plan(&graph);
    assert_eq!((nests(&plan), plan.arena_bytes()), (1, 0), "{}", plan.explain(&graph));
    agree(&graph, &[&whole(DType::F64, &[6, 9]), &whole(DType::F64, &[6, 9])], 0.0);
}

#[test]
fn a_diamond_is_one_nest() {
    let mut graph = Graph::new();
    let x = matrix(&mut graph, "x");
    let top = graph.apply(&NEG, &[x]).unwrap();
    let (left, right) = (graph.apply(&MUL, &[top, top]).unwrap(), graph.apply(&ADD, &[top, x]).unwrap());
    let end = graph.apply(&SUB, &[left, right]).unwrap();
    graph.set_outputs([end, top]);
    let plan = plan(&graph);
    assert_eq!((nests(&plan), plan.arena_bytes()), (1, 0), "{}", plan.explain(&graph));
    agree(&graph, &[&whole(DType::F64, &[6, 9])], 0.0);
}

#[test]
fn a_step_that_stands_between_keeps_two_nests_apart() {
    let mut graph = Graph::new();
    let x = matrix(&mut graph, "x");
    let power = graph.apply(&EXP, &[x]).unwrap();
    let sum = graph.sum(power, &[1]).unwrap();
    let sum = graph.keep_axes(sum, &[1]).unwrap();
    let end = graph.apply(&SUB, &[power, sum]).unwrap();
    graph.set_outputs([end]);
    let plan = plan(&graph);
    assert_eq!(nests(&plan), 2, "{}", plan.explain(&graph));
    let exps = plan.steps().iter().filter_map(|step| if let Step::Nest(nest) = &step.step { Some(nest) } else { None });
    let exps: usize = exps.map(|nest| nest.to_string().matches("exp(").count()).sum();
    assert_eq!(exps, 1, "computed once and kept");
    // One rounding for each of the nine terms.
    agree(&graph, &[&whole(DType::F64, &[6, 9])], 9.0);
}

#[test]
fn reductions_take_their_producers_in_through_views() {
    let mut graph = Graph::new();
    let x = matrix(&mut graph, "x");
    let square = graph.apply(&MUL, &[x, x]).unwrap();
    let turned = graph.transpose(square, &[1, 0]).unwrap();
    let flat = graph.reshape(turned, &[54].into_iter().collect()).unwrap();
    let (columns, most) = (graph.sum(turned, &[1]).unwrap(), graph.reduce(Reduction::Max, square, &[0]).unwrap());
    graph.set_outputs([columns, most, flat]);
    let plan = plan(&graph);
    assert_eq!((nests(&plan), plan.arena_bytes()), (1, 0), "{}", plan.explain(&graph));
    agree(&graph, &[&whole(DType::F64, &[6, 9])], 0.0);
}

#[test]
fn sums_over_different_loops_are_different_nests() {
    let mut graph = Graph::new();
    let x = matrix(&mut graph, "x");
    let square = graph.apply(&MUL, &[x, x]).unwrap();
    let sums = [&[0][..], &[1], &[0, 1]].map(|axes| graph.sum(square, axes).unwrap());
    graph.set_outputs(sums);
    let plan = plan(&graph);
    let squares = plan.steps().iter().filter_map(|step| if let Step::Nest(nest) = &step.step { Some(nest) } else { None });
    assert_eq!(squares.map(|nest| nest.to_string().matches("mul(").count()).sum::<usize>(), 1, "{}", plan.explain(&graph));
    assert_eq!(nests(&plan), 3, "{}", plan.explain(&graph));
    agree(&graph, &[&whole(DType::F64, &[6, 9])], 0.0);
}

#[test]
fn a_value_read_in_two_orders_is_stored_first() {
    let mut graph = Graph::new();
    let x = known(&mut graph, "x", DType::F64, &[5, 5]);
    let y = graph.apply(&NEG, &[x]).unwrap();
    let turned = graph.transpose(y, &[1, 0]).unwrap();
    let end = graph.apply(&ADD, &[y, turned]).unwrap();
    graph.set_outputs([end]);
    let plan = plan(&graph);
    assert_eq!(nests(&plan), 2, "{}", plan.explain(&graph));
    agree(&graph, &[&whole(DType::F64, &[5, 5])], 0.0);
}

#[test]
fn a_dying_operand_gives_its_memory() {
    let mut graph = Graph::new();
    let x = known(&mut graph, "x", DType::F64, &[16, 16]);
    let dot = |graph: &mut Graph, value| {
        graph.add(damo_graph::op::dot::Dot { batch: [].as_slice().into(), contract: [(1, 0)].as_slice().into() }, &[value, value]).unwrap()
    };
    let first = dot(&mut graph, x);
    let positive = graph.apply(&ABS, &[first]).unwrap();
    let second = dot(&mut graph, positive);
    graph.set_outputs([second]);
    let plan = plan(&graph);
    assert_eq!(plan.arena_bytes(), 16 * 16 * 8, "{}", plan.explain(&graph));
    assert!(plan.explain(&graph).contains("in place"));
    agree(&graph, &[&whole(DType::F64, &[16, 16])], 0.0);
}
