//! Example values of inputs, and the values that follow from them by the meaning of each op.

use std::collections::BTreeMap;

use damo_graph::lengths::{Relation, Requirement};
use damo_graph::{AnyArray, Dims, Error, ErrorKind, Graph, NodeId, Result, Sizes, Symbol, Value};
use smallvec::SmallVec;

/// The results of a node.
type Results = SmallVec<[AnyArray; 1]>;

/// What is known of values by example.
#[derive(Default)]
pub(crate) struct Examples {
    /// Whether somebody gave an example of an argument, rather than only states having values.
    given: bool,
    lengths: BTreeMap<Symbol, i64>,
    sizes: Sizes,
    /// How many requirements on lengths have been checked.
    checked: usize,
    /// The results by example; `None` where an input has no example.
    results: BTreeMap<NodeId, Option<Results>>,
}

impl Examples {
    /// Whether ops are to be evaluated as they are recorded.
    pub fn are_given(&self) -> bool {
        self.given
    }

    /// Takes an example of an argument.
    pub fn give(&mut self, input: NodeId, dims: &Dims, array: AnyArray) {
        self.given = true;
        for (dim, &length) in dims.iter().zip(array.shape()) {
            if let Some(symbol) = dim.symbol() {
                self.lengths.insert(symbol, length as i64);
            }
        }
        self.sizes = Sizes::from_pairs(self.lengths.iter().map(|(&symbol, &length)| (symbol, length)));
        self.checked = 0;
        self.give_state(input, array);
    }

    /// Takes the value of a state as an example.
    pub fn give_state(&mut self, input: NodeId, array: AnyArray) {
        self.results.insert(input, Some(SmallVec::from_buf([array])));
    }

    /// What a value is by example; `None` if an input that it depends on has none.
    ///
    /// # Errors
    ///
    /// Lengths that do not fit, or what the meaning of an op refuses, with the user's line.
    pub fn value(&mut self, graph: &mut Graph, value: Value) -> Result<Option<AnyArray>> {
        self.check_lengths(graph)?;
        let mut open = vec![value.node];
        while let Some(&node) = open.last() {
            if self.results.contains_key(&node) {
                open.pop();
                continue;
            }
            let before = open.len();
            open.extend(graph.node(node).inputs().iter().map(|input| input.node).filter(|input| !self.results.contains_key(input)));
            if open.len() == before {
                let results = self.evaluate(graph, node)?;
                self.results.insert(node, results);
                open.pop();
            }
        }
        let results = self.results.get(&value.node).and_then(Option::as_ref);
        Ok(results.and_then(|results| results.get(value.result as usize)).cloned())
    }

    /// The results of a node whose inputs have been evaluated.
    fn evaluate(&self, graph: &mut Graph, node: NodeId) -> Result<Option<Results>> {
        if graph.input(node).is_some() {
            return Ok(None);
        }
        let (op, values) = (graph.node(node).op().clone(), graph.node(node).inputs().to_vec());
        let read: Option<Vec<&AnyArray>> = values.iter().map(|value| self.results.get(&value.node)?.as_ref()?.get(value.result as usize)).collect();
        let Some(read) = read else { return Ok(None) };
        op.rules()
            .evaluate(&read, &self.sizes)
            .map(Some)
            .map_err(|problem| graph.blame_node(node, problem).explain("this was found by evaluating with the example values"))
    }

    /// Checks what the graph has come to demand of lengths since the last time.
    fn check_lengths(&mut self, graph: &Graph) -> Result<()> {
        let requirements = graph.lengths().requirements();
        for requirement in requirements.iter().skip(self.checked) {
            self.check(requirement)?;
            self.checked += 1;
        }
        Ok(())
    }

    fn check(&self, requirement: &Requirement) -> Result<()> {
        let (Some(left), Some(right)) = (self.sizes.evaluate(&requirement.left), self.sizes.evaluate(&requirement.right)) else { return Ok(()) };
        let (holds, said) = match requirement.relation {
            Relation::Equal => (left == right, "must equal"),
            Relation::AtLeast => (left >= right, "must be at least"),
        };
        if holds {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Shapes, format!("the example values do not fit in `{}`", requirement.op))
            .at(requirement.source)
            .explain(format!("`{}`, which is {left} in the examples, {said} `{}`, which is {right}", requirement.left, requirement.right))
            .advise("give examples whose lengths agree"))
    }

    /// The first input without an example that a value depends on.
    pub fn missing(&self, graph: &Graph, value: Value) -> Option<NodeId> {
        let mut open = vec![value.node];
        while let Some(node) = open.pop() {
            if graph.input(node).is_some() && !matches!(self.results.get(&node), Some(Some(_))) {
                return Some(node);
            }
            open.extend(
                graph.node(node).inputs().iter().rev().map(|input| input.node).filter(|input| !matches!(self.results.get(input), Some(Some(_)))),
            );
        }
        None
    }
}
