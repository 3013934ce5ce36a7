//! A partial derivative, written as a term, times a tangent or cotangent.

use damo_graph::op::scalar::{self, Signature};
use damo_graph::op::term::{Formula, Term};
use damo_graph::{Graph, Result, Value};

/// The product of a partial derivative and a value; `None` where the partial is the number 0.
///
/// Nothing is multiplied by 1. A choice between partials becomes a choice between products: the branch not taken cannot spoil
/// the product where it is infinite, and the branch that is 0 costs nothing.
pub(super) fn scale(graph: &mut Graph, partial: Term, arguments: &[Value], result: Value, value: Value) -> Result<Option<Value>> {
    let dtype = graph.ty(value).dtype;
    match *partial.formula() {
        Formula::Constant(0.0) => Ok(None),
        Formula::Constant(1.0) => Ok(Some(value)),
        Formula::Constant(-1.0) => graph.apply(&scalar::NEG, &[value]).map(Some),
        Formula::Apply(function, ref terms) if function.signature == Signature::Select => {
            let [condition, yes, no] = terms[..] else { return product(graph, partial, arguments, result, value) };
            let yes = scale(graph, yes, arguments, result, value)?;
            let no = scale(graph, no, arguments, result, value)?;
            if yes == no {
                return Ok(yes);
            }
            let condition = graph.term(condition, arguments, result, dtype)?;
            let zero = graph.number(dtype, 0.0)?;
            graph.select(condition, yes.unwrap_or(zero), no.unwrap_or(zero)).map(Some)
        }
        Formula::Argument(_) | Formula::Result | Formula::Constant(_) | Formula::Apply(..) => product(graph, partial, arguments, result, value),
    }
}

fn product(graph: &mut Graph, partial: Term, arguments: &[Value], result: Value, value: Value) -> Result<Option<Value>> {
    let dtype = graph.ty(value).dtype;
    let partial = graph.term(partial, arguments, result, dtype)?;
    graph.times(partial, value).map(Some)
}
