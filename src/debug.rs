//! Debug mode as users see it: what can be found, and a graph checked once.
//!
//! `Config { mode: Mode::Debug, .. }`, or `DAMO_FLAGS=mode=debug`, runs a program with everything checked; see
//! [`Function::findings`](crate::Function::findings).

use damo_exec::Executable;
use damo_exec::debug::{Replacement, Rewriting, Stage, first_difference};
use damo_graph::{Graph, Node, NodeId, Result, Value};
use damo_passes::Agreement;
use damo_passes::derive::{jvp, jvp_as_written};
use damo_passes::fold::{fold, watch_fold};
use damo_passes::pipeline::optimise;
use damo_passes::rewrite::{Watched, rewrite, standard, watch_rewrite, watch_settle};
use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Config, Mode};

pub use damo_exec::debug::{Difference, Finding, Place, Repetition, Reproducer, Verdict, check};
pub use damo_exec::hooks::Hooks;

/// How a program became the one that runs, to be checked on the data of calls, and whether it becomes the same a second time.
///
/// # Errors
///
/// Those of the passes.
fn history(traced: &Graph, optimised: &Graph, config: &Config) -> Result<(Rewriting, Option<Finding>)> {
    let settings = config.passes();
    let (again, _) = optimise(traced, &settings)?;
    let (first, second) = (optimised.to_text(), again.to_text());
    let finding = (first != second).then(|| Finding::NotRepeatable {
        what: Repetition::Rewriting,
        place: Place::default(),
        how: first_difference(&first, &second),
    });
    let stage = |(graph, replacements): Watched| {
        // Where one rule follows another at once, both are told with what the last made.
        let extending: BTreeSet<Value> = replacements.iter().filter(|made| extends(made.rule)).map(|made| made.after).collect();
        let replacements = replacements.into_iter().map(|made| Replacement {
            rule: made.rule,
            before: made.before,
            after: made.after,
            extends: extending.contains(&made.after)
                || made.followed_by.iter().any(|rule| extends(rule))
                || others(&graph, made.before, made.after).into_iter().any(extends),
            of: None,
        });
        let replacements = replacements.collect();
        Stage { graph, replacements }
    };
    let rewritten = rewrite(traced, &settings)?;
    let rounds = watch_settle(&fold(&rewritten, &settings)?, &settings)?;
    let first = [watch_rewrite(traced, &settings)?, watch_fold(&rewritten, &settings)?];
    let stages = first.into_iter().chain(rounds).map(stage).collect();
    Ok((Rewriting { stages, whole: Some(beside(traced, optimised)?), gradient: derivatives(traced, optimised) }, finding))
}

/// Whether a rule says that it is right, too, where the formula as written overflows, vanishes or is 0/0.
fn extends(rule: &str) -> bool {
    standard().find(rule).is_some_and(|known| known.agreement == Agreement::Extends)
}

/// The rules that had a hand in what stands for a value: others may follow the first at once.
fn others(graph: &Graph, before: Value, after: Value) -> Vec<&'static str> {
    // What the value was computed from was there.
    let (mut open, mut seen) = (vec![before], BTreeSet::new());
    while let Some(value) = open.pop() {
        if seen.insert(value.node) {
            open.extend_from_slice(graph.node(value.node).inputs());
        }
    }
    let mut rules = Vec::new();
    open.push(after);
    while let Some(value) = open.pop() {
        if seen.insert(value.node) {
            let node = graph.node(value.node);
            rules.extend_from_slice(&node.provenance().rules);
            open.extend_from_slice(node.inputs());
        }
    }
    rules
}

/// A graph that was not traced, rewritten and made ready as a configuration says; in debug mode with all that is watched.
///
/// # Errors
///
/// Those of the passes.
pub fn executable(graph: &Graph, config: &Config) -> Result<Executable> {
    let (optimised, _) = optimise(graph, &config.passes())?;
    Ok(watched(graph, Executable::new(optimised, config.options())?, config))
}

/// The same, in debug mode with all that a call under watch checks: what takes time waits for the first such call.
pub(crate) fn watched(traced: &Graph, executable: Executable, config: &Config) -> Executable {
    if config.mode != Mode::Debug {
        return executable;
    }
    let (traced, optimised, config) = (traced.clone(), executable.graph().clone(), config.clone());
    executable.rewritten(move || history(&traced, &optimised, &config))
}

/// Both programs in one graph: what is equal is one node.
fn beside(traced: &Graph, optimised: &Graph) -> Result<Stage> {
    let mut graph = optimised.successor();
    let before = copy(traced, &mut graph)?;
    let after = copy(optimised, &mut graph)?;
    let pairs = before.iter().zip(&after).filter(|(before, after)| before != after);
    let extends = optimised.rewrites().iter().any(|rewrite| extends(rewrite.rule));
    let replacements = pairs.map(|(&before, &after)| Replacement { rule: "passes", before, after, extends, of: None }).collect();
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
    // The program as it runs is not derived any more: what a user derives is the stable form of the one written.
    let before: Vec<Value> = pairs.iter().map(|pair| pair.before).collect();
    let written = jvp_as_written(&mut graph, &before, &wrt, &direction).ok()?;
    let runs = jvp(&mut graph, &before, &wrt, &direction).ok()?;
    let derived = pairs
        .iter()
        .zip(written.into_iter().zip(runs))
        .filter_map(|(pair, (before, after))| Some(Replacement { before: before?, after: after?, extends: true, of: Some(pair.after), ..*pair }));
    let replacements = derived.filter(|pair| pair.before != pair.after).collect();
    Some(Stage { graph, replacements })
}
