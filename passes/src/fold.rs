//! The pass that computes now what depends on small constants alone.

use std::collections::BTreeMap;

use damo_graph::op::constant::Constant;
use damo_graph::{AnyArray, Graph, Node, Op, Result, Sizes, Value};

use crate::rebuild::Rebuild;
use crate::rewrite::{Replacement, Watched};
use crate::settings::Settings;

/// The same graph with every node that reads only constants replaced by what it computes, by the meaning of its op.
///
/// A result stays uncomputed where it would be larger than [`Settings::fold_limit`] or than what it is computed from (a
/// broadcast, a range), where a length is not known, or where computing it is an error: that belongs to the call.
pub fn fold(graph: &Graph, settings: &Settings) -> Result<Graph> {
    if graph.nodes().all(|(_, node)| known_result(graph, node, node.inputs(), settings.fold_limit).is_none()) {
        return Ok(graph.clone());
    }
    let mut folded = graph.successor();
    let mut rebuild = Rebuild::new(graph, &mut folded);
    for (id, node) in graph.nodes() {
        let inputs = rebuild.inputs_of(node)?;
        let Some(arrays) = known_result(rebuild.into, node, &inputs, settings.fold_limit) else {
            rebuild.copy(id)?;
            continue;
        };
        let before = rebuild.into.set_provenance(node.provenance().by_rule("fold"));
        for (result, array) in arrays.into_iter().enumerate() {
            let constant = rebuild.into.add(Constant(array), &[])?;
            rebuild.replace(Value { node: id, result: result as u32 }, constant);
        }
        rebuild.into.set_provenance(before);
    }
    rebuild.finish()?;
    Ok(folded)
}

/// What [`fold`] does, for who compares: the graph with each constant beside the value that it stands for.
///
/// # Errors
///
/// Those of adding a constant.
pub fn watch_fold(graph: &Graph, settings: &Settings) -> Result<Watched> {
    let mut watched = graph.clone();
    let mut constants: BTreeMap<Value, Value> = BTreeMap::new();
    let mut replacements = Vec::new();
    for (id, node) in graph.nodes() {
        let inputs: Vec<Value> = node.inputs().iter().map(|input| constants.get(input).copied().unwrap_or(*input)).collect();
        let Some(arrays) = known_result(&watched, node, &inputs, settings.fold_limit) else { continue };
        for (result, array) in arrays.into_iter().enumerate() {
            let (before, after) = (Value { node: id, result: result as u32 }, watched.add(Constant(array), &[])?);
            constants.insert(before, after);
            replacements.push(Replacement { rule: "fold", followed_by: Vec::new(), before, after });
        }
    }
    Ok((watched, replacements))
}

/// The results of a node on inputs of a graph, if they are known now and small.
pub(crate) fn known_result(graph: &Graph, node: &Node, inputs: &[Value], limit: usize) -> Option<Vec<AnyArray>> {
    if constant(node.op()).is_some() {
        return None;
    }
    let inputs: Vec<&AnyArray> = inputs.iter().map(|&input| constant(graph.op(input))).collect::<Option<_>>()?;
    let shapes: Vec<Vec<usize>> = node.types().iter().map(|ty| graph.lengths().resolve_all(&ty.dims).known()).collect::<Option<_>>()?;
    let given: usize = inputs.iter().map(|array| array.len()).sum();
    let made = shapes.iter().try_fold(0usize, |sum, shape| sum.checked_add(count(shape)?))?;
    if made > limit.min(given.max(1)) {
        return None;
    }
    let results = node.op().rules().evaluate(&inputs, &Sizes::default()).ok()?;
    #[cfg(feature = "faults")]
    let results = {
        let mut results = results;
        crate::faults::fold(node, &mut results);
        results
    };
    let as_declared = results.len() == shapes.len()
        && results.iter().zip(node.types()).zip(&shapes).all(|((array, ty), shape)| array.dtype() == ty.dtype && array.shape() == shape.as_slice());
    as_declared.then(|| results.into_vec())
}

/// The array of a literal.
fn constant(op: &Op) -> Option<&AnyArray> {
    if let Op::Constant(Constant(array)) = op { Some(array) } else { None }
}

/// How many elements a shape has, if that fits.
fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, &length| product.checked_mul(length))
}

#[cfg(test)]
mod tests {
    use damo_graph::op::broadcast::Broadcast;
    use damo_graph::op::dim_value::DimValue;
    use damo_graph::op::input::InputKind;
    use damo_graph::op::iota::Iota;
    use damo_graph::op::scalar;
    use damo_graph::types::IntoDims;
    use damo_graph::{DType, Provenance, Source, Symbol, Type};
    use ndarray::{Array1, arr1};

    use super::*;

    /// The array that the one output of a graph became, if it did.
    fn folded(build: impl FnOnce(&mut Graph) -> Result<Value>) -> Option<AnyArray> {
        let mut graph = Graph::new();
        let output = build(&mut graph).unwrap();
        graph.set_outputs([output]);
        let folded = fold(&graph, &Settings::default()).unwrap();
        folded.verify().unwrap();
        constant(folded.op(folded.outputs()[0])).cloned()
    }

    fn literal(graph: &mut Graph, array: impl Into<AnyArray>) -> Value {
        graph.add(Constant(array.into()), &[]).unwrap()
    }

    #[test]
    fn chains_of_constants_fold() {
        let sum = folded(|graph| {
            let x = literal(graph, arr1(&[1.0f32, 2.0, 3.0]));
            let two = graph.number(DType::F32, 2.0)?;
            let doubled = graph.times(x, two)?;
            graph.sum(doubled, &[0])
        });
        assert_eq!(sum.unwrap(), AnyArray::from(ndarray::arr0(12f32)));
    }

    #[test]
    fn integers_wrap_and_nan_stays() {
        let wrapped = folded(|graph| {
            let (x, y) = (literal(graph, arr1(&[i64::MAX, 3])), literal(graph, arr1(&[1i64, i64::MAX])));
            graph.plus(x, y)
        });
        assert_eq!(wrapped.unwrap(), AnyArray::from(arr1(&[i64::MIN, i64::MIN + 2])));
        let nan = folded(|graph| {
            let x = literal(graph, arr1(&[-1f64, 4.0, f64::NAN]));
            graph.apply(&scalar::SQRT, &[x])
        });
        let reals = nan.unwrap().to_reals();
        assert!(reals[0].is_nan() && reals[1] == 2.0 && reals[2].is_nan());
    }

    #[test]
    fn large_results_stay_uncomputed() {
        let two_thousand = |graph: &mut Graph| literal(graph, Array1::<f32>::ones(2000));
        assert!(
            folded(|graph| {
                let x = two_thousand(graph);
                graph.apply(&scalar::EXP, &[x])
            })
            .is_none()
        );
        // Small, though made from much.
        assert!(
            folded(|graph| {
                let x = two_thousand(graph);
                graph.sum(x, &[0])
            })
            .is_some()
        );
        // Larger than what they are made from.
        assert!(
            folded(|graph| {
                let x = graph.number(DType::F32, 1.0)?;
                graph.add(Broadcast { to: [10usize].into_dims() }, &[x])
            })
            .is_none()
        );
        assert!(folded(|graph| graph.add(Iota { length: 10.into(), dtype: DType::I64 }, &[])).is_none());
    }

    #[test]
    fn unknown_lengths_and_failures_belong_to_the_call() {
        let n = Symbol::new("n");
        let with_input = |op: Op| {
            let mut graph = Graph::new();
            graph.add_input("x", Type::new(DType::F64, [n]), InputKind::Argument).unwrap();
            let output = graph.add(op, &[]).unwrap();
            graph.set_outputs([output]);
            assert_eq!(fold(&graph, &Settings::default()).unwrap(), graph);
        };
        with_input(DimValue { dim: n.into(), dtype: DType::F64 }.into());
        with_input(Iota { length: n.into(), dtype: DType::F64 }.into());
        // The largest of no numbers does not exist, which is the call's error to report.
        assert!(
            folded(|graph| {
                let empty = literal(graph, Array1::<f64>::zeros(0));
                graph.reduce(damo_graph::op::reduce::Reduction::Max, empty, &[0])
            })
            .is_none()
        );
    }

    #[test]
    fn constants_say_who_made_them() {
        let mut graph = Graph::new();
        let source = Source { file: "user.rs", line: 3, column: 1 };
        graph.set_provenance(Provenance::user(source));
        let one = graph.number(DType::F64, 1.0).unwrap();
        let e = graph.apply(&scalar::EXP, &[one]).unwrap();
        let x = graph.add_input("x", Type::scalar(DType::F64), InputKind::Argument).unwrap();
        let output = graph.times(e, x).unwrap();
        graph.set_outputs([output]);
        let folded = fold(&graph, &Settings::default()).unwrap();
        let made = folded.node(folded.outputs()[0].node).inputs()[0];
        let provenance = folded.node(made.node).provenance();
        assert_eq!((provenance.source, provenance.rules.as_slice()), (Some(source), &["fold"][..]));
    }
}
