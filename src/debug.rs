//! DebugMode as users see it: what can be found, and a graph checked once.
//!
//! `Config { mode: Mode::Debug, .. }`, or `DAMO_FLAGS=mode=debug`, runs a program with everything checked; see
//! [`Function::findings`](crate::Function::findings).

use damo_exec::debug::{Replacement, Rewriting, Stage, first_difference};
use damo_graph::{Graph, Node, NodeId, Result, Value};
use damo_passes::derive::{jvp, jvp_as_written};
use damo_passes::fold::{fold, watch_fold};
use damo_passes::pipeline::optimise;
use damo_passes::rewrite::{Watched, rewrite, watch_rewrite, watch_settle};
use std::collections::BTreeMap;

use crate::config::Config;

pub use damo_exec::debug::{Difference, Finding, Place, Repetition, Reproducer, Verdict, check};
pub use damo_exec::hooks::Hooks;

/// How a program became the one that runs, to be checked on the data of calls, and whether it becomes the same a second time.
///
/// # Errors
///
/// Those of the passes.
pub(crate) fn history(traced: &Graph, optimised: &Graph, config: &Config) -> Result<(Rewriting, Option<Finding>)> {
    let settings = config.passes();
    let (again, _) = optimise(traced, &settings)?;
    let (first, second) = (optimised.to_text(), again.to_text());
    let finding = (first != second).then(|| Finding::NotRepeatable {
        what: Repetition::Rewriting,
        place: Place::default(),
        how: first_difference(&first, &second),
    });
    let stage = |(graph, replacements): Watched| {
        let replacements = replacements.into_iter().map(|made| Replacement { rule: made.rule, before: made.before, after: made.after });
        Stage { graph, replacements: replacements.collect() }
    };
    let rewritten = rewrite(traced, &settings)?;
    let rounds = watch_settle(&fold(&rewritten, &settings)?, &settings)?;
    let first = [watch_rewrite(traced, &settings)?, watch_fold(&rewritten, &settings)?];
    let stages = first.into_iter().chain(rounds).map(stage).collect();
    Ok((Rewriting { stages, whole: Some(beside(traced, optimised)?), gradient: derivatives(traced, optimised) }, finding))
}

/// Both programs in one graph: what is equal is one node.
fn beside(traced: &Graph, optimised: &Graph) -> Result<Stage> {
    let mut graph = optimised.successor();
    let before = copy(traced, &mut graph)?;
    let after = copy(optimised, &mut graph)?;
    let pairs = before.iter().zip(&after).filter(|(before, after)| before != after);
    let replacements = pairs.map(|(&before, &after)| Replacement { rule: "passes", before, after }).collect();
    graph.set_outputs(before.iter().chain(&after).copied());
    Ok(Stage { graph, replacements })
}

fn copy(from: &Graph, into: &mut Graph) -> Result<Vec<Value>> {
    let mut made: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    for (id, node) in from.nodes() {
        let node: &Node = node;
        let inputs: Vec<Value> = node.inputs().iter().map(|value| Value { node: made[&value.node], result: value.result }).collect();
        made.insert(id, into.adopt(node, &inputs)?);
    }
    Ok(from.outputs().iter().map(|value| Value { node: made[&value.node], result: value.result }).collect())
}

/// The derivatives of both programs in one direction; `None` where there are none.
fn derivatives(traced: &Graph, optimised: &Graph) -> Option<Stage> {
    let Stage { mut graph, replacements } = beside(traced, optimised).ok()?;
    let is_float = |graph: &Graph, value: Value| graph.ty(value).dtype.is_float();
    let wrt: Vec<Value> = graph.inputs().iter().map(|&node| Value::from(node)).filter(|&value| is_float(&graph, value)).collect();
    let mut direction = Vec::with_capacity(wrt.len());
    for (place, &value) in wrt.iter().enumerate() {
        // Some numbers, other for each input.
        let number = 0.625 - 1.375 * (place % 3) as f64 + 0.1875 * (place % 5) as f64;
        direction.push(graph.number(graph.ty(value).dtype, number).ok()?);
    }
    let pairs: Vec<Replacement> = replacements.into_iter().filter(|pair| is_float(&graph, pair.before)).collect();
    let (before, after): (Vec<Value>, Vec<Value>) = pairs.iter().map(|pair| (pair.before, pair.after)).unzip();
    let written = jvp_as_written(&mut graph, &before, &wrt, &direction).ok()?;
    let runs = jvp(&mut graph, &after, &wrt, &direction).ok()?;
    let pairs = written.into_iter().zip(runs).filter_map(|(before, after)| Some(Replacement { rule: "passes", before: before?, after: after? }));
    let replacements = pairs.filter(|pair| pair.before != pair.after).collect();
    Some(Stage { graph, replacements })
}
