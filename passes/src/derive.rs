//! Derivatives of a graph, added to the same graph: gradients, cotangents, tangents, and second order.
//!
//! Nothing here names an op. How an op varies is said by its [`Derivative`](damo_graph::Derivative); forward mode follows it,
//! reverse mode is forward mode transposed, and higher orders come by applying either again.
//!
//! What derivatives are taken of is rewritten first: the gradient of a formula that overflows is that of one that does not.
//!
//! `None` is a zero that is known from the structure: the output does not depend on the value at all, or only through ops
//! that are piecewise constant. Such zeros never become arrays. Only floating-point values vary.
//!
//! A tangent or cotangent may carry a mask: a condition of the graph outside of which it is 0, whatever its value is there.
//! An op whose partial derivative is 0 on one side of a condition it was given, as a choice is, narrows the mask and multiplies
//! nothing; pointwise ops leave it alone, and linear ops that only move, copy or sum elements move it along. Zeros are put in
//! before a sum, a product such as a matrix product, the rule of a nonlinear op, and at the end. So no 0 is ever multiplied by the
//! infinite slope of the side that was not taken. Where there is no choice there is no mask, and no node for one.
//!
//! | to read about | open |
//! |---|---|
//! | tangents, inputs to outputs | `derive/forward.rs` |
//! | cotangents, outputs to inputs | `derive/reverse.rs` |
//! | a derivative with its mask, and what one value has gathered so far | `derive/masked.rs` |
//! | where a derivative may differ from 0 | `derive/mask.rs` |
//! | linear ops, with masks | `derive/linear.rs` |
//! | which nodes matter | `derive/path.rs` |
//! | a partial derivative times a value | `derive/scale.rs` |
//! | the cotangents of an op that states only its tangent | `derive/transpose.rs` |
//! | what may be asked | `derive/check.rs` |

mod check;
mod forward;
mod linear;
mod mask;
mod masked;
mod path;
mod reverse;
mod scale;
mod transpose;

use damo_graph::{Error, ErrorKind, Graph, Node, NodeId, Provenance, Result, Value};

use crate::rewrite::stabilise;
use masked::{Masked, unmasked};

/// The gradient of a scalar cost with respect to values of the same graph, each of the type of its value.
///
/// `None` where the cost does not depend on the value. The values need not be inputs; the gradient of the cost with respect
/// to itself is 1.
///
/// A [`Gradient`](damo_graph::ErrorKind::Gradient) error if the cost is not a single floating-point number, if a value is
/// not floating-point, or if an op on the way has no derivative.
pub fn gradient(graph: &mut Graph, cost: Value, wrt: &[Value]) -> Result<Vec<Option<Value>>> {
    check::cost(graph, cost)?;
    check::floats(graph, wrt)?;
    keeping_provenance(graph, |graph| {
        let cost = stabilise(graph, &[cost], wrt)?[0];
        graph.set_provenance(graph.node(cost.node).provenance().by_rule(reverse::RULE));
        let one = graph.number(graph.ty(cost).dtype, 1.0)?;
        let found = reverse::pull_back(graph, &[(cost, Masked::whole(one))], wrt, None)?;
        let found = unmasked(graph, &found)?;
        exactly_typed(graph, found, wrt)
    })
}

/// The cotangents of values, given those of outputs: row vectors times the Jacobian. `None` is zero.
///
/// A cotangent has the element type of its output and lengths that broadcast to it.
/// A [`Gradient`](damo_graph::ErrorKind::Gradient) error as for [`gradient`], or if the cotangents do not fit the outputs.
pub fn vjp(graph: &mut Graph, outputs: &[Value], cotangents: &[Value], wrt: &[Value]) -> Result<Vec<Option<Value>>> {
    check::floats(graph, wrt)?;
    keeping_provenance(graph, |graph| {
        check::known(graph, outputs)?;
        let outputs = stabilise(graph, outputs, wrt)?;
        let seeds = check::paired(graph, "cotangent", "output", cotangents, &outputs)?;
        let seeds: Vec<(Value, Masked)> = seeds.into_iter().map(|(output, cotangent)| (output, Masked::whole(cotangent))).collect();
        let found = reverse::pull_back(graph, &seeds, wrt, None)?;
        let found = unmasked(graph, &found)?;
        exactly_typed(graph, found, wrt)
    })
}

/// The tangents of outputs just as they are written: [`jvp`] without rewriting first.
///
/// For whoever compares: where a formula overflows, so does its tangent.
pub fn jvp_as_written(graph: &mut Graph, outputs: &[Value], wrt: &[Value], tangents: &[Value]) -> Result<Vec<Option<Value>>> {
    check::known(graph, outputs)?;
    check::floats(graph, wrt)?;
    keeping_provenance(graph, |graph| {
        let seeds = check::paired(graph, "tangent", "value", tangents, wrt)?;
        let found = forward::push_forward(graph, &seeds, outputs)?;
        exactly_typed(graph, found, outputs)
    })
}

/// The tangents of outputs, given those of values: the Jacobian times column vectors. `None` is zero.
///
/// A tangent has the element type of its value and lengths that broadcast to it.
/// A [`Gradient`](damo_graph::ErrorKind::Gradient) error as for [`gradient`], or if the tangents do not fit the values.
pub fn jvp(graph: &mut Graph, outputs: &[Value], wrt: &[Value], tangents: &[Value]) -> Result<Vec<Option<Value>>> {
    check::known(graph, outputs)?;
    check::floats(graph, wrt)?;
    keeping_provenance(graph, |graph| {
        let stable = stabilise(graph, outputs, wrt)?;
        let seeds = check::paired(graph, "tangent", "value", tangents, wrt)?;
        let found = forward::push_forward(graph, &seeds, &stable)?;
        exactly_typed(graph, found, outputs)
    })
}

/// The Hessian of a scalar cost times vectors, one per value: the tangent of the gradient. `None` is zero.
///
/// Errors as for [`gradient`] and [`jvp`].
pub fn hvp(graph: &mut Graph, cost: Value, wrt: &[Value], vectors: &[Value]) -> Result<Vec<Option<Value>>> {
    let gradients = gradient(graph, cost, wrt)?;
    let connected: Vec<Value> = gradients.iter().copied().flatten().collect();
    let mut products = jvp(graph, &connected, wrt, vectors)?.into_iter();
    Ok(gradients.into_iter().map(|gradient| gradient.and_then(|_| products.next().flatten())).collect())
}

/// Runs a rule that says where its nodes come from, and puts back what was said before, also after an error.
fn keeping_provenance<R>(graph: &mut Graph, rule: impl FnOnce(&mut Graph) -> Result<R>) -> Result<R> {
    let before: Provenance = graph.provenance().clone();
    let result = rule(graph);
    graph.set_provenance(before);
    result
}

/// The derivatives with exactly the lengths of the values they belong to, where they had other names for the same.
fn exactly_typed(graph: &mut Graph, derivatives: Vec<Option<Value>>, like: &[Value]) -> Result<Vec<Option<Value>>> {
    let typed = derivatives.into_iter().zip(like).map(|(derivative, &like)| {
        let dims = graph.ty(like).dims.clone();
        derivative.map(|derivative| graph.broadcast(derivative, &dims)).transpose()
    });
    typed.collect()
}

/// Why an op of a user's has no derivative although it says how it varies.
const TOO_FEW: &str = "it states fewer partial derivatives than it has inputs";

/// The error of an op that has no derivative, at the line that uses it.
fn undefined(graph: &Graph, node: &Node, reason: &str) -> Error {
    let op = node.op().rules().name();
    let error = Error::new(ErrorKind::Gradient, format!("`{op}` has no derivative"))
        .at(node.provenance().source)
        .explain(reason)
        .advise("if it should count as constant, put `.stop_gradient()` before or after it");
    node.inputs().iter().enumerate().fold(error, |error, (place, &input)| error.operand(graph.operand(input, place, node.inputs().len())))
}

/// Whether derivatives flow through a value.
fn is_float(graph: &Graph, value: Value) -> bool {
    graph.ty(value).dtype.is_float()
}

/// The results of a node that derivatives flow through.
fn float_results(id: NodeId, node: &Node) -> impl Iterator<Item = Value> {
    node.types().iter().enumerate().filter(|(_, ty)| ty.dtype.is_float()).map(move |(result, _)| Value { node: id, result: result as u32 })
}
