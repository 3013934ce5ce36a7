//! The op at fault: every op of a program differentiated alone, at the values that reach it.

use damo::op::{Op, input::InputKind};
use damo::{AnyArray, Graph, Type};
use damo_graph::{Node, Value};
use damo_passes::derive::{jvp, vjp};
use ndarray::ArrayD;

use super::finding::OpAtFault;
use super::judge::{Allowed, weights};
use super::program::widened;
use super::slope::Measured;
use crate::sensitivity::roundings;

/// The first op of a program whose first or second derivative alone is wrong.
pub(super) fn at_fault(graph: &Graph, inputs: &[AnyArray], allowed: Allowed) -> Option<OpAtFault> {
    let mut all = graph.clone();
    let nodes: Vec<_> = graph.nodes().collect();
    all.set_outputs(nodes.iter().map(|(id, _)| Value::from(*id)));
    let values = all.evaluate(inputs).ok()?;
    let value_of = |value: &Value| nodes.iter().position(|(id, _)| *id == value.node).map(|place| values[place].clone());
    for second in [false, true] {
        for (_, node) in &nodes {
            let read: Option<Vec<AnyArray>> = node.inputs().iter().map(value_of).collect();
            if is_wrong(node, &read?, second, allowed) == Some(true) {
                return Some(OpAtFault { op: node.op().rules().name().to_owned(), source: node.provenance().source });
            }
        }
    }
    None
}

/// Whether a derivative of an op is wrong at a point; `None` if that cannot be told.
fn is_wrong(node: &Node, read: &[AnyArray], second: bool, allowed: Allowed) -> Option<bool> {
    if matches!(node.op(), Op::Input(_)) || !node.types()[0].dtype.is_float() || node.types().len() != 1 {
        return None;
    }
    // What does not vary is a constant.
    let mut graph = Graph::new();
    let (mut operands, mut points): (Vec<Value>, Vec<AnyArray>) = (Vec::new(), Vec::new());
    for (place, array) in read.iter().enumerate() {
        let ty = Type::new(array.dtype(), array.shape().iter().copied());
        operands.push(if array.dtype().is_float() {
            points.push(array.clone());
            graph.add_input(&format!("x{place}"), ty, InputKind::Argument).ok()?
        } else {
            graph.add(damo::op::constant::Constant(array.clone()), &[]).ok()?
        });
    }
    if points.is_empty() {
        return None;
    }
    let mut results = vec![graph.add(node.op().clone(), &operands).ok()?];
    let wrt: Vec<Value> = graph.inputs().iter().map(|&input| input.into()).collect();
    if !second && is_reverse_wrong(&graph, results[0], &points, allowed) == Some(true) {
        return Some(true);
    }
    if second {
        let dims = graph.ty(results[0]).clone();
        let shape = dims.dims.known()?;
        let cotangent = AnyArray::from_reals(dims.dtype, &weights(&shape, 7));
        let cotangent = graph.add(damo::op::constant::Constant(cotangent), &[]).ok()?;
        results = vjp(&mut graph, &results, &[cotangent], &wrt).ok()?.into_iter().flatten().collect();
    }
    graph.set_outputs(results.iter().copied());
    let directions: Vec<ArrayD<f64>> = points.iter().enumerate().map(|(k, array)| weights(array.shape(), k)).collect();
    let mut derived = graph.clone();
    let mut tangents = Vec::new();
    for (point, direction) in points.iter().zip(&directions) {
        tangents.push(derived.add(damo::op::constant::Constant(AnyArray::from_reals(point.dtype(), direction)), &[]).ok()?);
    }
    let found = jvp(&mut derived, &results, &wrt, &tangents).ok()?;
    let found: Vec<Value> =
        results.iter().zip(found).map(|(&result, found)| found.map_or_else(|| derived.zeros_like(result), Ok)).collect::<Result<_, _>>().ok()?;
    derived.set_outputs(found);
    let values = roundings(&derived, &points, 4.0).ok()?;
    let wide = widened(&graph);
    let measured = Measured::new(&wide, points.iter().map(AnyArray::to_reals).collect()).ok()?;
    let slopes = measured.along(directions).ok()?;
    let mut judged = values.values.iter().zip(&values.moved).enumerate().flat_map(|(output, (values, moved))| {
        values.iter().zip(moved).enumerate().map(move |(element, (&value, &moved))| (output, element, value, moved))
    });
    Some(judged.any(|(output, element, value, moved)| allowed.judge(value, moved, &slopes, output, element).is_some_and(|verdict| !verdict.is_right)))
}

/// Whether what reverse mode gives for an op is no gradient of its result: a transpose is wrong that forward mode does not use.
fn is_reverse_wrong(graph: &Graph, result: Value, points: &[AnyArray], allowed: Allowed) -> Option<bool> {
    let directions: Vec<ArrayD<f64>> = points.iter().enumerate().map(|(k, array)| weights(array.shape(), k)).collect();
    let ty = graph.ty(result).clone();
    let cotangent = AnyArray::from_reals(ty.dtype, &weights(&ty.dims.known()?, 7));
    // ⟨y, u⟩ is measured along v, and ⟨v, Jᵀ u⟩ is what that should be.
    let mut measured = graph.clone();
    let whole = paired(&mut measured, result, cotangent.clone()).ok()?;
    measured.set_outputs([whole]);
    let mut derived = graph.clone();
    let wrt: Vec<Value> = derived.inputs().iter().map(|&input| input.into()).collect();
    let cotangent = derived.add(damo::op::constant::Constant(cotangent), &[]).ok()?;
    let mut slope = derived.number(ty.dtype, 0.0).ok()?;
    for ((gradient, point), direction) in vjp(&mut derived, &[result], &[cotangent], &wrt).ok()?.into_iter().zip(points).zip(&directions) {
        let Some(gradient) = gradient else { continue };
        let part = paired(&mut derived, gradient, AnyArray::from_reals(point.dtype(), direction)).ok()?;
        let part = derived.add(damo::op::cast::Cast { to: ty.dtype }, &[part]).ok()?;
        slope = derived.plus(slope, part).ok()?;
    }
    derived.set_outputs([slope]);
    let found = roundings(&derived, points, 4.0).ok()?;
    let wide = widened(&measured);
    let measured = Measured::new(&wide, points.iter().map(AnyArray::to_reals).collect()).ok()?;
    let slopes = measured.along(directions).ok()?;
    let (value, moved) = (*found.values.first()?.first()?, *found.moved.first()?.first()?);
    allowed.judge(value, moved, &slopes, 0, 0).map(|verdict| !verdict.is_right)
}

/// The sum of the products of elements.
fn paired(graph: &mut Graph, value: Value, other: AnyArray) -> damo::Result<Value> {
    let axes: Vec<usize> = (0..graph.ty(value).rank()).collect();
    let other = graph.add(damo::op::constant::Constant(other), &[])?;
    let products = graph.times(value, other)?;
    graph.sum(products, &axes)
}
