//! Every replacement that a rewrite rule made, on the user's data: the two sides are evaluated from the same values and compared.
//!
//! The graph of a rewriting that was not pruned holds both sides of each replacement, an input or a constant included. The first in the
//! order of firing that differs names the rule at fault: what it made stands in all that follow.

use std::collections::{BTreeMap, BTreeSet};

use damo_graph::op::Op;
use damo_graph::{AnyArray, Error, Graph, Result, Sizes, Value};

use super::bounds::{Against, Bounded};
use super::finding::{Finding, Verdict};
use super::reproducer::Case;
use super::step::{Meanings, compare, place_of};

/// One replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The rule, or the pass.
    pub rule: &'static str,
    /// What was there.
    pub before: Value,
    /// What stands for it.
    pub after: Value,
}

/// A graph with both sides of each replacement.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The graph, with nothing dropped.
    pub graph: Graph,
    /// The replacements in the order in which they were made.
    pub replacements: Vec<Replacement>,
}

/// How a program became the one that runs.
#[derive(Clone, Debug, Default)]
pub struct Rewriting {
    /// One stage after the other. All have the inputs of the program.
    pub stages: Vec<Stage>,
    /// The program as it was written and as it runs in one graph; each output is a replacement.
    pub whole: Option<Stage>,
    /// The derivatives of both in one direction.
    pub gradient: Option<Stage>,
}

/// So many nodes of one side are followed before what is below is taken as given.
const WIDEST: usize = 64;

/// Compares the sides of all replacements on these inputs; the first fault of each stage is told.
///
/// # Errors
///
/// Those of an op.
pub(crate) fn check(rewriting: &Rewriting, inputs: &[AnyArray]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for stage in &rewriting.stages {
        let graph = &stage.graph;
        let shapes: Vec<&[usize]> = inputs.iter().map(AnyArray::shape).collect();
        let sizes = Sizes::bind(graph, &shapes)?;
        let wanted = stage.replacements.iter().flat_map(|replacement| [replacement.before, replacement.after]);
        let values = evaluate(graph, &sizes, inputs, wanted)?;
        let compared = stage.replacements.iter().map(|replacement| compare_sides(graph, &sizes, &values, replacement));
        for found in compared {
            if let Some(found) = found? {
                let is_fault = found.is_fault();
                findings.push(found);
                if is_fault {
                    // What follows is made of it.
                    return Ok(findings);
                }
            }
        }
    }
    Ok(findings)
}

/// Compares the program as it was written with the one that runs, and their derivatives, on these inputs.
///
/// # Errors
///
/// Those of an op.
pub(crate) fn check_whole(rewriting: &Rewriting, inputs: &[AnyArray]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (stage, is_gradient) in rewriting.whole.iter().map(|stage| (stage, false)).chain(rewriting.gradient.iter().map(|stage| (stage, true))) {
        let graph = &stage.graph;
        let shapes: Vec<&[usize]> = inputs.iter().map(AnyArray::shape).collect();
        let sizes = Sizes::bind(graph, &shapes)?;
        let given: BTreeMap<Value, AnyArray> = graph.inputs().iter().map(|&node| Value::from(node)).zip(inputs.iter().cloned()).collect();
        let mut meanings = Meanings::new(graph, &sizes, &given, Against::Formula);
        for Replacement { before, after, .. } in &stage.replacements {
            let blame = |problem| graph.blame_node(before.node, problem);
            let (old, new) = (meanings.of(*before).map_err(blame)?.clone(), meanings.of(*after).map_err(blame)?.clone());
            let Some(mut difference) = compare(&widened(&old, &new), &new.value) else { continue };
            meanings.judge(*before, &mut difference);
            if difference.verdict == Verdict::Improved {
                continue;
            }
            let place = place_of(graph, *before, None);
            let names: BTreeSet<&str> = graph.rewrites().iter().map(|rewrite| rewrite.rule).collect();
            let rule = if names.is_empty() { "passes".to_owned() } else { names.into_iter().collect::<Vec<_>>().join(", ") };
            findings.push(if is_gradient {
                Finding::WrongGradient { place, rule, difference }
            } else {
                Finding::WrongRewrite { place, rule, after: graph.formula(*after), difference, reproducer: None }
            });
        }
    }
    Ok(findings)
}

/// The values of these and of all they are computed from.
fn evaluate(graph: &Graph, sizes: &Sizes, inputs: &[AnyArray], wanted: impl Iterator<Item = Value>) -> Result<BTreeMap<Value, AnyArray>> {
    let mut values: BTreeMap<Value, AnyArray> = graph.inputs().iter().map(|&node| Value::from(node)).zip(inputs.iter().cloned()).collect();
    let mut open: Vec<(Value, bool)> = wanted.map(|value| (value, false)).collect();
    while let Some((value, is_ready)) = open.pop() {
        if values.contains_key(&value) {
            continue;
        }
        let node = graph.node(value.node);
        if !is_ready {
            open.push((value, true));
            open.extend(node.inputs().iter().map(|&input| (input, false)));
            continue;
        }
        let read: Vec<&AnyArray> = node.inputs().iter().filter_map(|input| values.get(input)).collect();
        let made = node.op().rules().evaluate(&read, sizes).map_err(|problem| -> Error { graph.blame_node(value.node, problem) })?;
        values.extend(made.into_iter().enumerate().map(|(result, array)| (Value { node: value.node, result: result as u32 }, array)));
    }
    Ok(values)
}

/// The values that a value is computed from through few nodes, itself included.
fn near(graph: &Graph, value: Value) -> BTreeSet<Value> {
    let mut found = BTreeSet::from([value]);
    let mut open = std::collections::VecDeque::from([value]);
    while let Some(value) = open.pop_front().filter(|_| found.len() < WIDEST) {
        for &input in graph.node(value.node).inputs() {
            if found.insert(input) {
                open.push_back(input);
            }
        }
    }
    found
}

fn compare_sides(graph: &Graph, sizes: &Sizes, values: &BTreeMap<Value, AnyArray>, replacement: &Replacement) -> Result<Option<Finding>> {
    let Replacement { rule, before, after } = *replacement;
    let blame = |problem| graph.blame_node(before.node, problem);
    // Equal bits are equal whatever they may have been.
    let (Some(old), Some(new)) = (values.get(&before), values.get(&after)) else { return Ok(None) };
    if old == new {
        return Ok(None);
    }
    // What both sides are made of is taken as it is.
    let (near_before, near_after) = (near(graph, before), near(graph, after));
    let is_leaf = |value: &Value| matches!(graph.op(*value), Op::Input(_) | Op::Constant(_));
    let common: BTreeSet<Value> = near_before.intersection(&near_after).copied().filter(|&value| value != before && value != after).collect();
    let edge = |near: &BTreeSet<Value>| near.iter().copied().filter(|value| graph.node(value.node).inputs().iter().any(|input| !near.contains(input))).collect::<Vec<_>>();
    let mut given: BTreeSet<Value> = common;
    given.extend(graph.inputs().iter().map(|&node| Value::from(node)));
    given.extend(edge(&near_before).into_iter().flat_map(|value| graph.node(value.node).inputs().to_vec()).filter(|input| !near_before.contains(input)));
    given.extend(edge(&near_after).into_iter().flat_map(|value| graph.node(value.node).inputs().to_vec()).filter(|input| !near_after.contains(input)));
    given.retain(|value| (*value != before || is_leaf(value)) && (*value != after || is_leaf(value)));
    let given: BTreeMap<Value, AnyArray> = given.into_iter().filter_map(|value| Some((value, values.get(&value)?.clone()))).collect();
    let mut meanings = Meanings::new(graph, sizes, &given, Against::Formula);
    let (old, new) = (meanings.of(before).map_err(blame)?.clone(), meanings.of(after).map_err(blame)?.clone());
    let Some(mut difference) = compare(&widened(&old, &new), &new.value) else { return Ok(None) };
    meanings.judge(before, &mut difference);
    if difference.verdict == Verdict::Improved {
        return Ok(None);
    }
    let mut case = Case::of(graph, sizes, &given, &[before, after]);
    let shows = |case: &Case| {
        let &[before, after] = case.graph.outputs() else { return false };
        let inputs: Vec<AnyArray> = case.inputs.clone();
        let given: BTreeMap<Value, AnyArray> = case.graph.inputs().iter().map(|&node| Value::from(node)).zip(inputs).collect();
        let sizes = Sizes::default();
        let mut meanings = Meanings::new(&case.graph, &sizes, &given, Against::Formula);
        let (Ok(old), Ok(new)) = (meanings.of(before).cloned(), meanings.of(after).cloned()) else { return false };
        compare(&widened(&old, &new), &new.value).is_some()
    };
    case = case.filter(&shows).map(|case| case.with_shorter_arrays(&shows));
    Ok(Some(Finding::WrongRewrite {
        place: place_of(graph, before, None),
        rule: rule.to_owned(),
        after: graph.formula(after),
        difference,
        reproducer: case.map(|case| Box::new(case.reproducer())),
    }))
}

/// A value with the bounds of both sides.
fn widened(old: &Bounded, new: &Bounded) -> Bounded {
    let error = match (&old.error, &new.error) {
        (Some(old), Some(new)) if old.shape() == new.shape() => Some(old + new),
        (old, new) => old.clone().or_else(|| new.clone()),
    };
    Bounded { value: old.value.clone(), error }
}
