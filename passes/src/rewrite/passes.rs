//! Rewriting a whole program, or what a cost needs before its derivative is taken.

use damo_graph::{Graph, Result, Value};

use super::{Replacement, Rewriter, standard};
use crate::policy::Policy;
use crate::prune::{is_pruned, prune};
use crate::settings::Settings;

/// The same program in normal form, its constants as they were written: what would overflow when computed now may still be replaced.
pub fn rewrite(graph: &Graph, settings: &Settings) -> Result<Graph> {
    let mut graph = graph.clone();
    let outputs = graph.outputs().to_vec();
    let rules = standard().choose(settings.policy, &settings.without);
    let outputs = Rewriter::new(&mut graph, rules, [], None).releasing().normal_forms(&outputs)?;
    with_outputs(graph, outputs, settings)
}

/// How often a program is settled again after something that was held back.
const ROUNDS: usize = 16;

/// The same program in normal form, with constants computed wherever rewriting brings some together, and taken apart where nothing else
/// needs a part.
pub fn settle(graph: &Graph, settings: &Settings) -> Result<Graph> {
    let (mut settled, mut was_held_back) = settle_once(graph, settings)?;
    let mut changed = settled != *graph;
    for _ in 1..ROUNDS {
        if !(was_held_back && changed) {
            break;
        }
        // What held a rule back may be gone.
        let (again, held_back) = settle_once(&settled, settings)?;
        (changed, was_held_back) = (again != settled, held_back);
        settled = again;
    }
    Ok(settled)
}

/// The settled program, and whether a rule was held back by what else needs a value.
fn settle_once(graph: &Graph, settings: &Settings) -> Result<(Graph, bool)> {
    let mut graph = graph.clone();
    let outputs = graph.outputs().to_vec();
    let rules = standard().choose(settings.policy, &settings.without);
    let mut rewriter = Rewriter::new(&mut graph, rules, [], Some(settings.fold_limit)).releasing().counting(&outputs);
    let outputs = rewriter.normal_forms(&outputs)?;
    let was_held_back = rewriter.was_held_back();
    Ok((with_outputs(graph, outputs, settings)?, was_held_back))
}

/// A graph with both sides of every replacement that made its outputs, nothing dropped.
pub type Watched = (Graph, Vec<Replacement>);

/// What [`rewrite`] does, for who compares.
pub fn watch_rewrite(graph: &Graph, settings: &Settings) -> Result<Watched> {
    let mut graph = graph.clone();
    let outputs = graph.outputs().to_vec();
    let rules = standard().choose(settings.policy, &settings.without);
    let mut rewriter = Rewriter::new(&mut graph, rules, [], None).releasing();
    let outputs = rewriter.normal_forms(&outputs)?;
    let replacements = std::mem::take(&mut rewriter.replacements);
    graph.set_outputs(outputs);
    Ok((graph, replacements))
}

/// What [`settle`] does, round by round, for who compares.
pub fn watch_settle(graph: &Graph, settings: &Settings) -> Result<Vec<Watched>> {
    let mut rounds = Vec::new();
    let mut current = graph.clone();
    for _ in 0..ROUNDS {
        let mut next = current.clone();
        let outputs = next.outputs().to_vec();
        let rules = standard().choose(settings.policy, &settings.without);
        let mut rewriter = Rewriter::new(&mut next, rules, [], Some(settings.fold_limit)).releasing().counting(&outputs);
        let outputs = rewriter.normal_forms(&outputs)?;
        let (held_back, replacements) = (rewriter.was_held_back(), std::mem::take(&mut rewriter.replacements));
        next.set_outputs(outputs.iter().copied());
        let settled = with_outputs(next.clone(), outputs, settings)?;
        rounds.push((next, replacements));
        if !held_back || settled == current {
            break;
        }
        current = settled;
    }
    Ok(rounds)
}

/// The graph with other outputs, without what they do not need.
fn with_outputs(mut graph: Graph, outputs: Vec<Value>, settings: &Settings) -> Result<Graph> {
    graph.set_outputs(outputs);
    if is_pruned(&graph) { Ok(graph) } else { prune(&graph, settings) }
}

/// Stable forms of values of a graph, added to the graph: what derivatives are taken of.
///
/// The `fixed` values, those that derivatives are taken with respect to, stay as they are.
pub fn stabilise(graph: &mut Graph, values: &[Value], fixed: &[Value]) -> Result<Vec<Value>> {
    let before = graph.provenance().clone();
    let rules = standard().choose(Policy::Stable, &[]);
    let stable = Rewriter::new(graph, rules, fixed.iter().copied(), None).normal_forms(values);
    graph.set_provenance(before);
    stable
}
