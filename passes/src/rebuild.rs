//! Copying nodes from one graph into another with changes: what every pass builds with.

use damo_graph::{Error, ErrorKind, Graph, Node, NodeId, Result, Value};
use slotmap::SecondaryMap;
use smallvec::SmallVec;

/// For each of some values of a graph, a value that stands for it.
#[derive(Clone, Debug, Default)]
pub struct StandsFor(SecondaryMap<NodeId, SmallVec<[Option<Value>; 1]>>);

impl StandsFor {
    /// What stands for a value, if something does.
    pub fn get(&self, value: Value) -> Option<Value> {
        self.0.get(value.node)?.get(value.result as usize).copied().flatten()
    }

    /// Says what stands for a value.
    pub fn insert(&mut self, value: Value, by: Value) {
        let Some(entry) = self.0.entry(value.node) else { return };
        let results = entry.or_default();
        let place = value.result as usize;
        if results.len() <= place {
            results.resize(place + 1, None);
        }
        results[place] = Some(by);
    }
}

/// A copy under way: which value of the new graph stands for which value of the old.
///
/// A pass walks the old graph with dependencies first and, for each node, either copies it ([`Rebuild::copy`]) or says what
/// stands for it ([`Rebuild::replace`]).
pub struct Rebuild<'a> {
    /// The graph that is read.
    pub from: &'a Graph,
    /// The graph that is built.
    pub into: &'a mut Graph,
    stands_for: StandsFor,
}

impl<'a> Rebuild<'a> {
    /// A copy of nothing yet.
    pub fn new(from: &'a Graph, into: &'a mut Graph) -> Self {
        Rebuild { from, into, stands_for: StandsFor::default() }
    }

    /// Says what stands for a value of the old graph.
    pub fn replace(&mut self, old: Value, new: Value) {
        self.stands_for.insert(old, new);
    }

    /// What stands for a value of the old graph; an error if nothing does yet.
    pub fn get(&self, old: Value) -> Result<Value> {
        self.stands_for.get(old).ok_or_else(|| Error::new(ErrorKind::Verify, "a pass uses a value that it has not copied"))
    }

    /// Whether something stands for a value of the old graph.
    pub fn has(&self, old: Value) -> bool {
        self.stands_for.get(old).is_some()
    }

    /// What stands for the inputs of a node.
    pub fn inputs_of(&self, node: &Node) -> Result<SmallVec<[Value; 3]>> {
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
pub fn ancestors(graph: &Graph, values: impl IntoIterator<Item = Value>) -> Vec<NodeId> {
    graph.needed_for(values, |_| false)
}
