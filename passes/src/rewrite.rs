//! Rewriting: every value of a graph is replaced by its normal form, in which no rule of a table finds anything to do.
//!
//! Nodes are visited once, dependencies first, so that a node's inputs are in normal form when its own turn comes. What a rule makes is
//! brought into normal form as it is made. Nothing sweeps the graph again: the time is that of the nodes there are and are made.
//!
//! | to read about | open |
//! |---|---|
//! | rules | [`rule`](mod@crate::rule), [`rules`](mod@crate::rules) |
//! | sums and products seen flat | [`leaves`] |
//! | what may be taken out of them | [`rest`] |
//! | how a left side is found | `rewrite/pattern.rs`, `rewrite/matching.rs` |
//! | what is known of a value's sign | `rewrite/sign.rs` |
//! | the tables of rules, ready to be used | `rewrite/table.rs` |
//! | whether anything else needs a value | `rewrite/uses.rs` |
//! | rewriting a program, or what a cost needs | `rewrite/passes.rs` |

#![expect(clippy::wildcard_enum_match_arm, reason = "a rule looks for a few ops among all")]

pub mod leaves;
mod matching;
mod passes;
mod pattern;
pub mod rest;
pub mod rounding;
mod sign;
mod table;
mod uses;

use std::collections::BTreeSet;

use damo_graph::op::Op;
use damo_graph::op::constant::Constant;
use damo_graph::op::pointwise::Pointwise;
use damo_graph::op::scalar::{ADD, SUB, Scalar};
use damo_graph::op::term::{Formula as Say, Term};
use damo_graph::types::Dims;
use damo_graph::{AnyArray, DType, Error, ErrorKind, Graph, MadeFor, NodeId, Number, Result, Rewrite, Value};
use smallvec::{SmallVec, smallvec};

use crate::fold::known_result;
use crate::policy::Policy;
use crate::rebuild::{StandsFor, ancestors};
use crate::rule::{Body, Formula, Rule};
use leaves::{KnownLeaves, Leaves, Tree};
use matching::{Bindings, Found};
use pattern::Pattern;
use uses::Uses;

pub use passes::{Watched, rewrite, settle, stabilise, watch_rewrite, watch_settle};
pub use table::{Chosen, Table, standard};

/// Whether every value looks like the left side of a rule, or is one number times something: such a rule finds nothing.
pub fn matches_anything(left: Term) -> bool {
    Pattern::of(left).is_anything()
}

/// How many rules may fire while one node of a program is brought into normal form, before they are held to run in circles.
const PATIENCE: usize = 5_000;

/// What a node reads.
type Inputs = SmallVec<[Value; 3]>;

/// What a rule did: both values are in the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The rule, or `fold` for a constant that was computed.
    pub rule: &'static str,
    /// The rules that fired while what stands for the value was made, and had a hand in it.
    pub followed_by: Vec<&'static str>,
    /// What was there.
    pub before: Value,
    /// What stands for it.
    pub after: Value,
}

/// Brings values of a graph into normal form. Nodes are only added to the graph.
pub struct Rewriter<'g> {
    /// The graph.
    pub graph: &'g mut Graph,
    rules: Chosen<'g>,
    /// The normal form of each value that has been looked at.
    normal: StandsFor,
    known_leaves: KnownLeaves,
    /// Values that stay as they are and are not looked into.
    fixed: BTreeSet<NodeId>,
    /// The most elements of a constant that is computed now; `None` to leave constants uncomputed.
    fold_limit: Option<usize>,
    /// Whether `stop_gradient` is dropped.
    releases: bool,
    /// What needs the nodes of the program; `None` if that is not known.
    uses: Option<Uses>,
    /// Whether a rule was held back because something else needs what it would take apart.
    held_back: bool,
    /// How many rules may still fire for the node whose turn it is.
    patience: usize,
    /// The rules that fired for it.
    fired: Vec<&'static str>,
    /// What rules replaced so far, in order.
    replacements: Vec<Replacement>,
}

impl<'g> Rewriter<'g> {
    /// A rewriter by these rules.
    ///
    /// The `fixed` values stay as they are: what reads them is rewritten as if they were inputs.
    pub fn new(graph: &'g mut Graph, rules: Chosen<'g>, fixed: impl IntoIterator<Item = Value>, fold_limit: Option<usize>) -> Self {
        let fixed = fixed.into_iter().map(|value| value.node).collect();
        Rewriter {
            graph,
            rules,
            normal: StandsFor::default(),
            known_leaves: KnownLeaves::default(),
            fixed,
            fold_limit,
            releases: false,
            uses: None,
            held_back: false,
            patience: PATIENCE,
            fired: Vec::new(),
            replacements: Vec::new(),
        }
    }

    /// It also drops what only stops derivatives: none will be taken any more, and rules see through to what was held apart.
    #[must_use]
    pub fn releasing(mut self) -> Self {
        self.releases = true;
        self
    }

    /// Whether derivatives have all been taken: then a form that only costs less may replace one with a better derivative.
    pub fn is_final(&self) -> bool {
        self.releases
    }

    /// Whether sums and products may be taken in another order, even if they overflow then.
    pub fn is_fast(&self) -> bool {
        self.rules.policy == Policy::Fast
    }

    /// The normal forms of values.
    pub fn normal_forms(&mut self, values: &[Value]) -> Result<Vec<Value>> {
        for id in ancestors(self.graph, values.iter().copied()) {
            self.visit(id)?;
        }
        Ok(values.iter().map(|&value| self.normal_form(value)).collect())
    }

    /// What stands for a value, if it has been looked at; else the value.
    pub fn normal_form(&self, value: Value) -> Value {
        self.normal.get(value).unwrap_or(value)
    }

    /// Brings a node of the program into normal form.
    fn visit(&mut self, id: NodeId) -> Result<()> {
        self.patience = PATIENCE;
        self.fired.clear();
        if let Some(uses) = &mut self.uses {
            uses.begin(id);
        }
        let node = self.graph.node(id);
        let results = node.types().len() as u32;
        let inputs: Inputs = node.inputs().iter().map(|&input| self.normal_form(input)).collect();
        let made = if self.fixed.contains(&id) || inputs[..] == *node.inputs() {
            id
        } else {
            let op = node.op().clone();
            let before = self.graph.set_made_for(Some(MadeFor { node: id, rule: None }));
            let made = self.graph.add_node(op, &inputs);
            self.graph.set_made_for(before);
            made?
        };
        for result in 0..results {
            let made = Value { node: made, result };
            let normal = self.simplify(made)?;
            self.normal.insert(Value { node: id, result }, normal);
            if let Some(uses) = &mut self.uses {
                uses.moved(id, normal.node);
            }
        }
        Ok(())
    }

    /// The normal form of a value whose inputs are in normal form.
    pub fn simplify(&mut self, value: Value) -> Result<Value> {
        if let Some(normal) = self.normal.get(value) {
            return Ok(normal);
        }
        if self.fixed.contains(&value.node) || self.graph.node(value.node).types().len() > 1 {
            self.normal.insert(value, value);
            return Ok(value);
        }
        if self.releases && matches!(self.graph.op(value), Op::StopGradient(_)) {
            let held = self.input(value);
            self.normal.insert(value, held);
            return Ok(held);
        }
        // A rule that asks for what is just being worked on gets it as it is.
        self.normal.insert(value, value);
        let candidates = self.rules.of(self.graph.op(value));
        for &place in candidates {
            if !self.rules.admits(place) || !self.may_match(place, value) {
                continue;
            }
            let Some(replacement) = self.fire(place, value)? else { continue };
            if replacement != value {
                self.normal.insert(value, replacement);
                return Ok(replacement);
            }
        }
        if let Some(array) = self.known(value) {
            let constant = self.made_by(value, "fold", |rewriter| rewriter.add(Constant(array), &[]))?;
            self.normal.insert(value, constant);
            self.replacements.push(Replacement { rule: "fold", followed_by: Vec::new(), before: value, after: constant });
            return Ok(constant);
        }
        Ok(value)
    }

    /// The array that a value is, if it can be computed now.
    fn known(&self, value: Value) -> Option<AnyArray> {
        let node = self.graph.node(value.node);
        known_result(self.graph, node, node.inputs(), self.fold_limit?)?.pop()
    }

    /// Whether a rule is worth trying: it is for such elements, and all functions it looks for are there.
    fn may_match(&mut self, place: usize, value: Value) -> bool {
        let Body::Formula(formula) = &self.rules.rule(place).body else { return true };
        let dtype = self.number_type(value);
        if !(if formula.integers { dtype.is_integer() } else { dtype.is_float() }) {
            return false;
        }
        match self.rules.pattern(place) {
            Pattern::Flat(flat) => flat.needs == 0 || flat.needs & !self.leaves(flat.tree, value).functions == 0,
            Pattern::Apply(..) | Pattern::Variable(_) | Pattern::Number(_) => true,
        }
    }

    /// What a rule replaces a value by, if it applies.
    fn fire(&mut self, place: usize, value: Value) -> Result<Option<Value>> {
        let rule = self.rules.rule(place);
        let before = self.replacements.len();
        let replacement = self.made_by(value, rule.name, |rewriter| {
            let replacement = match &rule.body {
                Body::Structural(run) => run(rewriter, value.node)?,
                Body::Formula(formula) => rewriter.by_formula(place, formula, value)?,
            };
            let Some(replacement) = replacement else { return Ok(None) };
            // A variable that is gone may have been what gave the result its lengths.
            let dims = rewriter.graph.ty(value).dims.clone();
            rewriter.stretched(replacement, &dims).map(Some)
        });
        let Some(replacement) = replacement.map_err(|error| broken(rule, error))? else { return Ok(None) };
        if replacement == value {
            // Only a rule that undoes another comes back to where it started.
            return if self.fired.is_empty() { Ok(None) } else { Err(self.circle(rule)) };
        }
        let (old, new) = (self.graph.ty(value), self.graph.ty(replacement));
        if old.dtype != new.dtype || old.rank() != new.rank() {
            return Err(broken(rule, Error::new(ErrorKind::Verify, format!("it would replace {old} by {new}"))));
        }
        self.fired.push(rule.name);
        let followed_by = self.replacements[before..].iter().map(|made| made.rule).collect();
        self.replacements.push(Replacement { rule: rule.name, followed_by, before: value, after: replacement });
        self.patience = self.patience.checked_sub(1).ok_or_else(|| self.circle(rule))?;
        let source = self.graph.node(value.node).provenance().source;
        let (before, after) = (self.graph.formula(value), self.graph.formula(replacement));
        self.graph.record_rewrite(Rewrite { rule: rule.name, source, before, after });
        Ok(Some(replacement))
    }

    /// The error of rules that undo each other: a defect of theirs.
    fn circle(&self, last: &Rule) -> Error {
        let mut names: Vec<&str> = self.fired.iter().rev().take(8).copied().chain([last.name]).collect();
        names.sort_unstable();
        names.dedup();
        broken(last, Error::new(ErrorKind::Verify, format!("rules run in circles: {}", names.join(", "))))
    }

    /// Makes nodes in the name of a rule, for a value.
    fn made_by<R>(&mut self, value: Value, rule: &'static str, make: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        let before = self.graph.set_made_for(Some(MadeFor { node: value.node, rule: Some(rule) }));
        let made = make(self);
        self.graph.set_made_for(before);
        made
    }

    fn by_formula(&mut self, place: usize, formula: &Formula, value: Value) -> Result<Option<Value>> {
        let dtype = self.number_type(value);
        let pattern = self.rules.pattern(place);
        let nothing: Bindings = [None; 4];
        let replacement = match pattern {
            Pattern::Flat(flat) => {
                let leaves = self.leaves(flat.tree, value);
                let mut made = None;
                for found in self.solve_flat(flat, &leaves, value, false, nothing)? {
                    if !self.is_allowed(formula, &found.bindings) || !self.leaves_enough(formula, flat.tree, value, &leaves, &found) {
                        continue;
                    }
                    let right = self.instantiate(formula.right, &found.bindings, dtype)?;
                    let rest = self.without(flat.tree, value, found.used)?;
                    made = Some(self.join(flat.tree, rest, found.scale.unwrap_or(1.0), found.factor, right)?);
                    break;
                }
                made
            }
            Pattern::Apply(..) | Pattern::Variable(_) | Pattern::Number(_) => {
                let ways = self.solve(pattern, value, nothing)?;
                match ways.into_iter().find(|bindings| self.is_allowed(formula, bindings)) {
                    Some(bindings) => Some(self.instantiate(formula.right, &bindings, dtype)?),
                    None => None,
                }
            }
        };
        Ok(replacement)
    }

    /// The element type of the numbers in a formula for a value.
    fn number_type(&self, value: Value) -> DType {
        match self.graph.ty(value).dtype {
            DType::Bool => self.graph.node(value.node).inputs().last().map_or(DType::Bool, |&input| self.graph.ty(input).dtype),
            dtype => dtype,
        }
    }

    fn is_allowed(&mut self, formula: &Formula, bindings: &Bindings) -> bool {
        let Some(guard) = formula.guard else { return true };
        let values: SmallVec<[Value; 4]> = bindings.iter().copied().flatten().collect();
        guard(self, &values)
    }

    /// The right side of a rule together with the leaves that the left side did not take.
    fn join(&mut self, tree: Tree, rest: Option<Value>, scale: f64, factor: f64, right: Value) -> Result<Value> {
        match (tree, rest) {
            (Tree::Sum, None) => self.scaled(right, scale),
            (Tree::Sum, Some(rest)) if scale == -1.0 => self.apply(&SUB, &[rest, right]),
            (Tree::Sum, Some(rest)) => {
                let right = self.scaled(right, scale)?;
                self.apply(&ADD, &[rest, right])
            }
            (Tree::Product, None) => self.scaled(right, factor),
            (Tree::Product, Some(rest)) => {
                let product = self.times(rest, right)?;
                self.scaled(product, factor)
            }
        }
    }

    /// Whether what a left side does not take of a sum or product may be combined with the right side, and not overflow where the whole
    /// does not.
    fn leaves_enough(&mut self, formula: &Formula, tree: Tree, value: Value, leaves: &Leaves, found: &Found) -> bool {
        if self.is_fast() || found.used == leaves.all() || !leaves.dtype.is_float() {
            return true;
        }
        if formula.is_alone {
            // Numbers of at least 1 only make it larger.
            let others: Vec<f64> = leaves
                .items
                .iter()
                .enumerate()
                .filter(|(place, _)| found.used >> place & 1 == 0)
                .filter_map(|(_, leaf)| Some(leaf.number?.powf(leaf.weight)))
                .collect();
            let only_numbers = leaves.values().all(|(place, ..)| found.used >> place & 1 == 1);
            return only_numbers && (others.iter().product::<f64>() * found.factor).abs() >= 1.0;
        }
        self.rest_was_there(tree, value, found.used)
    }

    /// A formula with values for its variables.
    pub fn instantiate(&mut self, term: Term, bindings: &[Option<Value>], dtype: DType) -> Result<Value> {
        match term.formula() {
            Say::Argument(index) => {
                bindings[*index].ok_or_else(|| Error::new(ErrorKind::Verify, "a right side has a variable that the left side has not"))
            }
            Say::Result => Err(Error::new(ErrorKind::Verify, "a rule mentions a result")),
            Say::Constant(number) => self.number(dtype, *number),
            Say::Apply(scalar, terms) => {
                let mut inputs: Inputs = smallvec![];
                for &term in terms {
                    inputs.push(self.instantiate(term, bindings, dtype)?);
                }
                self.apply(scalar, &inputs)
            }
        }
    }

    /// An op on values of normal form, in normal form.
    pub fn add(&mut self, op: impl Into<Op>, inputs: &[Value]) -> Result<Value> {
        let made = self.graph.add(op, inputs)?;
        self.simplify(made)
    }

    /// A function of the table on values of normal form, in normal form.
    pub fn apply(&mut self, scalar: &'static Scalar, inputs: &[Value]) -> Result<Value> {
        self.add(Pointwise(scalar), inputs)
    }

    /// A number.
    pub fn number(&mut self, dtype: DType, number: f64) -> Result<Value> {
        self.graph.number(dtype, number)
    }

    /// The value with these lengths; the value itself if it has them under other names.
    pub fn stretched(&mut self, value: Value, to: &Dims) -> Result<Value> {
        let have = &self.graph.ty(value).dims;
        let same = have.len() == to.len() && have.iter().zip(to.iter()).all(|(have, to)| self.graph.lengths().same(have, to));
        if same { Ok(value) } else { self.add(damo_graph::op::broadcast::Broadcast { to: to.clone() }, &[value]) }
    }

    /// The op that makes a value, if it may be looked into.
    pub fn op(&self, value: Value) -> Option<&Op> {
        (!self.fixed.contains(&value.node)).then(|| self.graph.op(value))
    }

    /// What the first input of a value's node is; of a node without inputs, the value itself.
    pub fn input(&self, value: Value) -> Value {
        self.graph.node(value.node).inputs().first().copied().unwrap_or(value)
    }

    /// The function, if a value is one of a pointwise function.
    pub fn function(&self, value: Value) -> Option<&'static Scalar> {
        let Some(Op::Pointwise(op)) = self.op(value) else { return None };
        Some(op.0)
    }

    /// The function and its inputs, if a value is one of a pointwise function.
    pub fn pointwise(&self, value: Value) -> Option<(&'static Scalar, Inputs)> {
        self.function(value).map(|function| (function, self.graph.node(value.node).inputs().into()))
    }

    /// The inputs of a value, if it is one of that function.
    pub fn is(&self, value: Value, scalar: &'static Scalar) -> Option<Inputs> {
        (self.function(value)? == scalar).then(|| self.graph.node(value.node).inputs().into())
    }

    /// The number that a value is everywhere, if that is known.
    pub fn uniform(&self, value: Value) -> Option<f64> {
        match self.op(value)? {
            Op::Constant(constant) => match constant.0.only()? {
                Number::Integer(integer) => (integer.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS).then_some(integer as f64),
                Number::Real(real) => Some(real),
                Number::Bool(_) | Number::Complex(..) => None,
            },
            Op::Broadcast(_) | Op::Reshape(_) | Op::InsertAxis(_) | Op::RemoveAxis(_) | Op::Transpose(_) => self.uniform(self.input(value)),
            _ => None,
        }
    }
}

/// The error of a rule that fails: a defect of the rule.
fn broken(rule: &Rule, error: Error) -> Error {
    if error.kind() == ErrorKind::Verify && error.to_string().contains("the rule `") {
        return error;
    }
    Error::new(ErrorKind::Verify, format!("the rule `{}` failed", rule.name))
        .explain(error.to_string())
        .explain(format!("it is declared at {}:{}", rule.source.file(), rule.source.line()))
        .advise(format!("switch it off with the flag `without={}`", rule.name))
}
