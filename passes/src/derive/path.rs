//! The nodes between some values and the outputs that vary with them: the only ones a derivative visits.

use std::collections::BTreeSet;

use damo_graph::{Derivative, Graph, NodeId, Value};

use super::is_float;

/// The nodes through which outputs vary with values.
#[derive(Debug, Default)]
pub(super) struct Path(BTreeSet<NodeId>);

impl Path {
    /// Finds them by looking only at what the outputs are computed from and not before the first of the values.
    pub fn between(graph: &Graph, wrt: &[Value], outputs: &[Value]) -> Path {
        let starts: BTreeSet<NodeId> = wrt.iter().map(|value| value.node).collect();
        let Some(&first) = starts.first() else { return Path::default() };
        let mut needed = BTreeSet::new();
        let mut waiting: Vec<NodeId> = outputs.iter().filter(|&&output| is_float(graph, output)).map(|output| output.node).collect();
        while let Some(node) = waiting.pop() {
            // Keys grow as nodes are added: what is older than every value cannot depend on one.
            if node >= first && needed.insert(node) {
                waiting.extend(graph.node(node).inputs().iter().filter(|&&input| is_float(graph, input)).map(|input| input.node));
            }
        }
        let mut path = Path::default();
        for id in needed {
            let node = graph.node(id);
            let varies = || node.inputs().iter().any(|&input| path.varies(graph, input));
            if starts.contains(&id) || (!matches!(node.op().rules().derivative(), Derivative::Zero) && varies()) {
                path.0.insert(id);
            }
        }
        path
    }

    /// Whether a value may vary.
    pub fn varies(&self, graph: &Graph, value: Value) -> bool {
        is_float(graph, value) && self.0.contains(&value.node)
    }

    /// The nodes, dependencies first.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeId> + '_ {
        self.0.iter().copied()
    }
}
