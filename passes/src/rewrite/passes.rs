//! Rewriting a whole program, or what a cost needs before its derivative is taken.

use damo_graph::{Graph, Result, Value};

use super::{Replacement, Rewriter, standard};
use crate::policy::Policy;
use crate::prune::{is_pruned, prune};
use crate::settings::Settings;

/// The same program in normal form, its constants as they were written: what would overflow when computed now may still be replaced.
pub fn rewrite(graph: &Graph, settings: &Settings) -> Result<Graph> {
    in_normal_form(graph, settings, None)
}

/// The same program in normal form, with constants computed wherever rewriting brings some together.
pub fn settle(graph: &Graph, settings: &Settings) -> Result<Graph> {
    in_normal_form(graph, settings, Some(settings.fold_limit))
}

/// What [`rewrite`] does, or [`settle`] with a limit for constants: the graph with both sides of every replacement, nothing dropped.
///
/// Its outputs are the normal forms.
pub fn replacements(graph: &Graph, settings: &Settings, fold_limit: Option<usize>) -> Result<(Graph, Vec<Replacement>)> {
    let mut graph = graph.clone();
    let outputs = graph.outputs().to_vec();
    let rules = standard().choose(settings.policy, &settings.without);
    let mut rewriter = Rewriter::new(&mut graph, rules, [], fold_limit).releasing();
    let outputs = rewriter.normal_forms(&outputs)?;
    let replacements = std::mem::take(&mut rewriter.replacements);
    graph.set_outputs(outputs);
    Ok((graph, replacements))
}

fn in_normal_form(graph: &Graph, settings: &Settings, fold_limit: Option<usize>) -> Result<Graph> {
    let mut graph = graph.clone();
    let outputs = graph.outputs().to_vec();
    let rules = standard().choose(settings.policy, &settings.without);
    let outputs = Rewriter::new(&mut graph, rules, [], fold_limit).releasing().normal_forms(&outputs)?;
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
