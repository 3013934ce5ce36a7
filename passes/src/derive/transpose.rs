//! The cotangents of a nonlinear op that states only its tangent: its tangent, transposed.

use damo_graph::op::input::InputKind;
use damo_graph::{Graph, Node, Result, Tangent, Type, Value};

use super::mask::Mask;
use super::masked::Masked;
use super::reverse::{not_linear, pull_back};
use crate::rebuild::{Rebuild, ancestors};

/// The cotangents of the inputs of a node that vary, found by building its tangent and running reverse mode over that.
///
/// The tangent is built in a graph of its own, where the tangents of the inputs are inputs: values not yet known. Reverse mode
/// with respect to them gives cotangents that must not mention them, for the tangent is linear; these are copied over. So are
/// their masks, if the cotangent has one.
pub(super) fn transposed_tangent(
    graph: &mut Graph,
    node: &Node,
    rule: &dyn Tangent,
    result: Value,
    cotangent: Masked,
    varying: &[bool],
) -> Result<Vec<Option<Masked>>> {
    let name = node.op().rules().name();
    let mut local = Graph::new();
    local.set_provenance(graph.provenance().clone());
    let declare = |local: &mut Graph, name: &str, ty: &Type| local.add_input(name, ty.clone(), InputKind::Argument);

    let mut inputs = Vec::with_capacity(varying.len());
    for &input in node.inputs() {
        inputs.push(declare(&mut local, "input", graph.ty(input))?);
    }
    let mut unknown = vec![None; varying.len()];
    for (place, _) in varying.iter().enumerate().filter(|(_, varies)| **varies) {
        unknown[place] = Some(declare(&mut local, "tangent", graph.ty(node.inputs()[place]))?);
    }
    let local_cotangent = declare(&mut local, "cotangent", graph.ty(cotangent.value))?;
    let mask = cotangent.mask.map(|mask| mask.value(graph)).transpose()?;
    let local_mask = mask.map(|mask| declare(&mut local, "mask", graph.ty(mask))).transpose()?;
    let seed = Masked { value: local_cotangent, mask: local_mask.map(Mask::of), ..cotangent };
    let local_node = local.add_node(node.op().clone(), &inputs)?;
    let local_result = Value { node: local_node, result: result.result };

    let Some(tangent) = rule.tangent(&mut local, &inputs, local_result, &unknown)? else { return Ok(vec![None; varying.len()]) };
    let wrt: Vec<Value> = unknown.iter().copied().flatten().collect();
    let found = pull_back(&mut local, &[(tangent, seed)], &wrt, Some(name))?;
    let mut parts = Vec::with_capacity(found.len());
    for found in found {
        parts.push(match found {
            Some(Masked { value, mask: Some(inner), zeroed }) if mask.is_some() => Some((value, Some(inner.value(&mut local)?), zeroed)),
            // A mask that comes from this op alone stays inside.
            Some(found) => Some((found.unmasked(&mut local)?, None, true)),
            None => None,
        });
    }

    let mut rebuild = Rebuild::new(&local, graph);
    for (&here, &there) in inputs.iter().zip(node.inputs()) {
        rebuild.replace(here, there);
    }
    rebuild.replace(local_cotangent, cotangent.value);
    if let (Some(here), Some(there)) = (local_mask, mask) {
        rebuild.replace(here, there);
    }
    for id in ancestors(&local, parts.iter().flatten().flat_map(|&(value, mask, _)| [Some(value), mask]).flatten()) {
        if wrt.contains(&id.into()) {
            return Err(not_linear(name, "a function of themselves"));
        }
        if id == local_node {
            for at in 0..node.types().len() as u32 {
                rebuild.replace(Value { node: id, result: at }, Value { node: result.node, result: at });
            }
        } else if !rebuild.has(id.into()) {
            rebuild.copy(id)?;
        }
    }
    let mut parts = parts.into_iter();
    let cotangents = unknown.iter().map(|unknown| {
        let Some((value, mask, zeroed)) = unknown.and_then(|_| parts.next().flatten()) else { return Ok(None) };
        let mask = mask.map(|mask| rebuild.get(mask)).transpose()?.map(Mask::of);
        Ok(Some(Masked { value: rebuild.get(value)?, mask, zeroed }))
    });
    cotangents.collect()
}
