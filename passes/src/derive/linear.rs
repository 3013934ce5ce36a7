//! Tangents and cotangents through a linear op, with their masks.

use damo_graph::op::{Elements, scalar};
use damo_graph::{DType, Graph, Linear, Node, NodeId, Result, Value};

use super::mask::Mask;
use super::masked::Masked;
use super::{float_results, is_float};

/// The cotangent of an input, given the cotangent of the result.
pub(super) fn transposed(graph: &mut Graph, rule: &dyn Linear, inputs: &[Value], wrt: usize, cotangent: Masked) -> Result<Masked> {
    let Some(mask) = cotangent.mask else { return rule.transpose(graph, inputs, wrt, cotangent.value).map(Masked::whole) };
    match rule.elements() {
        Elements::Stay => Ok(Masked { value: rule.transpose(graph, inputs, wrt, cotangent.value)?, ..cotangent }),
        Elements::Move | Elements::Sum => {
            let mask = mask.over(graph, &graph.ty(cotangent.value).dims.clone())?;
            let value = rule.transpose(graph, inputs, wrt, cotangent.value)?;
            let mask = Some(Mask::of(rule.transpose(graph, inputs, wrt, mask)?));
            Ok(Masked { value, mask, ..cotangent })
        }
        Elements::Copy => {
            let count = counts(graph, cotangent, mask)?;
            let cotangent = cotangent.unmasked(graph)?;
            let value = rule.transpose(graph, inputs, wrt, cotangent)?;
            let count = rule.transpose(graph, inputs, wrt, count)?;
            Ok(Masked::zeroed(value, any(graph, count)?))
        }
        Elements::Mix => {
            let cotangent = cotangent.unmasked(graph)?;
            rule.transpose(graph, inputs, wrt, cotangent).map(Masked::whole)
        }
    }
}

/// The tangents of a node's results, given those of its inputs: its op, applied to them.
pub(super) fn tangents(graph: &mut Graph, id: NodeId, node: &Node, elements: Elements, given: &[Option<Masked>]) -> Result<Vec<(Value, Masked)>> {
    let varying = || given.iter().flatten();
    let alone = node.inputs().iter().filter(|&&input| is_float(graph, input)).count() == 1;
    let is_masked = varying().any(|tangent| tangent.mask.is_some());
    let elements = if is_masked && (alone || elements != Elements::Stay) { elements } else { Elements::Mix };
    let moves = matches!(elements, Elements::Stay | Elements::Move | Elements::Copy);
    let inputs = replaced(graph, node, given, |graph, input, tangent| match tangent {
        Some(tangent) if moves => Ok(tangent.value),
        Some(tangent) => tangent.unmasked(graph),
        None => graph.zeros_like(input),
    })?;
    let values = applied(graph, id, node, &inputs)?;
    let masks: Vec<Option<Mask>> = match elements {
        Elements::Mix => vec![None; values.len()],
        Elements::Stay => vec![varying().next().and_then(|tangent| tangent.mask); values.len()],
        Elements::Move | Elements::Copy => {
            let masks = replaced(graph, node, given, truth)?;
            applied(graph, id, node, &masks)?.into_iter().map(|(_, mask)| Some(Mask::of(mask))).collect()
        }
        Elements::Sum => {
            let masks = replaced(graph, node, given, |graph, input, tangent| {
                let mask = truth(graph, input, tangent)?;
                graph.cast(mask, graph.ty(input).dtype)
            })?;
            let counts = applied(graph, id, node, &masks)?;
            counts.into_iter().map(|(_, count)| any(graph, count).map(Some)).collect::<Result<_>>()?
        }
    };
    let zeroed = !moves || varying().all(|tangent| tangent.zeroed);
    Ok(values.into_iter().zip(masks).map(|((result, value), mask)| (result, Masked { value, mask, zeroed })).collect())
}

/// The node's op on other inputs: each floating-point result with what it is now.
pub(super) fn applied(graph: &mut Graph, id: NodeId, node: &Node, inputs: &[Value]) -> Result<Vec<(Value, Value)>> {
    let tangent = graph.add_node(node.op().clone(), inputs)?;
    Ok(float_results(id, node).map(|result| (result, Value { node: tangent, result: result.result })).collect())
}

/// The inputs of a node with something else in the place of each that can have a tangent; indices and the like stay.
fn replaced(
    graph: &mut Graph,
    node: &Node,
    given: &[Option<Masked>],
    mut by: impl FnMut(&mut Graph, Value, Option<Masked>) -> Result<Value>,
) -> Result<Vec<Value>> {
    let inputs = node.inputs().iter().zip(given);
    inputs.map(|(&input, &tangent)| if is_float(graph, input) { by(graph, input, tangent) } else { Ok(input) }).collect()
}

/// Where the tangent of an input may differ from 0, in full.
fn truth(graph: &mut Graph, input: Value, tangent: Option<Masked>) -> Result<Value> {
    let dims = graph.ty(tangent.map_or(input, |tangent| tangent.value)).dims.clone();
    if let Some(mask) = tangent.and_then(|tangent| tangent.mask) {
        return mask.over(graph, &dims);
    }
    let truth = graph.number(DType::Bool, f64::from(u8::from(tangent.is_some())))?;
    graph.broadcast(truth, &dims)
}

/// A mask as numbers that can be summed as the cotangent is: 1 where it holds, else 0.
fn counts(graph: &mut Graph, of: Masked, mask: Mask) -> Result<Value> {
    let ty = graph.ty(of.value).clone();
    let mask = mask.over(graph, &ty.dims)?;
    graph.cast(mask, ty.dtype)
}

/// Where sums of such numbers have a 1 among their terms.
fn any(graph: &mut Graph, counts: Value) -> Result<Mask> {
    let zero = graph.number(graph.ty(counts).dtype, 0.0)?;
    graph.apply(&scalar::NOT_EQUAL, &[counts, zero]).map(Mask::of)
}
