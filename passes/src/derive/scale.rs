//! A partial derivative, written as a term, times a tangent or cotangent.

use damo_graph::op::scalar::{self, Signature};
use damo_graph::op::term::{Formula, Term};
use damo_graph::{Graph, Result, Value};

use super::mask::Mask;
use super::masked::Masked;

/// The product of a partial derivative and a tangent or cotangent; `None` where the partial is the number 0.
///
/// A partial that is 0 on one side of a condition that the op was given narrows the mask, and nothing is multiplied.
pub(super) fn scale(graph: &mut Graph, partial: Term, arguments: &[Value], result: Value, by: Masked) -> Result<Option<Masked>> {
    if let Some(Side { condition, holds, partial }) = side(graph, partial, arguments) {
        let mask = Some(Mask::narrowed(graph, by.mask, condition, holds)?);
        let zeroed = by.zeroed && by.mask == mask;
        return scale(graph, partial, arguments, result, Masked { mask, zeroed, ..by });
    }
    // What is 0 outside of the mask stays 0 if a finite number multiplies it.
    let zeroed = by.mask.is_none() || by.zeroed && partial.known().is_some_and(f64::is_finite);
    Ok(product(graph, partial, arguments, result, by.value)?.map(|value| Masked { value, zeroed, ..by }))
}

/// A partial derivative that is 0 unless a condition among the arguments holds, or unless it does not.
struct Side {
    condition: Value,
    holds: bool,
    /// What it is then.
    partial: Term,
}

/// Reads a partial derivative as one, if it is.
fn side(graph: &Graph, partial: Term, arguments: &[Value]) -> Option<Side> {
    let Formula::Apply(function, terms) = partial.formula() else { return None };
    let (Signature::Select, &[condition, yes, no]) = (function.signature, &terms[..]) else { return None };
    let &Formula::Argument(place) = condition.formula() else { return None };
    let &condition = arguments.get(place).filter(|&&argument| !graph.ty(argument).dtype.is_float())?;
    match (yes.known() == Some(0.0), no.known() == Some(0.0)) {
        (false, true) => Some(Side { condition, holds: true, partial: yes }),
        (true, false) => Some(Side { condition, holds: false, partial: no }),
        (true, true) | (false, false) => None,
    }
}

/// The product of a partial derivative and a value; `None` where the partial is the number 0.
///
/// Nothing is multiplied by 1. A choice between partials becomes a choice between products: the branch not taken cannot spoil
/// the product where it is infinite, and the branch that is 0 costs nothing.
fn product(graph: &mut Graph, partial: Term, arguments: &[Value], result: Value, value: Value) -> Result<Option<Value>> {
    let dtype = graph.ty(value).dtype;
    match *partial.formula() {
        Formula::Constant(0.0) => Ok(None),
        Formula::Constant(1.0) => Ok(Some(value)),
        Formula::Constant(-1.0) => graph.apply(&scalar::NEG, &[value]).map(Some),
        Formula::Apply(function, ref terms) if function.signature == Signature::Select => {
            let [condition, yes, no] = terms[..] else { return times(graph, partial, arguments, result, value) };
            let yes = product(graph, yes, arguments, result, value)?;
            let no = product(graph, no, arguments, result, value)?;
            if yes == no {
                return Ok(yes);
            }
            let condition = graph.term(condition, arguments, result, dtype)?;
            let zero = graph.number(dtype, 0.0)?;
            graph.select(condition, yes.unwrap_or(zero), no.unwrap_or(zero)).map(Some)
        }
        Formula::Argument(_) | Formula::Result | Formula::Constant(_) | Formula::Apply(..) => times(graph, partial, arguments, result, value),
    }
}

fn times(graph: &mut Graph, partial: Term, arguments: &[Value], result: Value, value: Value) -> Result<Option<Value>> {
    let dtype = graph.ty(value).dtype;
    let partial = graph.term(partial, arguments, result, dtype)?;
    graph.times(partial, value).map(Some)
}
