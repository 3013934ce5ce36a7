//! Copying nodes from one graph into another with changes: what every pass builds with.

use std::collections::{BTreeMap, BTreeSet};

use damo_graph::{Error, ErrorKind, Graph, Node, NodeId, Result, Value};

/// A copy under way: which value of the new graph stands for which value of the old.
///
/// A pass walks the old graph with dependencies first and, for each node, either copies it ([`Rebuild::copy`]) or says what
/// stands for it ([`Rebuild::replace`]).
pub struct Rebuild<'a> {
    /// The graph that is read.
    pub from: &'a Graph,
    /// The graph that is built.
    pub into: &'a mut Graph,
    stands_for: BTreeMap<Value, Value>,
}

impl<'a> Rebuild<'a> {
    /// A copy of nothing yet.
    pub fn new(from: &'a Graph, into: &'a mut Graph) -> Self {
        Rebuild { from, into, stands_for: BTreeMap::new() }
    }

    /// Says what stands for a value of the old graph.
    pub fn replace(&mut self, old: Value, new: Value) {
        self.stands_for.insert(old, new);
    }

    /// What stands for a value of the old graph; an error if nothing does yet.
    pub fn get(&self, old: Value) -> Result<Value> {
        self.stands_for.get(&old).copied().ok_or_else(|| Error::new(ErrorKind::Verify, "a pass uses a value that it has not copied"))
    }

    /// Whether something stands for a value of the old graph.
    pub fn has(&self, old: Value) -> bool {
        self.stands_for.contains_key(&old)
    }

    /// What stands for the inputs of a node.
    pub fn inputs_of(&self, node: &Node) -> Result<Vec<Value>> {
        node.inputs().iter().map(|&input| self.get(input)).collect()
    }

    /// Copies a node over what stands for its inputs, with its provenance.
    pub fn copy(&mut self, id: NodeId) -> Result<NodeId> {
        let node = self.from.node(id);
        let inputs = self.inputs_of(node)?;
        let copied = self.into.adopt(node, &inputs)?;
        for result in 0..node.types().len() as u32 {
            self.replace(Value { node: id, result }, Value { node: copied, result });
        }
        Ok(copied)
    }

    /// Copies the outputs: the last thing a pass does.
    pub fn finish(self) -> Result<()> {
        let outputs: Vec<Value> = self.from.outputs().iter().map(|&output| self.get(output)).collect::<Result<_>>()?;
        self.into.set_outputs(outputs);
        Ok(())
    }
}

/// The nodes that values are computed from, themselves included: dependencies first.
pub fn ancestors(graph: &Graph, values: impl IntoIterator<Item = Value>) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<NodeId> = values.into_iter().map(|value| value.node).collect();
    while let Some(node) = waiting.pop() {
        if found.insert(node) {
            waiting.extend(graph.node(node).inputs().iter().map(|input| input.node));
        }
    }
    found
}
