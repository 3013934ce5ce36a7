//! The graph: nodes that are an op, its inputs and the type inferred from them; equal nodes are one node.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};
use slotmap::{SlotMap, new_key_type};
use smallvec::SmallVec;

use crate::error::{Error, ErrorKind, Operand, Problem, Result};
use crate::lengths::Lengths;
use crate::op::input::Input;
use crate::op::{Op, Types};
use crate::source::{Provenance, Rewrite};
use crate::types::Type;

new_key_type! {
    /// A node of one graph.
    pub struct NodeId;
}

/// One result of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value {
    /// The node.
    pub node: NodeId,
    /// Which of its results.
    pub result: u32,
}

impl From<NodeId> for Value {
    fn from(node: NodeId) -> Self {
        Value { node, result: 0 }
    }
}

/// The values a node reads.
pub type Inputs = SmallVec<[Value; 3]>;

/// An op applied to values.
#[derive(Clone, Debug)]
pub struct Node {
    op: Op,
    inputs: Inputs,
    types: Types,
    provenance: Provenance,
}

impl Node {
    /// What it computes.
    pub fn op(&self) -> &Op {
        &self.op
    }

    /// What it reads.
    pub fn inputs(&self) -> &[Value] {
        &self.inputs
    }

    /// The types of its results.
    pub fn types(&self) -> &[Type] {
        &self.types
    }

    /// How it came to be.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }
}

/// A program as a value: nodes in dependency order, what is given to it, and what it gives back.
///
/// Nodes are only ever added; a pass that removes or replaces builds a new graph.
#[derive(Clone, Default)]
pub struct Graph {
    nodes: SlotMap<NodeId, Node>,
    /// Every node, found by the hash of its op and inputs.
    known: HashTable<(u64, NodeId)>,
    hasher: DefaultHashBuilder,
    inputs: Vec<NodeId>,
    outputs: Vec<Value>,
    lengths: Lengths,
    provenance: Provenance,
    made_for: Option<MadeFor>,
    rewrites: Arc<Vec<Rewrite>>,
}

/// What nodes are made for: they come from where this node comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeFor {
    /// The node.
    pub node: NodeId,
    /// The rule that makes them, if one does.
    pub rule: Option<&'static str>,
}

impl Graph {
    /// A graph of nothing.
    pub fn new() -> Self {
        Graph::default()
    }

    /// Applies an op to values, and gives its first result.
    ///
    /// The type is inferred here and nowhere else. An equal node that is already there is used again.
    pub fn add(&mut self, op: impl Into<Op>, inputs: &[Value]) -> Result<Value> {
        self.add_node(op.into(), inputs).map(Value::from)
    }

    /// Applies an op to values, and gives the node.
    pub fn add_node(&mut self, op: Op, inputs: &[Value]) -> Result<NodeId> {
        let hash = self.hash(&op, inputs);
        if let Some(node) = self.find_by(hash, &op, inputs) {
            return Ok(node);
        }
        let types = self.infer(&op, inputs)?;
        let provenance = self.origin().into_owned();
        Ok(self.insert(hash, Node { op, inputs: inputs.into(), types, provenance }))
    }

    /// Applies an op to values as it was printed, with types that the reader has compared with the inferred ones.
    pub(crate) fn restore_node(&mut self, op: Op, inputs: &[Value], types: Types) -> NodeId {
        let hash = self.hash(&op, inputs);
        match self.find_by(hash, &op, inputs) {
            Some(node) => node,
            None => self.insert(hash, Node { op, inputs: inputs.into(), types, provenance: self.provenance.clone() }),
        }
    }

    /// The node that applies this op to these values, if there is one.
    pub fn find(&self, op: &Op, inputs: &[Value]) -> Option<NodeId> {
        self.find_by(self.hash(op, inputs), op, inputs)
    }

    fn find_by(&self, hash: u64, op: &Op, inputs: &[Value]) -> Option<NodeId> {
        let is_it = |&(known, node): &(u64, NodeId)| known == hash && self.nodes[node].inputs[..] == *inputs && self.nodes[node].op == *op;
        self.known.find(hash, is_it).map(|&(_, node)| node)
    }

    fn insert(&mut self, hash: u64, node: Node) -> NodeId {
        let is_input = matches!(node.op, Op::Input(_));
        let node = self.nodes.insert(node);
        self.known.insert_unique(hash, (hash, node), |&(hash, _)| hash);
        if is_input {
            self.inputs.push(node);
        }
        node
    }

    /// Declares something given from outside.
    pub fn add_input(&mut self, name: &str, ty: Type, kind: crate::op::input::InputKind) -> Result<Value> {
        let place = self.inputs.len();
        self.add(Input { name: name.into(), ty, kind, place }, &[])
    }

    fn hash(&self, op: &Op, inputs: &[Value]) -> u64 {
        let mut state = self.hasher.build_hasher();
        op.hash(&mut state);
        inputs.hash(&mut state);
        state.finish()
    }

    fn infer(&mut self, op: &Op, inputs: &[Value]) -> Result<Types> {
        let mut types: SmallVec<[&Type; 4]> = SmallVec::new();
        for value in inputs {
            let ty = self.nodes.get(value.node).and_then(|node| node.types.get(value.result as usize));
            types.push(ty.ok_or_else(|| Error::new(ErrorKind::Verify, format!("`{}` reads a value that is not in this graph", op.rules().name())))?);
        }
        let rules = op.rules();
        self.lengths.asker = (rules.name(), self.made_for.map_or(self.provenance.source, |made_for| self.nodes[made_for.node].provenance.source));
        rules.infer(&types, &mut self.lengths).map_err(|problem| self.blame(op, inputs, problem))
    }

    /// Turns a problem with the operands of an op that is being added into an error that names the op, its line and its operands.
    pub fn blame(&self, op: &Op, inputs: &[Value], problem: Problem) -> Error {
        self.blame_at(&self.origin(), op, inputs, problem)
    }

    /// Turns a problem that a node has when it is planned or computed into an error that names the op, its line and its operands.
    pub fn blame_node(&self, node: NodeId, problem: Problem) -> Error {
        let Node { op, inputs, provenance, .. } = &self.nodes[node];
        self.blame_at(provenance, op, inputs, problem)
    }

    fn blame_at(&self, provenance: &Provenance, op: &Op, inputs: &[Value], problem: Problem) -> Error {
        let name = provenance.within.unwrap_or(op.rules().name());
        let title = match problem.kind {
            ErrorKind::Shapes => format!("shapes do not match in `{name}`"),
            ErrorKind::Axis => format!("no such axis or range in `{name}`"),
            ErrorKind::DType => format!("wrong element type in `{name}`"),
            ErrorKind::Declaration => format!("`{name}` cannot be declared so"),
            ErrorKind::Execution
            | ErrorKind::Argument
            | ErrorKind::ForeignTensor
            | ErrorKind::Gradient
            | ErrorKind::Disconnected
            | ErrorKind::Update
            | ErrorKind::Config
            | ErrorKind::Parse
            | ErrorKind::Verify
            | ErrorKind::Io
            | ErrorKind::Finding => format!("`{name}` failed"),
        };
        let advice = problem.advice.is_none().then(|| advice(problem.kind)).flatten();
        let error = problem.titled(title).at(provenance.source);
        let error = if let Some(advice) = advice { error.advise(advice) } else { error };
        inputs.iter().enumerate().fold(error, |error, (place, &value)| error.operand(self.operand(value, place, inputs.len())))
    }

    /// A value as an operand to show in an error: by its name, or by its place.
    pub fn operand(&self, value: Value, place: usize, of: usize) -> Operand {
        let Some(node) = self.nodes.get(value.node) else {
            return Operand { name: "?".into(), ty: "of another graph".into(), source: None, declared: false };
        };
        let name = match (&node.op, of, place) {
            (Op::Input(input), ..) => input.name.clone(),
            (Op::Constant(_), ..) => "constant".into(),
            (_, 1, _) => "input".into(),
            (_, 2, 0) => "left".into(),
            (_, 2, 1) => "right".into(),
            (_, _, place) => format!("input {place}"),
        };
        let ty = self.nodes[value.node].types.get(value.result as usize).map(ToString::to_string).unwrap_or_default();
        Operand { name, ty, source: node.provenance.source, declared: matches!(node.op, Op::Input(_)) }
    }

    /// The node of that key. A key of another graph gives another node or none; see [`Graph::contains`].
    ///
    /// # Panics
    ///
    /// If there is no such node, as for any index.
    pub fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node]
    }

    /// Whether there is such a value.
    pub fn contains(&self, value: Value) -> bool {
        self.nodes.get(value.node).is_some_and(|node| (value.result as usize) < node.types.len())
    }

    /// The op that makes a value.
    pub fn op(&self, value: Value) -> &Op {
        &self.nodes[value.node].op
    }

    /// The type of a value.
    pub fn ty(&self, value: Value) -> &Type {
        &self.nodes[value.node].types[value.result as usize]
    }

    /// All nodes, dependencies first.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter()
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What is given from outside, in order of declaration.
    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs
    }

    /// The declaration of an input.
    pub fn input(&self, node: NodeId) -> Option<&Input> {
        if let Op::Input(input) = &self.nodes.get(node)?.op { Some(input) } else { None }
    }

    /// What it gives back.
    pub fn outputs(&self) -> &[Value] {
        &self.outputs
    }

    /// Says what it gives back.
    pub fn set_outputs(&mut self, outputs: impl IntoIterator<Item = Value>) {
        self.outputs = outputs.into_iter().collect();
    }

    /// What is known and demanded of unknown lengths.
    pub fn lengths(&self) -> &Lengths {
        &self.lengths
    }

    /// The same, to add to.
    pub fn lengths_mut(&mut self) -> &mut Lengths {
        &mut self.lengths
    }

    /// How nodes added from now on come to be.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Says how nodes added from now on come to be; gives what was said before.
    pub fn set_provenance(&mut self, provenance: Provenance) -> Provenance {
        std::mem::replace(&mut self.provenance, provenance)
    }

    /// Says what nodes added from now on are made for, before what [`set_provenance`](Graph::set_provenance) said; gives what was said before.
    pub fn set_made_for(&mut self, made_for: Option<MadeFor>) -> Option<MadeFor> {
        std::mem::replace(&mut self.made_for, made_for)
    }

    /// How a node added now comes to be.
    fn origin(&self) -> Cow<'_, Provenance> {
        let Some(MadeFor { node, rule }) = self.made_for else { return Cow::Borrowed(&self.provenance) };
        let provenance = &self.nodes[node].provenance;
        rule.map_or(Cow::Borrowed(provenance), |rule| Cow::Owned(provenance.by_rule(rule)))
    }

    /// What rewriting replaced on the way to this graph, in the order it happened.
    pub fn rewrites(&self) -> &[Rewrite] {
        &self.rewrites
    }

    /// Each rule that fired, with what it replaced, by what, and the user's line; the same twice is told once.
    pub fn explain_rewrites(&self) -> String {
        let mut told = BTreeSet::new();
        let lines = self.rewrites.iter().map(ToString::to_string).filter(|line| told.insert(line.clone()));
        lines.map(|line| line + "\n").collect()
    }

    /// Writes down that a rule replaced something.
    pub fn record_rewrite(&mut self, rewrite: Rewrite) {
        Arc::make_mut(&mut self.rewrites).push(rewrite);
    }

    /// A graph of nothing that knows what this one knows of lengths and rewrites: what a pass builds into.
    #[must_use]
    pub fn successor(&self) -> Graph {
        Graph {
            nodes: SlotMap::with_capacity_and_key(self.len()),
            known: HashTable::with_capacity(self.len()),
            lengths: self.lengths.clone(),
            rewrites: Arc::clone(&self.rewrites),
            ..Graph::default()
        }
    }

    /// Copies a node with other inputs from another graph, keeping where it came from.
    pub fn adopt(&mut self, node: &Node, inputs: &[Value]) -> Result<NodeId> {
        let hash = self.hash(&node.op, inputs);
        if let Some(known) = self.find_by(hash, &node.op, inputs) {
            return Ok(known);
        }
        let before = (self.set_provenance(node.provenance.clone()), self.set_made_for(None));
        let types = self.infer(&node.op, inputs);
        let provenance = self.set_provenance(before.0);
        self.set_made_for(before.1);
        Ok(self.insert(hash, Node { op: node.op.clone(), inputs: inputs.into(), types: types?, provenance }))
    }

    #[cfg(test)]
    pub(crate) fn node_mut_for_faults(&mut self, node: NodeId) -> (&mut Op, &mut Inputs, &mut Types) {
        let node = &mut self.nodes[node];
        (&mut node.op, &mut node.inputs, &mut node.types)
    }
}

/// What to do about a problem of some kind, where the op has nothing better to say.
fn advice(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::Shapes => {
            "bring the shapes together with `reshape`, `broadcast`, `insert_axis` or `slice`; `dims()` of a tensor shows its lengths"
        }
        ErrorKind::Axis => "axes and places are counted from 0; `dims()` of a tensor shows how many there are",
        ErrorKind::DType => "convert with `cast`, or use another op",
        ErrorKind::Execution => "check the values that it was given",
        ErrorKind::Declaration
        | ErrorKind::Argument
        | ErrorKind::ForeignTensor
        | ErrorKind::Gradient
        | ErrorKind::Disconnected
        | ErrorKind::Update
        | ErrorKind::Config
        | ErrorKind::Parse
        | ErrorKind::Verify
        | ErrorKind::Io
        | ErrorKind::Finding => return None,
    })
}

/// Equal programs: the same nodes in the same order with the same outputs and requirements, wherever they came from.
impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        self.nodes.len() == other.nodes.len() && self.outputs.len() == other.outputs.len() && self.lengths == other.lengths && {
            let places: slotmap::SecondaryMap<NodeId, usize> = self.nodes.keys().enumerate().map(|(place, node)| (node, place)).collect();
            let other_places: slotmap::SecondaryMap<NodeId, usize> = other.nodes.keys().enumerate().map(|(place, node)| (node, place)).collect();
            let same = |left: &[Value], right: &[Value]| {
                left.len() == right.len()
                    && left.iter().zip(right).all(|(l, r)| l.result == r.result && places.get(l.node) == other_places.get(r.node))
            };
            self.nodes
                .values()
                .zip(other.nodes.values())
                .all(|(left, right)| left.op == right.op && left.types == right.types && same(&left.inputs, &right.inputs))
                && same(&self.outputs, &other.outputs)
        }
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}
