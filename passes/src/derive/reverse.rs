//! Reverse mode: cotangents travel from outputs to values. It is forward mode transposed, node by node.

use damo_graph::op::term::Term;
use damo_graph::{Derivative, Error, ErrorKind, Graph, Node, NodeId, Result, Type, Value};

use super::linear::transposed;
use super::masked::{Gathered, Masked};
use super::path::Path;
use super::scale::scale;
use super::transpose::transposed_tangent;
use super::{TOO_FEW, float_results, undefined};

/// What nodes made here say of themselves.
pub(super) const RULE: &str = "gradient";

/// The cotangents of values, given pairs of an output and its cotangent. `None` is zero.
///
/// `tangent_of` names the op whose tangent is being transposed, if that is what happens: then everything on the way must be
/// linear, and an op that is not is an error.
pub(super) fn pull_back(graph: &mut Graph, seeds: &[(Value, Masked)], wrt: &[Value], tangent_of: Option<&str>) -> Result<Vec<Option<Masked>>> {
    let outputs: Vec<Value> = seeds.iter().map(|&(output, _)| output).collect();
    let path = Path::between(graph, wrt, &outputs);
    let mut cotangents = Gathered::default();
    for &(output, cotangent) in seeds {
        cotangents.add(graph, output, cotangent)?;
    }
    for id in path.nodes().rev() {
        let node = graph.node(id).clone();
        let varying: Vec<bool> = node.inputs().iter().map(|&input| path.varies(graph, input)).collect();
        if !varying.contains(&true) {
            continue;
        }
        graph.set_provenance(node.provenance().by_rule(RULE));
        for result in float_results(id, &node) {
            let Some(cotangent) = cotangents.get(result) else { continue };
            let shares = shares_of(graph, &node, result, cotangent, &varying, tangent_of)?;
            for ((&input, share), _) in node.inputs().iter().zip(shares).zip(&varying).filter(|(_, varies)| **varies) {
                let Some(share) = share else { continue };
                check_share(graph, id, input, share.value)?;
                cotangents.add(graph, input, share)?;
            }
        }
    }
    Ok(cotangents.of(wrt))
}

/// What one result's cotangent gives to each input that varies; `None` is zero.
fn shares_of(
    graph: &mut Graph,
    node: &Node,
    result: Value,
    cotangent: Masked,
    varying: &[bool],
    tangent_of: Option<&str>,
) -> Result<Vec<Option<Masked>>> {
    let mut shares: Vec<Option<Masked>> = vec![None; node.inputs().len()];
    let places = || varying.iter().enumerate().filter(|(_, varies)| **varies).map(|(place, _)| place);
    match node.op().rules().derivative() {
        Derivative::Pointwise(partials) => {
            for place in places() {
                let &partial = partials.get(place).ok_or_else(|| undefined(graph, node, TOO_FEW))?;
                shares[place] = pointwise(graph, partial, node.inputs(), place, result, cotangent)?;
            }
        }
        kind @ (Derivative::Linear(rule) | Derivative::Multilinear(rule)) => {
            if node.types().len() > 1 {
                return Err(undefined(graph, node, "it has several results, and its transpose does not say which one's cotangent it takes"));
            }
            // A product may be with numbers that are not finite: it must find zeros outside of the mask.
            let cotangent = if matches!(kind, Derivative::Multilinear(_)) { Masked::whole(cotangent.unmasked(graph)?) } else { cotangent };
            for place in places() {
                shares[place] = Some(transposed(graph, rule, node.inputs(), place, cotangent)?);
            }
        }
        Derivative::Tangent(rule) => {
            if let Some(op) = tangent_of {
                return Err(not_linear(op, node.op().rules().name()));
            }
            let value = cotangent.unmasked(graph)?;
            let values: Vec<Option<Masked>> = match rule.cotangent(graph, node.inputs(), result, value)? {
                Some(values) => values.into_iter().map(|value| value.map(Masked::whole)).collect(),
                None => transposed_tangent(graph, node, rule, result, Masked { value, zeroed: true, ..cotangent }, varying)?,
            };
            if values.len() != shares.len() {
                return Err(undefined(graph, node, "its cotangent rule must give one cotangent, or none, for each input"));
            }
            shares = values;
        }
        Derivative::Zero => {}
        Derivative::Undefined(reason) => return Err(undefined(graph, node, reason)),
    }
    Ok(shares)
}

/// x̄ = dᵢ·ȳ, summed over the axes along which x was stretched.
fn pointwise(graph: &mut Graph, partial: Term, inputs: &[Value], place: usize, result: Value, cotangent: Masked) -> Result<Option<Masked>> {
    let dims = graph.ty(inputs[place]).dims.clone();
    // What a number multiplies is smaller once it is summed.
    if partial.known().is_some() {
        let sum = cotangent.sum_to(graph, &dims)?;
        return scale(graph, partial, inputs, result, sum);
    }
    let product = scale(graph, partial, inputs, result, cotangent)?;
    product.map(|product| product.sum_to(graph, &dims)).transpose()
}

/// Refuses a share that is not of the type of its input: a defect in the op's rule.
fn check_share(graph: &Graph, id: NodeId, input: Value, share: Value) -> Result<()> {
    let (want, have) = (graph.ty(input), graph.ty(share));
    if fits(want, have) {
        return Ok(());
    }
    let node = graph.node(id);
    Err(Error::new(ErrorKind::Verify, format!("the cotangent rule of `{}` is wrong", node.op().rules().name()))
        .at(node.provenance().source)
        .explain(format!("for an input of type {want} it gave a cotangent of type {have}")))
}

/// Whether nothing known speaks against the two being the same type.
fn fits(want: &Type, have: &Type) -> bool {
    want.dtype == have.dtype
        && want.rank() == have.rank()
        && want.dims.iter().zip(have.dims.iter()).all(|(want, have)| want.known().is_none() || have.known().is_none() || want == have)
}

/// The error of a tangent that is not linear: a defect in the op's rule.
pub(super) fn not_linear(op: &str, through: &str) -> Error {
    Error::new(ErrorKind::Gradient, format!("the tangent of `{op}` is not linear"))
        .explain(format!("the tangents of its inputs pass through `{through}`, which is not linear in them"))
        .advise(format!("state the cotangent of `{op}`, or write its tangent with linear ops"))
}
