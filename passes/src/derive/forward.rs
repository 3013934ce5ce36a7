//! Forward mode: tangents travel from values to outputs, node by node.

use damo_graph::op::term::Term;
use damo_graph::types::Dims;
use damo_graph::{Derivative, Graph, Node, NodeId, Result, Value};

use super::masked::{Gathered, Masked, unmasked};
use super::path::Path;
use super::scale::scale;
use super::{TOO_FEW, float_results, linear, undefined};

/// What nodes made here say of themselves.
pub(super) const RULE: &str = "tangent";

/// The tangents of outputs, given pairs of a value and its tangent. `None` is zero.
pub(super) fn push_forward(graph: &mut Graph, seeds: &[(Value, Value)], outputs: &[Value]) -> Result<Vec<Option<Value>>> {
    let wrt: Vec<Value> = seeds.iter().map(|&(value, _)| value).collect();
    let path = Path::between(graph, &wrt, outputs);
    // A value that is both given a tangent and computed from others that are varies with all of them.
    let mut tangents = Gathered::default();
    for &(value, tangent) in seeds {
        tangents.add(graph, value, Masked::whole(tangent))?;
    }
    for id in path.nodes() {
        let node = graph.node(id).clone();
        let given: Vec<Option<Masked>> = node.inputs().iter().map(|&input| tangents.get(input)).collect();
        if given.iter().all(Option::is_none) {
            continue;
        }
        graph.set_provenance(node.provenance().by_rule(RULE));
        for (result, tangent) in tangents_of(graph, id, &node, &given)? {
            tangents.add(graph, result, tangent)?;
        }
    }
    unmasked(graph, &tangents.of(outputs))
}

/// The tangents of a node's results, given those of its inputs; a result that is not listed has none.
fn tangents_of(graph: &mut Graph, id: NodeId, node: &Node, given: &[Option<Masked>]) -> Result<Vec<(Value, Masked)>> {
    match node.op().rules().derivative() {
        Derivative::Pointwise(partials) => {
            if partials.len() < given.len() {
                return Err(undefined(graph, node, TOO_FEW));
            }
            let result = Value::from(id);
            let tangent = pointwise(graph, partials, node.inputs(), result, given)?;
            Ok(tangent.map(|tangent| (result, tangent)).into_iter().collect())
        }
        Derivative::Linear(rule) => linear::tangents(graph, id, node, rule.elements(), given),
        Derivative::Multilinear(_) => {
            let given = unmasked(graph, given)?;
            let mut sum: Vec<(Value, Value)> = Vec::new();
            for (place, tangent) in given.iter().enumerate() {
                let Some(tangent) = *tangent else { continue };
                let mut inputs = node.inputs().to_vec();
                inputs[place] = tangent;
                let shares = linear::applied(graph, id, node, &inputs)?;
                if sum.is_empty() {
                    sum = shares;
                    continue;
                }
                for (total, (_, share)) in sum.iter_mut().zip(shares) {
                    total.1 = graph.plus(total.1, share)?;
                }
            }
            Ok(sum.into_iter().map(|(result, tangent)| (result, Masked::whole(tangent))).collect())
        }
        Derivative::Tangent(rule) => {
            let given = unmasked(graph, given)?;
            let mut found = Vec::new();
            for result in float_results(id, node) {
                found.extend(rule.tangent(graph, node.inputs(), result, &given)?.map(|tangent| (result, Masked::whole(tangent))));
            }
            Ok(found)
        }
        Derivative::Zero => Ok(Vec::new()),
        Derivative::Undefined(reason) => Err(undefined(graph, node, reason)),
    }
}

/// ẏ = Σ dᵢ·ẋᵢ, stretched to the lengths of the result.
fn pointwise(graph: &mut Graph, partials: &[Term], inputs: &[Value], result: Value, given: &[Option<Masked>]) -> Result<Option<Masked>> {
    let mut sum: Option<Masked> = None;
    for (&partial, tangent) in partials.iter().zip(given) {
        let Some(tangent) = *tangent else { continue };
        let Some(share) = scale(graph, partial, inputs, result, tangent)? else { continue };
        sum = Some(match sum {
            Some(sum) => sum.plus(graph, share)?,
            None => share,
        });
    }
    let dims = graph.ty(result).dims.clone();
    sum.map(|sum| Ok(Masked { value: stretched(graph, sum.value, &dims)?, ..sum })).transpose()
}

/// The value with these lengths; the value itself if it has them under other names.
fn stretched(graph: &mut Graph, value: Value, to: &Dims) -> Result<Value> {
    let have = &graph.ty(value).dims;
    let same = have.len() == to.len() && have.iter().zip(to.iter()).all(|(have, to)| graph.lengths().same(have, to));
    if same { Ok(value) } else { graph.broadcast(value, to) }
}
