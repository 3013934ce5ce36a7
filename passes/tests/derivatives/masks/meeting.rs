//! Masks within masks, values read under several, and what they cost.

use damo_graph::op::dot::Dot;
use damo_graph::op::input::InputKind;
use damo_graph::op::scalar::{self};
use damo_graph::{DType, Graph, Type, Value};
use damo_passes::derive::{gradient, jvp};
use ndarray::arr1;
use smallvec::smallvec;

use super::{above, case, check, compare, literal, or};

#[test]
fn masks_within_masks() {
    let nested = |graph: &mut Graph, x: Value| {
        let (positive, small) = (above(graph, x, 0.0)?, compare(graph, &scalar::LT, x, 1.0)?);
        let (log, root) = (graph.apply(&scalar::LN, &[x])?, graph.apply(&scalar::ASIN, &[x])?);
        let inner = graph.select(small, root, log)?;
        let inner = graph.times(inner, inner)?;
        or(graph, positive, inner, 0.0)
    };
    // 2·ln x / x, of slope 2(1 − ln x)/x².
    let ln_2 = 2f64.ln();
    check(&case("a choice in a choice", &[0.0, -3.0, 1.0, 2.0], nested, &[0.0, 0.0, 0.0, ln_2], &[0.0, 0.0, 2.0, (1.0 - ln_2) / 2.0]));
    // The same condition within and without: the workaround people are told to use.
    let twice = |graph: &mut Graph, x: Value| {
        let positive = above(graph, x, 0.0)?;
        let safe = or(graph, positive, x, 1.0)?;
        let root = graph.apply(&scalar::SQRT, &[safe])?;
        or(graph, positive, root, 0.0)
    };
    check(&case("a choice before and after", &[0.0, 4.0], twice, &[0.0, 0.25], &[0.0, -0.03125]));
    let never = |graph: &mut Graph, x: Value| {
        let positive = above(graph, x, 0.0)?;
        let one = graph.number(DType::F64, 1.0)?;
        let other = graph.select(positive, one, x)?;
        let root = graph.apply(&scalar::LN, &[other])?;
        or(graph, positive, root, 0.0)
    };
    check(&case("two choices that exclude each other", &[0.0, 4.0, -1.0], never, &[0.0; 3], &[]));
}

#[test]
fn readers_under_several_masks() {
    // √x under one mask, 1/x under another that overlaps it, and x itself under none.
    let both = |graph: &mut Graph, x: Value| {
        let (positive, large) = (above(graph, x, 0.0)?, above(graph, x, 2.0)?);
        let (root, inverse) = (graph.apply(&scalar::SQRT, &[x])?, graph.apply(&scalar::RECIP, &[x])?);
        let (root, inverse) = (or(graph, positive, root, 0.0)?, or(graph, large, inverse, 0.0)?);
        graph.plus(root, inverse)
    };
    check(&case("two masks", &[0.0, 1.0, 4.0], both, &[0.0, 0.5, 0.1875], &[0.0, -0.25, 0.0]));
    let and_none = move |graph: &mut Graph, x: Value| {
        let masked = both(graph, x)?;
        graph.plus(masked, x)
    };
    check(&case("two masks and none", &[0.0, 1.0, 4.0], and_none, &[1.0, 1.5, 1.1875], &[0.0, -0.25, 0.0]));
    // One root, read under both masks: outside of both it does not count.
    let shared = |graph: &mut Graph, x: Value| {
        let root = graph.apply(&scalar::SQRT, &[x])?;
        let (low, high) = (literal(graph, arr1(&[false, true, false]))?, literal(graph, arr1(&[false, true, true]))?);
        let (low, high) = (or(graph, low, root, 0.0)?, or(graph, high, root, 0.0)?);
        graph.plus(low, high)
    };
    check(&case("one value under two masks", &[0.0, 1.0, 4.0], shared, &[0.0, 1.0, 0.25], &[0.0, -0.5, -0.03125]));
    // Both sides of one choice.
    let sides = |graph: &mut Graph, x: Value| {
        let (root, positive) = (graph.apply(&scalar::SQRT, &[x])?, above(graph, x, 0.0)?);
        let (cube, opposite) = (graph.times(x, x)?, graph.apply(&scalar::NEG, &[root])?);
        let chosen = graph.select(positive, opposite, cube)?;
        let shifted = graph.plus(chosen, x)?;
        or(graph, positive, shifted, 0.0)
    };
    check(&case("both sides", &[0.0, 4.0, -2.0], sides, &[0.0, 0.75, 0.0], &[0.0, 0.03125, 0.0]));
}

#[test]
fn graphs_grow_in_proportion() {
    let nodes = |depth: usize| {
        let mut graph = Graph::new();
        let x = graph.add_input("x", Type::new(DType::F64, [3]), InputKind::Argument).unwrap();
        let mut y = x;
        for k in 0..depth {
            let condition = above(&mut graph, y, k as f64 * 1e-3).unwrap();
            let (root, line) = (graph.apply(&scalar::SQRT, &[y]).unwrap(), graph.plus(y, x).unwrap());
            y = graph.select(condition, root, line).unwrap();
        }
        let cost = graph.sum(y, &[0]).unwrap();
        let before = graph.len();
        let mut forward = graph.clone();
        jvp(&mut forward, &[y], &[x], &[x]).unwrap();
        gradient(&mut graph, cost, &[x]).unwrap();
        (graph.len() - before, forward.len() - before)
    };
    let ((first, forward), (second, forward_second), (third, forward_third)) = (nodes(10), nodes(20), nodes(30));
    assert_eq!((third - second, forward_third - forward_second), (second - first, forward_second - forward));
    // Among them is the stable form of what is differentiated.
    assert!(third <= 30 * 12 && forward_third <= 30 * 8, "{third} and {forward_third} nodes for 30 choices");
}

#[test]
fn a_rectifier_costs_one_choice() {
    let mut graph = Graph::new();
    let x = graph.add_input("x", Type::new(DType::F64, [3]), InputKind::Argument).unwrap();
    let w = graph.add_input("w", Type::new(DType::F64, [3, 3]), InputKind::Argument).unwrap();
    let product = graph.add(Dot { batch: smallvec![], contract: smallvec![(1, 0)] }, &[w, x]).unwrap();
    let (low, zero) = (compare(&mut graph, &scalar::LE, product, 0.0).unwrap(), graph.number(DType::F64, 0.0).unwrap());
    let y = graph.select(low, zero, product).unwrap();
    let cost = graph.sum(y, &[0]).unwrap();
    let before = graph.len();
    gradient(&mut graph, cost, &[w]).unwrap();
    // The 1, the axes put back and stretched, the choice, and the product.
    let added: Vec<String> = graph.nodes().skip(before).map(|(_, node)| node.op().rules().name().to_string()).collect();
    assert_eq!(added, ["constant", "insert_axis", "broadcast", "select", "dot"]);
}
