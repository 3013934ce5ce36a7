//! Forward mode: tangents travel from values to outputs, node by node.

use std::collections::BTreeMap;

use damo_graph::op::term::Term;
use damo_graph::types::Dims;
use damo_graph::{Derivative, Graph, Node, NodeId, Result, Value};

use super::path::Path;
use super::scale::scale;
use super::{TOO_FEW, float_results, undefined};

/// What nodes made here say of themselves.
pub(super) const RULE: &str = "tangent";

/// The tangents of outputs, given pairs of a value and its tangent. `None` is zero.
pub(super) fn push_forward(graph: &mut Graph, seeds: &[(Value, Value)], outputs: &[Value]) -> Result<Vec<Option<Value>>> {
    let wrt: Vec<Value> = seeds.iter().map(|&(value, _)| value).collect();
    let path = Path::between(graph, &wrt, outputs);
    let mut tangents: BTreeMap<Value, Value> = BTreeMap::new();
    for &(value, tangent) in seeds {
        add(graph, &mut tangents, value, tangent)?;
    }
    for id in path.nodes() {
        let node = graph.node(id).clone();
        let given: Vec<Option<Value>> = node.inputs().iter().map(|input| tangents.get(input).copied()).collect();
        if given.iter().all(Option::is_none) {
            continue;
        }
        graph.set_provenance(node.provenance().by_rule(RULE));
        for (result, tangent) in tangents_of(graph, id, &node, &given)? {
            add(graph, &mut tangents, result, tangent)?;
        }
    }
    Ok(outputs.iter().map(|output| tangents.get(output).copied()).collect())
}

/// A value that is both given a tangent and computed from others that are varies with all of them.
fn add(graph: &mut Graph, tangents: &mut BTreeMap<Value, Value>, of: Value, share: Value) -> Result<()> {
    let sum = match tangents.get(&of) {
        Some(&sum) => graph.plus(sum, share)?,
        None => share,
    };
    tangents.insert(of, sum);
    Ok(())
}

/// The tangents of a node's results, given those of its inputs; a result that is not listed has none.
fn tangents_of(graph: &mut Graph, id: NodeId, node: &Node, given: &[Option<Value>]) -> Result<Vec<(Value, Value)>> {
    match node.op().rules().derivative() {
        Derivative::Pointwise(partials) => {
            if partials.len() < given.len() {
                return Err(undefined(graph, node, TOO_FEW));
            }
            let result = Value::from(id);
            let tangent = pointwise(graph, partials, node.inputs(), result, given)?;
            Ok(tangent.map(|tangent| (result, tangent)).into_iter().collect())
        }
        Derivative::Linear(_) => {
            // A tangent takes the place of every input that can have one; indices and the like stay.
            let mut inputs = node.inputs().to_vec();
            for (input, tangent) in inputs.iter_mut().zip(given) {
                *input = match tangent {
                    Some(tangent) => *tangent,
                    None if super::is_float(graph, *input) => graph.zeros_like(*input)?,
                    None => *input,
                };
            }
            applied(graph, id, node, &inputs)
        }
        Derivative::Multilinear(_) => {
            let mut sum: Vec<(Value, Value)> = Vec::new();
            for (place, tangent) in given.iter().enumerate() {
                let Some(tangent) = *tangent else { continue };
                let mut inputs = node.inputs().to_vec();
                inputs[place] = tangent;
                let shares = applied(graph, id, node, &inputs)?;
                if sum.is_empty() {
                    sum = shares;
                    continue;
                }
                for (total, (_, share)) in sum.iter_mut().zip(shares) {
                    total.1 = graph.plus(total.1, share)?;
                }
            }
            Ok(sum)
        }
        Derivative::Tangent(rule) => {
            let mut found = Vec::new();
            for result in float_results(id, node) {
                found.extend(rule.tangent(graph, node.inputs(), result, given)?.map(|tangent| (result, tangent)));
            }
            Ok(found)
        }
        Derivative::Zero => Ok(Vec::new()),
        Derivative::Undefined(reason) => Err(undefined(graph, node, reason)),
    }
}

/// The node's op on other inputs: each floating-point result with what it is now.
fn applied(graph: &mut Graph, id: NodeId, node: &Node, inputs: &[Value]) -> Result<Vec<(Value, Value)>> {
    let tangent = graph.add_node(node.op().clone(), inputs)?;
    Ok(float_results(id, node).map(|result| (result, Value { node: tangent, result: result.result })).collect())
}

/// ẏ = Σ dᵢ·ẋᵢ, stretched to the lengths of the result.
fn pointwise(graph: &mut Graph, partials: &[Term], inputs: &[Value], result: Value, given: &[Option<Value>]) -> Result<Option<Value>> {
    let mut sum = None;
    for (&partial, tangent) in partials.iter().zip(given) {
        let Some(tangent) = *tangent else { continue };
        let Some(share) = scale(graph, partial, inputs, result, tangent)? else { continue };
        sum = Some(match sum {
            Some(sum) => graph.plus(sum, share)?,
            None => share,
        });
    }
    let dims = graph.ty(result).dims.clone();
    sum.map(|sum| stretched(graph, sum, &dims)).transpose()
}

/// The value with these lengths; the value itself if it has them under other names.
fn stretched(graph: &mut Graph, value: Value, to: &Dims) -> Result<Value> {
    let have = &graph.ty(value).dims;
    let same = have.len() == to.len() && have.iter().zip(to.iter()).all(|(have, to)| graph.lengths().same(have, to));
    if same { Ok(value) } else { graph.broadcast(value, to) }
}
