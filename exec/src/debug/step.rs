//! The check of one step: what it computed against what its ops mean, on the very inputs it was given.

#![expect(clippy::wildcard_enum_match_arm, reason = "one op or kind of number is told from all others")]

use std::collections::BTreeMap;

use damo_graph::op::Op;
use damo_graph::{AnyArray, Graph, Problem, Sizes, Value};
use damo_oracle::{Truth, to_float};

use super::bounds::{self, Against, Bounded, unit};
use super::element::{Known, index_of};
use super::finding::{Difference, Place, Verdict};

/// Meanings with bounds of values, computed as they are asked for from what is given.
pub(crate) struct Meanings<'a> {
    pub graph: &'a Graph,
    pub sizes: &'a Sizes,
    /// Values taken as they are.
    pub given: &'a BTreeMap<Value, AnyArray>,
    pub meant: BTreeMap<Value, Bounded>,
    against: Against,
}

impl<'a> Meanings<'a> {
    pub fn new(graph: &'a Graph, sizes: &'a Sizes, given: &'a BTreeMap<Value, AnyArray>, against: Against) -> Self {
        Meanings { graph, sizes, given, meant: BTreeMap::new(), against }
    }

    /// The meaning of a value.
    ///
    /// # Errors
    ///
    /// Those of an op.
    pub fn of(&mut self, value: Value) -> Result<&Bounded, Problem> {
        let (graph, given, meant) = (self.graph, self.given, &mut self.meant);
        let is_known = |value| {
            if let Some(array) = given.get(&value) {
                meant.entry(value).or_insert_with(|| Bounded::exact(array.clone()));
            }
            meant.contains_key(&value)
        };
        for id in graph.needed_for([value], is_known) {
            let node = graph.node(id);
            let lost = || Problem::new(damo_graph::ErrorKind::Execution, "a value was not computed before it is needed");
            let inputs = node.inputs().iter().map(|input| self.meant.get(input).ok_or_else(lost)).collect::<Result<Vec<_>, _>>()?;
            if self.against == Against::Formula && !super::rewriting::is_affordable(node, self.sizes) {
                return Err(Problem::new(damo_graph::ErrorKind::Execution, "the value is too large to be compared"));
            }
            let results = bounds::apply(node.op(), &inputs, self.sizes, self.against)?;
            for (result, bounded) in results.into_iter().enumerate() {
                // Another result of the node may be given.
                self.meant.entry(Value { node: id, result: result as u32 }).or_insert(bounded);
            }
        }
        self.meant.get(&value).ok_or_else(|| Problem::new(damo_graph::ErrorKind::Execution, "a value has no meaning"))
    }

    /// How a value that was found differs from its meaning, and who is right; `None` if it is as near as may be.
    ///
    /// # Errors
    ///
    /// Those of an op.
    pub fn difference(&mut self, value: Value, found: &AnyArray) -> Result<Option<Difference>, Problem> {
        self.of(value)?;
        let Some(expected) = self.meant.get(&value) else { return Ok(None) };
        let Some(mut difference) = compare(expected, found) else { return Ok(None) };
        self.judge(value, &mut difference);
        Ok(Some(difference))
    }

    /// Asks the oracle who is right.
    pub fn judge(&self, value: Value, difference: &mut Difference) {
        let meant: BTreeMap<Value, AnyArray> = self.meant.iter().map(|(value, bounded)| (*value, bounded.value.clone())).collect();
        let known = Known { graph: self.graph, sizes: self.sizes, given: self.given, meant: &meant };
        let Ok(truth) = known.element(value, &difference.element) else { return };
        let rounded = to_float(&truth);
        difference.truth = Some(rounded);
        let distance = |x: f64| match &truth {
            Truth::Number(number) if x.is_finite() => {
                to_float(&Truth::Number(damo_oracle::special::absolute(&(damo_oracle::special::big(x, 640) - number))))
            }
            _ if x == rounded || x.is_nan() && rounded.is_nan() => 0.0,
            _ => f64::INFINITY,
        };
        let (expected, found) = (distance(difference.expected), distance(difference.found));
        difference.verdict = if found < expected / 2.0 || found == 0.0 && expected > 0.0 {
            Verdict::Improved
        } else if found > 2.0 * expected {
            Verdict::Worsened
        } else {
            Verdict::Neutral
        };
    }
}

/// The worst of the elements that are farther apart than they may be.
pub(crate) fn compare(expected: &Bounded, found: &AnyArray) -> Option<Difference> {
    let dtype = expected.value.dtype();
    let (e, f) = (expected.value.to_reals(), found.to_reals());
    if e.shape() != f.shape() || dtype != found.dtype() {
        return Some(Difference {
            element: Vec::new(),
            expected: e.len() as f64,
            found: f.len() as f64,
            allowed: 0.0,
            ulps: f64::INFINITY,
            count: 1,
            truth: None,
            verdict: Verdict::Worsened,
        });
    }
    if dtype.is_integer() && expected.error.is_none() {
        // Beyond 2^53 reals cannot tell integers apart.
        let (e, f) = (expected.value.to_integers(), found.to_integers());
        if e == f {
            return None;
        }
    }
    let mut worst: Option<(f64, Difference)> = None;
    let mut count = 0;
    let errors: Option<Vec<f64>> = expected.error.as_ref().map(|error| error.iter().copied().collect());
    for (place, (&e, &f)) in e.iter().zip(&f).enumerate() {
        if e == f && !dtype.is_integer() || e.is_nan() && f.is_nan() {
            continue;
        }
        let allowed = errors.as_ref().map_or(0.0, |errors| errors[place]);
        // A bound that is not a number bounds nothing.
        let allowed = if allowed.is_nan() { f64::INFINITY } else { allowed };
        let apart = if e.is_finite() && f.is_finite() { (e - f).abs() } else { f64::INFINITY };
        let overflows = (e.is_infinite() || f.is_infinite()) && (e + allowed == f || f + allowed == e || e - allowed == f);
        let is_integer_same = dtype.is_integer() && expected.value.element(place) == found.element(place);
        if allowed == f64::INFINITY || apart <= allowed || overflows || is_integer_same {
            continue;
        }
        count += 1;
        let badness = if allowed > 0.0 { apart / allowed } else { apart / unit(dtype, e) + 1e300 };
        if worst.as_ref().is_none_or(|(known, _)| badness > *known || badness.is_nan()) {
            let ulps = apart / unit(dtype, e);
            let element = index_of(place, expected.value.shape());
            let difference = Difference { element, expected: e, found: f, allowed, ulps, count: 0, truth: None, verdict: Verdict::Unknown };
            worst = Some((badness, difference));
        }
    }
    worst.map(|(_, difference)| Difference { count, ..difference })
}

/// Where a value stands in the program.
pub(crate) fn place_of(graph: &Graph, value: Value, step: Option<usize>) -> Place {
    let node = graph.node(value.node);
    let formula = match node.op() {
        Op::Input(input) => input.name.clone(),
        _ => graph.formula(value),
    };
    let provenance = node.provenance();
    Place { source: provenance.source, formula, ty: graph.ty(value).to_string(), rules: provenance.rules.to_vec(), step }
}
