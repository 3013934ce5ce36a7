//! Tables of rules, prepared so that a node is only offered the rules that may find it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use damo_graph::op::Op;
use damo_graph::op::scalar::{ADD, ALL, DIV, MUL, RECIP, SUB};

use super::leaves::Tree;
use super::pattern::{Pattern, place};
use crate::policy::Policy;
use crate::rule::{Body, Rule};

/// Rules in the order in which they are tried.
pub struct Table {
    rules: Vec<Rule>,
    patterns: Vec<Pattern>,
    /// The rules that a function of the table is offered, by its place there.
    by_function: Vec<Vec<usize>>,
    /// The rules that a node of an op of that name is offered.
    by_name: BTreeMap<&'static str, Vec<usize>>,
    /// The rules that any other node is offered: those that are functions.
    others: Vec<usize>,
}

/// All rules of this crate.
pub fn standard() -> &'static Table {
    static STANDARD: LazyLock<Table> = LazyLock::new(|| Table::new(crate::rules::all()));
    #[cfg(feature = "faults")]
    if let Some(table) = crate::faults::table() {
        return table;
    }
    &STANDARD
}

impl Table {
    /// A table of rules, tried in this order.
    pub fn new(rules: Vec<Rule>) -> Table {
        let mut table = Table { patterns: Vec::new(), by_function: Vec::new(), by_name: BTreeMap::new(), others: Vec::new(), rules: Vec::new() };
        let mut roots: Vec<Option<Vec<&'static str>>> = Vec::new();
        for rule in &rules {
            let (pattern, names) = match &rule.body {
                Body::Formula(formula) => {
                    // A left side that everything looks like finds nothing; the judge of rules refuses it by name.
                    let pattern = Some(Pattern::of(formula.left)).filter(|pattern| !pattern.is_anything()).unwrap_or(Pattern::Number(f64::NAN));
                    let names = match &pattern {
                        Pattern::Flat(flat) if flat.tree == Tree::Sum => vec![ADD.name, SUB.name],
                        Pattern::Flat(_) => vec![MUL.name, DIV.name, RECIP.name],
                        Pattern::Apply(scalar, _) => vec![scalar.name],
                        Pattern::Variable(_) | Pattern::Number(_) => Vec::new(),
                    };
                    (pattern, Some(names))
                }
                Body::Structural(_) => (Pattern::Number(f64::NAN), rule.roots.map(<[_]>::to_vec)),
            };
            table.patterns.push(pattern);
            roots.push(names);
        }
        let named: std::collections::BTreeSet<&'static str> = roots.iter().flatten().flatten().copied().collect();
        for (place, names) in roots.iter().enumerate() {
            let names = names.as_ref().map_or_else(|| named.iter().copied().collect::<Vec<_>>(), Clone::clone);
            for name in names {
                table.by_name.entry(name).or_default().push(place);
            }
        }
        table.others = (0..rules.len()).filter(|&place| roots[place].is_none()).collect();
        table.by_function = ALL.iter().map(|function| table.by_name.get(function.name).unwrap_or(&table.others).clone()).collect();
        table.rules = rules;
        table
    }

    /// The rules in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of that name.
    pub fn find(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// The rules that a policy admits, without those that are switched off.
    pub fn choose<'t>(&'t self, policy: Policy, without: &[String]) -> Chosen<'t> {
        let admitted = self.rules.iter().map(|rule| rule.policy <= policy && !without.iter().any(|name| name == rule.name)).collect();
        Chosen { table: self, policy, admitted }
    }
}

/// The rules of a table that may fire.
pub struct Chosen<'t> {
    table: &'t Table,
    pub(super) policy: Policy,
    admitted: Vec<bool>,
}

impl<'t> Chosen<'t> {
    /// The rules that a node of that op is offered, by their places.
    pub(super) fn of(&self, op: &Op) -> &'t [usize] {
        let of_function = if let Op::Pointwise(op) = op { place(op.0).and_then(|place| self.table.by_function.get(place)) } else { None };
        of_function.unwrap_or_else(|| self.table.by_name.get(op.rules().name()).unwrap_or(&self.table.others))
    }

    pub(super) fn admits(&self, place: usize) -> bool {
        self.admitted[place]
    }

    pub(super) fn rule(&self, place: usize) -> &'t Rule {
        &self.table.rules[place]
    }

    pub(super) fn pattern(&self, place: usize) -> &'t Pattern {
        &self.table.patterns[place]
    }
}
