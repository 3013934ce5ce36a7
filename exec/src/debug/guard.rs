//! The guard against NaN and infinity: cheap enough to leave on. It looks at what steps write, and only when something is not finite asks
//! which op made it.

#![expect(unsafe_code, reason = "it reads what steps have written")]
#![expect(clippy::wildcard_enum_match_arm, reason = "only floats are looked at")]

use std::collections::BTreeMap;

use damo_graph::{AnyArray, DType, Error, Graph, Problem, Result, Source, Value};

use super::finding::Finding;
use super::step::place_of;
use crate::plan::Plan;
use crate::region::Region;
use crate::run::Call;
use crate::view::View;

/// Lines of a path to show.
const LONGEST_PATH: usize = 8;

/// A value that a step wrote and that is not finite, or is beyond a limit.
pub(crate) fn suspicious(plan: &Plan, at: usize, regions: &[Region<'_>], limit: f64) -> Result<Option<Value>, Problem> {
    for buffer in plan.steps()[at].step.writes() {
        let known = &plan.buffers()[buffer.index()];
        let region = regions[buffer.index()];
        let is_fine = match known.dtype {
            DType::F32 => all_within::<f32>(region, known.bytes, |x| x.abs() <= limit as f32)?,
            DType::F64 => all_within::<f64>(region, known.bytes, |x| x.abs() <= limit)?,
            DType::F16 => all_within::<half::f16>(region, known.bytes, |x| x.to_f64().abs() <= limit)?,
            DType::BF16 => all_within::<half::bf16>(region, known.bytes, |x| x.to_f64().abs() <= limit)?,
            _ => true,
        };
        if !is_fine {
            let nodes = &plan.steps()[at].nodes;
            let value = plan.values.iter().find(|(value, view)| view.buffer == buffer && nodes.contains(&value.node)).map(|(value, _)| *value);
            return Ok(value.or_else(|| nodes.last().map(|&node| node.into())));
        }
    }
    Ok(None)
}

/// Whether all elements of a buffer are within what is asked.
fn all_within<T: damo_graph::Element>(region: Region<'_>, bytes: usize, is_within: impl Fn(T) -> bool) -> Result<bool, Problem> {
    // SAFETY: the step that wrote the buffer has ended, and the next has not begun.
    let view = unsafe { View::<T, 1>::new(region, 0, [bytes / size_of::<T>()], [1]) }?;
    // Whole blocks without a branch inside become vector code; an unfinished buffer holds anything, and is looked at again when it is done.
    let Some(elements) = view.as_slice() else { return Ok(view.iter().all(is_within)) };
    Ok(elements.chunks(512).all(|block| block.iter().fold(true, |all, &x| all & is_within(x))))
}

/// The op at fault for a value that a step made not finite: the first on the way to it whose inputs all are; the value itself where its meaning
/// is finite, and only the engine's is not.
///
/// # Errors
///
/// Those of an op.
pub(crate) fn locate(call: &Call<'_>, value: Value, limit: f64) -> Result<Finding> {
    let graph = call.graph;
    let values = meanings(call, value)?;
    let is_fine =
        |value: Value| values.get(&value).is_none_or(|array| !array.dtype().is_float() || array.to_reals().iter().all(|x| x.abs() <= limit));
    let mut at = value;
    while let Some(&next) = graph.node(at.node).inputs().iter().find(|&&input| !is_fine(input)) {
        at = next;
    }
    Ok(finding(graph, &values, at, limit, path(graph, at)))
}

fn finding(graph: &Graph, values: &BTreeMap<Value, AnyArray>, at: Value, limit: f64, path: Vec<Source>) -> Finding {
    let reals = values[&at].to_reals();
    let first = reals.iter().position(|x| x.is_nan() || x.abs() > limit);
    let inputs = graph.node(at.node).inputs().iter().filter_map(|input| {
        let array = values.get(input)?.to_reals();
        let range = array.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
        Some((format!("`{}`", graph.formula(*input)), range.0, range.1))
    });
    let place = place_of(graph, at, None);
    Finding::NotFinite {
        found: first.and_then(|first| reals.iter().nth(first).copied()).unwrap_or(f64::NAN),
        element: first.map(|first| super::element::index_of(first, reals.shape())).unwrap_or_default(),
        inputs: inputs.collect(),
        place,
        path,
    }
}

/// The user's lines that lead to a value, the nearest first, without its own.
fn path(graph: &Graph, value: Value) -> Vec<Source> {
    let own = graph.node(value.node).provenance().source;
    let mut lines: Vec<Source> = Vec::new();
    let mut seen = std::collections::BTreeSet::from([value.node]);
    let mut open = std::collections::VecDeque::from([value.node]);
    while let Some(node) = open.pop_front().filter(|_| lines.len() < LONGEST_PATH) {
        let line = graph.node(node).provenance().source.filter(|line| Some(*line) != own && !lines.contains(line));
        lines.extend(line);
        open.extend(graph.node(node).inputs().iter().map(|input| input.node).filter(|&input| seen.insert(input)));
    }
    lines
}

/// The meanings of a value and of all that it is computed from.
fn meanings(call: &Call<'_>, value: Value) -> Result<BTreeMap<Value, AnyArray>> {
    let graph = call.graph;
    let mut values: BTreeMap<Value, AnyArray> =
        graph.inputs().iter().map(|&node| Value::from(node)).zip(call.inputs.iter().map(crate::array::Argument::to_any)).collect();
    for id in graph.needed_for([value], |value| values.contains_key(&value)) {
        let node = graph.node(id);
        let read: Vec<&AnyArray> = node.inputs().iter().filter_map(|input| values.get(input)).collect();
        let made = node.op().rules().evaluate(&read, &call.plan.sizes).map_err(|problem| -> Error { graph.blame_node(id, problem) })?;
        values.extend(made.into_iter().enumerate().map(|(result, array)| (Value { node: id, result: result as u32 }, array)));
    }
    Ok(values)
}
