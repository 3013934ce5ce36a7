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
/// with respect to them gives cotangents that must not mention them, for the tangent is linear; these are copied over.
pub(super) fn transposed_tangent(
    graph: &mut Graph,
    node: &Node,
    rule: &dyn Tangent,
    result: Value,
    cotangent: Masked,
    varying: &[bool],
) -> Result<Vec<Option<Value>>> {
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
    let mut found = pull_back(&mut local, &[(tangent, seed)], &wrt, Some(name))?.into_iter();
    let cotangents: Vec<Option<Value>> = unknown.iter().map(|unknown| unknown.and_then(|_| found.next().flatten())).collect();

    let mut rebuild = Rebuild::new(&local, graph);
    for (&here, &there) in inputs.iter().zip(node.inputs()) {
        rebuild.replace(here, there);
    }
    rebuild.replace(local_cotangent, cotangent.value);
    if let (Some(here), Some(there)) = (local_mask, mask) {
        rebuild.replace(here, there);
    }
    for id in ancestors(&local, cotangents.iter().copied().flatten()) {
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
    cotangents.into_iter().map(|cotangent| cotangent.map(|cotangent| rebuild.get(cotangent)).transpose()).collect()
}
