//! Every replacement that a rewrite rule made, on the user's data: the two sides are evaluated from the same values and compared.
//!
//! The graph of a rewriting that was not pruned holds both sides of each replacement, an input or a constant included. The first in the
//! order of firing that differs names the rule at fault: what it made stands in all that follow.

use std::collections::{BTreeMap, BTreeSet};

use damo_graph::op::Op;
use damo_graph::{AnyArray, Graph, Node, Problem, Result, Sizes, Value};
use ndarray::ArrayD;

use super::bounds::{Against, Bounded, unit};
use super::element::index_of;
use super::finding::{Difference, Finding, Verdict};
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
    /// Whether the rule says that it is right, too, where the formula as written overflows, vanishes or is 0/0.
    pub extends: bool,
    /// What both are derivatives of. Where that is no number, neither are they.
    pub of: Option<Value>,
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

/// The oracle is asked for the truth of so many elements that were not finite and are something else now.
const MOST_ASKED: usize = 8;

/// So many units may a rule that extends a formula be off where the formula is no number: more than any rule states.
const STATED: f64 = 4.0;

/// An array of more elements than this is not computed to compare with: what the program as it runs needs no more may be that large.
const MOST_ELEMENTS: usize = 1 << 26;

/// Whether all results of a node have few enough elements to be computed.
pub(super) fn is_affordable(node: &Node, sizes: &Sizes) -> bool {
    let count = |shape: Vec<usize>| shape.iter().try_fold(1usize, |count, &length| count.checked_mul(length));
    node.types().iter().all(|ty| sizes.shape(&ty.dims).ok().and_then(count).is_some_and(|count| count <= MOST_ELEMENTS))
}

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
        let values = evaluate(graph, &sizes, inputs, wanted);
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
        for replacement in &stage.replacements {
            let Replacement { before, after, .. } = replacement;
            // A part that the program as it runs does not need may be refused.
            let Ok(Some(difference)) = differing(&mut meanings, replacement) else { continue };
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

/// The values of these and of all they are computed from, as far as no op refuses: what is refused is not there.
fn evaluate(graph: &Graph, sizes: &Sizes, inputs: &[AnyArray], wanted: impl Iterator<Item = Value>) -> BTreeMap<Value, AnyArray> {
    let mut values: BTreeMap<Value, AnyArray> = graph.inputs().iter().map(|&node| Value::from(node)).zip(inputs.iter().cloned()).collect();
    for id in graph.needed_for(wanted, |value| values.contains_key(&value)) {
        let node = graph.node(id);
        let read: Option<Vec<&AnyArray>> = node.inputs().iter().map(|input| values.get(input)).collect();
        let read = read.filter(|_| is_affordable(node, sizes));
        if let Some(made) = read.and_then(|read| node.op().rules().evaluate(&read, sizes).ok()) {
            values.extend(made.into_iter().enumerate().map(|(result, array)| (Value { node: id, result: result as u32 }, array)));
        }
    }
    values
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

/// What is taken as it is for both sides: the values that both are computed from, as near as there are some, and what lies too deep.
fn common(graph: &Graph, replacement: &Replacement) -> BTreeSet<Value> {
    let Replacement { before, after, .. } = *replacement;
    let (near_before, near_after) = (near(graph, before), near(graph, after));
    let is_leaf = |value: &Value| matches!(graph.op(*value), Op::Input(_) | Op::Constant(_));
    let below = |near: &BTreeSet<Value>| -> Vec<Value> {
        near.iter().flat_map(|value| graph.node(value.node).inputs().to_vec()).filter(|input| !near.contains(input)).collect()
    };
    let mut given: BTreeSet<Value> = near_before.intersection(&near_after).copied().collect();
    given.extend(graph.inputs().iter().map(|&node| Value::from(node)));
    given.extend(below(&near_before).into_iter().chain(below(&near_after)));
    given.retain(|value| (*value != before && *value != after) || is_leaf(value));
    given
}

/// Those of the given values that are not computed from others that a side reads, too.
fn unrelated(graph: &Graph, replacement: &Replacement, given: &BTreeSet<Value>) -> BTreeSet<Value> {
    let mut read = BTreeSet::new();
    graph.needed_for([replacement.before, replacement.after], |value| {
        let is_given = given.contains(&value);
        if is_given {
            read.insert(value);
        }
        is_given
    });
    // Nodes come after what they read.
    let mut follows: BTreeSet<Value> = BTreeSet::new();
    for (id, node) in graph.nodes() {
        if node.inputs().iter().any(|input| read.contains(input) || follows.contains(input)) {
            follows.extend((0..node.types().len() as u32).map(|result| Value { node: id, result }));
        }
    }
    given.iter().copied().filter(|value| !follows.contains(value)).collect()
}

/// Only what lies too deep: √(x + 1) and √x are related by x.
fn deepest(graph: &Graph, replacement: &Replacement) -> BTreeSet<Value> {
    let mut cone = near(graph, replacement.before);
    cone.extend(near(graph, replacement.after));
    let mut given: BTreeSet<Value> = graph.inputs().iter().map(|&node| Value::from(node)).collect();
    given.extend(cone.iter().flat_map(|value| graph.node(value.node).inputs().to_vec()).filter(|input| !cone.contains(input)));
    given
}

/// How the sides of a replacement differ more than they may, if they do and if what was there was not wrong itself.
///
/// A rule that extends a formula may make anything of what was not finite that the truth does not contradict.
fn differing(meanings: &mut Meanings<'_>, replacement: &Replacement) -> Result<Option<Difference>, Problem> {
    let Replacement { before, after, extends, of, .. } = *replacement;
    let (old, new) = (meanings.of(before)?.clone(), meanings.of(after)?.clone());
    if old.value.shape() != new.value.shape() || old.value.dtype() != new.value.dtype() {
        return Ok(compare(&old, &new.value));
    }
    let of = of.map(|of| meanings.of(of).map(|of| of.value.to_reals())).transpose()?;
    let mut expected = widened(&old, &new);
    let mut extended = Vec::new();
    let (e, f) = (old.value.to_reals(), new.value.to_reals());
    let mut error = expected.error.take().unwrap_or_else(|| ArrayD::zeros(e.raw_dim()));
    for (place, ((&e, &f), error)) in e.iter().zip(&f).zip(&mut error).enumerate() {
        if extends && !e.is_finite() && e != f && !(e.is_nan() && f.is_nan()) {
            extended.push((place, e, f));
            *error = f64::INFINITY;
        } else if e.is_nan() && !f.is_nan() {
            *error = 0.0;
        } else if e.is_finite() && !f.is_finite() {
            // A formula that overflows instead of another that does not is worse.
            *error = old.error.as_ref().and_then(|error| error.iter().nth(place).copied()).unwrap_or(0.0);
        }
        if of.as_ref().is_some_and(|of| of.iter().nth(place).is_some_and(|of| of.is_nan())) {
            *error = f64::INFINITY;
        }
    }
    expected.error = Some(error);
    if let Some(mut difference) = compare(&expected, &new.value) {
        meanings.judge(before, &mut difference);
        if difference.verdict != Verdict::Improved {
            return Ok(Some(difference));
        }
    }
    let dtype = new.value.dtype();
    // The numbers in a derivative are rounded, and where its terms cancel the oracle takes them at their word.
    for (place, expected, found) in extended.into_iter().filter(|_| of.is_none()).take(MOST_ASKED) {
        let mut difference = Difference {
            element: index_of(place, new.value.shape()),
            expected,
            found,
            allowed: new.error.as_ref().and_then(|error| error.iter().nth(place).copied()).unwrap_or(0.0) + STATED * unit(dtype, found),
            ulps: f64::INFINITY,
            count: 1,
            truth: None,
            verdict: Verdict::Unknown,
        };
        meanings.judge(before, &mut difference);
        let Some(truth) = difference.truth else { continue };
        let is_wrong = if truth.is_nan() {
            false
        } else if truth.is_infinite() {
            // From which side a pole is met is for the sign of a zero to say, and on one there may be nothing.
            found.is_finite() && expected == truth
        } else {
            // Where it is no number now either, nothing is worse than it was.
            found.is_finite() && (found - truth).abs() > difference.allowed
        };
        if is_wrong {
            difference.verdict = Verdict::Worsened;
            return Ok(Some(difference));
        }
    }
    Ok(None)
}

fn compare_sides(graph: &Graph, sizes: &Sizes, values: &BTreeMap<Value, AnyArray>, replacement: &Replacement) -> Result<Option<Finding>> {
    let Replacement { rule, before, after, .. } = *replacement;
    let blame = |problem| graph.blame_node(before.node, problem);
    // Equal bits are equal whatever they may have been.
    let (Some(old), Some(new)) = (values.get(&before), values.get(&after)) else { return Ok(None) };
    if old == new {
        return Ok(None);
    }
    let common = common(graph, replacement);
    let known = |given: BTreeSet<Value>| -> BTreeMap<Value, AnyArray> {
        given.into_iter().filter_map(|value| Some((value, values.get(&value)?.clone()))).collect()
    };
    let mut given = known(common.clone());
    if differing(&mut Meanings::new(graph, sizes, &given, Against::Formula), replacement).map_err(blame)?.is_none() {
        return Ok(None);
    }
    // What is computed from something else that is taken as it is may be related to it in the rule: then its rounding counts as well.
    let mut found = None;
    for level in [unrelated(graph, replacement, &common), deepest(graph, replacement)] {
        given = known(level);
        found = differing(&mut Meanings::new(graph, sizes, &given, Against::Formula), replacement).map_err(blame)?;
        if found.is_none() {
            return Ok(None);
        }
    }
    let Some(difference) = found else { return Ok(None) };
    let mut case = Case::of(graph, sizes, &given, &[before, after]);
    let shows = |case: &Case| {
        let &[before, after] = case.graph.outputs() else { return false };
        let inputs: Vec<AnyArray> = case.inputs.clone();
        let given: BTreeMap<Value, AnyArray> = case.graph.inputs().iter().map(|&node| Value::from(node)).zip(inputs).collect();
        let sizes = Sizes::default();
        let mut meanings = Meanings::new(&case.graph, &sizes, &given, Against::Formula);
        matches!(differing(&mut meanings, &Replacement { before, after, of: None, ..*replacement }), Ok(Some(_)))
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
