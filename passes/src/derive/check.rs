//! What may be asked of derivatives: each refusal with what to do instead.

use damo_graph::error::Operand;
use damo_graph::{Error, ErrorKind, Graph, Result, Value};

/// Refuses values of another graph.
pub(super) fn known(graph: &Graph, values: &[Value]) -> Result<()> {
    if values.iter().all(|&value| graph.contains(value)) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::ForeignTensor, "a derivative was asked of a value of another graph")
        .advise("use values of the graph that computes the cost"))
}

/// Refuses a cost that is not a single floating-point number.
pub(super) fn cost(graph: &Graph, cost: Value) -> Result<()> {
    known(graph, &[cost])?;
    let ty = graph.ty(cost);
    let error = |title: &str, advice: &str| {
        Err(Error::new(ErrorKind::Gradient, title)
            .at(graph.node(cost.node).provenance().source)
            .operand(Operand { name: "cost".into(), ..graph.operand(cost, 0, 1) })
            .advise(advice))
    };
    if !ty.dtype.is_float() {
        return error("the cost of a gradient must be a float", "cast what it is computed from to a float type");
    }
    if ty.rank() != 0 {
        return error("the cost of a gradient must be a scalar", "sum or mean it first, or use vjp");
    }
    Ok(())
}

/// Refuses values that do not vary, because they are not floating-point.
pub(super) fn floats(graph: &Graph, wrt: &[Value]) -> Result<()> {
    known(graph, wrt)?;
    match wrt.iter().enumerate().find(|&(_, &value)| !super::is_float(graph, value)) {
        None => Ok(()),
        Some((place, &value)) => Err(Error::new(ErrorKind::Gradient, "a derivative is taken with respect to floats only")
            .at(graph.node(value.node).provenance().source)
            .operand(graph.operand(value, place, wrt.len()))
            .advise("cast it to a float type before it is used, or leave it out")),
    }
}

/// Pairs each value with the tangent or cotangent given for it, stretched to its lengths.
pub(super) fn paired(graph: &mut Graph, given: &str, of: &str, vectors: &[Value], values: &[Value]) -> Result<Vec<(Value, Value)>> {
    known(graph, values)?;
    known(graph, vectors)?;
    if vectors.len() != values.len() {
        return Err(Error::new(ErrorKind::Gradient, format!("there must be one {given} for each {of}")).explain(format!(
            "{} were given for {}",
            vectors.len(),
            values.len()
        )));
    }
    let pairs = values.iter().zip(vectors).map(|(&value, &vector)| {
        let (want, have) = (graph.ty(value).clone(), graph.ty(vector).dtype);
        let misfit = |graph: &Graph, line: String| {
            let named = |name: &str, value: Value| Operand { name: name.into(), ..graph.operand(value, 0, 1) };
            Error::new(ErrorKind::Gradient, format!("a {given} does not fit its {of}"))
                .at(graph.node(vector.node).provenance().source)
                .operand(named(of, value))
                .operand(named(given, vector))
                .explain(line)
                .advise("bring it to the shape and element type of the other with `broadcast`, `reshape` or `cast`")
        };
        if !want.dtype.is_float() {
            return Err(misfit(graph, "only floats have derivatives".into()));
        }
        if have != want.dtype {
            return Err(misfit(graph, format!("its elements must be {}", want.dtype)));
        }
        let before = graph.set_provenance(graph.node(vector.node).provenance().clone());
        let fitted = graph.broadcast(vector, &want.dims);
        graph.set_provenance(before);
        match fitted {
            Ok(fitted) => Ok((value, fitted)),
            Err(_) => Err(misfit(graph, format!("its lengths must be {} or broadcast to them", want.dims))),
        }
    });
    pairs.collect()
}
